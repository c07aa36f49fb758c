package calendar_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/calendar"
)

func TestText(t *testing.T) {
	t.Parallel()
	type days struct {
		Month calendar.Month
		Date  calendar.Date
	}
	for _, want := range []days{{}, {calendar.Month{Year: 2026, Month: time.November}, calendar.Date{Year: 2026, Month: time.November, Day: 5}}} {
		data, err := json.Marshal(want)
		require.NoError(t, err)
		have := days{calendar.Month{Year: 1}, calendar.Date{Year: 1}}
		require.NoError(t, json.Unmarshal(data, &have))
		require.Equal(t, want, have, string(data))
	}
	var d days
	require.Error(t, json.Unmarshal([]byte(`{"Month":"2026-13"}`), &d))
	require.Error(t, json.Unmarshal([]byte(`{"Date":"2026-02-30"}`), &d))
}

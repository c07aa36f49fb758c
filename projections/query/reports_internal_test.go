package query

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A day begins at its first instant, also where the clocks jump over midnight.
func TestADayBeginsWithItsFirstInstant(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		day   time.Time
		first string
	}{
		"Europe/Warsaw":    {time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC), "2026-03-28T23:00:00Z"},
		"America/Santiago": {time.Date(2026, 9, 6, 0, 0, 0, 0, time.UTC), "2026-09-06T04:00:00Z"},
		"America/Havana":   {time.Date(2026, 3, 8, 0, 0, 0, 0, time.UTC), "2026-03-08T05:00:00Z"},
	} {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		f := Report{From: c.day, To: c.day, Zone: zone}
		starts := f.starts()
		require.Len(t, starts, 2)
		require.Equal(t, c.first, starts[0].Format(time.RFC3339), name)
		require.Equal(t, c.day.Day()+1, starts[1].In(zone).Day(), name)
	}
}

package account_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/account"
)

// B6, B7, F2: the shortest way to the first minimum, from the submission or from the day
// that it was passed on, and never by an activation that would lie in the past.
func TestFirstMonthWithAMinimum(t *testing.T) {
	t.Parallel()
	view := account.NewView()
	day := func(month time.Month, day int) time.Time { return time.Date(2026, month, day, 12, 0, 0, 0, time.UTC) }
	for name, tc := range map[string]struct {
		passed, now time.Time
		want        string
	}{
		"not passed on":      {time.Time{}, day(9, 1), "2026-10"}, // verified on the 10th, active on the 24th
		"at a month's end":   {time.Time{}, day(9, 8), "2026-11"}, // the 17th, 1 October
		"passed on":          {day(9, 1), day(9, 20), "2026-10"},
		"Viber takes longer": {day(9, 1), day(11, 3), "2026-12"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := view.Follows(account.Sender{SenderState: account.SenderState{PassedOn: tc.passed}}, tc.now, time.UTC)
			require.Equal(t, tc.want, f.MinimumFrom.String())
			require.Equal(t, tc.passed.IsZero(), f.Withdrawable)
			require.Nil(t, f.Minimum)
		})
	}
}

package partition_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/calendar"
	"goniec/domain/partition"
)

// rules.md F4: a month is sealed a while after its end in the billing zone, whatever
// the clocks do meanwhile.
func TestNextSeal(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		through, zone string
		grace         time.Duration
		month, due    string
	}{
		"after the last one":            {"2026-11", "Europe/Warsaw", 3 * day, "2026-12", "2027-01-03T23:00:00Z"},
		"over the year's end":           {"2026-12", "Europe/Warsaw", 3 * day, "2027-01", "2027-02-03T23:00:00Z"},
		"in summer":                     {"2026-03", "Europe/Warsaw", 3 * day, "2026-04", "2026-05-03T22:00:00Z"},
		"clocks went forward in it":     {"2026-02", "Europe/Warsaw", 3 * day, "2026-03", "2026-04-03T22:00:00Z"},
		"clocks went back in it":        {"2026-09", "Europe/Warsaw", 3 * day, "2026-10", "2026-11-03T23:00:00Z"},
		"a short one":                   {"2027-01", "UTC", 3 * day, "2027-02", "2027-03-04T00:00:00Z"},
		"a leap year's":                 {"2028-01", "UTC", time.Hour, "2028-02", "2028-03-01T01:00:00Z"},
		"ahead of UTC":                  {"2026-10", "Asia/Tokyo", 3 * day, "2026-11", "2026-12-03T15:00:00Z"},
		"clocks go back within grace":   {"2026-09", "America/New_York", 3 * day, "2026-10", "2026-11-04T04:00:00Z"}, // the night to the 1st
		"the first hour does not exist": {"2017-08", "America/Asuncion", time.Hour, "2017-09", "2017-10-01T05:00:00Z"},
		"long ago":                      {"2020-01", "UTC", 3 * day, "2020-02", "2020-03-04T00:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zone, err := time.LoadLocation(c.zone)
			require.NoError(t, err)
			month, due := partition.State{SealedThrough: c.through}.NextSeal(time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC), c.grace, zone)
			require.Equal(t, c.month, month.String())
			require.Equal(t, c.due, due.UTC().Format(time.RFC3339))
			// A partition without seals begins with the same month, from that moment on.
			month, first := partition.State{}.NextSeal(due, c.grace, zone)
			require.Equal(t, c.month, month.String())
			require.Equal(t, due, first)
			month, first = partition.State{}.NextSeal(due.Add(-time.Nanosecond), c.grace, zone)
			require.Equal(t, c.through, month.String())
			require.True(t, first.Before(due))
		})
	}
}

// A seal is of its month and all before it; no later event takes it back.
func TestSealed(t *testing.T) {
	t.Parallel()
	s := partition.State{}
	sealed := func(m string) bool {
		month, err := calendar.ParseMonth(m)
		require.NoError(t, err)
		return s.Sealed(month)
	}
	require.False(t, sealed("1999-01"))
	for _, e := range []partition.Event{partition.PeriodSealed{Month: "2026-12"}, partition.Owned{Epoch: 3}, partition.PeriodSealed{Month: "2026-11"}} {
		s = partition.Evolve(s, e)
	}
	require.Equal(t, partition.State{Epoch: 3, SealedThrough: "2026-12"}, s)
	for m, want := range map[string]bool{"2025-12": true, "2026-11": true, "2026-12": true, "2027-01": false, "2027-12": false} {
		require.Equal(t, want, sealed(m), m)
	}
}

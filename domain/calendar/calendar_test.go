package calendar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/calendar"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	require.NoError(t, err)
	return z
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	x, err := time.ParseInLocation("2006-01-02 15:04:05", s, zone(t, "Europe/Warsaw"))
	require.NoError(t, err)
	return x
}

func date(t testing.TB, s string) calendar.Date {
	t.Helper()
	d, err := calendar.ParseDate(s)
	require.NoError(t, err)
	return d
}

func month(t testing.TB, s string) calendar.Month {
	t.Helper()
	m, err := calendar.ParseMonth(s)
	require.NoError(t, err)
	return m
}

// rules.md F4: a month is that of the billing zone, whatever UTC says.
func TestBillingMonth(t *testing.T) {
	t.Parallel()
	warsaw := zone(t, "Europe/Warsaw")
	for instant, want := range map[string]string{
		"2026-10-31T22:59:59Z": "2026-10", "2026-10-31T23:00:00Z": "2026-11", // winter time
		"2026-05-31T21:59:59Z": "2026-05", "2026-05-31T22:00:00Z": "2026-06", // summer time
		"2026-12-31T22:59:59Z": "2026-12", "2026-12-31T23:00:00Z": "2027-01",
		"2028-02-29T22:59:59Z": "2028-02", "2028-02-29T23:00:00Z": "2028-03",
	} {
		x, err := time.Parse(time.RFC3339, instant)
		require.NoError(t, err)
		require.Equal(t, want, calendar.MonthOf(x, warsaw).String(), instant)
	}
	x := at(t, "2026-12-01 03:00:00")
	require.Equal(t, "2026-11", calendar.MonthOf(x, zone(t, "America/New_York")).String(), "another installation's zone")
}

func TestMonths(t *testing.T) {
	t.Parallel()
	for m, last := range map[string]string{"2026-02": "2026-02-28", "2028-02": "2028-02-29", "2026-04": "2026-04-30", "2026-12": "2026-12-31"} {
		require.Equal(t, last, month(t, m).Last().String())
	}
	require.Equal(t, "2027-01", month(t, "2026-12").Add(1).String())
	require.Equal(t, "2026-12", month(t, "2027-01").Add(-1).String())
	require.Equal(t, "2024-11", month(t, "2026-11").Add(-24).String())
	require.True(t, month(t, "2026-12").Before(month(t, "2027-01")))
	require.False(t, month(t, "2026-12").Before(month(t, "2026-12")))
	for _, bad := range []string{"", "2026", "2026-13", "2026-1", "26-01", "2026-01-01"} {
		_, err := calendar.ParseMonth(bad)
		require.Error(t, err, bad)
	}
	for _, bad := range []string{"", "2026-02-29", "2026-1-1", "24.11.2026"} {
		_, err := calendar.ParseDate(bad)
		require.Error(t, err, bad)
	}
}

// The nights on which the clocks change have 23 and 25 hours, and dates do not care.
func TestDaysBeginInTheirZone(t *testing.T) {
	t.Parallel()
	warsaw := zone(t, "Europe/Warsaw")
	for day, hours := range map[string]float64{"2026-03-29": 23, "2026-10-25": 25, "2026-11-25": 24} {
		d := date(t, day)
		require.InDelta(t, hours, d.Add(1).Begins(warsaw).Sub(d.Begins(warsaw)).Hours(), 0)
		require.Equal(t, d, calendar.DateOf(d.Begins(warsaw), warsaw))
		require.Equal(t, d.Add(-1), calendar.DateOf(d.Begins(warsaw).Add(-time.Nanosecond), warsaw))
	}
	// In Beirut the clocks jump from midnight to one o'clock.
	beirut, d := zone(t, "Asia/Beirut"), date(t, "2026-03-29")
	require.Equal(t, d, calendar.DateOf(d.Begins(beirut), beirut))
	require.Equal(t, d.Add(-1), calendar.DateOf(d.Begins(beirut).Add(-time.Nanosecond), beirut))
}

// rules.md F5: notice is at least 7 days, counted in dates or in full days.
func TestNotice(t *testing.T) {
	t.Parallel()
	for m, want := range map[string][2]string{
		"2026-11": {"2026-11-24", "2026-11-23"},
		"2026-12": {"2026-12-25", "2026-12-24"}, // holidays make no difference
		"2026-02": {"2026-02-22", "2026-02-21"},
		"2028-02": {"2028-02-23", "2028-02-22"}, // leap year
		"2026-04": {"2026-04-24", "2026-04-23"},
	} {
		require.Equal(t, want[0], calendar.Notice{}.LastDay(month(t, m)).String())
		require.Equal(t, want[0], calendar.Notice{Count: calendar.NoticeDates}.LastDay(month(t, m)).String())
		require.Equal(t, want[1], calendar.Notice{Count: calendar.NoticeFullDays}.LastDay(month(t, m)).String())
	}
	require.Equal(t, "2026-11-01", calendar.Notice{Days: 30}.LastDay(month(t, "2026-11")).String())
}

// rules.md F5: until 23:59:59 of the last day; later ones end a month later, if the client says so.
func TestNoticeInTime(t *testing.T) {
	t.Parallel()
	warsaw := zone(t, "Europe/Warsaw")
	for asked, want := range map[string]string{
		"2026-11-01 00:00:00": "2026-11", "2026-11-24 23:59:59": "2026-11", "2026-11-25 00:00:00": "2026-12",
		"2026-12-25 23:59:59": "2026-12", "2026-12-26 00:00:00": "2027-01", "2026-12-31 23:59:59": "2027-01",
		"2026-02-22 23:59:59": "2026-02", "2026-02-23 00:00:00": "2026-03",
		"2026-10-25 23:59:59": "2026-10", "2026-10-26 00:00:00": "2026-11", // the last day has 25 hours
		"2026-03-25 23:59:59": "2026-03", "2026-03-29 03:00:00": "2026-04",
	} {
		require.Equal(t, want, calendar.Notice{}.Earliest(at(t, asked), warsaw).String(), asked)
	}
	last := at(t, "2026-11-24 23:59:59")
	require.True(t, calendar.Notice{}.InTime(last, month(t, "2026-11"), warsaw))
	require.True(t, calendar.Notice{}.InTime(last, month(t, "2027-05"), warsaw), "any later month's end may be chosen")
	require.False(t, calendar.Notice{}.InTime(last, month(t, "2026-10"), warsaw))
	require.False(t, calendar.Notice{}.InTime(last, month(t, "2026-11"), zone(t, "Asia/Tokyo")), "there it is the 25th")
	require.False(t, calendar.Notice{Count: calendar.NoticeFullDays}.InTime(last, month(t, "2026-11"), warsaw))
}

// rules.md F6: twice a year, by the day on which the new state begins.
func TestToggles(t *testing.T) {
	t.Parallel()
	twice := []calendar.Date{date(t, "2026-03-01"), date(t, "2026-12-01")}
	for _, c := range []struct {
		before   []calendar.Date
		on, from string
	}{
		{nil, "2026-12-01", "2026-12-01"},
		{twice[:1], "2026-12-01", "2026-12-01"},
		{twice, "2026-12-31", "2027-01-01"},
		{twice, "2027-01-01", "2027-01-01"}, // asked for in December, acts in January
		{append(twice[:2:2], date(t, "2027-01-01"), date(t, "2027-02-01")), "2026-12-31", "2028-01-01"},
	} {
		ok, from := calendar.MayToggle(c.before, date(t, c.on))
		require.Equal(t, c.from, from.String())
		require.Equal(t, c.from == c.on, ok)
	}
	require.Equal(t, 2, calendar.TogglesLeft(nil, 2026))
	require.Equal(t, 0, calendar.TogglesLeft(twice, 2026))
	require.Equal(t, 2, calendar.TogglesLeft(twice, 2027))
}

// rules.md B7: Polish working days.
func TestWorkingDays(t *testing.T) {
	t.Parallel()
	for day, working := range map[string]bool{
		"2026-11-25": true, "2026-11-28": false, "2026-11-29": false, "2026-11-11": false, "2026-01-06": false,
		"2026-04-06": false, "2026-06-04": false, // Easter Monday, Corpus Christi
		"2025-04-21": false, "2025-06-19": false, "2027-03-29": false, "2027-05-27": false, "2024-04-01": false, "2024-05-30": false,
		"2026-12-24": false, "2025-12-24": false, "2024-12-24": true, // a holiday since 2025
		"2026-05-01": false, "2026-05-04": true, "2026-12-31": true,
	} {
		require.Equal(t, working, calendar.Working(date(t, day)), day)
	}
	require.Equal(t, "2026-12-04", calendar.AddWorking(date(t, "2026-11-25"), 7).String())
	require.Equal(t, "2026-12-15", calendar.AddWorking(date(t, "2026-11-25"), 14).String())
	require.Equal(t, "2026-12-28", calendar.AddWorking(date(t, "2026-12-23"), 1).String(), "over Christmas")
	require.Equal(t, "2026-11-28", calendar.AddWorking(date(t, "2026-11-28"), 0).String())
}

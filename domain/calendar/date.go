// Package calendar is what the rules say with dates: billing months, notice,
// toggles in a year, working days. A date has no zone; which instant it begins at
// is asked with one. Nothing here knows what time it is.
package calendar

import (
	"cmp"
	"fmt"
	"time"
)

// Date is a day of the calendar.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf is the day that t falls on in the zone.
func DateOf(t time.Time, zone *time.Location) Date {
	y, m, d := t.In(zone).Date()
	return Date{y, m, d}
}

// ParseDate reads "2006-01-02".
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("%q is not a date such as 2026-11-25", s)
	}
	return DateOf(t, time.UTC), nil
}

func (d Date) String() string { return d.utc().Format(time.DateOnly) }

// utc stands for the date where only the calendar counts: every day has 24 hours there.
func (d Date) utc() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// Begins is the first instant of the day in the zone. Where the clocks jump over
// midnight, that is the first one that exists.
func (d Date) Begins(zone *time.Location) time.Time {
	t := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, zone)
	for DateOf(t, zone).Before(d) {
		t = t.Add(30 * time.Minute)
	}
	return t
}

// Add is the date n days later; n may be negative.
func (d Date) Add(n int) Date { return DateOf(d.utc().AddDate(0, 0, n), time.UTC) }

// Compare orders dates, as cmp.Compare does.
func (d Date) Compare(o Date) int {
	return cmp.Or(cmp.Compare(d.Year, o.Year), cmp.Compare(d.Month, o.Month), cmp.Compare(d.Day, o.Day))
}

// Before says whether d is an earlier day than o.
func (d Date) Before(o Date) bool { return d.Compare(o) < 0 }

// InMonth is the calendar month of the day.
func (d Date) InMonth() Month { return Month{d.Year, d.Month} }

package calendar

import (
	"fmt"
	"time"
)

const monthLayout = "2006-01"

// Month is a calendar month. The billing month of a time is that of the billing
// zone (rules.md F4).
type Month struct {
	Year  int
	Month time.Month
}

// MonthOf is the month that t falls in in the zone.
func MonthOf(t time.Time, zone *time.Location) Month { return DateOf(t, zone).InMonth() }

// ParseMonth reads "2006-01".
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse(monthLayout, s)
	if err != nil {
		return Month{}, fmt.Errorf("%q is not a month such as 2026-11", s)
	}
	return MonthOf(t, time.UTC), nil
}

func (m Month) String() string { return m.First().utc().Format(monthLayout) }

// Add is the month n months later; n may be negative.
func (m Month) Add(n int) Month {
	return DateOf(time.Date(m.Year, m.Month+time.Month(n), 1, 0, 0, 0, 0, time.UTC), time.UTC).InMonth()
}

// First is the month's first day.
func (m Month) First() Date { return Date{m.Year, m.Month, 1} }

// Last is the month's last day.
func (m Month) Last() Date { return m.Add(1).First().Add(-1) }

// Before says whether m is an earlier month than o.
func (m Month) Before(o Month) bool { return m.First().Before(o.First()) }

// Compare orders months, as cmp.Compare does.
func (m Month) Compare(o Month) int { return m.First().Compare(o.First()) }

// Begins is the month's first instant in the zone.
func (m Month) Begins(zone *time.Location) time.Time { return m.First().Begins(zone) }

// Ends is the first instant after the month in the zone.
func (m Month) Ends(zone *time.Location) time.Time { return m.Add(1).Begins(zone) }

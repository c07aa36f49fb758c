package calendar

import "time"

// NoticeCount is how the days of notice are counted (rules.md F5).
type NoticeCount string

const (
	// NoticeDates: from the day of the request to the day of the effect; asked on
	// the 24th of November, the 1st of December is 7 days ahead.
	NoticeDates NoticeCount = "dates"
	// NoticeFullDays: that many whole days lie between; asked on the 23rd.
	NoticeFullDays NoticeCount = "full_days"
)

// NoticeDays is how many days ahead a sender's end must be asked for (rules.md F5).
const NoticeDays = 7

// Notice is how far ahead the end of a month must be asked for.
type Notice struct {
	Count NoticeCount // "" = NoticeDates
	Days  int         // 0 = NoticeDays
}

// LastDay is the last day on which the end of m can be asked for. Holidays make no
// difference.
func (n Notice) LastDay(m Month) Date {
	days := n.Days
	if days == 0 {
		days = NoticeDays
	}
	if n.Count == NoticeFullDays {
		days++
	}
	return m.Add(1).First().Add(-days)
}

// InTime says whether a request at t comes in time for the end of m: at 23:59:59 of
// the last day in the zone it does.
func (n Notice) InTime(t time.Time, m Month, zone *time.Location) bool {
	return !n.LastDay(m).Before(DateOf(t, zone))
}

// Earliest is the first month whose end can still be asked for at t: the one in
// which t lies, or the next. A later one than the first is never taken without the
// client's word (rules.md F5).
func (n Notice) Earliest(t time.Time, zone *time.Location) Month {
	m := MonthOf(t, zone)
	for !n.InTime(t, m, zone) {
		m = m.Add(1)
	}
	return m
}

package account

import (
	"time"

	"goniec/domain/calendar"
)

// Facts are what a decision regards besides the stream's own events.
type Facts struct {
	Now    time.Time                 // domain time
	Zone   *time.Location            // the billing zone; nil = UTC
	Notice calendar.Notice           // of the sender's account (F5)
	Sealed func(calendar.Month) bool // nil = no month is (F4)
}

func (f Facts) zone() *time.Location {
	if f.Zone == nil {
		return time.UTC
	}
	return f.Zone
}

func (f Facts) today() calendar.Date { return calendar.DateOf(f.Now, f.zone()) }

func (f Facts) sealed(m calendar.Month) bool { return f.Sealed != nil && f.Sealed(m) }

// endOfWorkingDay is the first instant after the n-th working day after d.
func (f Facts) endOfWorkingDay(d calendar.Date, n int) time.Time {
	return calendar.AddWorking(d, n).Add(1).Begins(f.zone())
}

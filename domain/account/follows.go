package account

import (
	"time"

	"goniec/domain/calendar"
)

// Follows is what follows a submission; its client is told before (rules.md B6). The form is
// frozen from then on, until it is returned or withdrawn.
type Follows struct {
	VerificationDays int            // working days that Viber's verification takes at most, from the day it is passed on (B7)
	PrefixDays       int            // days that the activation takes at most, from then
	MinimumFrom      calendar.Month // the first month with a minimum, if the name becomes active in this one (F2, F3)
	Minimum          *Minimum       // by the regulations that are in force then; nil: none for its country and currency
}

// Follows is what would follow if s were submitted now.
func (v *View) Follows(s Sender, now time.Time, zone *time.Location) Follows {
	f := Follows{VerificationDays: VerificationDays, PrefixDays: PrefixDays, MinimumFrom: calendar.MonthOf(now, zone).Add(1)}
	a, _ := v.AccountByID(s.Account)
	r, _ := v.RegulationsAt(f.MinimumFrom.Begins(zone))
	for _, m := range r.Minimums {
		if m.Country == s.Country && m.Currency == a.Currency {
			f.Minimum = &m
		}
	}
	return f
}

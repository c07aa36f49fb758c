package account

import (
	"time"

	"goniec/domain/calendar"
)

// What Viber takes at least and at most (rules.md B7): working days for the verification,
// counted from the day that the submission is passed on, and days for the activation of
// the name. They are expectations.
const (
	VerificationDaysMin = 7
	VerificationDays    = 14
	PrefixDaysMin       = 14
	PrefixDays          = 28
)

// Follows is what follows a submission; its client is told before (rules.md B6). From the
// submission on nothing of the form can be changed.
type Follows struct {
	Withdrawable bool           // until it is passed on to Viber (B10)
	MinimumFrom  calendar.Month // the first month with a minimum, if Viber takes the shortest time: the one after the activation (F2, F3)
	Minimum      *Minimum       // by the regulations that are in force then, as far as they are known; nil: none for its country and currency
}

// Follows is what follows if s is submitted now, or was already.
func (v *View) Follows(s Sender, now time.Time, zone *time.Location) Follows {
	passed := now
	if !s.PassedOn.IsZero() {
		passed = s.PassedOn
	}
	verified := calendar.AddWorking(calendar.DateOf(passed, zone), VerificationDaysMin)
	active := later(verified.Add(PrefixDaysMin).Begins(zone), now)
	f := Follows{Withdrawable: s.PassedOn.IsZero(), MinimumFrom: calendar.MonthOf(active, zone).Add(1)}
	a, _ := v.AccountByID(s.Account)
	r, _ := v.RegulationsAt(f.MinimumFrom.Begins(zone))
	for _, m := range r.Minimums {
		if m.Country == s.Country && m.Currency == a.Currency {
			f.Minimum = &m
		}
	}
	return f
}

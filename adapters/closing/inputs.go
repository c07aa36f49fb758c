package closing

import (
	"fmt"
	"strconv"
	"time"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/money"
)

// inputs puts the usage of a month together with what the account's partition of the
// journal knows: all but the terms, and the month's own waivers and credits. It fails with
// CodeNotFound when there is no such account, or it began after the month.
func inputs(v *account.View, bills *billing.View, zone *time.Location, of string, month calendar.Month, usage []billing.Usage) (billing.Inputs, error) {
	a, ok := v.AccountByID(of)
	if !ok || of == account.Installation || !a.Created.Before(month.Ends(zone)) {
		return billing.Inputs{}, domain.Refuse(billing.CodeNotFound, "there was no such account in %s", month)
	}
	in := billing.Inputs{Account: of, Month: month, Currency: a.Currency, Usage: usage, Senders: senders(v, of, month, zone), Closed: closed(bills, of, usage)}
	if a.Party != (billing.Party{}) {
		in.Party = &a.Party
	}
	return in, nil
}

// senders are the configurations that were active in the month (rules.md F3).
func senders(v *account.View, of string, month calendar.Month, zone *time.Location) []billing.SenderMonth {
	var out []billing.SenderMonth
	for _, s := range v.Senders(of) {
		if s.ActiveIn(month, zone) {
			out = append(out, billing.SenderMonth{
				ID: s.ID, Name: s.Name, Country: s.Country, Activated: calendar.DateOf(s.ActiveOn, zone),
				SuspendedWholeMonth: s.SuspendedThroughout(month, zone),
			})
		}
	}
	return out
}

// closed are the obligations of the months that the usage adjusts (rules.md F4).
func closed(bills *billing.View, of string, usage []billing.Usage) []billing.Obligation {
	var out []billing.Obligation
	seen := map[calendar.Month]bool{{}: true} // of no adjustment
	for _, u := range usage {
		if !seen[u.Adjusts] {
			seen[u.Adjusts] = true
			out = append(out, bills.Obligations(of, u.Adjusts)...)
		}
	}
	return out
}

// terms are those of the regulations in force at a time (rules.md B12); none when
// there are none.
func terms(v *account.View, at time.Time) (billing.Terms, error) {
	r, ok := v.RegulationsAt(at)
	if !ok {
		return billing.Terms{}, nil
	}
	out := billing.Terms{Version: strconv.FormatInt(r.Version, 10)}
	for _, m := range r.Minimums {
		amount, err := money.Parse(m.Amount)
		if err != nil {
			return billing.Terms{}, fmt.Errorf("version %d of the regulations: minimum of %s: %w", r.Version, m.Country, err)
		}
		out.Minimums = append(out.Minimums, billing.Minimum{
			Country: m.Country, Unit: m.Unit, Amount: amount, Messages: int64(m.Messages), Mode: m.Mode, Scope: m.Scope, Currency: m.Currency,
		})
	}
	return out, nil
}

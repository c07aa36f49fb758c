package closing

import (
	"time"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/calendar"
)

// inputs puts the usage of a month together with what the views know. It fails with
// CodeNotFound when there is no such account, or it began after the month.
func inputs(v *account.View, bills *billing.View, terms Terms, zone *time.Location, of string, month calendar.Month, usage []billing.Usage) (billing.Inputs, error) {
	a, ok := v.AccountByID(of)
	if !ok || of == account.Installation || !a.Created.Before(month.Ends(zone)) {
		return billing.Inputs{}, domain.Refuse(billing.CodeNotFound, "there was no such account in %s", month)
	}
	in := billing.Inputs{Account: of, Month: month, Currency: a.Currency, Usage: usage, Senders: senders(v, of, month, zone), Closed: closed(bills, of, usage)}
	if version, minimums, ok := terms(v, month.Begins(zone)); ok {
		in.Terms = billing.Terms{Version: version, Minimums: minimums}
	}
	return bills.Month(of, month).Fill(in), nil
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

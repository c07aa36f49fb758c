package message

import (
	"slices"
	"time"

	"goniec/domain"
	"goniec/domain/calendar"
	"goniec/domain/money"
)

// chargeSubmission charges what is charged when the carrier takes it: an SMS,
// for the parts that were accepted (F1).
func (d *decision) chargeSubmission(a Attempt, parts int, at time.Time) {
	if policies[a.Channel].onSubmission {
		d.charge(a, parts, at, false)
	}
}

// charge writes the one charge of a channel. It is dated by at, priced by the
// list in force then (F8), and counts in that month or, when it is sealed, in
// the next open one. A price that the list no longer has charges nothing and
// says so: the fact is kept for a correction.
func (d *decision) charge(a Attempt, parts int, at time.Time, waived bool) {
	if slices.Contains(d.s.Charged, a.Channel) {
		return
	}
	month, adjusts := d.f.period(at)
	ev := Charged{
		Channel: a.Channel, Attempt: a.ID, Parts: parts, Currency: d.f.Account.Currency,
		PricedCategory: d.s.Label(), Content: d.s.Accepted.Content, Country: d.s.Accepted.Country,
		Sender: d.s.Accepted.Sender, Account: d.s.Accepted.Account, At: at, Month: month, Adjusts: adjusts,
	}
	unit, version, ok := d.f.price(at, ev.Country, a.Channel, ev.PricedCategory, ev.Content)
	total, err := unit.Times(parts)
	switch {
	case !ok || err != nil:
		unit, total, version, ev.Waived = 0, 0, "", WaivedNoPrice
	case waived:
		total, ev.Waived = 0, WaivedLatePolicy
	}
	ev.UnitPrice, ev.Amount, ev.PriceVersion = unit.String(), total.String(), version
	d.emitAt(ev, at)
}

// price asks for the price in force at t; ok is false when there is none or it
// cannot be read.
func (f Facts) price(t time.Time, country string, ch domain.Channel, cat domain.Category, content domain.Content) (money.Amount, string, bool) {
	if f.Prices == nil {
		return 0, "", false
	}
	unit, version, ok := f.Prices(t, country, ch, cat, content)
	if !ok {
		return 0, "", false
	}
	amount, err := money.Parse(unit)
	return amount, version, err == nil && amount >= 0
}

// maxSealedAhead bounds the search for an open month.
const maxSealedAhead = 1200

// period is the month that a charge dated at counts in, and the sealed one that
// it adjusts, if any (F4).
func (f Facts) period(at time.Time) (month, adjusts string) {
	own := calendar.MonthOf(at, time.UTC)
	if f.Month != nil {
		own = f.Month(at)
	}
	in := own
	for i := 0; i < maxSealedAhead && f.Sealed != nil && f.Sealed(in); i++ {
		in = in.Add(1)
	}
	if in != own {
		adjusts = own.String()
	}
	return in.String(), adjusts
}

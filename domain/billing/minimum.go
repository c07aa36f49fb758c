package billing

import (
	"cmp"
	"slices"

	"goniec/domain"
	"goniec/domain/calendar"
	"goniec/domain/money"
)

// place is where a minimum counts traffic.
type place struct {
	month           calendar.Month
	sender, country string
}

// traffic is what minimums are compared with: the lines on Viber, as rounded, so
// that a statement adds up to the minimum as the client sees it (F3).
type traffic struct {
	amount   money.Cents
	messages int64
}

type traffics map[place]traffic

// add counts a line of usage: for the month, or for the closed one that it adjusts.
func (t traffics) add(month calendar.Month, l Line) error {
	if l.Channel != domain.Viber {
		return nil
	}
	if l.Kind == KindAdjustment {
		month = l.Adjusts
	}
	at := place{month, l.Sender, l.Country}
	sum, err := t[at].plus(traffic{l.Amount, l.Count})
	t[at] = sum
	return err
}

// of sums up what counts for an obligation.
func (t traffics) of(o Obligation) (sum traffic, err error) {
	for _, p := range o.places() {
		if sum, err = sum.plus(t[p]); err != nil {
			return traffic{}, err
		}
	}
	return sum, nil
}

func (t traffic) plus(u traffic) (traffic, error) {
	amount, err := t.amount.Plus(u.amount)
	messages, ok := plus(t.messages, u.messages)
	if err != nil || !ok {
		return traffic{}, overflow()
	}
	return traffic{amount, messages}, nil
}

// topUp is what is owed besides the traffic (F3).
func (m Minimum) topUp(t traffic) (money.Amount, error) {
	amount, err := t.amount.Exact()
	if err != nil {
		return 0, overflow()
	}
	reached := amount >= m.Amount
	if m.Unit == UnitMessages {
		reached = t.messages >= m.Messages
	}
	switch {
	case reached:
		return 0, nil
	case m.Mode == Full:
		return m.Amount, nil
	}
	return max(0, m.Amount-amount), nil // both are ≥ 0
}

// in finds the minimum of a country for accounts in the currency, or says why there is
// none: amounts are not changed into other currencies.
func (t Terms) in(country, currency string) (m Minimum, none string) {
	none = ReasonNoMinimum
	for _, m := range t.Minimums {
		if m.Country == country && m.Currency == currency {
			return m, ""
		}
		if m.Country == country {
			none = ReasonOtherCurrency
		}
	}
	return Minimum{}, none
}

// obligations says of every configuration, or sender name, what is owed for the month.
func obligations(in Inputs, t traffics) ([]Obligation, error) {
	var out []Obligation
	names := map[string]*Obligation{} // with the highest minimum of their countries so far
	for _, s := range in.Senders {
		m, none := in.Terms.in(s.Country, in.Currency)
		o := Obligation{
			Month: in.Month, SenderID: s.ID, Sender: s.Name, Country: s.Country, TermsVersion: in.Terms.Version, Minimum: m,
			Reason: cmp.Or(none, free(in, s)),
		}
		if o.Reason != "" || m.Scope != HighestOfSender {
			out = append(out, o)
			continue
		}
		oblige(names, o)
	}
	for _, o := range names {
		out = append(out, *o)
	}
	for i := range out {
		if err := out[i].settle(t); err != nil {
			return nil, err
		}
	}
	return inOrder(out), nil
}

// free says why a configuration does not owe the minimum that there is, or "".
func free(in Inputs, s SenderMonth) string {
	waived := slices.ContainsFunc(in.Waivers, func(w Waiver) bool { return w.SenderID == s.ID })
	switch {
	case s.Activated.InMonth() == in.Month:
		return ReasonActivationMonth
	case waived && s.SuspendedWholeMonth:
		return ReasonWaived
	}
	return ""
}

// oblige adds a configuration's country to its sender name. The highest minimum
// holds; of equal ones the one with more messages, then the first country's.
func oblige(names map[string]*Obligation, o Obligation) {
	name := names[o.Sender]
	if name == nil {
		o.Countries, o.SenderID, o.Country = []string{o.Country}, "", ""
		names[o.Sender] = &o
		return
	}
	name.Countries = append(name.Countries, o.Country) // configurations come by country
	have := name.Minimum
	if cmp.Or(cmp.Compare(have.Amount, o.Minimum.Amount), cmp.Compare(have.Messages, o.Minimum.Messages)) < 0 {
		name.Minimum = o.Minimum
	}
}

// settle compares an obligation with the month's traffic.
func (o *Obligation) settle(t traffics) error {
	sum, err := t.of(*o)
	if err != nil {
		return err
	}
	o.Traffic, o.Messages = sum.amount, sum.messages
	if o.Reason != "" {
		return nil
	}
	owed, err := o.Minimum.topUp(sum)
	o.Charged, o.Reason = owed.Round(), ReasonCharged
	if o.Charged == 0 {
		o.Reason = ReasonReached
	}
	return err
}

func minimumLines(due []Obligation) []Line {
	var lines []Line
	for _, o := range due {
		if o.Charged > 0 {
			line := o.line(KindMinimum, "F3", o.Charged)
			line.Note = note(NoteBelow, "Viber traffic: %s", o.progress())
			lines = append(lines, line)
		}
	}
	return lines
}

// line is one for the obligation; amount is in whole cents.
func (o Obligation) line(kind, rule string, amount money.Cents) Line {
	exact, _ := amount.Exact() // at most MaxSum
	return Line{
		Kind: kind, Rule: rule, Key: Key{Sender: o.Sender, Country: o.Country}, TermsVersion: o.TermsVersion, Exact: exact, Amount: amount,
	}
}

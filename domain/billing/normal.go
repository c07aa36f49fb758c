package billing

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"goniec/domain"
	"goniec/domain/calendar"
	"goniec/domain/money"
)

// Bounds of one month's inputs.
const (
	MaxUsage    = 20_000 // rows
	MaxSenders  = 1_000
	MaxMinimums = 1_000
	MaxCredits  = 100 // and waivers: as many as senders
	MaxClosed   = 20_000

	MaxSum = money.Cents(1_000_000_000_00) // of a credit, and of a minimum
)

// normal checks the inputs and puts them into the one form that is computed from:
// usage of one key in one row, lists in order, and of closed months only what is
// adjusted. The given inputs are not changed.
func (in Inputs) normal() (Inputs, error) {
	for _, check := range []func(Inputs) error{bounded, checkHead, checkSenders, checkTerms, checkCredits, checkClosed} {
		if err := check(in); err != nil {
			return Inputs{}, err
		}
	}
	party, err := normalParty(in.Party)
	if err != nil {
		return Inputs{}, err
	}
	in.Party = party
	usage, err := merged(in)
	if err != nil {
		return Inputs{}, err
	}
	in.Usage = usage
	in.Senders = slices.SortedFunc(slices.Values(in.Senders), func(a, b SenderMonth) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Country, b.Country))
	})
	in.Terms.Minimums = slices.SortedFunc(slices.Values(in.Terms.Minimums), func(a, b Minimum) int {
		return cmp.Or(cmp.Compare(a.Country, b.Country), cmp.Compare(a.Currency, b.Currency))
	})
	in.Waivers = slices.SortedFunc(slices.Values(in.Waivers), func(a, b Waiver) int {
		return cmp.Or(cmp.Compare(a.SenderID, b.SenderID), cmp.Compare(a.By, b.By), cmp.Compare(a.Reason, b.Reason))
	})
	in.Credits = slices.SortedFunc(slices.Values(in.Credits), func(a, b Credit) int { return cmp.Compare(a.ID, b.ID) })
	in.Closed = inOrder(adjusted(in))
	return in, nil
}

// merged sums up the rows of one key, and puts the keys in the order of their lines.
func merged(in Inputs) ([]Usage, error) {
	sums := make(map[Key]Usage, len(in.Usage))
	for i, u := range in.Usage {
		if err := checkUsage(in, fmt.Sprintf("usage[%d]", i), u); err != nil {
			return nil, err
		}
		sum := sums[u.Key]
		amount, err := sum.Amount.Plus(u.Amount)
		count, ok1 := plus(sum.Count, u.Count)
		parts, ok2 := plus(sum.Parts, u.Parts)
		if err != nil || !ok1 || !ok2 {
			return nil, overflow()
		}
		sums[u.Key] = Usage{Key: u.Key, Count: count, Parts: parts, Waived: sum.Waived + u.Waived, Amount: amount} // waived ≤ count
	}
	out := make([]Usage, 0, len(sums))
	for _, u := range sums {
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b Usage) int { return a.compare(b.Key) })
	return out, nil
}

func (k Key) compare(o Key) int {
	return cmp.Or(k.Adjusts.Compare(o.Adjusts), cmp.Compare(k.Sender, o.Sender), cmp.Compare(k.Country, o.Country),
		cmp.Compare(k.Channel, o.Channel), cmp.Compare(k.Category, o.Category), cmp.Compare(k.Content, o.Content),
		cmp.Compare(k.PriceVersion, o.PriceVersion))
}

// plus adds two counts ≥ 0; ok is false when the sum is out of range.
func plus(a, b int64) (sum int64, ok bool) { return a + b, a <= math.MaxInt64-b }

// adjusted picks the closed obligations that late traffic belongs to.
func adjusted(in Inputs) []Obligation {
	late := map[place]bool{}
	for _, u := range in.Usage {
		if u.Channel == domain.Viber {
			late[place{u.Adjusts, u.Sender, u.Country}] = true
		}
	}
	var out []Obligation
	for _, o := range in.Closed {
		if slices.ContainsFunc(o.places(), func(p place) bool { return late[p] }) {
			out = append(out, o)
		}
	}
	return out
}

func bounded(in Inputs) error {
	for _, list := range []struct {
		field      string
		have, most int
	}{
		{"usage", len(in.Usage), MaxUsage},
		{"senders", len(in.Senders), MaxSenders},
		{"terms.minimums", len(in.Terms.Minimums), MaxMinimums},
		{"waivers", len(in.Waivers), MaxSenders},
		{"credits", len(in.Credits), MaxCredits},
		{"closed", len(in.Closed), MaxClosed},
	} {
		if list.have > list.most {
			return domain.RefuseField(CodeTooMany, list.field, "must be at most %d rows", list.most)
		}
	}
	return nil
}

func checkHead(in Inputs) error {
	if err := checkUUID("account", in.Account); err != nil {
		return err
	}
	if back, err := calendar.ParseMonth(in.Month.String()); err != nil || back != in.Month {
		return domain.RefuseField(CodeInvalidValue, "month", "must be a month such as 2026-11")
	}
	return checkCurrency("currency", in.Currency)
}

func checkUsage(in Inputs, field string, u Usage) error {
	switch {
	case u.Currency != "" && u.Currency != in.Currency:
		return domain.RefuseField(CodeCurrencyMismatch, field+".currency", "is not %s, the account's", in.Currency)
	case u.Channel != domain.Viber && u.Channel != domain.SMS:
		return domain.RefuseField(CodeInvalidValue, field+".channel", "must be viber or sms")
	case u.Count < 0 || u.Parts < 0 || u.Waived < 0 || u.Waived > u.Count || u.Amount < 0:
		return domain.RefuseField(CodeInvalidValue, field, "counts and amount must not be negative, nor waived above count")
	case u.Adjusts != (calendar.Month{}) && !u.Adjusts.Before(in.Month):
		return domain.RefuseField(CodeInvalidValue, field+".adjusts", "must be an earlier month")
	}
	return nil
}

// checkSenders refuses a configuration twice (B9), and one that was not active yet.
func checkSenders(in Inputs) error {
	ids, names := map[string]bool{}, map[place]bool{}
	for i, s := range in.Senders {
		field, at := fmt.Sprintf("senders[%d]", i), place{sender: s.Name, country: s.Country}
		switch {
		case s.ID == "" || s.Name == "" || s.Country == "":
			return domain.RefuseField(CodeRequired, field, "needs id, name and country")
		case ids[s.ID] || names[at]:
			return domain.RefuseField(CodeInvalidValue, field, "repeats an earlier one")
		case in.Month.Before(s.Activated.InMonth()) || s.Activated == (calendar.Date{}):
			return domain.RefuseField(CodeInvalidValue, field+".activated", "must be a date up to the end of the month")
		}
		ids[s.ID], names[at] = true, true
	}
	return nil
}

func checkTerms(in Inputs) error {
	seen := map[[2]string]bool{}
	for i, m := range in.Terms.Minimums {
		field, key := fmt.Sprintf("terms.minimums[%d]", i), [2]string{m.Country, m.Currency}
		if err := m.check(field); err != nil {
			return err
		}
		if seen[key] {
			return domain.RefuseField(CodeInvalidValue, field, "repeats an earlier one's country and currency")
		}
		seen[key] = true
	}
	return nil
}

func (m Minimum) check(field string) error {
	switch {
	case m.Country == "":
		return domain.RefuseField(CodeRequired, field+".country", "is required")
	case m.Unit != UnitAmount && m.Unit != UnitMessages:
		return domain.RefuseField(CodeInvalidValue, field+".unit", "must be amount or messages")
	case m.Mode != TrueUp && m.Mode != Full:
		return domain.RefuseField(CodeInvalidValue, field+".mode", "must be true_up or full")
	case m.Scope != PerCountry && m.Scope != HighestOfSender:
		return domain.RefuseField(CodeInvalidValue, field+".scope", "must be per_country or highest_of_sender")
	case m.Amount < 0 || m.Amount.Round() > MaxSum || m.Messages < 0:
		return domain.RefuseField(CodeInvalidValue, field, "amount and messages must not be negative, the amount at most %s", MaxSum)
	}
	return checkCurrency(field+".currency", m.Currency)
}

func checkCredits(in Inputs) error {
	seen := map[string]bool{}
	for i, c := range in.Credits {
		field := fmt.Sprintf("credits[%d]", i)
		switch {
		case c.Amount <= 0 || c.Amount > MaxSum:
			return domain.RefuseField(CodeInvalidValue, field+".amount", "must be more than 0 and at most %s", MaxSum)
		case seen[c.ID]:
			return domain.RefuseField(CodeInvalidValue, field, "repeats an earlier one")
		case c.ApprovedBy == "" || c.ApprovedBy == c.RequestedBy:
			return domain.RefuseField(CodeSamePerson, field, "needs the approval of a second person")
		}
		seen[c.ID] = true
	}
	return nil
}

// checkClosed refuses two obligations that one late message would count for.
func checkClosed(in Inputs) error {
	seen := map[place]bool{}
	for i, o := range in.Closed {
		field := fmt.Sprintf("closed[%d]", i)
		if !o.Month.Before(in.Month) {
			return domain.RefuseField(CodeInvalidValue, field+".month", "must be an earlier month")
		}
		if o.Charged < 0 || o.Charged > MaxSum || o.Traffic < 0 || o.Messages < 0 {
			return domain.RefuseField(CodeInvalidValue, field, "must not be negative, charged at most %s", MaxSum)
		}
		if o.Charged > 0 && o.Minimum.Currency != in.Currency {
			return domain.RefuseField(CodeCurrencyMismatch, field+".minimum.currency", "is not %s, the account's", in.Currency)
		}
		for _, p := range o.places() {
			if seen[p] {
				return domain.RefuseField(CodeInvalidValue, field, "repeats an earlier one's month, sender and country")
			}
			seen[p] = true
		}
	}
	return nil
}

// places are where the obligation's traffic is counted.
func (o Obligation) places() []place {
	countries := o.Countries
	if o.Country != "" {
		countries = []string{o.Country}
	}
	out := make([]place, 0, len(countries))
	for _, c := range countries {
		out = append(out, place{o.Month, o.Sender, c})
	}
	return out
}

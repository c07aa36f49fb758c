package whatif

import (
	"math"

	"goniec/domain/money"
)

// Result is a month as it was, as it would have been, and the difference.
type Result struct {
	Real       Figures   `json:"real"`
	WhatIf     Figures   `json:"what_if"`
	Difference Figures   `json:"difference"`
	Open       int64     `json:"open"` // messages that had not ended: left out
	Assumed    []Assumed `json:"assumed"`
}

// Assumed is an assumption, and how many messages it concerned.
type Assumed struct {
	Name     Assumption `json:"name"`
	Meaning  string     `json:"meaning"`
	Messages int64      `json:"messages"`
}

// Merge adds what another tally of the same settings has counted; it fails where a
// sum is too large.
func (t *Tally) Merge(o *Tally) error {
	for country, f := range o.invented {
		if t.invented[country] == nil {
			t.invented[country] = &fork{newFigures(), newFigures()}
		}
		if err := t.invented[country].arrives.plus(f.arrives); err != nil {
			return err
		}
		if err := t.invented[country].dies.plus(f.dies); err != nil {
			return err
		}
	}
	for country, s := range o.sms {
		t.share(country).taken += s.taken
		t.share(country).delivered += s.delivered
	}
	for a, n := range o.assumed {
		t.assumed[a] += n
	}
	t.open += o.open
	if err := t.real.plus(o.real); err != nil {
		return err
	}
	return t.other.plus(o.other)
}

// Result adds up. Of SMS that were never sent as many are delivered as of those to
// the same country that were, or to all countries where none was; all if none was.
func (t *Tally) Result() (Result, error) {
	r := Result{Real: newFigures(), WhatIf: newFigures(), Difference: newFigures(), Open: t.open, Assumed: []Assumed{}}
	for _, add := range []struct {
		to *Figures
		by Figures
	}{{&r.Real, t.real}, {&r.WhatIf, t.other}} {
		if err := add.to.plus(add.by); err != nil {
			return r, err
		}
	}
	for country, f := range t.invented {
		mixed, err := f.mixed(t.delivered(country))
		if err == nil {
			err = r.WhatIf.plus(mixed)
		}
		if err != nil {
			return r, err
		}
	}
	for _, a := range Assumptions() {
		if n := t.assumed[a]; n > 0 {
			r.Assumed = append(r.Assumed, Assumed{a, a.String(), n})
		}
	}
	negative, err := r.Real.negative()
	if err != nil {
		return r, err
	}
	if err := r.Difference.plus(r.WhatIf); err != nil {
		return r, err
	}
	return r, r.Difference.plus(negative)
}

// delivered is the share of the SMS to a country that were delivered.
func (t *Tally) delivered(country string) float64 {
	sum := share{}
	for c, s := range t.sms {
		if c == country && s.taken > 0 {
			return float64(s.delivered) / float64(s.taken)
		}
		sum.taken, sum.delivered = sum.taken+s.taken, sum.delivered+s.delivered
	}
	if sum.taken == 0 {
		return 1
	}
	return float64(sum.delivered) / float64(sum.taken)
}

// mixed is what the messages come to when that share of the SMS arrives, in whole
// messages. What they cost does not depend on it: an SMS is charged when it is taken,
// and what Viber delivers late is charged either way (rules.md F1, D3).
func (f *fork) mixed(arrives float64) (Figures, error) {
	out := newFigures()
	if err := out.plus(f.dies); err != nil {
		return out, err
	}
	yes, no, to := f.arrives.counts(), f.dies.counts(), out.counts()
	for i := range to {
		*to[i] = *no[i] + int64(math.Round(arrives*float64(*yes[i]-*no[i])))
	}
	out.Undelivered = out.Messages - out.Refused - out.ByViber - out.BySMS - out.Unknown // so that rounding loses none
	return out, nil
}

// negative is f with the sign of everything turned.
func (f Figures) negative() (Figures, error) {
	out := newFigures()
	for i, c := range out.counts() {
		*c = -*f.counts()[i]
	}
	for reason, n := range f.Fallbacks {
		out.Fallbacks[reason] = -n
	}
	for currency, c := range f.Cost {
		var turned Cost
		for _, x := range []struct {
			to *money.Amount
			by money.Amount
		}{{&turned.Viber, c.Viber}, {&turned.SMS, c.SMS}, {&turned.Total, c.Total}} {
			amount, err := x.by.Times(-1)
			if err != nil {
				return out, err
			}
			*x.to = amount
		}
		out.Cost[currency] = turned
	}
	return out, nil
}

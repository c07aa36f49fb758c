package whatif

import (
	"time"

	"goniec/domain"
	"goniec/domain/message"
)

// again decides a message once more, after it has shown that under its own settings
// it comes to what it really came to.
func (t *Tally) again(l *life, was outcome, s message.State) error {
	same, r := t.replay(l, Settings{}, nil, false), t.replay(l, t.settings, t.prices, false)
	if !outcomeOf(same.out, same.s).equal(was) || !r.s.Ended() {
		t.assumed[AssumeAsItWas]++
		return t.other.add(was)
	}
	is := outcomeOf(r.out, r.s)
	t.assume(r, l, s, !is.equal(was))
	if !r.assumed[AssumeSMS] {
		return t.other.add(is)
	}
	dead := t.replay(l, t.settings, t.prices, true)
	f := t.invented[l.accepted.Country]
	if f == nil {
		f = &fork{newFigures(), newFigures()}
		t.invented[l.accepted.Country] = f
	}
	if err := f.arrives.add(is); err != nil {
		return err
	}
	return f.dies.add(outcomeOf(dead.out, dead.s))
}

// replay decides a message under settings.
func (t *Tally) replay(l *life, settings Settings, prices message.PriceFinder, smsDies bool) *replay {
	terms, guessed := settings.terms(l.accepted)
	r := &replay{life: l, world: t.world, terms: terms, smsDies: smsDies}
	r.prices = asCharged(l, t.world.Prices(terms.Account))
	if prices != nil && settings.Prices.Currency == r.currency() {
		r.prices = prices
	}
	r.run()
	if guessed && r.assumed[AssumeSMS] {
		r.assumed[AssumeParts] = true
	}
	return r
}

// asCharged finds what was charged at the time of a charge, and else what is found;
// that there was a price when the message was accepted, its acceptance shows.
func asCharged(l *life, find message.PriceFinder) message.PriceFinder {
	return func(at time.Time, country string, ch domain.Channel, cat domain.Category, content domain.Content) (string, string, bool) {
		if c, ok := l.charged[ch]; ok && c.At.Equal(at) {
			return c.UnitPrice, c.PriceVersion, c.Waived != message.WaivedNoPrice
		}
		if unit, version, ok := find(at, country, ch, cat, content); ok {
			return unit, version, true
		}
		return "0", "", at.Equal(l.requested)
	}
}

// assume counts what a replay had to assume; s is what the message really came to.
func (t *Tally) assume(r *replay, l *life, s message.State, differs bool) {
	if s.FallbackReason != "" && r.s.Deadline.After(s.Deadline) {
		for _, a := range r.s.Attempts {
			if a.Channel == domain.Viber && (a.Status == message.AttemptTaken || a.Status == message.AttemptLost) {
				r.assumed[AssumeSilent] = true
			}
		}
	}
	r.assumed[AssumeAround] = differs && (l.met() || len(l.inputs)+len(l.cancelled) > 0)
	r.assumed[AssumePrices] = t.settings.Prices != nil && t.settings.Prices.Currency != r.currency()
	for a, is := range r.assumed {
		if is {
			t.assumed[a]++
		}
	}
}

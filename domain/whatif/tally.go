package whatif

import (
	"slices"
	"time"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
)

// Tally adds up messages as they really were and as they would have been. Make it
// with NewTally. Not safe for concurrent use: merge one of each reader.
type Tally struct {
	settings Settings
	world    World
	prices   message.PriceFinder // of the settings; nil = those that were

	real, other Figures
	invented    map[string]*fork  // by country
	sms         map[string]*share // by country
	assumed     map[Assumption]int64
	open        int64
}

// fork is what messages with an invented SMS come to if it arrives, and if not.
type fork struct{ arrives, dies Figures }

// share is how many SMS that a carrier took were delivered.
type share struct{ delivered, taken int64 }

// NewTally returns an empty tally of what settings would change.
func NewTally(s Settings, w World) *Tally {
	t := &Tally{
		settings: s, world: w, real: newFigures(), other: newFigures(),
		invented: map[string]*fork{}, sms: map[string]*share{}, assumed: map[Assumption]int64{},
	}
	if s.Prices != nil {
		t.prices = listed(*s.Prices)
	}
	return t
}

// listed finds prices in a list as an account of its currency would.
func listed(p account.PricesPublished) message.PriceFinder {
	const anybody = "anybody"
	v := account.NewView()
	p.ValidFrom = time.Time{}
	v.Apply(account.AccountStream(anybody), 1, account.AccountCreated{Currency: p.Currency}, time.Time{})
	v.Apply(account.PricesStream(account.DefaultPrices), 1, p, time.Time{})
	return v.PriceFinder(anybody)
}

// Settled says that nothing that may still come of a message changes its figures.
func Settled(s message.State) bool {
	if !s.Ended() {
		return false
	}
	for _, a := range s.Attempts {
		paid := a.Status == message.AttemptArrived && slices.Contains(s.Charged, a.Channel) // its charge follows the delivery
		closed := paid || a.Status == message.AttemptRejected || a.Status == message.AttemptUnsent && a.Settled == ""
		if !closed {
			return false
		}
	}
	return true
}

// Add counts a message by all its facts, in their order. One that has not ended is
// only counted as open, one that was a test not at all. It fails where a sum is too
// large.
func (t *Tally) Add(id string, facts []Fact) error {
	l, events, s := read(id, facts)
	if s.Accepted.Test {
		return nil
	}
	if !s.Ended() {
		t.open++
		return nil
	}
	t.observe(s)
	was := outcomeOf(events, s)
	if err := t.real.add(was); err != nil {
		return err
	}
	if was.refused {
		t.assumed[AssumeRefused]++
		return t.other.add(was)
	}
	return t.again(l, was, s)
}

// observe counts the SMS that carriers took.
func (t *Tally) observe(s message.State) {
	for _, a := range s.Attempts {
		if a.Channel != domain.SMS {
			continue
		}
		switch a.Status {
		case message.AttemptTaken, message.AttemptDied:
			t.share(s.Accepted.Country).taken++
		case message.AttemptArrived:
			t.share(s.Accepted.Country).taken++
			t.share(s.Accepted.Country).delivered++
		case message.AttemptInFlight, message.AttemptLost, message.AttemptRejected, message.AttemptUnsent:
		}
	}
}

func (t *Tally) share(country string) *share {
	if t.sms[country] == nil {
		t.sms[country] = &share{}
	}
	return t.sms[country]
}

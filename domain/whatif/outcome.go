package whatif

import (
	"slices"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/money"
)

// outcome is what a message came to.
type outcome struct {
	fate
	charges []charge
}

type fate struct {
	refused  bool
	first    domain.Channel // that delivered; "" = none
	unknown  bool           // nobody knows whether it arrived
	late     bool
	double   bool
	fellBack string // why; "" = it did not
}

type charge struct {
	channel  domain.Channel
	currency string
	amount   string
	waived   string
}

// outcomeOf reads it from the events and the state that they came to.
func outcomeOf(events []message.Stamped, s message.State) outcome {
	o := outcome{fate: fate{first: s.FirstChannel, double: len(s.Delivered) > 1}}
	switch s.Status {
	case message.StatusDelivered, message.StatusRead, message.StatusFailed, message.StatusCancelled:
	case message.StatusUnknown, message.StatusAccepted, message.StatusWaiting, message.StatusSending, message.StatusSent:
		o.unknown = true
	}
	for _, e := range events {
		switch ev := e.Event.(type) {
		case message.Refused:
			o.refused = true
		case message.FellBack:
			o.fellBack = ev.Reason
		case message.Delivered:
			o.late = o.late || ev.Late
		case message.Charged:
			o.charges = append(o.charges, charge{ev.Channel, ev.Currency, ev.Amount, ev.Waived})
		}
	}
	return o
}

func (o outcome) equal(p outcome) bool { return o.fate == p.fate && slices.Equal(o.charges, p.charges) }

// Figures are what messages came to, added up.
type Figures struct {
	Messages    int64            `json:"messages"`
	Refused     int64            `json:"refused"`     // of these: not accepted
	ByViber     int64            `json:"by_viber"`    // … delivered, on Viber first
	BySMS       int64            `json:"by_sms"`      // … delivered, by SMS first
	Undelivered int64            `json:"undelivered"` // … failed or cancelled
	Unknown     int64            `json:"unknown"`     // … nobody knows whether it arrived
	FellBack    int64            `json:"fell_back"`   // to SMS, for whatever reason
	Fallbacks   map[string]int64 `json:"fallbacks"`   // … by reason
	Late        int64            `json:"late"`        // delivered on Viber after the deadline
	Double      int64            `json:"double"`      // delivered on both
	Cost        map[string]Cost  `json:"cost"`        // by currency
}

// Cost is what the messages cost, exact.
type Cost struct {
	Viber money.Amount `json:"viber"`
	SMS   money.Amount `json:"sms"`
	Total money.Amount `json:"total"`
}

func newFigures() Figures { return Figures{Fallbacks: map[string]int64{}, Cost: map[string]Cost{}} }

// add counts one message.
func (f *Figures) add(o outcome) error {
	f.Messages++
	switch {
	case o.refused:
		f.Refused++
	case o.first == domain.Viber:
		f.ByViber++
	case o.first == domain.SMS:
		f.BySMS++
	case o.unknown:
		f.Unknown++
	default:
		f.Undelivered++
	}
	if o.fellBack != "" {
		f.FellBack++
		f.Fallbacks[o.fellBack]++
	}
	f.Late += one(o.late)
	f.Double += one(o.double)
	for _, c := range o.charges {
		if err := f.cost(c); err != nil {
			return err
		}
	}
	return nil
}

func one(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

func (f *Figures) cost(c charge) error {
	amount, err := money.Parse(c.amount)
	if err != nil {
		return err
	}
	add := Cost{Total: amount}
	if c.channel == domain.SMS {
		add.SMS = amount
	} else {
		add.Viber = amount
	}
	sum, err := f.Cost[c.currency].plus(add)
	f.Cost[c.currency] = sum
	return err
}

func (c Cost) plus(d Cost) (Cost, error) {
	for _, x := range []struct {
		to *money.Amount
		by money.Amount
	}{{&c.Viber, d.Viber}, {&c.SMS, d.SMS}, {&c.Total, d.Total}} {
		sum, err := x.to.Plus(x.by)
		if err != nil {
			return c, err
		}
		*x.to = sum
	}
	return c, nil
}

// counts are the plain counters, in a fixed order.
func (f *Figures) counts() []*int64 {
	return []*int64{&f.Messages, &f.Refused, &f.ByViber, &f.BySMS, &f.Undelivered, &f.Unknown, &f.FellBack, &f.Late, &f.Double}
}

// plus adds g to f.
func (f *Figures) plus(g Figures) error {
	for i, c := range f.counts() {
		*c += *g.counts()[i]
	}
	for reason, n := range g.Fallbacks {
		f.Fallbacks[reason] += n
	}
	for currency, c := range g.Cost {
		sum, err := f.Cost[currency].plus(c)
		if err != nil {
			return err
		}
		f.Cost[currency] = sum
	}
	return nil
}

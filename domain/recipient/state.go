package recipient

import (
	"slices"
	"time"

	"goniec/domain"
)

// Stamped is an event of this package with the time it happened.
type Stamped = domain.Stamped[Event]

// rememberedReplies bounds the ids kept to know a reply that a carrier brings again.
const rememberedReplies = 8

// Stop is one opt-out in force: a cell of E2's table, who said it and when.
type Stop struct {
	Channel  domain.Channel  `json:"c"`
	Category domain.Category `json:"k"`
	Origin   string          `json:"o"`
	At       time.Time       `json:"at"`
}

// Scope returns the cell that p stops.
func (p Stop) Scope() Scope { return Scope{p.Channel, p.Category} }

// State of a recipient: what Evolve keeps of its stream. The zero value is a
// recipient of whom nothing is known, to whom everything may be sent.
type State struct {
	Account string   `json:"a,omitempty"`
	Number  string   `json:"n,omitempty"`
	Stops   []Stop   `json:"s,omitempty"` // one per cell and origin
	Replies []string `json:"r,omitempty"` // ids of the last replies
}

// Allowed says whether no opt-out stops a message of category on ch (rules.md E2).
func (s State) Allowed(ch domain.Channel, category domain.Category) bool {
	return !slices.ContainsFunc(s.Stops, func(p Stop) bool { return p.Scope() == Scope{ch, category} })
}

// OptOuts returns the opt-outs in force, one per origin, in the order in which
// the origins first spoke.
func (s State) OptOuts() []OptOutRecorded {
	var out []OptOutRecorded
	for _, p := range s.Stops {
		i := slices.IndexFunc(out, func(o OptOutRecorded) bool { return o.Origin == p.Origin })
		if i < 0 {
			i, out = len(out), append(out, OptOutRecorded{Account: s.Account, Number: s.Number, Origin: p.Origin})
		}
		out[i].Stops = append(out[i].Stops, p.Scope())
	}
	return out
}

// Evolve returns s after e, which happened at the time at. It never changes
// what s refers to. Events of other streams change nothing.
func Evolve(s State, e Event, at time.Time) State {
	switch ev := e.(type) {
	case OptOutRecorded:
		s.Account, s.Number = ev.Account, ev.Number
		s.Stops = stopped(s.Stops, ev, at)
	case OptOutLifted:
		s.Stops = kept(s.Stops, func(p Stop) bool { return !slices.Contains(ev.Opens, p.Scope()) })
	case ReplyReceived:
		s.Replies = append(slices.Clone(s.Replies), ev.ID)
		s.Replies = s.Replies[max(0, len(s.Replies)-rememberedReplies):]
	case Erased: // what it destroyed was never here
	case NotOnViber, ReportStored, ReportMatched: // of a number's stream
	}
	return s
}

// stopped adds ev's cells; one said again by the same origin takes the later time.
func stopped(list []Stop, ev OptOutRecorded, at time.Time) []Stop {
	out := slices.Clone(list)
	for _, c := range ev.Stops {
		i := slices.IndexFunc(out, func(p Stop) bool { return p.Scope() == c && p.Origin == ev.Origin })
		if i < 0 {
			out = append(out, Stop{c.Channel, c.Category, ev.Origin, at})
		} else if at.After(out[i].At) {
			out[i].At = at
		}
	}
	return out
}

// kept returns the elements of list that keep says, nil when there are none.
func kept[T any](list []T, keep func(T) bool) []T {
	var out []T
	for _, v := range list {
		if keep(v) {
			out = append(out, v)
		}
	}
	return out
}

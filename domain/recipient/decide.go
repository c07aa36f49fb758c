package recipient

import (
	"slices"
	"time"

	"goniec/domain"
)

// Facts are what a decision about a recipient needs besides its state.
type Facts struct {
	Now     time.Time
	Account string
	Number  string // keyed hash of the E.164 number
	Message string // the message that carried it, or that a reply belongs to (D9), if known
	Sender  string // that message's sender name
	TwoWay  bool   // does the sender take replies?
}

// Command asks a recipient for a decision. The interface is sealed.
type Command interface{ command() }

func (OptOut) command()       {}
func (Lift) command()         {}
func (Subscription) command() {}
func (Reply) command()        {}

// Codes of refusals by Decide.
const (
	CodeUnknownOrigin = "unknown_origin"
	CodeUnknownScope  = "unknown_scope"
)

// Decide answers c with the events that follow. An opt-out is always recorded
// unless the same origin has stopped the same cells at that time or later; a
// lift opens only cells whose every opt-out is at most as new as the lift
// (rules.md E2), and a subscribe event only those stopped on Viber. The error is
// a *domain.Error for an unknown origin or scope of OptOut and Lift; it never
// refuses a carrier's word.
func Decide(s State, f Facts, c Command) ([]Stamped, error) {
	switch c := c.(type) {
	case OptOut:
		if err := checkOrigin(c.Origin, c.Scopes); err != nil {
			return nil, err
		}
		return optOut(s, f, c.Origin, c.Scopes, c.At), nil
	case Lift:
		if err := checkLift(c); err != nil {
			return nil, err
		}
		return lift(s, f, c.Origin, c.Scopes, c.At), nil
	case Subscription:
		if c.Subscribed {
			return lift(s, f, OriginViberSubscribe, nil, c.At), nil
		}
		return optOut(s, f, OriginViberUnsubscribe, nil, c.At), nil
	case Reply:
		return reply(s, f, c), nil
	}
	return nil, nil
}

func checkOrigin(origin string, told []Scope) error {
	if Scopes(origin, nil) == nil {
		return domain.RefuseField(CodeUnknownOrigin, "origin", "unknown origin of an opt-out")
	}
	return checkScopes(told)
}

func checkLift(c Lift) error {
	if c.Origin != OriginAPI && c.Origin != OriginImport && c.Origin != OriginViberSubscribe {
		return domain.RefuseField(CodeUnknownOrigin, "origin", "nothing is lifted by this origin")
	}
	return checkScopes(c.Scopes)
}

func checkScopes(told []Scope) error {
	for _, c := range told {
		if !c.Valid() {
			return domain.RefuseField(CodeUnknownScope, "scopes", "a scope is a channel and a category")
		}
	}
	return nil
}

func optOut(s State, f Facts, origin string, told []Scope, said time.Time) []Stamped {
	at := when(said, f.Now)
	scopes := unique(Scopes(origin, told))
	known := func(c Scope) bool {
		return slices.ContainsFunc(s.Stops, func(p Stop) bool {
			return p.Scope() == c && p.Origin == origin && !p.At.Before(at)
		})
	}
	if !slices.ContainsFunc(scopes, func(c Scope) bool { return !known(c) }) {
		return nil
	}
	return []Stamped{{Event: OptOutRecorded{f.Account, f.Number, origin, scopes, f.Message, f.Sender}, At: at}}
}

func lift(s State, f Facts, origin string, told []Scope, said time.Time) []Stamped {
	at := when(said, f.Now)
	if len(told) == 0 {
		told = AllScopes()
	}
	opens := kept(unique(told), func(c Scope) bool { return !s.Allowed(c.Channel, c.Category) && lifts(s, c, origin, at) })
	if opens == nil {
		return nil
	}
	return []Stamped{{Event: OptOutLifted{f.Account, f.Number, origin, opens}, At: at}}
}

// lifts says whether every opt-out of cell c is one that origin may end at the time at.
func lifts(s State, c Scope, origin string, at time.Time) bool {
	return !slices.ContainsFunc(s.Stops, func(p Stop) bool {
		return p.Scope() == c && (p.At.After(at) || origin == OriginViberSubscribe && !saidOnViber(p.Origin))
	})
}

func saidOnViber(origin string) bool {
	return origin == OriginViberUnsubscribe || origin == OriginViberBlock || origin == OriginViberStop
}

// reply records a reply once, and the opt-out that it may be.
func reply(s State, f Facts, c Reply) []Stamped {
	if slices.Contains(s.Replies, c.ID) {
		return nil
	}
	out := []Stamped{received(f, c)}
	if c.Keyword != KeywordStop {
		return out
	}
	origin := OriginViberStop
	if c.Channel == domain.SMS {
		origin = OriginSMSStop
	}
	return append(out, optOut(s, f, origin, nil, c.At)...)
}

func received(f Facts, c Reply) Stamped {
	return Stamped{Event: ReplyReceived{
		ID: c.ID, Account: f.Account, Channel: c.Channel, Sender: f.Sender, Message: f.Message,
		Digest: c.Digest, Length: c.Length, Keyword: c.Keyword, TwoWay: f.TwoWay,
	}, At: when(c.At, f.Now)}
}

// when returns the time at which something was said: said, unless it is unset or lies ahead.
func when(said, now time.Time) time.Time {
	if said.IsZero() || said.After(now) {
		said = now
	}
	return said.UTC().Truncate(time.Microsecond)
}

// unique returns list without repeats, in its order.
func unique(list []Scope) []Scope {
	var out []Scope
	for _, c := range list {
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

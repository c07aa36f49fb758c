package demo

import (
	"fmt"
	"slices"
	"time"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/internal/suffixes"
)

// Outage is a time in which the process was killed and not yet back.
type Outage struct {
	Killed time.Time `json:"killed"`
	Back   time.Time `json:"back"`
	When   string    `json:"when"` // at which point of the run
}

// Verdict is what the judge says of one message.
type Verdict struct {
	suffixes.Sending
	ID      string
	Outcome Outcome
	Touched bool     // a kill came in its life
	Faults  []string // what the rules do not allow
}

// judge compares the outcome with what the suffix requires. In a run with kills
// a message that one came upon may end otherwise: what it may not is in allowed.
func judge(s suffixes.Sending, m *Message, outages []Outage) Verdict {
	v := Verdict{Sending: s, ID: m.ID, Outcome: m.outcome()}
	v.Touched = v.Outcome.Crashed || m.lived(outages)
	if v.Outcome.is(s.Want) {
		return v
	}
	if !v.Touched {
		v.Faults = []string{fmt.Sprintf("ended as %s; required is %s", v.Outcome, s.Want)}
		return v
	}
	v.Faults = allowed(m, v.Outcome)
	return v
}

// catchUp is how long after a start reports may still come in another order than
// they were made: the carriers repeat those of the time before.
const catchUp = 3 * time.Second

// lived says whether an outage, or the catching up after it, fell into the message's life.
func (m *Message) lived(outages []Outage) bool {
	if len(m.Events) == 0 {
		return false
	}
	first, last := m.Events[0].Time, m.Events[0].Recorded
	for _, e := range m.Events {
		if e.Recorded.After(last) {
			last = e.Recorded
		}
	}
	return slices.ContainsFunc(outages, func(o Outage) bool { return !first.After(o.Back.Add(catchUp)) && !last.Before(o.Killed) })
}

// allowed names what not even a kill may bring about: a message that does not
// end, a second fallback, a charge too many or without its reason, a state that
// its own events do not carry.
func allowed(m *Message, o Outcome) []string {
	var faults []string
	check := func(ok bool, what string) {
		if !ok {
			faults = append(faults, what)
		}
	}
	onViber, onSMS := m.delivered(domain.Viber), m.delivered(domain.SMS)
	check(o.Ended, "it has not ended")
	check(o.Fallbacks <= 1, fmt.Sprintf("it fell back %d times", o.Fallbacks))
	check(o.Viber <= 1 && o.SMS <= 1, fmt.Sprintf("it was charged %d/%d times", o.Viber, o.SMS))
	check((o.Viber == 1) == onViber, "it is charged on Viber, or delivered there, but not both")
	check((o.SMS == 1) == m.taken(domain.SMS), "it is charged as SMS, or taken by the carrier, but not both")
	check(o.SMS == 0 || o.Fallbacks > 0, "it is charged as SMS without having fallen back")
	switch o.State {
	case message.StatusDelivered, message.StatusRead:
		check(onViber || onSMS, "its state is "+string(o.State)+", and it was delivered nowhere")
	case message.StatusUnknown:
		check(!onViber && !onSMS && m.doubtful(), "its state is unknown, and nothing of it is")
	case message.StatusFailed:
		check(!onViber && !onSMS, "its state is failed, and it was delivered")
	default:
		check(false, "its state is "+string(o.State))
	}
	return faults
}

func (m *Message) has(is func(domain.Event) bool) bool {
	return slices.ContainsFunc(m.Events, func(f Fact) bool { return is(f.Fact) })
}

func (m *Message) delivered(ch domain.Channel) bool {
	return m.has(func(e domain.Event) bool {
		d, ok := e.(message.Delivered)
		return ok && d.Channel == ch
	})
}

// taken says whether the journal knows that the channel's carrier took it.
func (m *Message) taken(ch domain.Channel) bool {
	attempts := map[string]bool{}
	for _, a := range m.attempts(ch) {
		attempts[a.Fact.(message.AttemptStarted).Attempt] = true
	}
	return m.has(func(e domain.Event) bool {
		switch f := e.(type) {
		case message.AttemptAccepted:
			return attempts[f.Attempt]
		case message.AttemptResolved:
			return attempts[f.Attempt]
		}
		return false
	})
}

// doubtful says whether something about the message is unknown.
func (m *Message) doubtful() bool {
	return m.has(func(e domain.Event) bool {
		switch f := e.(type) {
		case message.AttemptUnknown:
			return true
		case message.Unknown:
			return f.Reason == message.ReasonNoReport
		}
		return false
	})
}

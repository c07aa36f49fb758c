package message

import (
	"fmt"
	"slices"
	"strings"
)

// Transition is one row of a table: an event of this type may happen in each of
// the states From, and leads to To; an empty To leaves the state as it is.
type Transition struct {
	Event string // an event type
	From  []Status
	To    Status
}

// none is the state before the first event.
const none Status = ""

// live are the states in which something is still decided; one that waits here is
// paused (D17).
var live = []Status{StatusSending, StatusSent, StatusWaiting}

// decided are the states of a message whose outcome is decided; of these, the
// ones above may still be reached from the ones below: unknown < failed,
// cancelled < delivered < read. No row leads down.
var decided = []Status{StatusUnknown, StatusFailed, StatusCancelled, StatusDelivered, StatusRead}

func also(a []Status, b ...Status) []Status { return append(slices.Clone(a), b...) }

// Transitions returns the table of a message's status, which Evolve follows and
// the documentation draws. Decide writes no event outside of it.
func Transitions() []Transition { return slices.Clone(transitions) }

var transitions = []Transition{
	{TypeAccepted, []Status{none}, StatusAccepted},
	{TypeRefused, []Status{none}, StatusFailed},
	{TypeWaiting, []Status{StatusAccepted}, StatusWaiting},
	{TypeReleased, []Status{StatusAccepted, StatusWaiting}, StatusSending},
	{TypePaused, live, StatusWaiting},
	{TypeResumed, live, StatusSending},
	{TypeAttemptStarted, []Status{StatusSending, StatusSent}, StatusSending},
	{TypeFellBack, live, StatusSending},
	{TypeAttemptAccepted, []Status{StatusSending, StatusSent}, StatusSent},
	{TypeAttemptAccepted, also(decided, StatusWaiting), none}, // waiting: for the SMS, while the answer of Viber comes
	{TypeAttemptResolved, live, StatusSent},
	{TypeAttemptResolved, decided, none},
	{TypeAttemptRefused, also(live, decided...), none},
	{TypeAttemptUnknown, also(live, decided...), none},
	{TypeAttemptNotSent, also(live, decided...), none},
	{TypeOutcomeDecided, also(live, decided...), none},
	{TypePartReported, also(live, decided...), none},
	{TypeUndelivered, also(live, decided...), none},
	{TypeCharged, also(live, decided...), none},
	{TypeOptedOut, also(live, StatusAccepted), none},
	{TypeCancelRequested, also(live, none, StatusAccepted), none}, // none: it came before its request
	{TypeDelivered, also(live, StatusUnknown, StatusFailed, StatusCancelled), StatusDelivered},
	{TypeDelivered, []Status{StatusDelivered, StatusRead}, none},
	{TypeRead, []Status{StatusDelivered}, StatusRead},
	{TypeFailed, also(live, StatusAccepted, StatusUnknown), StatusFailed},
	{TypeUnknown, live, StatusUnknown},
	{TypeCancelled, also(live, StatusAccepted), StatusCancelled},
}

// Permits says whether the table has a row for an event of that type in status s.
func Permits(s Status, eventType string) bool {
	_, ok := row(s, eventType)
	return ok
}

func row(s Status, eventType string) (Transition, bool) {
	for _, t := range transitions {
		if t.Event == eventType && slices.Contains(t.From, s) {
			return t, true
		}
	}
	return Transition{}, false
}

func nextStatus(s Status, e Event) Status {
	if t, ok := row(s, e.EventType()); ok && t.To != none {
		return t.To
	}
	return s
}

// AttemptTransition is a row of the table of an attempt's states.
type AttemptTransition struct {
	Event string
	From  []AttemptStatus
	To    AttemptStatus
}

// AttemptTransitions returns the table of an attempt's state, which Evolve
// follows and the documentation draws.
func AttemptTransitions() []AttemptTransition { return slices.Clone(attemptTransitions) }

var attemptTransitions = []AttemptTransition{
	{TypeAttemptStarted, []AttemptStatus{""}, AttemptInFlight},
	{TypeAttemptAccepted, []AttemptStatus{AttemptInFlight}, AttemptTaken},
	{TypeAttemptResolved, []AttemptStatus{AttemptInFlight, AttemptLost, AttemptRejected, AttemptUnsent}, AttemptTaken},
	{TypeAttemptRefused, []AttemptStatus{AttemptInFlight, AttemptLost}, AttemptRejected},
	{TypeAttemptNotSent, []AttemptStatus{AttemptInFlight, AttemptLost}, AttemptUnsent},
	{TypeAttemptUnknown, []AttemptStatus{AttemptInFlight}, AttemptLost},
	{TypeDelivered, []AttemptStatus{AttemptTaken, AttemptDied}, AttemptArrived},
	{TypeUndelivered, []AttemptStatus{AttemptTaken}, AttemptDied},
}

func nextAttempt(s AttemptStatus, e Event) AttemptStatus {
	for _, t := range attemptTransitions {
		if t.Event == e.EventType() && slices.Contains(t.From, s) {
			return t.To
		}
	}
	return s
}

// Mermaid draws the message's table as a Mermaid state diagram. Events that
// leave the status are not drawn.
func Mermaid() string {
	var edges []edge
	for _, t := range transitions {
		for _, from := range t.From {
			if t.To != none && t.To != from {
				edges = append(edges, edge{string(from), string(t.To), shortName(t.Event)})
			}
		}
	}
	return draw(edges)
}

// MermaidAttempt draws the attempt's table as a Mermaid state diagram.
func MermaidAttempt() string {
	var edges []edge
	for _, t := range attemptTransitions {
		for _, from := range t.From {
			edges = append(edges, edge{string(from), string(t.To), shortName(t.Event)})
		}
	}
	return draw(edges)
}

type edge struct{ from, to, event string }

// draw writes one arrow per pair of states, labelled with all its events.
func draw(edges []edge) string {
	var out strings.Builder
	out.WriteString("stateDiagram-v2\n")
	for i, e := range edges {
		if slices.ContainsFunc(edges[:i], func(b edge) bool { return b.from == e.from && b.to == e.to }) {
			continue
		}
		var events []string
		for _, o := range edges {
			if o.from == e.from && o.to == e.to {
				events = append(events, o.event)
			}
		}
		from := e.from
		if from == "" {
			from = "[*]"
		}
		fmt.Fprintf(&out, "    %s --> %s : %s\n", from, e.to, strings.Join(events, ", "))
	}
	return out.String()
}

// shortName takes "attempt_started" out of "goniec.message.attempt_started.v1".
func shortName(eventType string) string {
	parts := strings.Split(eventType, ".")
	return parts[len(parts)-2]
}

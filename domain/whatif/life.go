package whatif

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/recipient"
)

// Fact is an event of a message as the journal holds it.
type Fact struct {
	Event    message.Event
	At       time.Time // when it happened: ce_time
	Recorded time.Time // when it was decided
	Actor    string    // who: "timer/<name>" of a timer
}

const timerActor = "timer/"

// life is what happened to a message, apart from what was decided about it.
type life struct {
	id        string
	accepted  message.Accepted
	requested time.Time
	cancelled []message.Stamped         // a cancel that came before the request
	inputs    []input                   // cancels and opt-outs, at their times
	tries     map[domain.Channel][]*try // in order
	byID      map[string]*try           // by attempt
	fired     map[due]moment            // when timers were fired, which were due before
	charged   map[domain.Channel]message.Charged
	around
}

// around is what a decision regards that stands in no message's stream, as far as
// this message met it. Zero times: never.
type around struct {
	holds    []hold
	shut     map[domain.Channel]time.Time // found closed by an opt-out
	gone     time.Time                    // the sender was not active
	barred   bool                         // … but suspended
	notOnApp time.Time                    // the number was remembered as not on Viber
}

// met says whether there was anything.
func (a around) met() bool {
	return len(a.holds) > 0 || len(a.shut) > 0 || !a.gone.IsZero() || !a.notOnApp.IsZero()
}

// moment is a place in the real order of things; what never was comes last.
type moment struct {
	at  time.Time
	seq int
}

const never = 1 << 30

func (m moment) before(o moment) bool {
	if c := m.at.Compare(o.at); c != 0 {
		return c < 0
	}
	return m.seq < o.seq
}

// due is a timer as a key.
type due struct {
	name  domain.TimerName
	micro int64
}

func dueOf(t domain.Timer) due { return due{t.Name, t.Due.UnixMicro()} }

// input is something said to the message.
type input struct {
	moment
	command message.Command
	retryAt *time.Time // of an answer: when the next try was to come
}

// try is an attempt and what was said of it.
type try struct {
	id      string
	channel domain.Channel
	started time.Time
	ttl     time.Duration
	till    time.Time // not_after
	words   []input
}

// hold is a switch that was on while the message waited for it.
type hold struct {
	name     string
	channel  domain.Channel
	from, to time.Time // to: zero = longer than the message waited
}

const routeSwitch = "route/"

func (h hold) covers(ch domain.Channel) bool {
	return h.channel == ch || !strings.HasPrefix(h.name, routeSwitch)
}

// read takes a message's facts apart. It also returns the real events and the state
// that they came to.
func read(id string, facts []Fact) (*life, []message.Stamped, message.State) {
	l := &life{
		id: id, tries: map[domain.Channel][]*try{}, byID: map[string]*try{}, fired: map[due]moment{},
		charged: map[domain.Channel]message.Charged{}, around: around{shut: map[domain.Channel]time.Time{}},
	}
	s, events := message.New(id), make([]message.Stamped, len(facts))
	var before message.Event
	for i, f := range facts {
		l.timer(i, f, s)
		l.note(i, f, s, before)
		events[i] = message.Stamped{Event: f.Event, At: f.At}
		now := message.Evolve(s, f.Event, f.At)
		l.overtaken(f.Recorded, s, now)
		if f.Actor == timerActor+string(message.TimerResume) && now.Hold != s.Hold {
			l.released(s.Hold, f.Recorded)
		}
		s, before = now, f.Event
	}
	return l, events, s
}

// timer keeps when a timer was fired, which may be long after it was due.
func (l *life) timer(seq int, f Fact, s message.State) {
	name, ok := strings.CutPrefix(f.Actor, timerActor)
	if !ok {
		return
	}
	for _, t := range message.Timers(s) {
		if string(t.Name) == name && !t.Due.After(f.Recorded) {
			l.fired[dueOf(t)] = moment{f.Recorded, seq}
		}
	}
}

// overtaken keeps which timers were due, but not fired yet, when something else
// made an end of them: till then they were not fired.
func (l *life) overtaken(at time.Time, before, now message.State) {
	for _, t := range message.Timers(before) {
		if _, was := l.fired[dueOf(t)]; !was && !t.Due.After(at) && !domain.HasTimer(message.Timers(now), t) {
			l.fired[dueOf(t)] = moment{at, never}
		}
	}
}

// released: the switch of that name was turned off.
func (l *life) released(name string, at time.Time) {
	for i := range l.holds {
		if h := &l.holds[i]; h.name == name && h.to.IsZero() {
			h.to = at
		}
	}
}

// note takes one fact; s is the state before it, and before the event before it.
func (l *life) note(seq int, f Fact, s message.State, before message.Event) {
	at := moment{f.Recorded, seq}
	switch ev := f.Event.(type) {
	case message.Accepted:
		l.accepted, l.requested = ev, f.Recorded
	case message.CancelRequested:
		l.cancel(at, f, ev, s, before)
	case message.OptedOut:
		l.optOut(at, ev, before)
	case message.AttemptStarted:
		l.start(f, ev)
	case message.FellBack:
		l.left(ev.Reason, ev.Rule, f.Recorded)
	case message.Failed:
		l.left(ev.Reason, "", f.Recorded)
		l.unsaid(ev, f, s, before)
	case message.Paused:
		l.holds = append(l.holds, hold{name: ev.Switch, channel: ev.Channel, from: f.Recorded})
	case message.Charged:
		l.charged[ev.Channel] = ev
	case message.AttemptAccepted, message.AttemptRefused, message.AttemptNotSent, message.AttemptUnknown, message.AttemptResolved, message.OutcomeDecided:
		l.answered(at, f, s, before)
	case message.PartReported, message.Delivered, message.Undelivered, message.Read:
		l.reported(at, f, s)
	case message.Refused, message.Waiting, message.Released, message.Resumed, message.Unknown, message.Cancelled:
	}
}

// cancel: one that came before its request stands before it, or right behind it.
func (l *life) cancel(at moment, f Fact, ev message.CancelRequested, s message.State, before message.Event) {
	if _, first := before.(message.Accepted); first || s.Status == "" {
		l.cancelled = append(l.cancelled, message.Stamped{Event: message.CancelRequested{By: ev.By}, At: f.At})
		return
	}
	l.inputs = append(l.inputs, input{moment: at, command: message.Cancel{By: ev.By}})
}

// optOut: what followed from the message's own answer follows again.
func (l *life) optOut(at moment, ev message.OptedOut, before message.Event) {
	refused, own := before.(message.AttemptRefused)
	switch {
	case ev.Origin == message.OriginRecorded:
		for _, ch := range ev.Channels {
			l.shut[ch] = at.at
		}
	case own && verdictOf(domain.Viber, refused).OptOut && ev.Origin == recipient.OriginViberBlock:
	default:
		l.inputs = append(l.inputs, input{moment: at, command: message.OptOut{Channels: ev.Channels, Origin: ev.Origin}})
	}
}

func (l *life) start(f Fact, ev message.AttemptStarted) {
	t := &try{id: ev.Attempt, channel: ev.Channel, started: f.At, ttl: time.Duration(ev.TTLSec) * time.Second, till: ev.NotAfter}
	l.tries[ev.Channel], l.byID[ev.Attempt] = append(l.tries[ev.Channel], t), t
	for i := range l.holds { // a call shows that nothing held it
		if h := &l.holds[i]; h.to.IsZero() && h.covers(ev.Channel) {
			h.to = f.Recorded
		}
	}
}

// left keeps why a channel was left that stands in no other fact of the message.
func (l *life) left(why, rule string, at time.Time) {
	switch {
	case why == message.ReasonSenderDisabled || why == message.ReasonSenderSuspended:
		l.gone, l.barred = at, why == message.ReasonSenderSuspended
	case rule == "E6":
		l.notOnApp = at
	}
}

// unsaid: a message that was about to be tried on Viber, which no opt-out closed to it,
// and ended instead because the SMS was closed. Its sender was not active.
func (l *life) unsaid(ev message.Failed, f Fact, s message.State, before message.Event) {
	_, released := before.(message.Released)
	_, resumed := before.(message.Resumed)
	tried := released || resumed || f.Actor == timerActor+string(message.TimerRetry)
	if tried && ev.Reason == message.ReasonOptedOut && s.Channel() == domain.Viber && !slices.Contains(s.Closed, domain.Viber) {
		l.gone = f.Recorded
	}
}

// answered takes a dispatcher's answer or an operator's word.
func (l *life) answered(at moment, f Fact, s message.State, before message.Event) {
	settled, _ := before.(message.OutcomeDecided)
	word := input{moment: at}
	id := ""
	switch ev := f.Event.(type) {
	case message.AttemptAccepted:
		id, word.command = ev.Attempt, message.Answer{Outcome: message.OutcomeAccepted, CarrierIDs: ev.CarrierIDs, Parts: ev.Parts, At: ev.At}
	case message.AttemptRefused:
		a, _ := s.Attempt(ev.Attempt)
		id, word.retryAt = ev.Attempt, ev.RetryAt
		word.command = message.Answer{Outcome: message.OutcomeRefused, Code: ev.Code, Reason: ev.Reason, Verdict: verdictOf(a.Channel, ev), At: f.At}
	case message.AttemptNotSent:
		id, word.retryAt = ev.Attempt, ev.RetryAt
		word.command = message.Answer{Outcome: message.OutcomeNotSent, Reason: ev.Reason, At: f.At}
	case message.AttemptUnknown:
		id, word.command = ev.Attempt, message.Answer{Outcome: message.OutcomeUnknown, Code: ev.Code, Reason: ev.Reason, At: f.At}
		if f.Actor == timerActor+string(message.TimerNoReport) {
			return // nobody said anything: the timer will say so again
		}
	case message.AttemptResolved:
		id, word.command = ev.Attempt, resolved(ev, f.At)
	case message.OutcomeDecided:
		id, word.command = ev.Attempt, message.Resolve{As: ev.As, Reason: ev.Reason, By: ev.By}
	}
	if t := l.byID[id]; t != nil && id != settled.Attempt {
		t.words = append(t.words, word)
	}
}

// resolved is what showed that an attempt was taken: a report, or a late answer.
func resolved(ev message.AttemptResolved, at time.Time) message.Command {
	if ev.Inferred {
		return message.Report{CarrierID: append(slices.Clone(ev.CarrierIDs), "")[0], Status: message.ReportAccepted, At: at, Inferred: true}
	}
	return message.Answer{Outcome: message.OutcomeAccepted, CarrierIDs: ev.CarrierIDs, Parts: ev.Parts, At: at}
}

// verdictOf is what a refusal meant: of Viber rules.md D16 says it.
func verdictOf(ch domain.Channel, ev message.AttemptRefused) message.Verdict {
	v := message.Verdict{}
	if status, err := strconv.Atoi(ev.Code); err == nil && ch == domain.Viber {
		v = message.MeaningOfViber(status).Verdict
	}
	v.Retry = !ev.Permanent
	return v
}

// reported takes a carrier's report. What a long SMS came to follows from its parts.
func (l *life) reported(at moment, f Fact, s message.State) {
	word := message.Report{At: f.At}
	id, whole := "", true
	switch ev := f.Event.(type) {
	case message.PartReported:
		id, word.CarrierID, word.Status, word.Code = ev.Attempt, ev.CarrierID, message.ReportStatus(ev.Status), ev.Code
	case message.Delivered:
		id, whole, word.Status, word.Inferred = ev.Attempt, false, message.ReportDelivered, ev.Inferred
	case message.Read:
		id, word.Status, word.Inferred = ev.Attempt, message.ReportRead, ev.Inferred
	case message.Undelivered:
		id, whole, word.Status, word.Code, word.Inferred = ev.Attempt, false, message.ReportStatus(ev.Reason), ev.Code, ev.Inferred
		if ev.Reason == message.ReasonIncomplete {
			word.Status = message.ReportDelivered
		}
	}
	a, _ := s.Attempt(id)
	if t := l.byID[id]; t != nil && (whole || len(a.CarrierIDs) <= 1) {
		t.words = append(t.words, input{moment: at, command: word})
	}
}

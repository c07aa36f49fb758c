package message_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/calendar"
	"goniec/domain/message"
	"goniec/domain/recipient"
)

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// tb is what *testing.T and *rapid.T share.
type tb interface {
	require.TestingT
	Helper()
}

// request is a transactional text of one SMS part, fallback on, validity 15 s.
func request() message.Request {
	return message.Request{
		Recipient: "rcp", Number: "num", Country: "PL", Sender: "GONIEC", Category: domain.Transactional,
		Content: domain.PlainText, Digest: "d", BodyDigest: "b", TextLength: 5, SMSParts: 1, SMSEncoding: "gsm7",
		Fallback: true, ValidityMS: 15_000, ClientRef: "ref", Tags: []string{"tag"},
	}
}

func facts(now time.Time) message.Facts {
	return message.Facts{
		Now: now, AccountID: "acc", Used: message.UsedFacts{PolicyVersion: 3, ViewOffset: 99},
		NewID: func(i int) string { return fmt.Sprint("a-", i) },
		Account: message.AccountFacts{
			Known: true, Active: true, Currency: "PLN", FallbackAtOnce: true, LatePolicy: "bill_both",
			SMSValidity: time.Minute, ReportWait: 5 * time.Second, ViberRoute: "viber-1", SMSRoute: "sms-1",
		},
		Sender: message.SenderFacts{Known: true, InCountry: true, Active: true, ID: "sender", Version: 2, ServiceID: 4711, SMSFrom: "Goniec"},
		Prices: func(_ time.Time, _ string, ch domain.Channel, _ domain.Category, _ domain.Content) (string, string, bool) {
			return map[domain.Channel]string{domain.Viber: "0.12", domain.SMS: "0.09"}[ch], "default@1", true
		},
		Month: func(t time.Time) calendar.Month { return calendar.MonthOf(t, time.UTC) },
	}
}

// bench decides and checks what must hold of every decision: only events that
// the tables permit, the given state untouched, every state readable from its
// JSON, nothing lowered, and no news in a repeat.
type bench struct {
	t   tb
	now time.Time
	s   message.State
	set func(*message.Facts) // what differs from facts()
	all []message.Stamped
	n   int // decisions so far, for ids
}

func newBench(t tb) *bench { return &bench{t: t, now: start, s: message.New("m-1")} }

func (b *bench) facts() message.Facts {
	f := facts(b.now)
	n := b.n
	f.NewID = func(i int) string { return fmt.Sprintf("a-%d-%d", n, i) }
	b.n++
	if b.set != nil {
		b.set(&f)
	}
	return f
}

// do decides c and returns the events, without their times.
func (b *bench) do(c message.Command) []message.Event {
	b.t.Helper()
	out, err := b.try(c)
	require.NoError(b.t, err)
	return out
}

func (b *bench) try(c message.Command) ([]message.Event, error) {
	b.t.Helper()
	before := encode(b.t, b.s)
	out, err := message.Decide(b.s, b.facts(), c)
	var events []message.Event
	for _, e := range out {
		events = append(events, e.Event)
		b.step(e)
	}
	b.all = append(b.all, out...)
	var old message.State
	require.NoError(b.t, json.Unmarshal(before, &old))
	require.Equal(b.t, b.s, message.Apply(old, out), "Evolve folds to the same state")
	again, _ := message.Decide(b.s, b.facts(), c)
	require.Empty(b.t, again, "the same command again changes nothing")
	return events, err
}

func (b *bench) step(e message.Stamped) {
	b.t.Helper()
	before, old := encode(b.t, b.s), b.s
	require.True(b.t, message.Permits(old.Status, e.Event.EventType()), "%s in %q", e.Event.EventType(), old.Status)
	require.False(b.t, e.At.After(b.now), "an event of the future")
	require.NotContains(b.t, string(encode(b.t, e.Event)), ":null", "what the schemas call a list is one")
	next := message.Evolve(old, e.Event, e.At)
	require.Equal(b.t, before, encode(b.t, old), "Evolve changed its argument")
	require.GreaterOrEqual(b.t, rank[next.Status], rank[old.Status], "%s → %s", old.Status, next.Status)
	if old.Ended() {
		require.True(b.t, next.Ended(), "%s revived an ended message", e.Event.EventType())
		require.Equal(b.t, old.EndedAt, next.EndedAt)
	}
	require.Equal(b.t, next.Ended(), !next.EndedAt.IsZero())
	var back message.State
	require.NoError(b.t, json.Unmarshal(encode(b.t, next), &back))
	require.Equal(b.t, next, back)
	b.s = next
}

// rank orders the decided states: unknown < failed < delivered < read.
var rank = map[message.Status]int{
	message.StatusUnknown: 1, message.StatusCancelled: 2, message.StatusFailed: 2, message.StatusDelivered: 3, message.StatusRead: 4,
}

func encode(t tb, v any) []byte {
	t.Helper()
	out, err := json.Marshal(v)
	require.NoError(t, err)
	return out
}

// attempt is the id of the newest attempt.
func (b *bench) attempt() string {
	require.NotEmpty(b.t, b.s.Attempts)
	return b.s.Attempts[len(b.s.Attempts)-1].ID
}

func (b *bench) after(d time.Duration) *bench { b.now = b.now.Add(d); return b }

// fire fires the named timer at its due time.
func (b *bench) fire(name domain.TimerName) []message.Event {
	b.t.Helper()
	for _, timer := range message.Timers(b.s) {
		if timer.Name == name {
			if timer.Due.After(b.now) {
				b.now = timer.Due
			}
			return b.do(message.Fire{Timer: name, Due: timer.Due})
		}
	}
	require.FailNow(b.t, "no such timer", "%s of %v", name, message.Timers(b.s))
	return nil
}

func (b *bench) accept(ids ...string) []message.Event {
	b.t.Helper()
	return b.do(message.Answer{Attempt: b.attempt(), Outcome: message.OutcomeAccepted, CarrierIDs: ids, At: b.now})
}

func (b *bench) refuse(code string, v message.Verdict) []message.Event {
	b.t.Helper()
	return b.do(message.Answer{Attempt: b.attempt(), Outcome: message.OutcomeRefused, Code: code, Reason: "r" + code, Verdict: v, At: b.now})
}

func (b *bench) notSent(reason string) []message.Event {
	b.t.Helper()
	return b.do(message.Answer{Attempt: b.attempt(), Outcome: message.OutcomeNotSent, Reason: reason, At: b.now})
}

func (b *bench) lose() []message.Event {
	b.t.Helper()
	return b.do(message.Answer{Attempt: b.attempt(), Outcome: message.OutcomeUnknown, Reason: "timeout", At: b.now})
}

func (b *bench) reported(attempt string, id string, status message.ReportStatus) []message.Event {
	b.t.Helper()
	return b.do(message.Report{Attempt: attempt, CarrierID: id, Status: status, At: b.now, Received: b.now})
}

// types are the short names of events: "delivered", "attempt_started", …
func types(events []message.Event) []string {
	out := []string{}
	for _, e := range events {
		name := e.EventType()[len("goniec.message."):]
		out = append(out, name[:len(name)-len(".v1")])
	}
	return out
}

// find returns the last event of type E.
func find[E message.Event](t tb, events []message.Event) E {
	t.Helper()
	for _, e := range slices.Backward(events) {
		if e, ok := e.(E); ok {
			return e
		}
	}
	var none E
	require.FailNow(t, "no such event", "%T in %v", none, types(events))
	return none
}

// world is one message, its number and its recipient, two scripted carriers and
// the glue between them as the runtime has it, in virtual time.
type world struct {
	*bench
	number    recipient.NumberState
	recipient recipient.State
	sms       int // SMS attempts handed to the carrier, to number their ids
	viber     int
	replies   int
	agenda    []appointment
	revoked   map[string]bool
	carriers  map[domain.Channel]carrier
}

type appointment struct {
	at time.Time
	do func()
}

// carrier does what a simulated carrier does with a call; try counts from 1.
type carrier func(w *world, i message.SendInstruction, try int)

func newWorld(t *testing.T, viber, sms carrier) *world {
	w := &world{bench: newBench(t), revoked: map[string]bool{}}
	w.carriers = map[domain.Channel]carrier{domain.Viber: viber, domain.SMS: sms}
	w.set = func(f *message.Facts) {
		f.Allowed = w.recipient.Allowed
		f.NotOnApp = w.number.NotOnViber(w.now)
	}
	return w
}

func (w *world) in(d time.Duration, do func()) {
	w.agenda = append(w.agenda, appointment{w.now.Add(d), do})
}

// run works through commands, reports and timers until nothing is left. What
// came is decided before a timer of the same time fires.
func (w *world) run() {
	for range 10_000 {
		next, timer := w.next()
		if next < 0 && timer == nil {
			return
		}
		w.runOnce(next, timer)
	}
	require.FailNow(w.t, "the message never ends")
}

func (w *world) runOnce(next int, timer *domain.Timer) {
	if timer != nil {
		w.now = later(w.now, timer.Due)
		w.command(message.Fire{Timer: timer.Name, Due: timer.Due})
		return
	}
	a := w.agenda[next]
	w.agenda = slices.Delete(w.agenda, next, next+1)
	w.now = later(w.now, a.at)
	a.do()
}

// next is the earliest appointment, or the earliest timer if that is due before it.
func (w *world) next() (int, *domain.Timer) {
	next := -1
	for i, a := range w.agenda {
		if next < 0 || a.at.Before(w.agenda[next].at) {
			next = i
		}
	}
	var timer *domain.Timer
	for _, t := range message.Timers(w.s) {
		if (timer == nil || t.Due.Before(timer.Due)) && (next < 0 || t.Due.Before(w.agenda[next].at)) {
			timer = &t
		}
	}
	return next, timer
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// command decides c and does what follows: instructions, the recipient's and
// the number's events, and another try of the stored reports.
func (w *world) command(c message.Command) {
	for _, e := range w.do(c) {
		sends, revokes := message.Instructions(w.s, e)
		for _, r := range revokes {
			require.Equal(w.t, "m-1", r.Message)
			w.revoked[r.Attempt] = true
		}
		for _, i := range sends {
			w.dispatch(i)
		}
	}
	if a, ok := c.(message.Answer); ok {
		w.verdict(a)
		w.rematch()
	}
}

func (w *world) dispatch(i message.SendInstruction) {
	count := &w.viber
	if i.Channel == domain.SMS {
		count = &w.sms
	}
	*count++
	try := *count
	w.in(20*time.Millisecond, func() {
		if w.revoked[i.Attempt] {
			w.command(message.Answer{Attempt: i.Attempt, Outcome: message.OutcomeNotSent, Reason: message.ReasonRevoked, At: w.now})
			return
		}
		w.carriers[i.Channel](w, i, try)
	})
}

func (w *world) verdict(a message.Answer) {
	if a.Verdict.NotOnApp {
		for _, e := range recipient.DecideNumber(w.number, w.now, recipient.Remember{Message: "m-1"}) {
			w.number = recipient.EvolveNumber(w.number, e.Event, e.At)
		}
	}
	if a.Verdict.OptOut {
		w.said(recipient.OptOut{Origin: recipient.OriginViberBlock})
	}
}

// said takes a recipient's word to the recipient and then to the message.
func (w *world) said(c recipient.Command) {
	out, err := recipient.Decide(w.recipient, recipient.Facts{Now: w.now, Account: "acc", Number: "num", Message: "m-1"}, c)
	require.NoError(w.t, err)
	for _, e := range out {
		w.recipient = recipient.Evolve(w.recipient, e.Event, e.At)
		if o, ok := e.Event.(recipient.OptOutRecorded); ok {
			if c, ok := message.OptOutOf(w.s, o); ok {
				w.command(c)
			}
		}
		if _, ok := e.Event.(recipient.ReplyReceived); ok {
			w.replies++
		}
	}
}

// carrierReport is a report as the carrier sends it: with its own id and time in seconds.
func (w *world) carrierReport(r recipient.StoredReport) {
	r.At, r.Received = r.At.Truncate(time.Second), w.now
	r.ID = fmt.Sprintf("%s/%s/%d", r.CarrierID, r.Status, w.now.UnixMicro())
	m := message.MatchReport(r, []message.State{w.s})
	if m.Kind == message.Matched || m.Kind == message.Inferred {
		w.command(m.Report(r))
		return
	}
	for _, e := range recipient.DecideNumber(w.number, w.now, recipient.Store{Report: r, Pending: m.Kind == message.Pending, Why: m.Why}) {
		w.number = recipient.EvolveNumber(w.number, e.Event, e.At)
	}
}

func (w *world) rematch() {
	for _, r := range w.number.Reports {
		m := message.MatchReport(r, []message.State{w.s})
		if m.Kind != message.Matched && m.Kind != message.Inferred {
			continue
		}
		c := recipient.Matched{ID: r.ID, Message: m.Message, Attempt: m.Attempt, Inferred: m.Kind == message.Inferred}
		for _, e := range recipient.DecideNumber(w.number, w.now, c) {
			w.number = recipient.EvolveNumber(w.number, e.Event, e.At)
		}
		w.command(m.Report(r))
	}
}

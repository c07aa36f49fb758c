package message

import (
	"slices"
	"time"

	"goniec/domain"
)

// Stamped is an event of this package with the time it happened, its ce_time.
type Stamped = domain.Stamped[Event]

// Decide answers c with the events that follow from it, in order; Evolve them
// over s one by one to get the state after each (Decide has done the same).
//
// The error is nil or a *domain.Error that refuses a synchronous command and
// comes without events: CodeNotFound for a Cancel of a message that does not
// exist, CodeAlreadyEnded for one whose outcome is decided, and what Resolve is
// refused with. A Request that the
// rules refuse is an event, Refused.
//
// Decide is idempotent where a repeat can happen: a Request of an existing
// message, a second Cancel, a stale Fire, an Answer or Report that says nothing
// new give no events. Events carry the time they happened: f.Now, except
// AttemptAccepted (the answer's), Delivered, Read, Undelivered (the carrier's,
// clamped to [attempt started, received]) and Charged (what dates it, F1).
// It is a pure function: it keeps nothing and changes nothing that s refers to.
func Decide(s State, f Facts, c Command) ([]Stamped, error) {
	f.Now = instant(f.Now)
	d := &decision{s: s, f: f}
	switch c := c.(type) {
	case Request:
		d.request(c)
	case Cancel:
		if err := d.cancel(c); err != nil {
			return nil, err
		}
	case Resolve:
		if err := d.settleOutcome(c); err != nil {
			return nil, err
		}
	case Answer:
		d.answer(c)
	case Report:
		d.report(c)
	case OptOut:
		d.optOut(c)
	case Erase:
		d.erase()
	case Fire:
		d.fire(c)
	}
	return d.out, nil
}

// Apply evolves s over a decision's events.
func Apply(s State, events []Stamped) State {
	for _, e := range events {
		s = Evolve(s, e.Event, e.At)
	}
	return s
}

// decision collects the events of one command; s is the state after them.
type decision struct {
	s   State
	f   Facts
	out []Stamped
	ids int
}

func (d *decision) emit(e Event) { d.emitAt(e, d.f.Now) }

func (d *decision) emitAt(e Event, at time.Time) {
	d.out = append(d.out, Stamped{Event: e, At: at})
	d.s = Evolve(d.s, e, at)
}

func (d *decision) newID() string {
	d.ids++
	return d.f.NewID(d.ids - 1)
}

// instant is t as the journal keeps it.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// clamp returns t, but not before lo and not after hi; lo wins.
func clamp(t, lo, hi time.Time) time.Time {
	t = instant(t)
	if t.After(hi) {
		t = hi
	}
	if t.Before(lo) {
		t = lo
	}
	return t
}

// cancel: nothing new goes out any more.
func (d *decision) cancel(c Cancel) error {
	switch {
	case d.s.Status == none:
		return domain.Refuse(CodeNotFound, "no such message")
	case d.s.over():
		return domain.Refuse(CodeAlreadyEnded, "the message has ended: %s", d.s.Status)
	case d.s.CancelAsked:
		return nil
	}
	d.emit(CancelRequested{By: c.By, Revokes: d.s.flying()})
	d.settle()
	return nil
}

// optOut closes channels to a message whose outcome is open.
func (d *decision) optOut(c OptOut) {
	if d.s.Status != none && d.close(c.Channels, c.Origin) {
		d.settle()
	}
}

// erase ends a message of which nothing is at a carrier. One that a carrier has, or may
// have, waits for its word; whatever is tried after that finds no content.
func (d *decision) erase() {
	if d.s.Status == none || d.s.over() || len(d.s.flying()) > 0 || d.s.has(d.s.Channel(), AttemptTaken, AttemptLost) {
		return
	}
	d.conclude(ReasonErased, "")
}

// close records the channels of the plan that are closed newly, if any, to a
// message whose outcome is open.
func (d *decision) close(channels []domain.Channel, origin string) bool {
	var fresh []domain.Channel
	if d.s.over() {
		return false
	}
	for _, ch := range d.s.Plan() {
		if slices.Contains(channels, ch) && !d.s.closed(ch) {
			fresh = append(fresh, ch)
		}
	}
	if fresh == nil {
		return false
	}
	revokes := d.s.with(func(a Attempt) bool { return a.Status == AttemptInFlight && slices.Contains(fresh, a.Channel) })
	d.emit(OptedOut{Channels: fresh, Origin: origin, Revokes: revokes})
	return true
}

// look closes what the recipient's opt-outs close and this message has not been
// told yet, so that nothing goes out on a channel that is closed by now (E2).
func (d *decision) look() {
	var shut []domain.Channel
	for _, ch := range d.s.Plan() {
		if !d.f.allowed(ch, d.s.Accepted.Category) {
			shut = append(shut, ch)
		}
	}
	d.close(shut, OriginRecorded)
}

func (f Facts) allowed(ch domain.Channel, category domain.Category) bool {
	return f.Allowed == nil || f.Allowed(ch, category)
}

// fire acts on a timer that is due; a stale one changes nothing.
func (d *decision) fire(c Fire) {
	if !isDue(d.s, c, d.f.Now) {
		return
	}
	if c.Timer == TimerNoReport {
		d.overdue()
		return
	}
	d.look()
	switch c.Timer {
	case TimerRelease:
		d.release()
	case TimerRetry:
		d.again()
	case TimerDeadline:
		d.expire()
	case TimerResume:
		d.resume()
	case TimerNoReport:
	}
}

// release starts the validity period of a message that waited.
func (d *decision) release() {
	if len(d.s.Closed) >= len(d.s.Plan()) {
		d.conclude(ReasonOptedOut, "")
		return
	}
	d.emit(Released{Deadline: d.f.Now.Add(time.Duration(d.s.Accepted.ValidityMS) * time.Millisecond)})
	d.attempt()
}

// again is a retry (D3a); too late for one, the step ends. Where none follows, an answer
// still awaited on an earlier channel is given up with it: nothing else would end the retry.
func (d *decision) again() {
	switch ch := d.s.Channel(); {
	case d.s.closed(ch):
		d.settle()
	case !d.f.Now.Before(d.s.until(ch)):
		if _, next := d.s.next(); !next && !d.s.RetryAt.IsZero() {
			d.abandon(func(Attempt) bool { return true })
		}
		d.expire()
	default:
		d.attempt()
	}
}

// overdue gives up waiting for a dispatcher's answer or for the SMS's report.
func (d *decision) overdue() {
	if d.abandon(func(a Attempt) bool { return !d.f.Now.Before(answerDue(d.s, a)) }) {
		d.settle()
		return
	}
	d.emit(Unknown{Reason: ReasonNoReport})
}

// abandon ends the wait for the answers to attempts in flight. It says whether there was one.
func (d *decision) abandon(which func(Attempt) bool) (gaveUp bool) {
	for _, a := range d.s.Attempts {
		if a.Status == AttemptInFlight && which(a) {
			d.emit(AttemptUnknown{Attempt: a.ID, Reason: ReasonNoAnswer})
			gaveUp = true
		}
	}
	return gaveUp
}

package message

import (
	"time"

	"goniec/domain"
)

// settle decides what follows for a message of which nothing is under way any
// more: no attempt in flight and no retry set. It reads the state alone, so it
// may run after every fact.
func (d *decision) settle() {
	if d.s.over() || len(d.s.flying()) > 0 || !d.s.RetryAt.IsZero() {
		return
	}
	ch := d.s.Channel()
	switch {
	case !d.s.Release.IsZero() && !d.s.CancelAsked && len(d.s.Closed) < len(d.s.Plan()):
	case d.s.Hold != "":
		// The end of the pause decides, or the deadline.
	case d.s.has(ch, AttemptTaken):
		// Its report or its timer decides.
	case policies[ch].validity && d.s.has(ch, AttemptLost):
		// Nobody knows whether it arrived: that is asked at the deadline (D3b).
	case d.s.CancelAsked || !policies[ch].validity:
		d.conclude(orElse(d.s.Why, ReasonExpired), d.s.WhyCode)
	case d.s.closed(ch):
		d.stepOver(move{why: ReasonOptedOut, rule: "E2"})
	}
}

// move is a step to the next channel with its reasons. Without always it waits
// for the deadline where the account does not want the fallback at once (D4).
type move struct {
	why, rule, code string
	always          bool
}

// stepOver leaves the current channel for good: to the next one, or, where
// there is none, the message is over.
func (d *decision) stepOver(m move) {
	d.look()
	if d.s.over() || !policies[d.s.Channel()].validity {
		return
	}
	_, next := d.s.next()
	switch {
	case !next:
		d.conclude(m.why, m.code)
	case m.always || d.s.Accepted.FallbackAtOnce || d.s.closed(d.s.Channel()):
		d.fallBack(m)
	}
}

// expire is what the deadline of the current step leads to (D3, D3b).
func (d *decision) expire() {
	if _, next := d.s.next(); next {
		d.fallBack(move{why: ReasonDeadline, rule: "D3", code: d.s.WhyCode})
		return
	}
	if len(d.s.flying()) == 0 { // else its answer is awaited: the timer is set again when it has come
		d.conclude(ReasonExpired, d.s.WhyCode)
	}
}

// fallBack is the one step to the next channel. The caller has asked next.
func (d *decision) fallBack(m move) {
	step, _ := d.s.next()
	d.emit(FellBack{
		From: d.s.Channel(), To: d.s.Plan()[step], Reason: m.why, Rule: m.rule, Code: m.code,
		Deadline: d.f.Now.Add(d.s.smsValidity()), Revokes: d.s.flying(), Facts: d.used(),
	})
	d.attempt()
}

// conclude ends a message that was delivered nowhere and of which nothing is
// under way. Failed says that this is certain, so an unknown outcome comes first.
func (d *decision) conclude(why, code string) {
	last := d.s.Plan()[len(d.s.Plan())-1]
	switch {
	case d.s.lost():
		d.emit(Unknown{Reason: ReasonOutcomeUnknown})
	case policies[last].onSubmission && d.s.has(last, AttemptDied):
		d.emit(Failed{Reason: why, Code: code}) // it went out and was charged: neither cancelled nor opted out
	case d.s.CancelAsked:
		d.emit(Cancelled{})
	case d.s.closed(last) || len(d.s.Closed) == len(d.s.Plan()):
		d.emit(Failed{Reason: ReasonOptedOut})
	default:
		d.emit(Failed{Reason: why, Code: code})
	}
}

// raise turns unknown into failed when the last open question was answered with no.
func (d *decision) raise() {
	if d.s.Status != StatusUnknown || d.s.lost() || len(d.s.flying()) > 0 {
		return
	}
	for _, a := range d.s.Attempts {
		if policies[a.Channel].awaitsReport && a.Status == AttemptTaken {
			return
		}
	}
	d.emit(Failed{Reason: orElse(d.s.Why, ReasonExpired), Code: d.s.WhyCode})
}

// attempt starts an attempt on the current channel, unless something has come
// between that closes it: then the next step is taken at once.
func (d *decision) attempt() {
	ch := d.s.Channel()
	_, next := d.s.next()
	switch p := policies[ch]; {
	case d.s.closed(ch):
		d.stepOver(move{why: ReasonOptedOut, rule: "E2", always: true})
	case p.needsSender && !d.senderActive():
		d.stepOver(d.senderGone())
	case p.remembered && d.f.NotOnApp && next:
		d.stepOver(move{why: ReasonNotOnViber, rule: "E6", always: true})
	case d.f.Pauses.Of(ch) != "":
		d.hold(ch)
	default:
		d.emit(d.start(ch))
	}
}

// hold makes the current step wait for the switch that is on.
func (d *decision) hold(ch domain.Channel) {
	sw := d.f.Pauses.Of(ch)
	if d.s.Hold != sw || !d.s.RetryAt.IsZero() {
		d.emit(Paused{Channel: ch, Switch: sw, Facts: d.used()})
	}
}

// resume goes on after a pause, unless another switch is on.
func (d *decision) resume() {
	ch := d.s.Channel()
	switch {
	case d.s.Hold == "": // an opt-out found now has closed the channel
		d.settle()
	case d.f.Pauses.Of(ch) != "":
		d.hold(ch)
	default:
		d.emit(Resumed{Channel: ch, Until: d.resumedUntil(ch), Facts: d.used()})
		d.again()
	}
}

// resumedUntil is the end of a step that was paused: an SMS that was never handed
// to a carrier has not begun, and has its whole time from now.
func (d *decision) resumedUntil(ch domain.Channel) time.Time {
	if policies[ch].validity || d.s.has(ch, AttemptRejected, AttemptLost) {
		return d.s.until(ch)
	}
	return d.f.Now.Add(d.s.smsValidity())
}

func (d *decision) senderActive() bool {
	return d.f.Sender.Known && d.f.Sender.InCountry && d.f.Sender.Active
}

func (d *decision) start(ch domain.Channel) AttemptStarted {
	until := d.s.until(ch)
	left := int((until.Sub(d.f.Now) + time.Second - 1) / time.Second)
	ev := AttemptStarted{
		Attempt: d.newID(), Number: d.s.Count + 1, Channel: ch, NotAfter: until,
		TTLSec: max(left, policies[ch].minTTL), Facts: d.used(),
	}
	if ch == domain.Viber {
		ev.Route, ev.ServiceID = d.f.Account.ViberRoute, orElse(d.f.Sender.ServiceID, d.s.Accepted.ServiceID)
	} else {
		ev.Route, ev.From = d.f.Account.SMSRoute, d.s.Accepted.SMSFrom
	}
	return ev
}

// senderGone is why an accepted message cannot use its sender any more: the
// fallback goes at once (D12, B13).
func (d *decision) senderGone() move {
	if d.f.Sender.Suspended {
		return move{why: ReasonSenderSuspended, rule: "B13", always: true}
	}
	return move{why: ReasonSenderDisabled, rule: "D12", always: true}
}

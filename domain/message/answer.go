package message

import (
	"time"

	"goniec/domain"
	"goniec/domain/recipient"
)

// backoff are the delays of D3a; the last one goes on.
var backoff = []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute}

// Backoff is how long after the try, the first being 1, the next one comes, but for
// the jitter of Facts.Jitter (D3a).
func Backoff(try int) time.Duration { return backoff[min(max(try, 1), len(backoff))-1] }

// answer takes a dispatcher's word on an attempt. What is known for certain
// wins over "unknown"; the same word twice, or a weaker one, changes nothing.
func (d *decision) answer(c Answer) {
	a, ok := d.s.Attempt(c.Attempt)
	if !ok {
		return
	}
	switch open := a.Status == AttemptInFlight || a.Status == AttemptLost; {
	case c.Outcome == OutcomeAccepted && a.Status != AttemptTaken && a.Status != AttemptArrived && a.Status != AttemptDied:
		d.accepted(a, c)
	case c.Outcome == OutcomeRefused && open:
		d.refused(a, c)
	case c.Outcome == OutcomeNotSent && open:
		d.notSent(a, c)
	case c.Outcome == OutcomeUnknown && a.Status == AttemptInFlight:
		d.emit(AttemptUnknown{Attempt: a.ID, Code: c.Code, Reason: orElse(c.Reason, ReasonTimeout)})
		d.settle()
	}
}

// accepted: the carrier took it. Said of an attempt already given another
// outcome, it resolves that one.
func (d *decision) accepted(a Attempt, c Answer) {
	at := clamp(orElse(c.At, d.f.Now), a.Started, d.f.Now)
	parts := partsOf(c)
	if a.Status == AttemptInFlight {
		d.emitAt(AttemptAccepted{Attempt: a.ID, CarrierIDs: named(c.CarrierIDs), Parts: parts, At: at}, at)
	} else {
		d.emit(AttemptResolved{Attempt: a.ID, CarrierIDs: named(c.CarrierIDs), Parts: parts})
	}
	d.chargeSubmission(a, parts, at)
	d.settle()
}

func partsOf(c Answer) int {
	if c.Parts > 0 {
		return c.Parts
	}
	return max(1, len(c.CarrierIDs))
}

// refused: certainly not taken. The verdict says what follows (D16).
func (d *decision) refused(a Attempt, c Answer) {
	ev := AttemptRefused{Attempt: a.ID, Code: c.Code, Reason: c.Reason, Permanent: !c.Verdict.Retry}
	if c.Verdict.Retry {
		ev.RetryAt = d.retryAt(a)
	}
	if c.Verdict.BadSender {
		ev.AgainstSender = &AgainstSender{SenderID: d.f.Sender.ID, Recipient: d.s.Accepted.Recipient}
	}
	d.emit(ev)
	if c.Verdict.OptOut && a.Channel == domain.Viber {
		d.close(recipient.Closed(recipient.Scopes(recipient.OriginViberBlock, nil), d.s.Accepted.Category), recipient.OriginViberBlock)
	}
	d.refusalFollows(a, c)
	d.settle()
	d.raise()
}

// refusalFollows leaves a channel whose carrier will never deliver.
func (d *decision) refusalFollows(a Attempt, c Answer) {
	if !d.current(a) || c.Verdict.Retry || d.s.CancelAsked {
		return
	}
	switch {
	case c.Verdict.Final:
		d.conclude(orElse(c.Reason, ReasonInvalidNumber), c.Code)
	case c.Verdict.OptOut:
		d.stepOver(move{why: ReasonOptedOut, rule: "E2", code: c.Code, always: true})
	default:
		d.stepOver(move{why: orElse(c.Reason, ReasonRejected), rule: "D4", code: c.Code})
	}
}

// notSent: no call was made.
func (d *decision) notSent(a Attempt, c Answer) {
	ev := AttemptNotSent{Attempt: a.ID, Reason: c.Reason}
	waits := policies[a.Channel].validity
	switch {
	case c.Reason == ReasonThrottled || c.Reason == ReasonRouteDown && !waits:
		ev.RetryAt = d.retryAt(a)
	case c.Reason == ReasonPaused && d.f.Pauses.Of(a.Channel) == "": // resumed meanwhile, or not known here yet
		ev.RetryAt = d.retryIn(a, pausedRetry)
	}
	d.emit(ev)
	if d.current(a) && !d.s.CancelAsked {
		switch c.Reason {
		case ReasonThrottled, ReasonTooLate, ReasonRevoked:
		case ReasonPaused:
			d.pauseAfter(a)
		case ReasonRouteDown:
			d.stepOver(move{why: ReasonRouteDown, rule: "B13", code: c.Code, always: true})
		case ReasonErased:
			d.conclude(ReasonErased, c.Code)
		default:
			d.stepOver(move{why: orElse(c.Reason, ReasonRejected), rule: "D4", code: c.Code})
		}
	}
	d.settle()
	d.raise()
}

// pausedRetry is when an attempt is made again that a dispatcher held for a pause
// that is over here.
const pausedRetry = time.Second

// pauseAfter makes the step wait whose attempt was held by a pause, if it has time left.
func (d *decision) pauseAfter(a Attempt) {
	if d.s.RetryAt.IsZero() && !d.s.closed(a.Channel) && d.f.Now.Before(d.s.until(a.Channel)) {
		d.attempt()
	}
}

// current says whether a belongs to the step that is still being decided.
func (d *decision) current(a Attempt) bool { return !d.s.over() && a.Channel == d.s.Channel() }

// retryAt is when an attempt is tried again (D3a): nil when it is not, because
// the message is decided, cancelled, gone on, closed, or the step's end comes first.
func (d *decision) retryAt(a Attempt) *time.Time {
	jitter := 0.0
	if d.f.Jitter != nil {
		jitter = min(max(d.f.Jitter(a.Try), -0.2), 0.2)
	}
	delay := Backoff(a.Try)
	return d.retryIn(a, delay+time.Duration(jitter*float64(delay)))
}

// retryIn is retryAt with a delay of its own.
func (d *decision) retryIn(a Attempt, delay time.Duration) *time.Time {
	if d.s.over() || d.s.CancelAsked || d.s.closed(a.Channel) || a.Channel != d.s.Channel() {
		return nil
	}
	at := instant(d.f.Now.Add(delay))
	if !at.Before(d.s.until(a.Channel)) {
		return nil
	}
	return &at
}

// named is a carrier's ids as the journal writes them: a list, if an empty one.
func named(ids []string) []string {
	if ids == nil {
		return []string{}
	}
	return ids
}

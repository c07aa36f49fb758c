package smpp

import (
	"context"
	"errors"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"

	"goniec/domain/message"
)

// partAnswer is what became of one part.
type partAnswer struct {
	outcome message.Outcome
	id      string
	code    string
	reason  string
	verdict message.Verdict
}

// Submit sends one message and says what became of it; it never fails in
// another way. It lasts CallTimeout at most, or until ctx is over, and may be
// called from any number of goroutines. The parts of a long message go one
// after another, so that after a refusal no further part is charged. A part
// after the first that is refused for the moment is tried again while there is
// time; what is refused as a whole is left to the caller (rules.md D3a).
func (c *Client) Submit(ctx context.Context, m Message) Result {
	parts, refused := m.parts(byte(c.ref.Add(1)), c.cfg.MaxParts) // 8-bit reference by choice
	if refused != nil {
		return c.result(m, 1, nil, partAnswer{outcome: message.OutcomeRefused, code: refused.reason, reason: refused.reason, verdict: refused.verdict})
	}
	if !c.submits.enter() {
		return c.result(m, len(parts), nil, notSent(ReasonRouteDown))
	}
	defer c.submits.leave()
	ctx, cancel := context.WithTimeout(ctx, c.cfg.CallTimeout)
	defer cancel()
	return c.submitAll(ctx, m, parts)
}

func (c *Client) submitAll(ctx context.Context, m Message, parts []*pdu.SubmitSM) Result {
	ids := make([]string, 0, len(parts))
	for _, part := range parts {
		late := func(f frame) { c.late(m, len(parts), ids, f) }
		a := c.submitPart(ctx, part, late)
		for len(ids) > 0 && a.mayRepeat() && c.breathe(ctx) {
			if next := c.submitPart(ctx, part, late); next.outcome != message.OutcomeNotSent { // else the carrier's word stands
				a = next
			}
		}
		if a.outcome != message.OutcomeAccepted {
			return c.result(m, len(parts), ids, a)
		}
		ids = append(ids, a.id)
	}
	return c.result(m, len(parts), ids, partAnswer{outcome: message.OutcomeAccepted})
}

// mayRepeat: certainly not taken, and perhaps taken a little later.
func (a partAnswer) mayRepeat() bool {
	return a.verdict.Retry && (a.outcome == message.OutcomeRefused || a.outcome == message.OutcomeNotSent)
}

// breathe waits a little before a part is tried again; false when too little
// time is left for an answer.
func (c *Client) breathe(ctx context.Context) bool {
	deadline, _ := ctx.Deadline()
	if time.Until(deadline) < c.cfg.CallTimeout/5 {
		return false
	}
	timer := time.NewTimer(c.cfg.CallTimeout / 25)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// submitPart: bind, pace, window, write, answer.
func (c *Client) submitPart(ctx context.Context, part *pdu.SubmitSM, late func(frame)) partAnswer {
	l := c.link()
	if l == nil {
		return notSent(ReasonRouteDown)
	}
	if !c.admit(ctx, l) {
		return notSent(ReasonThrottled)
	}
	defer func() { <-c.window }()
	call, err := l.begin(part)
	if err != nil {
		return notSent(ReasonRouteDown)
	}
	c.counters.submitted.Add(1)
	f, err := l.await(ctx, call, late)
	switch {
	case errors.Is(err, errCut):
		return unknown(ReasonCut)
	case err != nil:
		return unknown(ReasonTimeout)
	}
	return c.judge(f)
}

// admit waits for a token of the pace and a place in the window, for
// QueueTimeout at most, so that the rest of the time is the carrier's.
func (c *Client) admit(ctx context.Context, l *link) bool {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.QueueTimeout)
	defer cancel()
	if c.pace.wait(ctx) != nil {
		return false
	}
	select {
	case c.window <- struct{}{}:
		return true
	case <-ctx.Done():
	case <-l.ended:
	}
	return false
}

// judge reads the carrier's answer and lets the pace learn from it.
func (c *Client) judge(f frame) partAnswer {
	a := partAnswerOf(f)
	switch {
	case a.outcome == message.OutcomeAccepted:
		c.counters.accepted.Add(1)
		c.pace.accepted(time.Now())
	case f.status.slow():
		c.counters.throttled.Add(1)
		c.pace.throttled(time.Now())
	}
	return a
}

// partAnswerOf judges a submit_sm_resp or a generic_nack. A status is an answer
// even without a body; an "OK" counts only with a body that can be read.
func partAnswerOf(f frame) partAnswer {
	if f.id != data.SUBMIT_SM_RESP && f.id != data.GENERIC_NACK {
		return unknown(ReasonUnreadable)
	}
	if f.status != StatusOK {
		verdict, reason := verdictOf(f.status)
		return partAnswer{outcome: message.OutcomeRefused, code: f.status.Code(), reason: reason, verdict: verdict}
	}
	body := octets{b: f.body}
	id := body.cstring()
	if f.id == data.GENERIC_NACK || body.err != nil || len(id) > maxID {
		return unknown(ReasonUnreadable)
	}
	return partAnswer{outcome: message.OutcomeAccepted, id: id}
}

// notSent: no octet of it was sent, or not all; later it may be.
func notSent(reason string) partAnswer {
	return partAnswer{outcome: message.OutcomeNotSent, reason: reason, verdict: temporary}
}

func unknown(reason string) partAnswer {
	return partAnswer{outcome: message.OutcomeUnknown, code: reason, reason: reason}
}

// result makes the answer of a message out of its accepted ids and its last part's answer.
func (c *Client) result(m Message, total int, ids []string, last partAnswer) Result {
	r := Result{Total: total, Answer: message.Answer{
		Attempt: m.AttemptID, Outcome: last.outcome, Parts: len(ids),
		Code: last.code, Reason: last.reason, Verdict: last.verdict, At: c.cfg.Clock.Now(),
	}}
	for _, id := range ids {
		if id != "" { // a carrier that names none can only be matched by inference
			r.CarrierIDs = append(r.CarrierIDs, id)
		}
	}
	if r.Partial() {
		r.Outcome, r.Verdict = message.OutcomeAccepted, message.Verdict{Alarm: true}
	}
	return r
}

// late makes a Result of an answer that nobody waited for any more.
func (c *Client) late(m Message, total int, ids []string, f frame) {
	c.counters.late.Add(1)
	a := c.judge(f)
	if c.cfg.OnLate == nil || a.outcome == message.OutcomeUnknown {
		return
	}
	if a.outcome == message.OutcomeAccepted {
		ids = append(ids[:len(ids):len(ids)], a.id)
	}
	c.cfg.OnLate(c.result(m, total, ids, a))
}

package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/eventstore/tracing"
	"goniec/internal/pause"
)

// entry is one record of an outbox lane.
type entry struct {
	offset int64
	job    *job   // of a send instruction
	revoke string // attempt of a revoke instruction
}

// errUnknownInstruction gives the partition up: a newer build wrote what this
// one must not skip.
var errUnknownInstruction = errors.New("instruction of an unknown type: a newer build must take the partition")

// parseEntry reads a record. An unreadable one comes back empty, with the
// reason: its attempt is ended by the decider's own timer.
func parseEntry(o *owner, lane int, r *eventstore.Record) (e entry, unreadable, err error) {
	e.offset = r.Offset
	kind, trace := eventstore.InstructionKind(r)
	switch kind {
	case eventstore.InstructionSend:
		j := &job{owner: o, lane: lane, offset: r.Offset, trace: trace}
		if err := json.Unmarshal(r.Value, &j.ins); err != nil || j.ins.Attempt == "" || j.ins.Message == "" {
			return e, errors.New("send instruction without message or attempt"), nil
		}
		e.job = j
	case eventstore.InstructionRevoke:
		var ins message.RevokeInstruction
		if err := json.Unmarshal(r.Value, &ins); err != nil || ins.Attempt == "" {
			return e, errors.New("revoke instruction without attempt"), nil
		}
		e.revoke = ins.Attempt
	default:
		return e, nil, fmt.Errorf("%w: %q", errUnknownInstruction, kind)
	}
	return e, nil, nil
}

// job is one claimed send instruction on its way to an answer.
type job struct {
	owner  *owner
	lane   int
	offset int64
	read   time.Time // real time: it stood in the outbox by then
	ins    message.SendInstruction
	trace  string
}

func (j *job) urgent() bool { return j.lane == urgent }

func (j *job) breaker() breakerKey { return breakerKey{j.ins.Route, j.ins.ServiceID} }

// leftQueue takes note that the job does not wait for its route any more.
func (j *job) leftQueue() {
	if !j.urgent() {
		j.owner.waiting.Add(-1)
		j.owner.poke()
	}
}

// reasonHandedBack answers a claimed job of a partition that was taken away
// before the call: certainly not sent, to be tried again after a pause.
const reasonHandedBack = message.ReasonThrottled

// refusal says why no call is made now, or "".
func (j *job) refusal() string {
	d := j.owner.d
	switch {
	case j.owner.soft.Err() != nil:
		return reasonHandedBack
	case j.owner.revoked.has(j.ins.Attempt):
		return message.ReasonRevoked
	case d.cfg.Clock.Now().After(j.ins.NotAfter):
		return message.ReasonTooLate
	case d.cfg.Paused(j.ins):
		return message.ReasonPaused
	case d.breakers.down(j.breaker()):
		return message.ReasonRouteDown
	}
	return ""
}

func (j *job) notSent(reason string) message.Answer {
	j.owner.d.cfg.Metrics.NotSent(j.ins.Route, reason)
	return j.answer(message.Answer{Outcome: message.OutcomeNotSent, Reason: reason})
}

// answer fills in what every answer has.
func (j *job) answer(a message.Answer) message.Answer {
	a.Attempt, a.At = j.ins.Attempt, j.owner.d.cfg.Clock.Now()
	return a
}

// attempt makes the call, unless something speaks against it. The checks that
// time can undo come last.
func (j *job) attempt(r *route) message.Answer {
	if reason := j.refusal(); reason != "" {
		return j.notSent(reason)
	}
	content, reason := j.content()
	if reason != "" {
		return j.notSent(reason)
	}
	o := j.owner
	if !o.lease.wait(o.soft, func() { o.d.cfg.Metrics.LeaseRefused(o.part) }) {
		return j.notSent(reasonHandedBack)
	}
	if reason := j.refusal(); reason != "" {
		return j.notSent(reason)
	}
	done, ok := o.d.breakers.allow(j.breaker())
	if !ok {
		return j.notSent(message.ReasonRouteDown)
	}
	return j.call(r, content, done)
}

func (j *job) call(r *route, c eventstore.Content, done func(fault bool)) message.Answer {
	m := j.owner.d.cfg.Metrics
	j.handed()
	span := j.span()
	defer span.End()
	began, lost := time.Now(), &j.owner.d.lost
	lost.put(j.ins.Attempt, j.destination(), began)
	res := r.carrier.Send(j.owner.hard, j.submission(c))
	if res.Outcome != message.OutcomeUnknown {
		lost.take(j.ins.Attempt)
	}
	done(res.RouteFault)
	span.Set(attribute.String("goniec.outcome", string(res.Outcome)), attribute.String("goniec.reason", res.Reason))
	m.Called(j.ins.Route, string(res.Outcome), res.Reason, time.Since(began))
	if res.Verdict.Alarm {
		m.Alarm(j.ins.Route, res.Code)
		j.owner.log.Error("carrier's answer needs a person", "route", j.ins.Route, "code", res.Code, "reason", res.Reason, "message", j.ins.Message, "attempt", j.ins.Attempt)
	}
	return j.answer(res.Answer)
}

// handed measures what it took to come to the call.
func (j *job) handed() {
	m, now := j.owner.d.cfg.Metrics, j.owner.d.cfg.Clock.Now()
	m.Handed(j.ins.Route, j.urgent(), now.Sub(j.ins.Started))
	if !j.ins.Requested.IsZero() {
		m.Reached(j.urgent(), now.Sub(j.ins.Requested))
	}
}

// span is that of the call, if the message is traced; the answer continues it.
func (j *job) span() tracing.Span {
	s := j.owner.d.cfg.Tracer.Continue(j.trace, "call "+j.ins.Route, trace.SpanKindClient, attribute.String("goniec.route", j.ins.Route),
		attribute.String("goniec.message", j.ins.Message), attribute.String("goniec.attempt", j.ins.Attempt))
	if s.On() {
		j.trace = s.Parent()
	}
	return s
}

func (j *job) submission(c eventstore.Content) Submission {
	ins := j.ins
	return Submission{
		Attempt: ins.Attempt, ServiceID: ins.ServiceID, From: ins.From, To: c.To, Label: ins.Label, TTLSec: ins.TTLSec,
		Urgent: ins.Urgent, TwoWay: j.owner.d.cfg.TwoWay(ins.Account, ins.ServiceID),
		Text: c.Text, ImageURL: c.ImageURL, ButtonText: c.ButtonText, ButtonURL: c.ButtonURL, SMSText: c.SMSText,
	}
}

const (
	contentPause   = 200 * time.Millisecond // between tries to read a content that cannot be read now
	contentTimeout = 2 * time.Second        // of one try: a job that waits holds a place of its route
)

// content opens what is to be sent; reason says why there is none to send.
func (j *job) content() (c eventstore.Content, reason string) {
	for {
		c, err := j.open()
		switch {
		case err == nil:
			return c, ""
		case errors.Is(err, errErased):
			return c, message.ReasonErased
		}
		if reason := j.refusal(); reason != "" {
			return c, reason
		}
		j.owner.log.Warn("content cannot be read now", "message", j.ins.Message, "error", err)
		_ = pause.For(j.owner.soft, contentPause)
	}
}

var errErased = errors.New("content was erased")

// open reads the content once, not older than the instruction: an attempt that began
// after an erasure does not find it in a copy that lags. A key that is not known is waited
// for: only one that is still missing when all keys have been read was destroyed.
func (j *job) open() (c eventstore.Content, err error) {
	o := j.owner
	ctx, cancel := context.WithTimeout(o.soft, contentTimeout)
	defer cancel()
	value, ok, err := o.d.cfg.Contents.Get(ctx, o.part, j.ins.Content, j.read)
	if err != nil {
		return c, err
	}
	if !ok {
		return c, errErased
	}
	c, err = o.d.cfg.Open(j.ins.Content, value)
	if errors.Is(err, eventstore.ErrKeyGone) {
		if err := o.d.cfg.KeysCaughtUp(ctx); err != nil {
			return c, err
		}
		c, err = o.d.cfg.Open(j.ins.Content, value)
	}
	if err != nil && !errors.Is(err, eventstore.ErrKeyGone) { // it will not open later either
		o.d.cfg.Metrics.Alarm(j.ins.Route, "unreadable_content")
		o.log.Error("content does not open; answered as erased", "message", j.ins.Message, "error", err)
	}
	if err != nil {
		return c, errErased
	}
	return c, nil
}

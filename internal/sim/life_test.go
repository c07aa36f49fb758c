package sim

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"goniec/adapters/dispatch"
	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

// msg is a message that somebody asked for.
type msg struct {
	id, recipient, number string
	lane                  string
	request               message.Request
	asked                 time.Time
	spoilt                bool
}

// call is a call that reached a carrier, or was about to.
type call struct {
	node    *node
	attempt string
	message string
	channel domain.Channel
	id      string // the carrier's
	taken   bool   // the carrier took it
	certain bool   // it said no, so that everybody knows
}

// due is a report on its way.
type due struct {
	at     time.Time // domain time
	report recipient.Report
	times  int
}

func (w *world) id(parts ...any) string {
	sum := sha256.Sum256([]byte(fmt.Sprintln(append([]any{w.rng.Uint64()}, parts...)...)))
	return eventstore.DerivedID(0, sum[:]).String()
}

// put writes a command into a lane, as the edge does.
func (w *world) put(topic, who, what string, c eventstore.Command, data any) {
	b, err := json.Marshal(data)
	if err != nil {
		w.fail("encode: %v", err)
		return
	}
	c.Data, c.Time = b, w.Now()
	w.note(who, "%s %s", what, c.Stream)
	w.kafka.append(c.Message(topic, 0), nil, time.Now())
}

// surroundings lets something happen that no process of ours does. It says
// whether anything did.
func (w *world) surroundings() bool {
	now := time.Now()
	w.kafka.expire(now)
	for _, x := range w.kafka.open {
		if x.state == txnPrepared && (w.healthy || w.chance(15)) {
			w.note("kafka", "a transaction of %s takes effect", x.id)
			w.kafka.end(x, true)
			return true
		}
	}
	if w.brokerAway(now) {
		return w.faults(now)
	}
	if !now.Before(w.edges) && (w.tell(now) || w.atWork(now) || w.mend() || w.unpark()) {
		return true
	}
	if w.healthy {
		return false
	}
	switch {
	case len(w.messages) < w.toAsk() && w.chance(12):
		w.ask()
	case len(w.messages) > 0 && w.chance(60):
		w.again(pickOf(w.scheduler, w.messages...))
	case len(w.shots) > 0 && w.chance(10):
		w.shots[0]()
		w.shots = w.shots[1:]
	case len(w.messages) > 0 && w.chance(70):
		w.people(pickOf(w.scheduler, w.messages...))
	case w.chance(300):
		w.garbage++
		w.note("edge", "something that is no command")
		w.kafka.append(&sarama.ProducerMessage{Topic: pickOf(w.scheduler, eventstore.InboxUrgent, eventstore.InboxBulk), Value: sarama.StringEncoder("{")}, nil, time.Now())
	case w.turned < w.plan.switches && w.chance(30):
		w.turn()
	case w.erasures < w.plan.erasures && len(w.messages) > 0 && w.chance(30):
		w.erase(pickOf(w.scheduler, w.messages...))
	case w.plan.spoils && len(w.messages) > 0 && w.chance(30):
		if m := pickOf(w.scheduler, w.messages...); !m.spoilt {
			w.spoil(m)
		}
	case w.chance(w.plan.jumpIn):
		w.leap()
	default:
		return w.faults(now)
	}
	return true
}

// tell brings reports and beats.
func (w *world) tell(now time.Time) bool {
	if w.plan.beats && !now.Before(w.nextBeat) {
		w.nextBeat = now.Add(beatEvery)
		w.put(eventstore.InboxUrgent, "edge", "beat", eventstore.Command{ID: w.id("beat"), Type: eventstore.CommandBeat, Stream: "beat", Actor: "edge"}, eventstore.Beat{Process: "edge", At: now})
		return true
	}
	for i, d := range w.reports {
		if d.at.After(w.Now()) || !w.healthy && !w.chance(3) {
			continue
		}
		d.report.Received = w.Now()
		w.put(eventstore.InboxUrgent, "edge", "report "+d.report.Status+" of "+d.report.CarrierID, eventstore.Command{
			ID: w.id(d.report.CarrierID, d.report.Status), Type: recipient.CommandReport, Stream: "number/" + d.report.Number, Actor: "carrier/" + d.report.Route,
		}, d.report)
		if d.times--; d.times <= 0 {
			w.reports = slices.Delete(w.reports, i, i+1)
		}
		return true
	}
	return false
}

// ask requests a message, often to somebody who got one before.
func (w *world) ask() {
	m := &msg{asked: w.Now(), lane: pickOf(w.scheduler, eventstore.InboxUrgent, eventstore.InboxBulk)}
	m.id, m.recipient, m.number = w.id("message"), w.id("recipient"), strings.ReplaceAll(w.id("number"), "-", "")
	if len(w.messages) > 0 && w.chance(3) {
		m.recipient, m.number = w.messages[0].recipient, w.messages[0].number
	}
	m.request = message.Request{
		Recipient: m.recipient, Number: m.number, Country: "PL", Sender: "GONIEC", Category: pickOf(w.scheduler, domain.Transactional, domain.Promotional),
		Content: domain.PlainText, Digest: "d", BodyDigest: "b", SMSParts: pickOf(w.scheduler, 1, 1, 2), SMSEncoding: "gsm7", Fallback: !w.chance(5), ValidityMS: 15_000,
	}
	if w.chance(6) {
		at := w.Now().Add(w.between(0, 10*time.Second))
		m.request.SendAt = &at
	}
	w.messages, w.check.byID[m.id] = append(w.messages, m), m
	w.again(m)
}

// again writes the request, perhaps not for the first time.
func (w *world) again(m *msg) {
	w.keep(m)
	w.put(m.lane, "edge", "request", eventstore.Command{ID: m.id, Type: message.CommandRequest, Stream: "message/" + m.id, Account: accountID, Actor: "key/1", Outcome: w.chance(4)}, m.request)
}

// people cancel, opt out, write, and unsubscribe.
func (w *world) people(m *msg) {
	number := eventstore.Command{Stream: "number/" + m.number, Actor: "carrier/viber"}
	switch w.rng.IntN(8) {
	case 0, 1, 2:
		w.put(eventstore.InboxUrgent, "edge", "cancel", eventstore.Command{ID: w.id("cancel"), Type: message.CommandCancel, Stream: "message/" + m.id, Account: accountID, Actor: "key/1"}, message.Cancel{})
	case 3:
		number.ID, number.Type = w.id("reply"), recipient.CommandReply
		w.put(eventstore.InboxUrgent, "edge", "reply of", number, recipient.Reply{
			ID: number.ID, Number: m.number, Route: viberRoute, Channel: domain.Viber, ServiceID: serviceID, Digest: "d", Length: 4, Keyword: pickOf(w.scheduler, "", recipient.KeywordStop), At: w.Now(),
		})
	case 4:
		number.ID, number.Type = w.id("unsubscribe"), recipient.CommandSubscription
		w.put(eventstore.InboxUrgent, "edge", "unsubscribe of", number, recipient.Subscription{Number: m.number, Route: viberRoute, ServiceID: serviceID, At: w.Now()})
	default:
		w.optOut(m)
	}
}

func (w *world) optOut(m *msg) {
	w.put(eventstore.InboxUrgent, "edge", "opt-out", eventstore.Command{ID: w.id("opt-out"), Type: recipient.CommandOptOut, Stream: "recipient/" + m.recipient, Account: accountID, Actor: "key/1"}, recipient.OptOut{
		Number: m.number, Origin: recipient.OriginAPI, At: w.Now(),
		Scopes: []recipient.Scope{{Channel: pickOf(w.scheduler, domain.Viber, domain.SMS), Category: pickOf(w.scheduler, domain.Transactional, domain.Promotional)}},
	})
}

// leap moves domain time: some seconds, to just before or after something is
// due, or back.
func (w *world) leap() {
	next := w.soon()
	if next.IsZero() {
		next = w.check.nextTimer()
	}
	if !next.IsZero() && w.chance(3) {
		if d := next.Sub(w.Now()) + pickOf(w.scheduler, -time.Millisecond, 0, time.Millisecond); d > 0 && d < time.Minute {
			w.jump(d)
			return
		}
	}
	if w.chance(8) {
		w.jump(-w.between(time.Millisecond, 3*time.Second))
		return
	}
	w.jump(w.between(100*time.Millisecond, 5*time.Second))
}

// faults lets one of the bad things happen that the plan allows.
func (w *world) faults(now time.Time) bool {
	if w.healthy || w.faultsHad >= w.plan.faults || !w.chance(w.plan.faultIn) {
		return false
	}
	w.faultsHad++
	r := pickOf(w.scheduler, w.roles...)
	n := pickOf(w.scheduler, r.slots...).node
	if r.owner != nil && !r.owner.dead.Load() && w.chance(2) {
		n = r.owner
	}
	switch f := w.rng.IntN(9); {
	case f == 0:
		w.brokers = now.Add(w.between(time.Millisecond, 2*session))
		w.note("kafka", "is away until %s", w.brokers.Sub(w.began))
	case f == 1:
		w.edges = now.Add(w.between(time.Millisecond, 2*session))
		w.note("edge", "is away until %s", w.edges.Sub(w.began))
	case n == nil:
	case f <= 4:
		w.note(n.name, "crashes")
		w.crash(n)
	case f == 5:
		n.frozen = now.Add(w.between(time.Millisecond, 3*session))
		w.note(n.name, "freezes until %s", n.frozen.Sub(w.began))
	case f <= 7:
		n.cut = now.Add(w.between(time.Millisecond, 3*session))
		w.note(n.name, "is cut off from Kafka and Postgres until %s", n.cut.Sub(w.began))
	default:
		w.rebalance(r)
	}
	return true
}

// rebalance takes the partition from its owner, who has time to let go.
func (w *world) rebalance(r *role) {
	n := r.owner
	if n == nil || n.revoke == nil || n.away(time.Now()) {
		return
	}
	w.note(r.name, "the partition is taken from %s", n.name)
	if n.slot.disk != nil && w.chance(2) {
		n.slot.older = n.slot.disk.CrashClone(cloneAll(w.diskRNG()))
	}
	r.group.generation++
	n.revoke()
	n.revoke = nil
}

// carrier is a carrier as one process calls it.
type carrier struct {
	w  *world
	n  *node
	ch domain.Channel
}

func (c *carrier) Send(ctx context.Context, s dispatch.Submission) dispatch.Result {
	var res dispatch.Result
	o := &op{node: c.n, needs: needsCarrier, name: fmt.Sprintf("call %s %s", c.ch, s.Attempt), limit: callTimeout, slow: 2 * callTimeout}
	o.asked = func() { c.w.check.calling(c.n, s.Attempt, c.ch) }
	o.apply = func() error {
		res = c.w.serve(c.n, s.Attempt, c.ch)
		return nil
	}
	if err := c.w.call(ctx, o); err != nil {
		return dispatch.Result{Answer: message.Answer{Outcome: message.OutcomeUnknown, Reason: message.ReasonTimeout}}
	}
	return res
}

// serve is what a carrier does with a call.
func (w *world) serve(n *node, attempt string, ch domain.Channel) dispatch.Result {
	c := &call{node: n, attempt: attempt, message: w.check.messageOf(attempt), channel: ch, id: fmt.Sprintf("c%d", len(w.calls)+1)}
	w.calls = append(w.calls, c)
	w.check.served(c)
	say := func(a message.Answer) dispatch.Result { return dispatch.Result{Answer: a} }
	switch r := w.rng.IntN(18); {
	case r == 16:
		c.certain = true
		return say(message.Answer{Outcome: message.OutcomeRefused, Code: "9", Reason: "not_on_viber", Verdict: message.Verdict{AtOnce: true, NotOnApp: ch == domain.Viber}})
	case r == 17:
		c.certain = true
		return say(message.Answer{Outcome: message.OutcomeRefused, Code: "27", Reason: "invalid_number", Verdict: message.Verdict{Final: true}})
	case r < 9:
		c.taken = true
		ids := w.partsOf(c)
		for _, id := range ids {
			w.willReport(c, id)
		}
		return say(message.Answer{Outcome: message.OutcomeAccepted, CarrierIDs: ids, Parts: len(ids)})
	case r < 11:
		c.certain = true
		return say(message.Answer{Outcome: message.OutcomeRefused, Code: "1", Reason: "internal", Verdict: message.Verdict{Retry: true}})
	case r == 11:
		c.certain = true
		return say(message.Answer{Outcome: message.OutcomeRefused, Code: "6", Reason: "bad", Verdict: message.Verdict{AtOnce: true}})
	case r == 12:
		c.certain = true
		return say(message.Answer{Outcome: message.OutcomeRefused, Code: "8", Reason: "blocked", Verdict: message.Verdict{OptOut: ch == domain.Viber}})
	case r == 13:
		return say(message.Answer{Outcome: message.OutcomeUnknown, Reason: message.ReasonTimeout}) // and in truth nothing
	default:
		c.taken = true
		w.willReport(c, c.id)
		if late := n.late; w.chance(2) {
			w.shots = append(w.shots, func() { late(attempt, c.id) })
		}
		return say(message.Answer{Outcome: message.OutcomeUnknown, Reason: message.ReasonTimeout}) // and in truth taken
	}
}

func lateAnswer(attempt, id string) message.Answer {
	return message.Answer{Attempt: attempt, Outcome: message.OutcomeAccepted, CarrierIDs: []string{id}, Parts: 1}
}

// partsOf are the carrier's ids of what it took, one a part; now and then it
// takes a long text not whole.
func (w *world) partsOf(c *call) []string {
	m := w.check.byID[c.message]
	if m == nil || c.channel != domain.SMS || m.request.SMSParts == 1 || w.chance(6) {
		return []string{c.id}
	}
	return []string{c.id, c.id + "b"}
}

// willReport chooses what the carrier says later of what it took.
func (w *world) willReport(c *call, id string) {
	m := w.check.byID[c.message]
	if m == nil {
		return
	}
	later := func(status message.ReportStatus, lo, hi time.Duration) {
		at := w.Now().Add(w.between(lo, hi))
		r := recipient.Report{Number: m.number, Route: viberRoute, Channel: c.channel, CarrierID: id, Status: string(status), At: at}
		if c.channel == domain.SMS {
			r.Route = smsRoute
		} else {
			r.ServiceID = serviceID
		}
		w.reports = append(w.reports, &due{at: at, report: r, times: pickOf(w.scheduler, 1, 1, 2)})
	}
	switch w.rng.IntN(6) {
	case 0:
	case 1:
		later(message.ReportExpired, 3*time.Second, 16*time.Second)
	case 2:
		later(message.ReportRead, 0, 16*time.Second)
		later(message.ReportDelivered, 0, 20*time.Second)
	default:
		later(message.ReportDelivered, 0, 18*time.Second)
	}
}

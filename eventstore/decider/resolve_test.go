package decider_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

// An operator's word on an SMS of which nobody knew is an event with who and why
// and charges it; the report that comes later is inferred, and raises the state.
func TestAnUnknownOutcomeIsResolved(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir())
	id := b.request(0)
	answer := func(n int, o message.Outcome) message.SendInstruction {
		var in message.SendInstruction
		require.Eventually(t, func() bool { return len(b.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend)) > n }, time.Minute, 20*time.Millisecond)
		require.NoError(t, json.Unmarshal(b.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend)[n].Value, &in))
		b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandAnswer, Stream: "message/" + id, Account: testAccount, Actor: "dispatcher"},
			message.Answer{Attempt: in.Attempt, Outcome: o, Reason: "timeout", At: b.clock.Now()})
		return in
	}
	answer(0, message.OutcomeUnknown)
	b.story(0, "message/"+id, message.TypeAttemptUnknown)
	b.clock.Advance(15 * time.Second)
	sms := answer(1, message.OutcomeUnknown)
	b.story(0, "message/"+id, message.TypeUnknown)
	for range 2 { // the second one changes nothing
		b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandResolve, Stream: "message/" + id, Account: account.Installation, Actor: "key:op"},
			message.Resolve{Attempt: sms.Attempt, As: message.AsSent, Reason: "on the bill", By: "key:op"})
	}
	b.report(0, sms, "77", message.ReportDelivered, b.clock.Now())
	types := b.story(0, "message/"+id, message.TypeDelivered)
	require.Equal(t, []string{
		message.TypeUnknown, message.TypeOutcomeDecided, message.TypeAttemptResolved, message.TypeCharged, message.TypeAttemptResolved, message.TypeDelivered,
	}, types[len(types)-6:])
	for _, ev := range b.journal(eventstore.Messages, 0) {
		if ev.Type == message.TypeOutcomeDecided {
			require.Equal(t, "key:op", ev.Actor)
			require.Equal(t, testAccount, ev.Account, "it belongs to the message's account")
			require.Contains(t, string(ev.Data), "on the bill")
		}
	}
}

// A report that fits nothing is kept, and says why.
func TestAReportThatFitsNothingSaysWhy(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir())
	now := b.clock.Now()
	viber := message.SendInstruction{Route: "viber", Channel: domain.Viber, ServiceID: 4711}
	b.report(0, viber, "1", message.ReportDelivered, now)
	require.Eventually(t, func() bool { return len(b.stored(0)) == 1 }, time.Minute, 20*time.Millisecond)
	for range 2 {
		id := b.request(0)
		b.story(0, "message/"+id, message.TypeAttemptStarted)
	}
	b.report(0, viber, "2", message.ReportDelivered, now)
	require.Eventually(t, func() bool { return len(b.stored(0)) == 2 }, time.Minute, 20*time.Millisecond)
	for _, r := range b.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend) {
		var in message.SendInstruction
		require.NoError(t, json.Unmarshal(r.Value, &in))
		b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandAnswer, Stream: "message/" + in.Message, Account: testAccount, Actor: "dispatcher"},
			message.Answer{Attempt: in.Attempt, Outcome: message.OutcomeUnknown, Reason: "timeout", At: now})
	}
	b.report(0, viber, "3", message.ReportDelivered, now)
	require.Eventually(t, func() bool { return len(b.stored(0)) == 3 }, time.Minute, 20*time.Millisecond)
	require.Equal(t, []string{recipient.WhyNone, recipient.WhyInFlight, recipient.WhySeveral}, b.stored(0))

	// The operator knows of one: the reports are the other one's.
	var in message.SendInstruction
	require.NoError(t, json.Unmarshal(b.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend)[0].Value, &in))
	b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandResolve, Stream: "message/" + in.Message, Account: account.Installation, Actor: "key:op"},
		message.Resolve{As: message.AsNotSent, Reason: "no trace of it", By: "key:op"})
	require.NoError(t, json.Unmarshal(b.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend)[1].Value, &in))
	b.story(0, "message/"+in.Message, message.TypeDelivered)
}

// stored returns why the reports of partition p that were kept fitted nothing.
func (b *bench) stored(p eventstore.Partition) []string {
	var why []string
	for _, ev := range b.journal(eventstore.Messages, p) {
		var r recipient.ReportStored
		if ev.Type == recipient.TypeReportStored {
			require.NoError(b.t, json.Unmarshal(ev.Data, &r))
			why = append(why, r.Why)
		}
	}
	return why
}

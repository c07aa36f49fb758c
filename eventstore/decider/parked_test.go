package decider_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/decider"
)

// broken makes the rules of messages fail while it is set: a decision asks how
// far the view has read.
type broken struct{ calls atomic.Int64 } // of the next calls this many fail; negative = all

func (b *broken) config(c *decider.Config) {
	c.ViewSeen = func() int64 {
		if b.calls.Load() == 0 {
			return 7
		}
		b.calls.Add(-1)
		panic("the rules have a fault")
	}
}

// outcome waits for the answer to a command.
func (b *bench) outcome(p eventstore.Partition, command string) (out eventstore.Outcome) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		found := false
		_, err := eventstore.ReadAll(b.t.Context(), b.client, b.kafka.Topics().Name(eventstore.Outcomes), p, func(r *eventstore.Record) error {
			if string(r.Key) == command {
				found = true
				return json.Unmarshal(r.Value, &out)
			}
			return nil
		})
		require.NoError(b.t, err)
		return found
	}, time.Minute, 20*time.Millisecond)
	return out
}

// operate sends an operator's command and returns the answer.
func (b *bench) operate(p eventstore.Partition, typ, stream string, data any) eventstore.Outcome {
	b.t.Helper()
	id := uuid.NewString()
	b.send(eventstore.InboxUrgent, p, eventstore.Command{ID: id, Type: typ, Stream: stream, Actor: "key:op", Outcome: true}, data)
	return b.outcome(p, id)
}

// things returns the streams of what was parked, in order.
func (b *bench) things(p eventstore.Partition) (streams []string) {
	b.t.Helper()
	for _, ev := range b.journal(eventstore.Messages, p) {
		if ev.Type == partition.TypeParked && !slices.Contains(streams, ev.Stream) {
			streams = append(streams, ev.Stream)
		}
	}
	return streams
}

// told lists the types of a stream's events.
func (b *bench) told(p eventstore.Partition, stream string) (types []string) {
	b.t.Helper()
	for _, ev := range b.journal(eventstore.Messages, p) {
		if ev.Stream == stream {
			types = append(types, ev.Type)
		}
	}
	return types
}

func (b *bench) optOut(p eventstore.Partition, who string) string {
	b.t.Helper()
	id := uuid.NewString()
	b.send(eventstore.InboxUrgent, p, eventstore.Command{ID: id, Type: recipient.CommandOptOut, Stream: "recipient/" + who, Account: testAccount, Outcome: true},
		recipient.OptOut{Number: "00112233445566778899aabbccddeeff", Origin: recipient.OriginAPI, At: b.clock.Now()})
	return id
}

// The rules fail on one message of a recipient: that message is parked, and the
// opt-out stands for the others. When it is set free it is told what passed it by.
func TestAnOptOutIsDecidedWhateverTheRulesDoWithAMessage(t *testing.T) {
	t.Parallel()
	b, rules := newBench(t), &broken{}
	b.start(t.TempDir(), rules.config)
	who := eventstore.NewID(0).String()
	var streams []string
	for range 3 {
		streams = append(streams, "message/"+b.request(0, func(r *message.Request) { r.Recipient = who }))
	}
	for _, s := range streams {
		b.story(0, s, message.TypeAttemptStarted)
	}
	rules.calls.Store(1)
	require.Nil(t, b.outcome(0, b.optOut(0, who)).Refused)
	require.Equal(t, []string{recipient.TypeOptOutRecorded}, b.told(0, "recipient/"+who))
	parked, _ := b.parked(0)
	require.Len(t, parked, 1)
	held := parked[0].Stream
	require.Equal(t, recipient.CommandOptOut, parked[0].Type)
	require.False(t, parked[0].HoldsCommand())
	for _, s := range streams {
		require.Equal(t, s != held, slices.Contains(b.told(0, s), message.TypeOptedOut), s)
	}

	thing := b.things(0)[0]
	rules.calls.Store(1)
	require.Equal(t, []string{partition.TypeRetryFailed}, b.operate(0, partition.CommandRetry, thing, partition.Retry{}).Events)
	require.NotContains(t, b.told(0, held), message.TypeOptedOut)
	require.Contains(t, b.operate(0, partition.CommandRetry, thing, partition.Retry{}).Events, partition.TypeRetried)
	require.Contains(t, b.told(0, held), message.TypeOptedOut)
	require.Len(t, b.things(0), 1)
}

// A message that is set free is told the opt-outs that passed it by before what waits in its
// line is decided: an answer there may ask for another attempt.
func TestAMessageThatIsSetFreeIsToldOptOutsFirst(t *testing.T) {
	t.Parallel()
	for name, free := range map[string]func(b *bench, head string) eventstore.Outcome{
		"dropped": func(b *bench, head string) eventstore.Outcome {
			return b.operate(0, partition.CommandDrop, head, partition.Drop{Reason: "x"})
		},
		"retried": func(b *bench, head string) eventstore.Outcome {
			return b.operate(0, partition.CommandRetry, head, partition.Retry{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, rules := newBench(t), &broken{}
			b.start(t.TempDir(), rules.config)
			who := eventstore.NewID(0).String()
			stream := "message/" + b.request(0, func(r *message.Request) { r.Recipient = who })
			b.story(0, stream, message.TypeAttemptStarted)
			var in message.SendInstruction
			require.NoError(t, json.Unmarshal(b.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend)[0].Value, &in))
			rules.calls.Store(1)
			b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandAnswer, Stream: stream, Account: testAccount, Actor: "dispatcher"},
				message.Answer{Attempt: in.Attempt, Outcome: message.OutcomeNotSent, Reason: message.ReasonThrottled, At: b.clock.Now()})
			b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandAnswer, Stream: stream, Account: testAccount, Actor: "dispatcher"},
				message.Answer{Attempt: in.Attempt, Outcome: message.OutcomeNotSent, Reason: message.ReasonPaused, At: b.clock.Now()})
			b.awaitParked(0, 2)
			require.Nil(t, b.outcome(0, b.optOut(0, who)).Refused)
			require.NotContains(t, b.told(0, stream), message.TypeOptedOut)

			require.Contains(t, free(b, b.things(0)[0]).Events, partition.TypeRetried)
			told := b.told(0, stream)
			require.Contains(t, told, message.TypeAttemptNotSent)
			require.Less(t, slices.Index(told, message.TypeOptedOut), slices.Index(told, message.TypeAttemptNotSent), "%v", told)
			require.Positive(t, slices.Index(told, message.TypeOptedOut))
		})
	}
}

// A report on which the rules fail waits with its number while the message is parked.
func TestAReportOnWhichTheRulesFailWaitsForItsMessage(t *testing.T) {
	t.Parallel()
	b, rules := newBench(t), &broken{}
	b.start(t.TempDir(), rules.config)
	stream := "message/" + b.request(0)
	b.story(0, stream, message.TypeAttemptStarted)
	var in message.SendInstruction
	require.NoError(t, json.Unmarshal(b.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend)[0].Value, &in))
	b.answer(0, in, "77", b.clock.Now())
	b.story(0, stream, message.TypeAttemptAccepted)
	rules.calls.Store(1)
	b.report(0, in, "77", message.ReportDelivered, b.clock.Now())
	b.awaitParked(0, 1)
	number := "number/00112233445566778899aabbccddeeff"
	require.Equal(t, []string{recipient.TypeReportStored}, b.told(0, number))
	b.clock.Advance(time.Minute)
	b.story(0, "message/"+b.request(0), message.TypeAttemptStarted)
	require.NotContains(t, b.told(0, stream), message.TypeFellBack, "its timers wait")

	require.Contains(t, b.operate(0, partition.CommandRetry, b.things(0)[0], partition.Retry{}).Events, partition.TypeRetried)
	require.Equal(t, []string{recipient.TypeReportStored, recipient.TypeReportMatched}, b.told(0, number))
	require.Contains(t, b.told(0, stream), message.TypeDelivered)
}

// A report that may be a parked message's is not taken for another's, whose outcome is unknown.
func TestAReportOfAParkedMessageIsNoOthers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir())
	other, held := "message/"+b.request(0), "message/"+b.request(0)
	b.story(0, other, message.TypeAttemptStarted)
	b.story(0, held, message.TypeAttemptStarted)
	var in [2]message.SendInstruction
	for i, r := range b.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend) {
		require.NoError(t, json.Unmarshal(r.Value, &in[i]))
	}
	b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandAnswer, Stream: other, Account: testAccount, Actor: "dispatcher"},
		message.Answer{Attempt: in[0].Attempt, Outcome: message.OutcomeUnknown, Reason: "timeout", At: b.clock.Now()})
	b.story(0, other, message.TypeAttemptUnknown)
	b.bad(0, held, "")
	b.answer(0, in[1], "77", b.clock.Now())
	b.awaitParked(0, 2)
	b.report(0, in[1], "77", message.ReportDelivered, b.clock.Now())
	number := "number/00112233445566778899aabbccddeeff"
	b.story(0, number, recipient.TypeReportStored)

	require.Contains(t, b.operate(0, partition.CommandDrop, b.things(0)[0], partition.Drop{Reason: "x"}).Events, partition.TypeRetried)
	require.Equal(t, []string{recipient.TypeReportStored, recipient.TypeReportMatched}, b.told(0, number))
	require.Contains(t, b.told(0, held), message.TypeDelivered)
	require.NotContains(t, b.told(0, other), message.TypeDelivered)
}

// What waits in line is decided in its order, and nothing overtakes; a retry that
// fails leaves everything where it was; each of it happens once.
func TestALineIsDecidedInItsOrder(t *testing.T) {
	t.Parallel()
	b, rules := newBench(t), &broken{}
	b.start(t.TempDir(), rules.config)
	rules.calls.Store(1)
	stream := "message/" + b.request(0)
	b.bad(0, stream, "")
	cancel := uuid.NewString()
	b.send(eventstore.InboxUrgent, 0, eventstore.Command{ID: cancel, Type: message.CommandCancel, Stream: stream, Account: testAccount, Outcome: true, Actor: "key:1"}, message.Cancel{})
	require.Equal(t, &domain.Error{Code: "parked", Message: partition.Refused().Message}, b.outcome(0, cancel).Refused, "nobody waits in vain")
	parked := b.awaitParked(0, 3)
	line := b.things(0)
	require.Equal(t, []int{0, 1, 2}, []int{parked[0].Position, parked[1].Position, parked[2].Position})

	out := b.operate(0, partition.CommandRetry, line[1], partition.Retry{})
	require.Equal(t, partition.CodeWaitsInLine, out.Refused.Code)
	out = b.operate(0, partition.CommandRetry, "parked/"+eventstore.NewID(0).String(), partition.Retry{})
	require.Equal(t, partition.CodeNotFound, out.Refused.Code)
	rules.calls.Store(1)
	out = b.operate(0, partition.CommandRetry, line[0], partition.Retry{})
	require.Equal(t, []string{partition.TypeRetryFailed}, out.Events)
	require.Empty(t, b.told(0, stream))

	out = b.operate(0, partition.CommandRetry, line[0], partition.Retry{})
	require.Equal(t, []string{partition.TypeRetryFailed, partition.TypeRetried}, out.Events, "the last first: the next one cannot be read")
	require.Equal(t, []string{message.TypeAccepted, message.TypeReleased, message.TypeAttemptStarted}, b.told(0, stream))
	out = b.operate(0, partition.CommandRetry, line[0], partition.Retry{})
	require.Equal(t, partition.CodeNotParked, out.Refused.Code)

	out = b.operate(0, partition.CommandDrop, line[1], partition.Drop{})
	require.Equal(t, "reason", out.Refused.Field)
	out = b.operate(0, partition.CommandRead, line[1], partition.Read{})
	require.Equal(t, []string{partition.TypeContentRead}, out.Events)
	out = b.operate(0, partition.CommandDrop, line[1], partition.Drop{Reason: "no cancel"})
	require.Equal(t, []string{partition.TypeRetried, partition.TypeDropped}, out.Events)
	require.Contains(t, b.told(0, stream), message.TypeCancelRequested)
	out = b.operate(0, partition.CommandDrop, line[1], partition.Drop{Reason: "again"})
	require.Equal(t, partition.CodeNotParked, out.Refused.Code)
	for _, ev := range b.journal(eventstore.Messages, 0) {
		if ev.Type == partition.TypeDropped {
			require.JSONEq(t, `{"by":"key:op","reason":"no cancel"}`, string(ev.Data))
		}
		if ev.Type == message.TypeCancelRequested {
			require.Equal(t, []string{"key:1", cancel}, []string{ev.Actor, ev.CommandID}, "as its sender's")
		}
	}
	require.Len(t, b.things(0), 3)
}

// One of the middle may be dropped; the others keep their places.
func TestDroppingInTheMiddleSetsNothingGoing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir())
	stream := "message/" + b.request(0)
	for range 2 {
		b.bad(0, stream, "")
	}
	b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandCancel, Stream: stream, Account: testAccount}, message.Cancel{})
	b.awaitParked(0, 3)
	line := b.things(0)
	require.Equal(t, []string{partition.TypeDropped}, b.operate(0, partition.CommandDrop, line[1], partition.Drop{Reason: "x"}).Events)
	require.NotContains(t, b.told(0, stream), message.TypeCancelRequested)
	require.Equal(t, []string{partition.TypeRetried, partition.TypeDropped}, b.operate(0, partition.CommandDrop, line[0], partition.Drop{Reason: "x"}).Events)
	require.Contains(t, b.told(0, stream), message.TypeCancelRequested)
}

// A line that is long is decided in portions: each is one transaction.
func TestALongLineIsDecidedInPortions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir())
	stream := "message/" + b.request(0)
	b.bad(0, stream, "")
	const behind = 1001
	for range behind {
		b.send(eventstore.InboxBulk, 0, eventstore.Command{Type: message.CommandCancel, Stream: stream, Account: testAccount}, message.Cancel{})
	}
	b.awaitParked(0, 1+behind)
	line := b.things(0)
	require.Len(t, b.operate(0, partition.CommandDrop, line[0], partition.Drop{Reason: "x"}).Events, 1+1000)
	require.Equal(t, partition.CodeNotParked, b.operate(0, partition.CommandRetry, line[1000], partition.Retry{}).Refused.Code)
	require.Equal(t, []string{partition.TypeRetried}, b.operate(0, partition.CommandRetry, line[1001], partition.Retry{}).Events)
}

// The timers of a message fire once it is free, however long they have been due.
func TestTimersFireWhenTheirMessageIsFree(t *testing.T) {
	t.Parallel()
	b, rules := newBench(t), &broken{}
	b.start(t.TempDir(), rules.config)
	dropped, failed := "message/"+b.request(0), "message/"+b.request(0)
	b.story(0, dropped, message.TypeAttemptStarted)
	b.story(0, failed, message.TypeAttemptStarted)
	b.bad(0, dropped, "")
	b.awaitParked(0, 1)
	rules.calls.Store(1) // the timer of the other one
	b.clock.Advance(time.Minute)
	parked := b.awaitParked(0, 2)
	name, ok := parked[1].Timer()
	require.True(t, ok)
	require.Equal(t, "deadline", name)
	require.Equal(t, failed, parked[1].Stream)
	later := "message/" + b.request(0)
	b.story(0, later, message.TypeAttemptStarted)
	b.clock.Advance(time.Minute)
	b.story(0, later, message.TypeFellBack) // the look at what is due has passed the others
	require.NotContains(t, b.told(0, dropped), message.TypeFellBack)
	require.NotContains(t, b.told(0, failed), message.TypeFellBack)

	things := b.things(0)
	require.Equal(t, []string{partition.TypeDropped}, b.operate(0, partition.CommandDrop, things[0], partition.Drop{Reason: "not a cancel"}).Events)
	b.story(0, dropped, message.TypeFellBack)
	rules.calls.Store(1)
	require.Equal(t, []string{partition.TypeRetryFailed}, b.operate(0, partition.CommandRetry, things[1], partition.Retry{}).Events)
	require.Equal(t, []string{partition.TypeRetried}, b.operate(0, partition.CommandRetry, things[1], partition.Retry{}).Events)
	require.Contains(t, b.told(0, failed), message.TypeFellBack, "in the retry's own transaction")
}

// The bytes of a parked command are read with a day key, and not after its end.
func TestRetentionEndsForWhatIsParked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir())
	b.bad(0, "message/"+eventstore.NewID(0).String(), "")
	require.NoError(t, b.producer.Send(t.Context(), (&eventstore.Command{ID: "x", Type: "x", Stream: "planet/mars", Time: b.clock.Now()}).Message(b.kafka.Topics().Name(eventstore.InboxUrgent), 0)))
	b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: recipient.CommandReply, Stream: "number/1"}, "not a reply")
	parked := b.awaitParked(0, 3)
	var names []string
	for _, p := range parked {
		var sealed struct {
			Key string `json:"k"`
		}
		require.NoError(t, json.Unmarshal(p.Sealed, &sealed))
		names = append(names, sealed.Key[:strings.LastIndex(sealed.Key, "/")])
		require.NoError(t, b.keyring.Apply(&eventstore.Record{Key: []byte(sealed.Key)}), "a tombstone")
	}
	day := b.clock.Now().AddDate(0, 0, 30).Format(time.DateOnly)
	require.Equal(t, []string{testAccount + "/" + day, "installation/" + day, "installation/" + day}, names)
	out := b.operate(0, partition.CommandRetry, b.things(0)[0], partition.Retry{})
	require.Equal(t, []string{partition.TypeRetryFailed}, out.Events)
	events := b.journal(eventstore.Messages, 0)
	require.Contains(t, string(events[len(events)-1].Data), partition.ReasonContentGone)
}

// gauge keeps the last word on what is parked.
type gauge struct {
	counting
	now atomic.Int64
}

func (g *gauge) ParkedNow(p eventstore.Partition, n int) {
	if p == 0 {
		g.now.Store(int64(n))
	}
}

// What is parked is counted, also by an owner that finds it.
func TestWhatIsParkedNowIsCounted(t *testing.T) {
	t.Parallel()
	b, seen := newBench(t), &gauge{}
	use := func(c *decider.Config) { c.Metrics = seen }
	is := func(n int64) {
		require.Eventually(t, func() bool { return seen.now.Load() == n }, time.Minute, time.Millisecond)
	}
	dir := t.TempDir()
	stop := b.start(dir, use)
	stream := "message/" + b.request(0)
	b.bad(0, stream, "")
	b.bad(0, stream, "")
	b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandCancel, Stream: "planet/mars"}, message.Cancel{})
	is(3)
	stop()
	is(0)
	b.start(dir, use)
	is(3)
	b.operate(0, partition.CommandDrop, b.things(0)[0], partition.Drop{Reason: "x"})
	is(2)
	b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandCancel, Stream: stream, Account: testAccount}, message.Cancel{})
	b.awaitParked(0, 4) // the successor knows that the stream is held
}

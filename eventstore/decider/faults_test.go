package decider_test

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/decider"
	"goniec/internal/testkit"
)

// logbook keeps what is logged.
type logbook struct{ testkit.Log }

func (l *logbook) count(s string) int { return l.Count(s) }

func (l *logbook) log(c *decider.Config) { c.Log = slog.New(slog.NewTextHandler(l, nil)) }

// owned returns the epochs in which the partition was owned, in order.
func (b *bench) owned(p eventstore.Partition) (epochs []int64, processes []string) {
	b.t.Helper()
	for _, ev := range b.journal(eventstore.Messages, p) {
		if ev.Type == partition.TypeOwned {
			var o partition.Owned
			require.NoError(b.t, json.Unmarshal(ev.Data, &o))
			epochs, processes = append(epochs, o.Epoch), append(processes, o.Process)
		}
	}
	return epochs, processes
}

// parked returns the events of that kind.
func (b *bench) parked(p eventstore.Partition) (out []partition.Parked, ids map[string]bool) {
	b.t.Helper()
	ids = map[string]bool{}
	for _, ev := range b.journal(eventstore.Messages, p) {
		if ev.Type == partition.TypeParked {
			var pk partition.Parked
			require.NoError(b.t, json.Unmarshal(ev.Data, &pk))
			out = append(out, pk)
			ids[ev.ID] = true
		}
	}
	return out, ids
}

func (b *bench) awaitParked(p eventstore.Partition, n int) []partition.Parked {
	b.t.Helper()
	require.Eventually(b.t, func() bool { out, _ := b.parked(p); return len(out) >= n }, time.Minute, 20*time.Millisecond)
	out, _ := b.parked(p)
	return out
}

// Two processes share the partitions while requests come: one of them joins and
// one leaves, and every request is decided once.
func TestPartitionsChangeHandsUnderLoad(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	stop := b.start(t.TempDir())
	b.story(0, "message/"+b.request(0), message.TypeAttemptStarted)
	ids := map[string]eventstore.Partition{}
	load := func(n int) {
		for i := range n {
			p := eventstore.Partition(i % testPartitions)
			ids[b.request(p)] = p
		}
	}
	load(50)
	b.start(t.TempDir())
	require.Eventually(t, func() bool {
		load(4)
		_, zero := b.owned(0)
		_, one := b.owned(1)
		return len(zero)+len(one) >= 3 // the second process has one of them
	}, time.Minute, 20*time.Millisecond)
	load(50)
	stop()
	load(50)
	for p := range eventstore.Partition(testPartitions) {
		require.Eventually(t, func() bool {
			told := map[string][]string{}
			for _, ev := range b.journal(eventstore.Messages, p) {
				told[ev.Stream] = append(told[ev.Stream], ev.Type)
			}
			for id, part := range ids {
				if part == p && !slices.Equal(told["message/"+id], []string{message.TypeAccepted, message.TypeReleased, message.TypeAttemptStarted}) {
					return false
				}
			}
			return true
		}, time.Minute, 50*time.Millisecond)
	}
	sends := len(b.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend)) + len(b.outbox(eventstore.OutboxUrgent, 1, eventstore.InstructionSend))
	require.Equal(t, len(ids)+1, sends)
	for p := range eventstore.Partition(testPartitions) {
		epochs, _ := b.owned(p)
		for i, epoch := range epochs {
			require.Equal(t, int64(i+1), epoch)
		}
	}
}

// An owner whose producer was fenced writes nothing any more and gives the
// partition up; it comes back through the group alone.
func TestAFencedOwnerStops(t *testing.T) {
	t.Parallel()
	b, book := newBench(t), &logbook{}
	b.start(t.TempDir(), book.log)
	b.story(0, "message/"+b.request(0), message.TypeAttemptStarted)
	usurper, err := sarama.NewSyncProducer(b.kafka.Brokers, b.kafka.TransactionalConfig(b.kafka.Prefix+decider.GroupName+"-0"))
	require.NoError(t, err)
	defer func() { _ = usurper.Close() }()
	id := b.request(0)
	require.Eventually(t, func() bool { return book.count("partition given up") == 1 }, time.Minute, 20*time.Millisecond)
	require.Zero(t, book.count("ownership starts over"), "it must not fence its successor in turn")
	require.NoError(t, usurper.BeginTxn(), "the usurper still owns")
	require.NoError(t, usurper.SendMessages([]*sarama.ProducerMessage{{Topic: b.kafka.Topics().Name(eventstore.Outcomes), Partition: 0, Value: sarama.StringEncoder("{}")}}))
	require.NoError(t, usurper.CommitTxn())
	require.Equal(t, []string{message.TypeAccepted, message.TypeReleased, message.TypeAttemptStarted}, b.story(0, "message/"+id, message.TypeAttemptStarted))
}

// An owner that the group has removed, and that has not learned of it yet,
// opens no new producer: that would fence its successor.
func TestARemovedOwnerStops(t *testing.T) {
	t.Parallel()
	b, book := newBench(t), &logbook{}
	b.kafka.SessionTimeout, b.kafka.Heartbeat = 30*time.Second, 10*time.Second // it finds out late
	b.start(t.TempDir(), book.log)
	b.story(0, "message/"+b.request(0), message.TypeAttemptStarted)
	admin, err := b.kafka.NewAdmin()
	require.NoError(t, err)
	defer func() { require.NoError(t, admin.Close()) }()
	group := b.kafka.Prefix + decider.GroupName
	groups, err := admin.DescribeConsumerGroups([]string{group})
	require.NoError(t, err)
	coordinator, err := b.client.Coordinator(group)
	require.NoError(t, err)
	for member := range groups[0].Members {
		_, err := coordinator.LeaveGroup(&sarama.LeaveGroupRequest{Version: 0, GroupId: group, MemberId: member})
		require.NoError(t, err)
	}
	b.request(0)
	require.Eventually(t, func() bool { return book.count("not a member of the group") == 1 }, time.Minute, 20*time.Millisecond)
	require.Equal(t, 1, book.count("ownership starts over"))
}

// Commands that were deleted before anybody decided them are not passed over in silence.
func TestDeletedCommandsAreNotPassedOver(t *testing.T) {
	t.Parallel()
	b, book := newBench(t), &logbook{}
	dir := t.TempDir()
	stop := b.start(dir)
	b.story(0, "message/"+b.request(0), message.TypeAttemptStarted)
	stop()
	b.request(0)
	topic := b.kafka.Topics().Name(eventstore.InboxUrgent)
	end, err := eventstore.EndOffset(b.client, topic, 0)
	require.NoError(t, err)
	admin, err := b.kafka.NewAdmin()
	require.NoError(t, err)
	defer func() { require.NoError(t, admin.Close()) }()
	require.NoError(t, admin.DeleteRecords(topic, map[int32]int64{0: end}))
	before := len(b.journal(eventstore.Messages, 0))
	b.start(dir, book.log)
	require.Eventually(t, func() bool { return book.count("partition given up") == 1 }, time.Minute, 20*time.Millisecond)
	require.Equal(t, 1, book.count("out of the topic's range"))
	require.Len(t, b.journal(eventstore.Messages, 0), before+1, "nothing but that it was owned")
	b.story(1, "message/"+b.request(1), message.TypeAttemptStarted) // the other partition goes on
}

// A journal that was cut is never gone on with, whether the state knows what is gone or not.
func TestACutJournalIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]bool{"empty directory": false, "old directory": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, book := newBench(t), &logbook{}
			dir := t.TempDir()
			stop := b.start(dir)
			b.story(0, "message/"+b.request(0), message.TypeAttemptStarted)
			stop()
			topic := b.kafka.Topics().Name(eventstore.Messages)
			end, err := eventstore.EndOffset(b.client, topic, 0)
			require.NoError(t, err)
			admin, err := b.kafka.NewAdmin()
			require.NoError(t, err)
			defer func() { require.NoError(t, admin.Close()) }()
			require.NoError(t, admin.DeleteRecords(topic, map[int32]int64{0: end}))
			if !keep {
				dir = t.TempDir()
			}
			b.start(dir, book.log)
			require.Eventually(t, func() bool { return book.count("partition given up") == 1 }, time.Minute, 20*time.Millisecond)
			require.Equal(t, 1, book.count("its beginning was deleted"))
			require.Zero(t, book.count("ownership starts over"))
		})
	}
}

// bad sends a command that parks the message.
func (b *bench) bad(p eventstore.Partition, stream, id string) {
	b.t.Helper()
	b.send(eventstore.InboxUrgent, p, eventstore.Command{ID: id, Type: message.CommandCancel, Stream: stream, Account: testAccount}, "not a cancel")
}

// The timers of parked messages wait, however many they are; those of others fire.
func TestTimersOfParkedMessagesHoldUpNoOthers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir())
	const n = 520 // more than are looked at in one group
	var parked []string
	for range n {
		parked = append(parked, "message/"+b.request(0))
	}
	for _, stream := range parked {
		b.bad(0, stream, "")
	}
	b.clock.Advance(time.Second)
	id := b.request(0)
	b.story(0, "message/"+id, message.TypeAttemptStarted)
	b.clock.Advance(time.Minute)
	b.story(0, "message/"+id, message.TypeFellBack)
	out, _ := b.parked(0)
	require.Len(t, out, n)
	require.NotContains(t, b.story(0, parked[0], message.TypeAttemptStarted), message.TypeFellBack)
}

// A process whose clock is ahead says beats of times to come: timers must not wait for those.
func TestBeatsFromTheFutureHoldNoTimers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir(), func(c *decider.Config) { c.Grace = 500 * time.Millisecond })
	for _, ahead := range []time.Duration{0, time.Hour} {
		b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: eventstore.CommandBeat, Stream: "beat"}, eventstore.Beat{Process: "p", At: time.Now().Add(ahead)})
	}
	id := b.request(0)
	b.story(0, "message/"+id, message.TypeAttemptStarted)
	b.clock.Advance(time.Minute)
	b.story(0, "message/"+id, message.TypeFellBack)
}

// What no rule can take is parked, alone or with its message, and the partition goes on.
func TestStrangeCommandsDoNotStopAPartition(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir())
	b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandCancel, Stream: "planet/mars", Outcome: true}, message.Cancel{})
	large := b.request(0, func(r *message.Request) { r.Tags = []string{strings.Repeat("t", 1030000)} }) // fits the inbox, and no event
	fine := b.request(0)
	b.story(0, "message/"+fine, message.TypeAttemptStarted)
	out := b.awaitParked(0, 2)
	require.Equal(t, []string{"wrong_stream", "too_large"}, []string{out[0].Reason, out[1].Reason})
	require.Equal(t, []string{"", "message/" + large}, []string{out[0].Stream, out[1].Stream})
	require.Less(t, len(out[1].Sealed), 2000, "without its content")
}

// The same command twice is two parked records with ids of their own.
func TestEventsOfARepeatedCommandHaveIDsOfTheirOwn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir())
	stream := "message/" + eventstore.NewID(0).String()
	for range 3 {
		b.bad(0, stream, "the same")
	}
	b.awaitParked(0, 3)
	out, ids := b.parked(0)
	require.Len(t, out, 3)
	require.Len(t, ids, 3)
	require.Equal(t, []string{"unreadable_data", "behind_parked", "behind_parked"}, []string{out[0].Reason, out[1].Reason, out[2].Reason})
}

// An opt-out is decided, but not told to a parked message: nothing overtakes what was parked.
func TestAnOptOutPassesParkedMessagesBy(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir())
	who := eventstore.NewID(0).String()
	to := func(r *message.Request) { r.Recipient = who }
	parked, live := b.request(0, to), b.request(0, to)
	b.bad(0, "message/"+parked, "")
	b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: recipient.CommandOptOut, Stream: "recipient/" + who, Account: testAccount},
		recipient.OptOut{Number: "00112233445566778899aabbccddeeff", Origin: recipient.OriginAPI, At: b.clock.Now()})
	b.story(0, "recipient/"+who, recipient.TypeOptOutRecorded)
	b.story(0, "message/"+live, message.TypeOptedOut)
	require.NotContains(t, b.story(0, "message/"+parked, message.TypeAttemptStarted), message.TypeOptedOut)
}

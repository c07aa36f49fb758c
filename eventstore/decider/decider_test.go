package decider_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/eventstore"
	"goniec/eventstore/decider"
)

func TestARequestBecomesEventsAndAnInstruction(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir())
	id := b.request(1)

	types := b.story(1, "message/"+id, message.TypeAttemptStarted)
	require.Equal(t, []string{message.TypeAccepted, message.TypeReleased, message.TypeAttemptStarted}, types)
	sends := b.outbox(eventstore.OutboxUrgent, 1, eventstore.InstructionSend)
	require.Len(t, sends, 1)
	var in message.SendInstruction
	require.NoError(t, json.Unmarshal(sends[0].Value, &in))
	require.Equal(t, id, in.Message)
	require.Equal(t, int64(4711), in.ServiceID)
}

// A successor with an empty directory, and one with the old state, both go on
// where the journal ends: the same answer twice changes nothing.
func TestASuccessorGoesOnWhereTheJournalEnds(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]bool{"empty directory": false, "old directory": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			dir := t.TempDir()
			stop := b.start(dir)
			id := b.request(0)
			b.story(0, "message/"+id, message.TypeAttemptStarted)
			stop()
			var in message.SendInstruction
			require.NoError(t, json.Unmarshal(b.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend)[0].Value, &in))
			if !keep {
				dir = t.TempDir()
			}
			b.start(dir)
			answer := message.Answer{Attempt: in.Attempt, Outcome: message.OutcomeAccepted, CarrierIDs: []string{"77"}, Parts: 1, At: b.clock.Now()}
			for range 2 {
				b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandAnswer, Stream: "message/" + id, Account: testAccount, Actor: "dispatcher"}, answer)
			}
			other := b.request(0)
			b.story(0, "message/"+other, message.TypeAttemptStarted)
			require.Equal(t, []string{message.TypeAccepted, message.TypeReleased, message.TypeAttemptStarted, message.TypeAttemptAccepted},
				b.story(0, "message/"+id, message.TypeAttemptAccepted))
		})
	}
}

func TestATimerFallsBackAtTheDeadline(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir())
	id := b.request(0)
	b.story(0, "message/"+id, message.TypeAttemptStarted)
	b.clock.Advance(14 * time.Second)
	other := b.request(0) // whoever is decided now is decided after a look at the timers
	require.NotContains(t, b.story(0, "message/"+other, message.TypeAttemptStarted), message.TypeFellBack)
	b.clock.Advance(time.Second)
	b.story(0, "message/"+id, message.TypeFellBack)
	require.NotContains(t, b.story(0, "message/"+other, message.TypeAttemptStarted), message.TypeFellBack)
}

// Timers that a predecessor set fire at the successor, whatever state it begins with.
func TestTimersOfAPredecessorFire(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]bool{"empty directory": false, "old directory": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			dir := t.TempDir()
			stop := b.start(dir)
			id := b.request(0)
			b.story(0, "message/"+id, message.TypeAttemptStarted)
			stop()
			b.clock.Advance(time.Minute)
			if !keep {
				dir = t.TempDir()
			}
			b.start(dir)
			b.story(0, "message/"+id, message.TypeFellBack)
		})
	}
}

// An owner that was down past the deadline must not fall back what was
// delivered meanwhile: the report lies unread in its inbox.
func TestAnOwnerThatWasDownReadsItsInboxBeforeItsTimers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	dir := t.TempDir()
	stop := b.start(dir)
	const n = 50
	ids := map[string]bool{}
	for range n {
		ids[b.request(0)] = true
	}
	var sends []*eventstore.Record
	require.Eventually(t, func() bool {
		sends = b.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend)
		return len(sends) == n
	}, time.Minute, 20*time.Millisecond)
	stop()
	delivered := b.clock.Now().Add(2 * time.Second)
	b.clock.Advance(3 * time.Second)
	for i, s := range sends {
		var in message.SendInstruction
		require.NoError(t, json.Unmarshal(s.Value, &in))
		b.answer(0, in, fmt.Sprint(1000+i), delivered)
		b.report(0, in, fmt.Sprint(1000+i), message.ReportDelivered, delivered)
	}
	b.clock.Advance(time.Hour)
	b.start(dir, func(c *decider.Config) { c.GroupLimit = 10 }) // the backlog takes several groups, with a look at the timers after each
	fresh := b.request(0)
	b.story(0, "message/"+fresh, message.TypeAttemptStarted)
	b.clock.Advance(time.Minute)
	b.story(0, "message/"+fresh, message.TypeFellBack) // timers do fire
	seen := 0
	for _, ev := range b.journal(eventstore.Messages, 0) {
		if ids[strings.TrimPrefix(ev.Stream, "message/")] {
			require.NotEqual(t, message.TypeFellBack, ev.Type)
			if ev.Type == message.TypeDelivered {
				seen++
			}
		}
	}
	require.Equal(t, n, seen)
}

// After a silence of those who take reports, timers wait for the carriers' retries.
func TestTimersWaitAfterAGapInTheBeats(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir(), func(c *decider.Config) { c.BeatGap, c.Grace = 100*time.Millisecond, 2*time.Second })
	beat := func(at time.Time) {
		b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: eventstore.CommandBeat, Stream: "beat"}, eventstore.Beat{Process: "p", At: at})
	}
	beat(time.Now().Add(-10 * time.Second))
	id := b.request(0)
	b.story(0, "message/"+id, message.TypeAttemptStarted)
	resumed := time.Now()
	beat(resumed)
	b.clock.Advance(time.Minute)
	b.story(0, "message/"+id, message.TypeFellBack)
	require.GreaterOrEqual(t, time.Since(resumed), 2*time.Second)
}

func TestWhatCannotBeReadIsParkedAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir(), func(c *decider.Config) { c.GroupWait = time.Millisecond })
	stream := "message/" + eventstore.NewID(0).String()
	b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandRequest, Stream: stream, Account: testAccount}, "not a request")
	b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandCancel, Stream: stream, Account: testAccount}, message.Cancel{})
	good := b.request(0)

	b.story(0, "message/"+good, message.TypeAttemptStarted)
	var reasons []string
	for _, ev := range b.journal(eventstore.Messages, 0) {
		if ev.Type == partition.TypeParked {
			var p partition.Parked
			require.NoError(t, json.Unmarshal(ev.Data, &p))
			reasons = append(reasons, p.Reason)
			require.NotEmpty(t, p.Sealed)
		}
	}
	require.Equal(t, []string{"unreadable_data", "behind_parked"}, reasons)
}

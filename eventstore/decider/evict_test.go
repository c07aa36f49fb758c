package decider_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/storetest"
)

// ended is a message of partition 0 that was delivered, and its instruction.
func (b *bench) ended() (stream string, in message.SendInstruction) {
	b.t.Helper()
	stream = "message/" + b.request(0)
	b.story(0, stream, message.TypeAttemptStarted)
	sends := b.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend)
	require.NoError(b.t, json.Unmarshal(sends[len(sends)-1].Value, &in))
	carrier := strings.ReplaceAll(in.Attempt, "-", "")
	b.answer(0, in, carrier, b.clock.Now())
	b.report(0, in, carrier, message.ReportDelivered, b.clock.Now())
	b.story(0, stream, message.TypeCharged)
	return stream, in
}

// evicted are the messages that partition 0 has forgotten.
func (b *bench) evicted() (streams []string) {
	b.t.Helper()
	for _, ev := range b.journal(eventstore.Messages, 0) {
		if ev.Type == partition.TypeEvicted {
			var e partition.Evicted
			require.NoError(b.t, json.Unmarshal(ev.Data, &e))
			for _, id := range e.Messages {
				streams = append(streams, "message/"+id)
			}
		}
	}
	return streams
}

func (b *bench) awaitEvicted(streams ...string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return len(b.evicted()) >= len(streams) }, time.Minute, 20*time.Millisecond)
	require.ElementsMatch(b.t, streams, b.evicted())
}

// 35 days after its end a message is forgotten, with everything that was derived
// from it; in the state topic a tombstone takes its place.
func TestAMessageIsForgotten35DaysAfterItsEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	dir := t.TempDir()
	stop := b.start(dir, passEvery(50*time.Millisecond))
	stream, _ := b.ended()
	b.clock.Advance(message.KeptFor - time.Second)
	later, _ := b.ended() // time in which it could have been forgotten
	require.Empty(t, b.evicted())
	b.clock.Advance(time.Second)
	b.awaitEvicted(stream)
	b.awaitMark(0)
	saved := b.saved(0)
	require.Contains(t, saved, stream)
	require.Nil(t, saved[stream])
	require.NotNil(t, saved[later])
	stop()
	left := slices.Collect(maps.Keys(storetest.State(t, dir)))
	require.NotContains(t, strings.Join(left, "\n"), strings.TrimPrefix(stream, "message/"))
	require.Contains(t, strings.Join(left, "\n"), strings.TrimPrefix(later, "message/"))
}

// What comes for a message that was forgotten is not taken for it, nor for a new one.
func TestWhatComesForAForgottenMessage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir())
	stream, in := b.ended()
	b.clock.Advance(message.KeptFor)
	b.awaitEvicted(stream)
	before := len(b.journal(eventstore.Messages, 0))

	cancel := eventstore.Command{ID: uuid.NewString(), Type: message.CommandCancel, Stream: stream, Account: testAccount, Actor: "key/1", Outcome: true}
	b.send(eventstore.InboxUrgent, 0, cancel, message.Cancel{})
	out := b.outcome(0, cancel.ID)
	require.NotNil(t, out.Refused)
	require.Equal(t, message.CodeNotFound, out.Refused.Code)
	b.report(0, in, strings.ReplaceAll(in.Attempt, "-", ""), message.ReportRead, b.clock.Now())
	b.story(0, "number/00112233445566778899aabbccddeeff", recipient.TypeReportStored)
	require.Len(t, b.journal(eventstore.Messages, 0), before+1)
}

// The same idempotency key after the horizon is a new message of the same id,
// whose events are not taken for the former one's.
func TestARequestAfterTheHorizonIsANewMessage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir())
	stream, _ := b.ended()
	again := func() {
		id := strings.TrimPrefix(stream, "message/")
		b.send(eventstore.InboxUrgent, 0, eventstore.Command{ID: id, Type: message.CommandRequest, Stream: stream, Account: testAccount, Actor: "key/1"}, sampleRequest(0))
	}
	again() // within the horizon: nothing happens
	b.clock.Advance(message.KeptFor)
	b.awaitEvicted(stream)
	again()
	require.Eventually(t, func() bool { return len(b.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend)) == 2 }, time.Minute, 20*time.Millisecond)
	again() // and again within the next
	other, _ := b.ended()
	require.NotEqual(t, stream, other)
	ids := map[string]bool{}
	var versions []int64
	for _, ev := range b.journal(eventstore.Messages, 0) {
		require.False(t, ids[ev.ID], ev.Type)
		ids[ev.ID] = true
		if ev.Stream == stream {
			versions = append(versions, ev.Version)
		}
	}
	require.Equal(t, "[1 2 3 4 5 6 1 2 3]", fmt.Sprint(versions))
	attempts := map[string]bool{}
	for _, r := range b.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend) {
		var in message.SendInstruction
		require.NoError(t, json.Unmarshal(r.Value, &in))
		require.False(t, attempts[in.Attempt])
		attempts[in.Attempt] = true
	}
}

// A cancel for which no request came is forgotten after a week.
func TestACancelWithoutRequestIsForgotten(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	stream := "message/" + eventstore.NewID(0).String()
	// The request's lane has not been read to its end: the cancel is kept.
	b.send(eventstore.InboxBulk, 0, eventstore.Command{Type: eventstore.CommandBeat, Stream: "beat"}, eventstore.Beat{Process: "p", At: time.Now()})
	b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandCancel, Stream: stream, Account: testAccount, Actor: "key/1"}, message.Cancel{})
	b.start(t.TempDir())
	b.story(0, stream, message.TypeCancelRequested)
	b.clock.Advance(message.CancelKept)
	b.awaitEvicted(stream)
}

// What was evicted after the last mark is gone at whoever loads the state, also when
// a pass that was cut off has saved but a part of it: the partition's own state
// without the message's tombstone, or the tombstone of a message that the journal
// still speaks of behind the mark.
func TestEvictionsAndAPassThatWasCutOff(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(b *bench, dir, stream string){
		"before the tombstone": func(b *bench, dir, _ string) {
			value := append([]byte{b.saved(0)["partition/0"][0]}, storedValue(b.t, dir, "partition/0")...)
			b.saveAs(0, "partition/0", value)
		},
		"after the tombstone": func(b *bench, _, stream string) { b.saveAs(0, stream, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, book := newBench(t), &logbook{}
			dir := t.TempDir()
			stop := b.start(dir, passEvery(50*time.Millisecond))
			stream, in := b.ended()
			b.awaitMarks()
			stop()
			stop = b.start(dir, passEvery(-1))
			b.report(0, in, strings.ReplaceAll(in.Attempt, "-", ""), message.ReportRead, b.clock.Now())
			b.story(0, stream, message.TypeRead)
			b.clock.Advance(message.KeptFor)
			b.awaitEvicted(stream)
			stop()
			cut(b, dir, stream)
			s := newStorm(b, 1)
			require.Equal(t, storetest.State(t, dir), s.restart(t.TempDir(), book.log, passEvery(-1)))
			require.Equal(t, []string{stream}, b.evicted(), "once")
			require.Equal(t, 2, book.count("state loaded"))
			require.Zero(t, book.count("does not fit"), book.String())
		})
	}
}

// storedValue is what the store in dir holds of a stream of partition 0.
func storedValue(t testing.TB, dir, stream string) []byte {
	t.Helper()
	db, err := pebble.Open(dir, &pebble.Options{ReadOnly: true, Logger: eventstore.QuietPebble{}})
	require.NoError(t, err)
	value, closer, err := db.Get([]byte("\x00\x00s" + stream))
	require.NoError(t, err)
	value = slices.Clone(value)
	require.NoError(t, errors.Join(closer.Close(), db.Close()))
	return value
}

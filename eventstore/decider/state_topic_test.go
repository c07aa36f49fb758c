package decider_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/eventstore/decider"
	"goniec/eventstore/storetest"
)

func passEvery(d time.Duration) func(*decider.Config) {
	return func(c *decider.Config) { c.StatePass = d }
}

// saved is what partition p of the state topic holds: the newest record of each key.
func (b *bench) saved(p eventstore.Partition) map[string][]byte {
	b.t.Helper()
	out, err := b.readSaved(p)
	require.NoError(b.t, err)
	return out
}

// readSaved is saved for a topic that brokers may not know yet: it was just made anew.
func (b *bench) readSaved(p eventstore.Partition) (map[string][]byte, error) {
	out := map[string][]byte{}
	_, err := eventstore.ReadAll(b.t.Context(), b.client, b.kafka.Topics().Name(eventstore.State), p, func(r *eventstore.Record) error {
		out[string(r.Key)] = r.Value
		return nil
	})
	return out, err
}

// mark is where the messages journal stood when the last complete pass began; 0 = none
// has, or the topic is not to be read.
func (b *bench) mark(p eventstore.Partition) int64 {
	b.t.Helper()
	var m struct {
		Journals map[string]struct {
			Next int64 `json:"next"`
		} `json:"journals"`
	}
	saved, _ := b.readSaved(p) // who waits asks again
	if raw := saved[fmt.Sprintf("mark/%d", p)]; raw != nil {
		require.NoError(b.t, json.Unmarshal(raw, &m))
	}
	return m.Journals[eventstore.Messages].Next
}

// awaitMark waits for a pass that began when the journal was as long as it is now.
func (b *bench) awaitMark(p eventstore.Partition) {
	b.t.Helper()
	events := b.journal(eventstore.Messages, p)
	last := events[len(events)-1].Offset
	require.Eventually(b.t, func() bool { return b.mark(p) > last }, time.Minute, 20*time.Millisecond)
}

// awaitMarks is awaitMark of every partition, which its owner must have begun.
func (b *bench) awaitMarks() {
	b.t.Helper()
	for p := range eventstore.Partition(testPartitions) {
		require.Eventually(b.t, func() bool { return len(b.journal(eventstore.Messages, p)) > 0 }, time.Minute, 20*time.Millisecond)
		b.awaitMark(p)
	}
}

// recreate deletes a topic and makes it anew.
func (b *bench) recreate(topic string) {
	b.t.Helper()
	admin, err := b.kafka.NewAdmin()
	require.NoError(b.t, err)
	require.NoError(b.t, admin.DeleteTopic(b.kafka.Topics().Name(topic)))
	layout := eventstore.Layout{Partitions: testPartitions, ReplicationFactor: 1, MinInsync: 1}
	require.Eventually(b.t, func() bool {
		return eventstore.CreateTopics(b.kafka, layout) == nil
	}, time.Minute, 50*time.Millisecond)
	require.NoError(b.t, admin.Close())
	require.NoError(b.t, b.client.RefreshMetadata())
}

// restart runs a decider until it owns both partitions and has decided all, and returns what it stored.
func (s *storm) restart(dir string, adjust ...func(*decider.Config)) map[string]string {
	s.t.Helper()
	var before [testPartitions]int
	for p := range before {
		epochs, _ := s.owned(eventstore.Partition(p))
		before[p] = len(epochs)
	}
	stop := s.start(dir, adjust...)
	for p, n := range before {
		require.Eventually(s.t, func() bool { now, _ := s.owned(eventstore.Partition(p)); return len(now) > n }, 3*time.Minute, 20*time.Millisecond)
	}
	s.settled()
	stop()
	return storetest.State(s.t, dir)
}

// Passes go on while whatever comes is decided: what an empty owner loads and replays is the live state.
func TestLoadedStateIsTheLiveState(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	b, book := newBench(t), &logbook{}
	live := t.TempDir()
	stop := b.start(live, passEvery(50*time.Millisecond), func(c *decider.Config) { c.GroupLimit = 1 + int(seed%40) })
	s := newStorm(b, seed)
	for range 25 {
		s.step()
	}
	b.awaitMarks()
	s.weeks()
	for range 5 { // some more, which no pass or a part of one has seen
		s.step()
	}
	s.settled()
	stop()
	want := storetest.State(t, live)
	require.Greater(t, len(want), 20)
	require.Equal(t, want, s.restart(t.TempDir(), book.log))
	require.Equal(t, 2, book.count("state loaded"), "of both partitions")
	require.Zero(t, book.count("does not fit"))

	b.recreate(eventstore.State) // lost: the journals rebuild all
	fresh := &logbook{}
	require.Equal(t, want, s.restart(t.TempDir(), fresh.log))
	require.Zero(t, fresh.count("state loaded"))
}

// An owner whose state topic was made anew writes everything into it, not only what changes from then on.
func TestALostStateTopicIsFilledAgain(t *testing.T) {
	t.Parallel()
	b, book := newBench(t), &logbook{}
	dir := t.TempDir()
	stop := b.start(dir, passEvery(50*time.Millisecond))
	var old []string
	for range 20 {
		old = append(old, "message/"+b.request(0))
	}
	b.story(0, old[19], message.TypeAttemptStarted)
	b.awaitMark(0)
	stop()
	b.recreate(eventstore.State)
	stop = b.start(dir, passEvery(50*time.Millisecond))
	b.story(0, "message/"+b.request(0), message.TypeAttemptStarted)
	b.awaitMarks()
	stop()
	saved := b.saved(0)
	for _, stream := range old {
		require.NotEmpty(t, saved[stream])
	}
	s := newStorm(b, 1)
	require.Equal(t, storetest.State(t, dir), s.restart(t.TempDir(), book.log))
	require.Equal(t, 2, book.count("state loaded"))
}

// What another build saved is of no use, and says so.
func TestStateSavedByAnotherBuildIsNotUsed(t *testing.T) {
	t.Parallel()
	b, book := newBench(t), &logbook{}
	dir := t.TempDir()
	stop := b.start(dir, passEvery(50*time.Millisecond))
	stream := "message/" + b.request(0)
	b.story(0, stream, message.TypeAttemptStarted)
	b.awaitMark(0)
	stop()
	value := b.saved(0)[stream]
	value[0]++ // the schema
	b.saveAs(0, stream, value)
	s := newStorm(b, 1)
	require.Equal(t, storetest.State(t, dir), s.restart(t.TempDir(), book.log, passEvery(-1)))
	require.Equal(t, 1, book.count("another build wrote a part of it"))
}

// saveAs writes a record into the state topic.
func (b *bench) saveAs(p eventstore.Partition, key string, value []byte) {
	b.t.Helper()
	m := &sarama.ProducerMessage{Topic: b.kafka.Topics().Name(eventstore.State), Partition: p, Key: sarama.StringEncoder(key)}
	if value != nil {
		m.Value = sarama.ByteEncoder(value)
	}
	require.NoError(b.t, b.producer.Send(b.t.Context(), m))
}

// A pass comes to an end while commands keep coming, and holds every stream.
func TestAPassEndsWhileDecisionsGoOn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	fill(b, 3000)
	b.start(t.TempDir(), passEvery(20*time.Millisecond), func(c *decider.Config) { c.GroupLimit = 20 })
	require.Eventually(t, func() bool { return len(b.journal(eventstore.Messages, 0)) > 4500 }, 3*time.Minute, 5*time.Millisecond)
	require.Positive(t, b.mark(0), "a pass ended under load")
	require.Eventually(t, func() bool { return len(b.journal(eventstore.Messages, 0)) > 9000 }, 3*time.Minute, 20*time.Millisecond)
	b.awaitMark(0)
	require.Len(t, b.saved(0), 3000+2, "every message, the partition, the mark")
}

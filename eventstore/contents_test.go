package eventstore_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/eventstore"
	"goniec/internal/kafkatest"
)

// shelf is the topic contents of two partitions.
type shelf struct {
	t        *testing.T
	client   sarama.Client
	producer *eventstore.Producer
	topics   eventstore.Topics
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	kafka := kafkatest.Topics(t, 2)
	return &shelf{t: t, client: kafkatest.Client(t, kafka), producer: kafkatest.Producer(t, kafka), topics: kafka.Topics()}
}

// put writes records; an empty value is a tombstone.
func (s *shelf) put(p eventstore.Partition, keyValues ...string) {
	s.t.Helper()
	var msgs []*sarama.ProducerMessage
	for i := 0; i < len(keyValues); i += 2 {
		m := &sarama.ProducerMessage{Topic: s.topics.Name(eventstore.Contents), Partition: p, Key: sarama.StringEncoder(keyValues[i])}
		if keyValues[i+1] != "" {
			m.Value = sarama.StringEncoder(keyValues[i+1])
		}
		msgs = append(msgs, m)
	}
	require.NoError(s.t, s.producer.Send(s.t.Context(), msgs...))
}

func (s *shelf) open(dir, installation string) *eventstore.ContentStore {
	s.t.Helper()
	c, err := eventstore.OpenContentStore(s.t.Context(), dir, installation, s.client, s.topics, slog.New(slog.DiscardHandler))
	require.NoError(s.t, err)
	return c
}

// follow keeps partitions up to date until the returned function is called,
// which also closes the store.
func (s *shelf) follow(c *eventstore.ContentStore, parts ...eventstore.Partition) (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var wg sync.WaitGroup
	for _, p := range parts {
		wg.Go(func() { _ = c.Follow(ctx, p) }) // always the end of ctx
	}
	stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		require.NoError(s.t, c.Close())
	})
	s.t.Cleanup(stop)
	return stop
}

func (s *shelf) get(c *eventstore.ContentStore, p eventstore.Partition, id string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	v, ok, err := c.Get(ctx, p, id, time.Now())
	require.NoError(s.t, err)
	require.Equal(s.t, ok, v != nil)
	return string(v)
}

func TestContentsAreReadUpToTheAsking(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.put(0, "a", "one", "b", "two", "a", "three", "c", "four", "c", "")
	s.put(1, "a", "elsewhere")
	c := s.open(t.TempDir(), "inst")
	s.follow(c, 0, 1)
	require.Equal(t, "three", s.get(c, 0, "a"), "the last one counts")
	require.Equal(t, "two", s.get(c, 0, "b"))
	require.Empty(t, s.get(c, 0, "c"), "erased")
	require.Empty(t, s.get(c, 0, "never"))
	require.Equal(t, "elsewhere", s.get(c, 1, "a"))
	for i := range 50 { // written, and found at once
		id := fmt.Sprint("d", i)
		s.put(0, id, "x"+id)
		require.Equal(t, "x"+id, s.get(c, 0, id))
	}
	for i := range 50 { // and not found any more as soon as it is erased, though the copy has it
		id := fmt.Sprint("d", i)
		s.put(0, id, "")
		require.Empty(t, s.get(c, 0, id))
	}
}

// A question for the end is asked once for all who need no later one.
func TestContentsOfOneMomentShareAQuestion(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.put(0, "a", "one")
	c := s.open(t.TempDir(), "inst")
	s.follow(c, 0)
	before := time.Now()
	require.Equal(t, "one", s.get(c, 0, "a"))
	s.client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	v, ok, err := c.Get(ctx, 0, "a", before)
	require.NoError(t, err, "what is known suffices")
	require.True(t, ok)
	require.Equal(t, "one", string(v))
	_, _, err = c.Get(ctx, 0, "a", time.Now())
	require.ErrorIs(t, err, eventstore.ErrUnavailable, "a later moment needs another question")
}

func TestContentsGoOnWhereTheyEnded(t *testing.T) {
	t.Parallel()
	s, dir := newShelf(t), filepath.Join(t.TempDir(), "contents")
	s.put(0, "a", "one", "b", "two")
	first := s.open(dir, "inst")
	stop := s.follow(first, 0)
	require.Equal(t, "two", s.get(first, 0, "b"))
	stop()
	s.put(0, "b", "", "c", "three")
	second := s.open(dir, "inst")
	stop = s.follow(second, 0)
	require.Equal(t, "three", s.get(second, 0, "c"))
	require.Empty(t, s.get(second, 0, "b"))
	require.Equal(t, "one", s.get(second, 0, "a"))
	stop()

	other := s.open(dir, "another installation") // what the first one left is dropped …
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, _, err := other.Get(ctx, 0, "a", time.Now()) // … and nobody reads yet
	require.ErrorIs(t, err, context.DeadlineExceeded)
	s.follow(other, 0)
	require.Equal(t, "one", s.get(other, 0, "a"))
}

// A store whose mark does not fit the topic is read anew: the topic of the
// first prefix is longer than that of the second.
func TestContentsOfAnotherTopic(t *testing.T) {
	t.Parallel()
	long, short, dir := newShelf(t), newShelf(t), filepath.Join(t.TempDir(), "contents")
	long.put(0, "a", "one", "b", "two", "c", "three")
	c := long.open(dir, "inst")
	stop := long.follow(c, 0)
	require.Equal(t, "three", long.get(c, 0, "c"))
	stop()
	short.put(0, "a", "eins")
	c = short.open(dir, "inst")
	short.follow(c, 0)
	require.Equal(t, "eins", short.get(c, 0, "a"))
	require.Empty(t, short.get(c, 0, "c"))
}

func TestContentsFollowersTakeTurns(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	c := s.open(t.TempDir(), "inst")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Follow(ctx, 0) }()
	s.put(0, "a", "one")
	require.Equal(t, "one", s.get(c, 0, "a"))
	s.follow(c, 0)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	s.put(0, "b", "two")
	require.Equal(t, "two", s.get(c, 0, "b"), "the second one has taken over")
}

func TestContentsCannotBeOpenedTwice(t *testing.T) {
	t.Parallel()
	s, dir := newShelf(t), filepath.Join(t.TempDir(), "contents")
	c := s.open(dir, "inst")
	defer func() { require.NoError(t, c.Close()) }()
	_, err := eventstore.OpenContentStore(t.Context(), dir, "inst", s.client, s.topics, slog.New(slog.DiscardHandler))
	require.Error(t, err)
	_, err = os.Stat(dir)
	require.NoError(t, err)
}

package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/eventstore"
)

// run starts fn and returns what ends it and waits for it.
func run(t *testing.T, fn func(context.Context) error) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(time.Minute):
			return errors.New("it does not end")
		}
	})
	t.Cleanup(func() { _ = stop() })
	return stop
}

func TestOutcomesReachThoseWhoWait(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	w := eventstore.NewWaiter(s.client, s.topics, 2)
	say := func(command string, o eventstore.Outcome) {
		o.Command = command
		m, err := eventstore.OutcomeMessage(s.topics.Name(eventstore.Outcomes), 1, o)
		require.NoError(t, err)
		require.NoError(t, s.producer.Send(t.Context(), m))
	}
	early := w.Expect("early")
	say("early", eventstore.Outcome{}) // before anybody reads: nobody's business any more
	stop := run(t, w.Run)
	<-w.Ready()
	wait := w.Expect("c1")
	twice := w.Expect("c2")
	say("unasked", eventstore.Outcome{})
	require.NoError(t, s.producer.Send(t.Context(), &sarama.ProducerMessage{Topic: s.topics.Name(eventstore.Outcomes), Partition: 1, Value: sarama.StringEncoder("no JSON")}))
	for range 2 {
		say("c2", eventstore.Outcome{Version: 2})
	}
	want := eventstore.Outcome{Stream: "account/a", Version: 3, Events: []string{"x"}, Refused: domain.RefuseField("code", "field", "why")}
	say("c1", want)
	want.Command = "c1"
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := wait(ctx)
	require.NoError(t, err)
	require.Equal(t, want, got)
	got, err = twice(ctx)
	require.NoError(t, err)
	require.Equal(t, int64(2), got.Version)

	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = early(short)
	require.ErrorIs(t, err, eventstore.ErrUnavailable)
	say("early", eventstore.Outcome{}) // too late: it must hold nobody up
	after := w.Expect("after")
	say("after", eventstore.Outcome{})
	_, err = after(ctx)
	require.NoError(t, err)
	require.ErrorIs(t, stop(), context.Canceled)
}

func TestFollowerHandsOverEachPartitionInOrder(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for i := range 20 {
		s.put(eventstore.Partition(i%2), fmt.Sprintf("%02d", i), "x")
	}
	var mu sync.Mutex
	seen := map[int32][]string{}
	f := eventstore.NewFollower(s.client, s.topics.Name(eventstore.Contents), 2, func(r *eventstore.Record) error {
		mu.Lock()
		defer mu.Unlock()
		seen[r.Partition] = append(seen[r.Partition], string(r.Key))
		return nil
	})
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, f.CaughtUp(short), context.DeadlineExceeded, "nobody follows yet")
	stop := run(t, f.Run)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, f.CaughtUp(ctx))
	require.Equal(t, int64(20), f.Position())
	for i := 20; i < 40; i++ { // what was written before the call has been handed over
		s.put(eventstore.Partition(i%2), fmt.Sprintf("%02d", i), "x")
		require.NoError(t, f.CaughtUp(ctx))
		mu.Lock()
		last := seen[int32(i%2)]
		require.Equal(t, fmt.Sprintf("%02d", i), last[len(last)-1])
		mu.Unlock()
	}
	require.Len(t, seen[0], 20)
	require.IsIncreasing(t, seen[0])
	require.IsIncreasing(t, seen[1])
	require.ErrorIs(t, stop(), context.Canceled)
	s.put(0, "later", "x")
	require.ErrorIs(t, f.CaughtUp(ctx), context.Canceled, "who waits for one that has ended is told")
}

// A record that cannot be taken ends the follower, and those who wait for it learn why.
func TestFollowerEndsWithItsFunction(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	broken := errors.New("not readable")
	f := eventstore.NewFollower(s.client, s.topics.Name(eventstore.Contents), 2, func(r *eventstore.Record) error {
		if string(r.Key) == "bad" {
			return broken
		}
		return nil
	})
	s.put(1, "good", "x", "bad", "x")
	waits := make(chan error, 1)
	go func() { waits <- f.CaughtUp(t.Context()) }()
	require.ErrorIs(t, f.Run(t.Context()), broken)
	require.ErrorIs(t, <-waits, broken)
}

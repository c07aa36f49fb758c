package dispatch

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/eventstore"
)

// expiredMeter counts what got tombstones.
type expiredMeter struct {
	noMetrics
	n atomic.Int64
}

func (m *expiredMeter) Expired(_ eventstore.Partition, n int) { m.n.Add(int64(n)) }

// live counts the records of contents/0 that are no tombstones and not followed by one.
func (b *bench) live() int {
	b.tb.Helper()
	live := map[string]bool{}
	_, err := eventstore.ReadAll(b.tb.Context(), b.client, b.topic(eventstore.Contents), 0, func(r *eventstore.Record) error {
		if delete(live, string(r.Key)); r.Value != nil {
			live[string(r.Key)] = true
		}
		return nil
	})
	require.NoError(b.tb, err)
	return len(live)
}

// Whoever owns a partition removes what nobody can open any more, again and again, and
// after a fault too.
func TestAnOwnerRemovesWhatCannotBeOpened(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	old := func() {
		id := contentKey(eventstore.NewID(0).String())
		v, err := b.ring.SealContent(t.Context(), id, testAccount, time.Now().AddDate(0, 0, -3), eventstore.Content{To: testNumber, Text: testText})
		require.NoError(t, err)
		b.write(&sarama.ProducerMessage{Topic: b.topic(eventstore.Contents), Key: sarama.StringEncoder(id), Value: sarama.ByteEncoder(v)})
		b.ring.Forget(b.ring.Expired(0, time.Now()))
	}
	old()
	old()
	var asked, ahead atomic.Int64
	clock := domain.ClockFunc(func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
	caughtUp := func(context.Context) error {
		if asked.Add(1) == 1 {
			return errors.New("the first time it fails")
		}
		return nil
	}
	meter := &expiredMeter{}
	stop := b.start(func(c *Config, _ *Dispatcher) {
		c.Sweep = eventstore.NewSweeper(b.store, b.ring, caughtUp, b.producer, clock).Sweep
		c.SweepEvery, c.Metrics = 50*time.Millisecond, meter
	})
	require.Eventually(t, func() bool { return b.live() == 1 }, waitFor, pollEvery, "the message's own")
	require.Eventually(t, func() bool { return meter.n.Load() == 2 }, waitFor, pollEvery)
	require.Contains(t, b.logs.String(), "the first time it fails")
	sent := b.send(eventstore.OutboxUrgent, 0, 1)[0]
	b.answered(0, sent)
	require.Equal(t, testText, b.carrier.subs[sent].Text, "what is not over can be sent")

	old()
	ahead.Store(int64(24 * time.Hour))
	require.Eventually(t, func() bool { return meter.n.Load() == 3 }, waitFor, pollEvery)
	require.Equal(t, 1, b.live())
	stop()
	n := asked.Load()
	old()
	ahead.Store(int64(48 * time.Hour))
	require.Never(t, func() bool { return asked.Load() != n }, 300*time.Millisecond, pollEvery, "it ends with the ownership")
}

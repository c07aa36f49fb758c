package decider_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/partition"
	"goniec/eventstore"
	"goniec/eventstore/decider"
)

// counted are the events of a type in the messages journal.
func (b *bench) counted(typ string) (n int) {
	b.t.Helper()
	for p := range eventstore.Partition(testPartitions) {
		for _, ev := range b.journal(eventstore.Messages, p) {
			if ev.Type == typ {
				n++
			}
		}
	}
	return n
}

// A day key is destroyed once, an hour after its day's end; a successor finds nothing
// left to destroy.
func TestDayKeysAreDestroyedOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, err := b.keyring.Seal(t.Context(), testAccount, b.clock.Now(), []byte("x"), "test")
	require.NoError(t, err)
	stop := b.start(t.TempDir())
	require.Eventually(t, func() bool { return b.counted(partition.TypeOwned) == testPartitions }, time.Minute, 20*time.Millisecond)
	require.Zero(t, b.counted(partition.TypeKeysDestroyed), "its day is not over")
	b.clock.Advance(25 * time.Hour)
	require.Eventually(t, func() bool { return b.counted(partition.TypeKeysDestroyed) == 1 }, time.Minute, 20*time.Millisecond)
	require.Equal(t, 1, b.keyring.Destroyed())
	stop()

	b.start(t.TempDir())
	b.clock.Advance(25 * time.Hour)
	_, err = b.keyring.Seal(t.Context(), testAccount, b.clock.Now().Add(-48*time.Hour), []byte("x"), "test") // one that is over already
	require.NoError(t, err)
	require.Eventually(t, func() bool { return b.counted(partition.TypeOwned) == 2*testPartitions }, time.Minute, 20*time.Millisecond)
	b.clock.Advance(25 * time.Hour)
	require.Eventually(t, func() bool { return b.counted(partition.TypeKeysDestroyed) >= 2 }, time.Minute, 20*time.Millisecond)
	require.Equal(t, 2, b.counted(partition.TypeKeysDestroyed), "one for each key")
}

// What is destroyed is dropped by Kafka when something follows it: so also where nothing
// happens something does, every hour.
func TestFillersFollowEveryHour(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var ahead atomic.Int64
	b.start(t.TempDir(), func(c *decider.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	written := func(n int) func() bool {
		return func() bool {
			for _, topic := range []string{eventstore.Contents, eventstore.Keys} {
				for p := range eventstore.Partition(testPartitions) {
					if b.fillers(topic, p) != n {
						return false
					}
				}
			}
			return true
		}
	}
	require.Eventually(t, written(1), time.Minute, 20*time.Millisecond, "an owner begins with them")
	ahead.Store(int64(59 * time.Minute))
	require.Never(t, func() bool { return !written(1)() }, time.Second, 100*time.Millisecond, "the hour is not over")
	ahead.Store(int64(time.Hour))
	require.Eventually(t, written(2), time.Minute, 20*time.Millisecond)
}

func (b *bench) fillers(topic string, p eventstore.Partition) (n int) {
	b.t.Helper()
	_, err := eventstore.ReadAll(b.t.Context(), b.client, b.kafka.Topics().Name(topic), p, func(r *eventstore.Record) error {
		require.Equal(b.t, "filler", string(r.Key))
		require.Nil(b.t, r.Value)
		n++
		return nil
	})
	require.NoError(b.t, err)
	return n
}

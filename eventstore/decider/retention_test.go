package decider_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/partition"
	"goniec/eventstore"
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

package decider_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/stretchr/testify/require"

	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/eventstore/decider"
)

// history decides n requests in partition 0 with a store in dir, which the other
// partition was owned with too, and returns the streams.
func (b *bench) history(dir string, n int) (streams []string) {
	b.t.Helper()
	stop := b.start(dir)
	for range n {
		streams = append(streams, "message/"+b.request(0))
		b.story(0, streams[len(streams)-1], message.TypeAttemptStarted)
	}
	require.Eventually(b.t, func() bool { epochs, _ := b.owned(1); return len(epochs) > 0 }, time.Minute, 20*time.Millisecond)
	stop()
	return streams
}

// goesOn starts an owner with the store in dir: it must fire the timer of a stream
// that the journal knows, and say n times why the state did not fit.
func (b *bench) goesOn(dir, stream, why string, n int) {
	b.t.Helper()
	book := &logbook{}
	epochs, _ := b.owned(0)
	b.clock.Advance(time.Minute)
	b.start(dir, book.log)
	b.story(0, stream, message.TypeFellBack)
	require.Eventually(b.t, func() bool { return book.count("partition owned") == testPartitions }, time.Minute, 20*time.Millisecond)
	require.Equal(b.t, n, book.count(why), book.String())
	now, _ := b.owned(0)
	require.Equal(b.t, epochs[len(epochs)-1]+1, now[len(now)-1])
}

// A copy of the store of a node whose Kafka was another one, or was restored from a backup since.
func TestStateCopiedFromAnotherNodeIsRebuilt(t *testing.T) {
	t.Parallel()
	here, there := newBench(t), newBench(t)
	dir := t.TempDir()
	there.history(dir, 2)
	streams := here.history(t.TempDir(), 5)
	here.goesOn(dir, streams[4], "another event stands at offset", 2) // of both partitions: each was owned
}

// A copy of another node of the same cluster is old, and is brought up to date.
func TestStateOfAnEarlierOwnerIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	dir := t.TempDir()
	b.history(dir, 2)
	streams := b.history(t.TempDir(), 2)
	b.goesOn(dir, streams[1], "does not fit", 0)
}

func TestStateFromTheFutureIsRebuilt(t *testing.T) {
	t.Parallel()
	long, short := newBench(t), newBench(t)
	dir := t.TempDir()
	long.history(dir, 8)
	streams := short.history(t.TempDir(), 1)
	short.goesOn(dir, streams[0], "the journal ends at", 1)
}

func TestStateOfAnotherClusterIsRebuilt(t *testing.T) {
	t.Parallel()
	here, there := newBench(t), newBench(t)
	dir := t.TempDir()
	book := &logbook{}
	stop := there.start(dir, func(c *decider.Config) { c.Installation = "another" }, book.log)
	there.request(0)
	require.Eventually(t, func() bool { return len(there.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend)) == 1 }, time.Minute, 20*time.Millisecond)
	require.Eventually(t, func() bool { return book.count("partition owned") == testPartitions }, time.Minute, 20*time.Millisecond)
	stop()
	streams := here.history(t.TempDir(), 1)
	here.goesOn(dir, streams[0], "it belongs to another installation", 2)
}

// Files that were cut short are dropped; the process starts all the same.
func TestTruncatedStateIsRebuilt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	dir := t.TempDir()
	streams := b.history(dir, 3)
	b.history(dir, 0) // opens it once more: what was in the log is in tables now
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	require.NoError(t, err)
	require.NotEmpty(t, tables)
	for _, name := range tables {
		require.NoError(t, os.Truncate(name, 100))
	}
	b.goesOn(dir, streams[2], "it is damaged", 1)
}

// A store that another process has open is not damaged.
func TestAStoreInUseIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := decider.OpenStore(t.Context(), dir, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	_, err = decider.OpenStore(t.Context(), dir, slog.New(slog.DiscardHandler))
	require.Error(t, err)
	require.NoError(t, first.Close())
	second, err := decider.OpenStore(t.Context(), dir, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NoError(t, second.Close())
}

// A process that ended while it replayed what follows the loaded state begins again: a part of that may be missing.
func TestALoadingThatWasNotBroughtToAnEndBeginsAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	dir := t.TempDir()
	streams := b.history(dir, 2)
	db, err := pebble.Open(dir, &pebble.Options{Logger: eventstore.QuietPebble{}, FormatMajorVersion: pebble.FormatNewest})
	require.NoError(t, err)
	key := []byte{0, 0, 'm'}
	value, closer, err := db.Get(key)
	require.NoError(t, err)
	meta := map[string]any{}
	require.NoError(t, json.Unmarshal(value, &meta))
	require.NoError(t, closer.Close())
	meta["loading"] = true
	value, err = json.Marshal(meta)
	require.NoError(t, err)
	require.NoError(t, db.Set(key, value, pebble.Sync))
	require.NoError(t, db.Close())
	b.goesOn(dir, streams[1], "its loading was not brought to an end", 1)
}

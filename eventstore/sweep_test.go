package eventstore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/eventstore"
)

// broom is a Sweeper over a copy of the topic, at noon of a day.
type broom struct {
	*ring
	*eventstore.Sweeper
	copy  *eventstore.ContentStore
	noon  time.Time
	late  func() // what the topic of keys holds and the ring has not read
	fault error  // of writing

	mu    sync.Mutex
	sizes []int // of what was written at once
}

func newBroom(t *testing.T) *broom {
	t.Helper()
	b := &broom{ring: newRing(t), noon: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC), late: func() {}}
	b.use(b.open(t.TempDir(), "inst"))
	return b
}

func (b *broom) use(c *eventstore.ContentStore) {
	caughtUp := func(context.Context) error { b.late(); return nil }
	b.copy = c
	b.Sweeper = eventstore.NewSweeper(c, b.Keyring, caughtUp, b, domain.ClockFunc(func() time.Time { return b.noon }))
}

// Send implements eventstore.Sender.
func (b *broom) Send(ctx context.Context, msgs ...*sarama.ProducerMessage) error {
	b.mu.Lock()
	b.sizes = append(b.sizes, len(msgs))
	b.mu.Unlock()
	if b.fault != nil {
		return b.fault
	}
	return b.producer.Send(ctx, msgs...)
}

// add writes a content that is kept through the day that began so many days ago.
func (b *broom) add(id string, daysAgo int) {
	b.t.Helper()
	b.put(0, id, string(b.seal(b.Keyring, id, "acc", b.noon.AddDate(0, 0, -daysAgo))))
}

// destroy ends the keys of days that began more than so many days ago.
func (b *broom) destroy(daysAgo int) {
	b.t.Helper()
	for p := range eventstore.Partition(2) {
		b.Forget(b.Expired(p, b.noon.AddDate(0, 0, -daysAgo)))
	}
}

func (b *broom) sweep(want int) {
	b.t.Helper()
	n, err := b.Sweep(b.t.Context(), 0)
	require.NoError(b.t, err)
	require.Equal(b.t, want, n)
}

// live are the keys of the topic's partition that have a value.
func (b *broom) live() []string {
	b.t.Helper()
	values, keys := map[string][]byte{}, []string{}
	_, err := eventstore.ReadAll(b.t.Context(), b.client, b.topics.Name(eventstore.Contents), 0, func(r *eventstore.Record) error {
		values[string(r.Key)] = r.Value
		return nil
	})
	require.NoError(b.t, err)
	for key, v := range values {
		if v != nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// rules.md D11: what cannot be opened any more goes, a day after its day, and nothing else.
func TestContentsWhoseKeyIsGoneAreRemoved(t *testing.T) {
	t.Parallel()
	b := newBroom(t)
	b.add("long ago", 40)
	b.add("two days", 2)
	b.add("margin", 1)
	b.add("today", 0)
	b.destroy(0)
	b.add("opens", 3) // written since: the day has a key again
	b.put(0, "not ours", `{"k":"x","w":"","s":""}`)
	b.follow(b.copy, 0)
	b.sweep(2)
	require.ElementsMatch(t, []string{"margin", "today", "opens", "not ours"}, b.live())
	require.Empty(t, b.get(b.copy, 0, "long ago"))
	require.NotEmpty(t, b.get(b.copy, 0, "margin"))

	b.noon = b.noon.AddDate(0, 0, 1)
	b.sweep(1)
	require.ElementsMatch(t, []string{"today", "opens", "not ours"}, b.live())
	b.destroy(1)
	b.sweep(1) // the day is no other one, but something was left
	require.ElementsMatch(t, []string{"today", "not ours"}, b.live())
	require.Equal(t, []int{2, 1, 1}, b.sizes)
}

// A key that the ring has not read yet is none that was destroyed.
func TestNothingIsRemovedWhoseKeyIsOnItsWay(t *testing.T) {
	t.Parallel()
	b := newBroom(t)
	elsewhere, asked := b.another(), 0
	b.put(0, "m1", string(b.seal(elsewhere, "m1", "acc", b.noon.AddDate(0, 0, -9))))
	b.late = func() {
		asked++
		for _, r := range b.published() {
			require.NoError(t, b.Apply(r))
		}
	}
	b.follow(b.copy, 0)
	b.sweep(0)
	require.Equal(t, 1, asked)
	require.Equal(t, []string{"m1"}, b.live())
	b.destroy(0)
	b.sweep(1)
	require.Empty(t, b.live())
	require.Equal(t, 2, asked)
	require.NoError(t, b.client.Close())
	b.sweep(0) // nothing is left to look for on this day: it asks nobody
}

// What was written anew, under a key that is alive, stays, however far the copy lags.
func TestWhatWasWrittenAnewIsNotRemoved(t *testing.T) {
	t.Parallel()
	b, dir := newBroom(t), filepath.Join(t.TempDir(), "contents")
	require.NoError(t, b.copy.Close())
	b.add("m1", 40)
	b.add("m2", 40)
	b.destroy(0)
	lags := b.open(dir, "inst")
	stop := b.follow(lags, 0)
	require.NotEmpty(t, b.get(lags, 0, "m1"))
	stop()
	b.add("m1", -30)
	lags = b.open(dir, "inst")
	b.use(lags)
	swept := make(chan int, 1)
	go func() {
		n, _ := b.Sweep(t.Context(), 0) // what is left tells
		swept <- n
	}()
	require.Never(t, func() bool { return len(swept) > 0 }, 300*time.Millisecond, 50*time.Millisecond, "nobody reads yet")
	b.follow(lags, 0)
	require.Equal(t, 1, <-swept)
	require.Equal(t, []string{"m1"}, b.live())
	require.NotEmpty(t, b.get(lags, 0, "m1"))
}

// Many are removed some at a time; a pass that failed is repeated whole.
func TestContentsAreRemovedInBatches(t *testing.T) {
	t.Parallel()
	b := newBroom(t)
	var all []string
	for i := range 1600 { // a batch ends, and the next begins, between two that go
		id := fmt.Sprintf("m%04d", i)
		all = append(all, id, string(b.seal(b.Keyring, id, "acc", b.noon.AddDate(0, 0, -40*(i%4)))))
	}
	b.put(0, all...)
	b.destroy(0)
	b.follow(b.copy, 0)
	b.fault = eventstore.ErrUnavailable
	n, err := b.Sweep(t.Context(), 0)
	require.ErrorIs(t, err, eventstore.ErrUnavailable)
	require.Zero(t, n)
	b.fault = nil
	began := time.Now()
	b.sweep(1200)
	require.GreaterOrEqual(t, time.Since(began), 200*time.Millisecond, "with a pause between")
	require.Equal(t, []int{500, 500, 500, 200}, b.sizes)
	require.Len(t, b.live(), 400)
}

// One pass goes on at a time; whoever waits for its end leaves with the ownership.
func TestPassesTakeTurns(t *testing.T) {
	t.Parallel()
	b := newBroom(t)
	b.add("m1", 40)
	b.destroy(0)
	b.follow(b.copy, 0, 1)
	begun, free := make(chan struct{}), make(chan struct{})
	b.late = func() {
		close(begun)
		<-free
	}
	swept := make(chan int, 1)
	go func() {
		n, _ := b.Sweep(t.Context(), 0) // one that failed wrote nothing
		swept <- n
	}()
	<-begun
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := b.Sweep(ctx, 1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	close(free)
	require.Equal(t, 1, <-swept)
	n, err := b.Sweep(t.Context(), 1)
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestTheKeyOfAContentIsNamed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"acc/2026-11-28/x", `a"b\c<d>/2026-11-28/x`, ""} {
		value, err := json.Marshal(map[string]string{"k": name, "w": "AA==", "s": "AA=="})
		require.NoError(t, err)
		ordered := fmt.Sprintf(`{"k":%s,"w":"AA==","s":"AA=="}`, mustJSON(t, name))
		require.Equal(t, name, eventstore.ContentKeyName(value))
		require.Equal(t, name, eventstore.ContentKeyName([]byte(ordered)))
	}
	require.Empty(t, eventstore.ContentKeyName(nil))
	require.Empty(t, eventstore.ContentKeyName([]byte(`{"k":"never ends`)))
	require.Empty(t, eventstore.ContentKeyName([]byte("no JSON")))
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

package smpp

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
)

func TestPaceHalvesAndClimbs(t *testing.T) {
	t.Parallel()
	p := newPace(100)
	now := time.Now()
	at := func(s float64) time.Time { return now.Add(time.Duration(s * float64(time.Second))) }
	p.throttled(at(0))
	require.InDelta(t, 50, p.perSecond(), 0)
	p.throttled(at(0.5))
	require.InDelta(t, 50, p.perSecond(), 0, "a window full of refusals is one sign")
	p.accepted(at(0.9))
	require.InDelta(t, 50, p.perSecond(), 0)
	p.throttled(at(1))
	require.InDelta(t, 25, p.perSecond(), 0)
	for s := 2.0; s < 40; s++ {
		p.accepted(at(s))
	}
	require.InDelta(t, 100, p.perSecond(), 0, "the ceiling is never passed")
	for s := 41.0; s < 60; s++ {
		p.throttled(at(s))
	}
	require.InDelta(t, 1, p.perSecond(), 0, "nor the floor")
}

func TestPaceWithoutCeiling(t *testing.T) {
	t.Parallel()
	p := newPace(0)
	for range 40 {
		require.NoError(t, p.wait(context.Background()))
	}
	require.Zero(t, p.perSecond())
	now := time.Now()
	p.throttled(now)
	require.InDelta(t, 20, p.perSecond(), 0, "half of what was sent in the second")
	for s := range 60 {
		p.accepted(now.Add(time.Duration(s+1) * time.Second))
	}
	require.Greater(t, p.limiter.Limit(), rate.Limit(1e300), "the limit is forgotten well above the old peak")
}

func TestPaceCeilingMoves(t *testing.T) {
	t.Parallel()
	p := newPace(0)
	p.setCeiling(100)
	require.InDelta(t, 100, p.perSecond(), 0)
	p.setCeiling(200)
	require.InDelta(t, 200, p.perSecond(), 0)
	p.throttled(time.Now())
	p.setCeiling(400)
	require.InDelta(t, 100, p.perSecond(), 0, "the carrier's word stands")
	p.setCeiling(50)
	require.InDelta(t, 50, p.perSecond(), 0)
	p.setCeiling(0)
	require.Zero(t, p.perSecond())
}

func TestPaceDoesNotWaitInVain(t *testing.T) {
	t.Parallel()
	p := newPace(0.001)
	require.NoError(t, p.wait(context.Background()))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	start := time.Now()
	require.Error(t, p.wait(ctx))
	require.Less(t, time.Since(start), 10*time.Second)
}

func TestGate(t *testing.T) {
	t.Parallel()
	g := newGate(2)
	require.True(t, g.enter())
	require.True(t, g.enter())
	require.False(t, g.enter(), "full")
	g.leave()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	g.shut(ctx) // gives up waiting
	require.False(t, g.enter(), "shut")
	var wg sync.WaitGroup
	wg.Go(func() { g.shut(context.Background()) })
	g.leave()
	wg.Wait()
	require.Zero(t, g.count())
}

func TestReassembly(t *testing.T) {
	t.Parallel()
	r := newReassembly(patience)
	part := func(seq uint8, ref uint16) *shortMessage {
		return &shortMessage{source: phone, dest: code, concat: Concat{Ref: ref, Total: 3, Seq: seq}, payload: []byte{'0' + seq}}
	}
	type done struct {
		ref  uint16
		text string
	}
	handled := make(chan done, 10)
	var wg sync.WaitGroup
	for _, p := range []*shortMessage{part(3, 1), part(1, 2), part(1, 1), part(1, 1), part(2, 1), part(3, 2), part(2, 2)} { // a repeat among them
		wg.Go(func() {
			require.NoError(t, r.add(context.Background(), p, func(parts []*shortMessage) error {
				handled <- done{parts[0].concat.Ref, reply(parts, time.Time{}).Text}
				return nil
			}))
		})
	}
	require.ElementsMatch(t, []done{{1, "123"}, {2, "123"}}, []done{<-handled, <-handled})
	// The repeat may have come after its group was whole; then it waits as a group of its own.
	r.mu.Lock()
	for _, g := range r.groups {
		close(g.whole)
	}
	r.mu.Unlock()
	wg.Wait()
	require.Empty(t, r.groups)
}

func TestReassemblyTellsAllPartsOfAFailure(t *testing.T) {
	t.Parallel()
	r := newReassembly(patience)
	ctx, cancel := context.WithCancel(context.Background())
	results := make(chan error, 2)
	for seq := range uint8(2) {
		go func() {
			results <- r.add(ctx, &shortMessage{concat: Concat{Ref: 1, Total: 3, Seq: seq + 1}}, func([]*shortMessage) error { return nil })
		}()
	}
	require.Eventually(t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		g := r.groups[groupKey{ref: 1, total: 3}]
		return g != nil && g.have == 2
	}, patience, time.Millisecond)
	cancel() // shutdown: half a reply is not handled
	require.ErrorIs(t, <-results, context.Canceled)
	require.ErrorIs(t, <-results, context.Canceled)
}

func TestReplyOfTwoCodings(t *testing.T) {
	t.Parallel()
	parts := []*shortMessage{{coding: codingGSM7, payload: []byte("a\x00")}, nil, {coding: codingUCS2, payload: []byte("\x01\x7c")}}
	in := reply(parts, time.Time{})
	require.Equal(t, "a@ż", in.Text)
	require.Equal(t, 1, in.Missing)
	require.Equal(t, 3, in.Parts)
}

func TestLateCallsAreForgotten(t *testing.T) {
	t.Parallel()
	l := newLink(octetConn{}, time.Second)
	c := &call{seq: 7, done: make(chan frame, 1)}
	require.True(t, l.register(c))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := l.await(ctx, c, func(frame) {})
	require.ErrorIs(t, err, errNoAnswer)
	l.forget(time.Now().Add(-time.Hour))
	require.Len(t, l.calls, 1)
	l.forget(time.Now().Add(time.Hour))
	require.Empty(t, l.calls)
	require.False(t, l.resolve(frame{seq: 7}))
}

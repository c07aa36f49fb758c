package smpp

import (
	"context"
	"sync"
)

// gate counts who is inside, lets at most limit in, and can be shut.
type gate struct {
	limit int

	mu     sync.Mutex
	inside int
	closed bool
	empty  chan struct{} // closed when shut and nobody is inside
}

func newGate(limit int) *gate { return &gate{limit: limit, empty: make(chan struct{})} }

// enter says whether the caller is in; who is in must leave.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.inside >= g.limit {
		return false
	}
	g.inside++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.closed && g.inside == 0 {
		close(g.empty)
	}
}

// shut lets nobody in any more and waits until all are out or ctx is over.
func (g *gate) shut(ctx context.Context) {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		if g.inside == 0 {
			close(g.empty)
		}
	}
	g.mu.Unlock()
	select {
	case <-g.empty:
	case <-ctx.Done():
	}
}

func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inside
}

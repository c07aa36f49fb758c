package smpp

import (
	"context"
	"sync"
	"time"
)

// reassembly brings the parts of long replies together. Nothing is acknowledged
// before the whole reply is durable: the goroutine of each part waits for the
// result of all. A carrier that sends the next part only after the answer to
// the last would wait for ever, so after wait what there is counts as the reply.
type reassembly struct {
	wait time.Duration

	mu     sync.Mutex
	groups map[groupKey]*group
}

type groupKey struct {
	from, to Address
	ref      uint16
	total    uint8
}

// group is one long reply. Its parts are guarded by reassembly.mu until it is sealed.
type group struct {
	parts []*shortMessage
	have  int
	whole chan struct{} // closed when all parts are there
	done  chan struct{} // closed when err stands
	err   error
}

func newReassembly(wait time.Duration) *reassembly {
	return &reassembly{wait: wait, groups: map[groupKey]*group{}}
}

// add brings a part in and returns when its reply was handled, with handle's
// error. handle is called once for each reply.
func (r *reassembly) add(ctx context.Context, m *shortMessage, handle func([]*shortMessage) error) error {
	if m.concat.Total == 0 {
		return handle([]*shortMessage{m})
	}
	key := groupKey{from: m.source, to: m.dest, ref: m.concat.Ref, total: m.concat.Total}
	g, first := r.join(key, m)
	if !first {
		select {
		case <-g.done:
			return g.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	g.await(ctx, r.wait)
	r.seal(key)
	if g.err = ctx.Err(); g.err == nil {
		g.err = handle(g.parts)
	}
	close(g.done)
	return g.err
}

// join puts m into its group; first: the caller is the one who handles it.
func (r *reassembly) join(key groupKey, m *shortMessage) (g *group, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g, ok := r.groups[key]
	if !ok {
		g = &group{parts: make([]*shortMessage, key.total), whole: make(chan struct{}), done: make(chan struct{})}
		r.groups[key] = g
	}
	if i := m.concat.Seq - 1; g.parts[i] == nil {
		g.parts[i] = m
		g.have++
		if g.have == len(g.parts) {
			close(g.whole)
		}
	}
	return g, !ok
}

// seal ends the group: a part that comes now begins a new one.
func (r *reassembly) seal(key groupKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.groups, key)
}

func (g *group) await(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-g.whole:
	case <-timer.C:
	case <-ctx.Done():
	}
}

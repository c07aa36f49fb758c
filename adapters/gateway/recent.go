package gateway

import "sync"

// recent remembers the digests of the last requests that had an idempotency
// key, so that the same key with another body is told so where this process
// knows. What it has forgotten the decider still recognises: the first stands.
type recent struct {
	mu         sync.Mutex
	young, old map[string]string
	limit      int
}

func newRecent(limit int) *recent {
	return &recent{young: map[string]string{}, old: map[string]string{}, limit: limit}
}

func (r *recent) get(id string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b, ok := r.young[id]; ok {
		return b, true
	}
	b, ok := r.old[id]
	return b, ok
}

func (r *recent) put(id, body string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.young) >= r.limit/2 {
		r.old, r.young = r.young, map[string]string{}
	}
	r.young[id] = body
}

package dispatch

import (
	"sync"
	"time"
)

// revokedFor is how long a revoke is remembered: no instruction is younger than
// its revoke, and none lives longer than a validity period (24 h, rules.md D3).
const revokedFor = 25 * time.Hour

// revoked is a set of attempt ids that forgets: each is kept for revokedFor, and
// at most twice as long. Real time; safe for concurrent use.
type revoked struct {
	mu         sync.Mutex
	young, old map[string]struct{}
	turned     time.Time
}

func newRevoked(now time.Time) *revoked {
	return &revoked{young: map[string]struct{}{}, turned: now}
}

func (r *revoked) add(attempt string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.turned) > revokedFor {
		r.old, r.young, r.turned = r.young, map[string]struct{}{}, now
	}
	r.young[attempt] = struct{}{}
}

func (r *revoked) has(attempt string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.young[attempt]; ok {
		return true
	}
	_, ok := r.old[attempt]
	return ok
}

package dispatch

import (
	"context"
	"sync"
	"time"
)

// lease is the time in which the group cannot have given the partition to
// somebody else: the coordinator counts a commit as a sign of life, so the
// session lasts at least its time-out from the moment a commit was begun. Real
// time; safe for concurrent use.
type lease struct {
	lasts time.Duration

	mu    sync.Mutex
	until time.Time
	moved chan struct{} // closed and replaced at each renewal
}

func newLease(lasts time.Duration) *lease { return &lease{lasts: lasts, moved: make(chan struct{})} }

// renew takes note of a commit that was begun at began and has succeeded.
func (l *lease) renew(began time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = began.Add(l.lasts)
	close(l.moved)
	l.moved = make(chan struct{})
}

// valid says whether a call may begin now; else moved is closed at the next renewal.
func (l *lease) valid() (ok bool, moved <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.until), l.moved
}

// wait returns true when a call may begin, false when ctx has ended. refused is
// called once if there is something to wait for.
func (l *lease) wait(ctx context.Context, refused func()) bool {
	for first := true; ; first = false {
		ok, moved := l.valid()
		if ctx.Err() != nil {
			return false
		}
		if ok {
			return true
		}
		if first {
			refused()
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return false
		}
	}
}

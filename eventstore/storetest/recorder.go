package storetest

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Broken asks a store that is known to be broken, and returns the guarantees
// that it does not keep, each with what was seen. On a cluster they are asked one
// after the other: its brokers share this machine.
func Broken(t *testing.T, s Store) map[string]string {
	t.Helper()
	if s.Patience == 0 {
		s.Patience = 20 * time.Second // it is spent each time that a store is caught
	}
	s = s.withDefaults()
	var mu sync.Mutex
	broken := map[string]string{}
	ask := func(guarantee Guarantee) {
		r := &recorder{TB: t}
		r.run(func() { guarantee.check(begin(r, s)) })
		if seen, failed := r.outcome(); failed {
			mu.Lock()
			defer mu.Unlock()
			broken[guarantee.Name] = seen
		}
	}
	var wg sync.WaitGroup
	for _, guarantee := range s.asked() {
		if s.Brokers != nil {
			ask(guarantee)
		} else {
			wg.Go(func() { ask(guarantee) })
		}
	}
	wg.Wait()
	return broken
}

// recorder is a test that may fail: nobody is told but who asks for the outcome.
type recorder struct {
	testing.TB // what a recorder does not do itself: contexts and directories

	mu       sync.Mutex
	failed   bool
	seen     []string
	cleanups []func()
}

// run runs fn and then what it wants cleaned up, each to its own end.
func (r *recorder) run(fn func()) {
	r.apart(fn)
	for _, cleanup := range slices.Backward(r.cleanups) {
		r.apart(cleanup)
	}
}

// apart runs fn on a goroutine that FailNow may end.
func (r *recorder) apart(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	<-done
}

func (r *recorder) outcome() (seen string, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.seen, "\n"), r.failed
}

func (r *recorder) note(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, s)
}

func (r *recorder) Helper() {}

func (r *recorder) Cleanup(fn func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, fn)
}

func (r *recorder) Fail() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) FailNow() {
	r.Fail()
	runtime.Goexit()
}

func (r *recorder) Log(args ...any)                 { r.note(fmt.Sprintln(args...)) }
func (r *recorder) Logf(format string, args ...any) { r.note(fmt.Sprintf(format, args...)) }

func (r *recorder) Error(args ...any) {
	r.Log(args...)
	r.Fail()
}

func (r *recorder) Errorf(format string, args ...any) {
	r.Logf(format, args...)
	r.Fail()
}

func (r *recorder) Fatal(args ...any) {
	r.Log(args...)
	r.FailNow()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Logf(format, args...)
	r.FailNow()
}

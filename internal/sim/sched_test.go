package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"
	"time"
)

// What an operation needs to go on.
type needs int

const (
	needsKafka needs = iota
	needsCarrier
	needsPostgres
)

// op is an operation of a process on something outside of it. Its process waits
// until the scheduler lets it happen and lets the answer through.
type op struct {
	node  *node
	needs needs
	name  string
	ready func() bool   // may be nil = at once
	idle  func() bool   // says that nothing would come of it; may be nil
	apply func() error  // happens in the scheduler
	fates []fate        // what may go wrong
	delay func()        // for late: told before apply
	tear  func()        // for torn: told before apply
	asked func()        // told when the process asks, before anything else happens
	limit time.Duration // the process waits no longer; 0 = for ever
	slow  time.Duration // its answer may take so long

	since time.Time // virtual
	until time.Time // the answer does not come before
	seen  bool
	done  bool // it has happened, the answer has not come
	err   error
	reply chan error
}

// fate is what becomes of an operation.
type fate int

const (
	well    fate = iota
	refused      // it did not happen, and an error says so
	lost         // it happened, and an error says that nobody knows
	late         // it was decided, and takes effect later
	lateAnd      // late, and the answer is lost
	torn         // one half of it happened, and the answer is lost
)

var (
	errDead   = errors.New("the process is dead")
	errBroker = errors.New("the broker does not answer")
)

// scheduler lets one thing happen at a time. Everything else in the bubble waits
// for it, or for the time, when it chooses.
type scheduler struct {
	rng   *rand.Rand
	began time.Time
	steps int

	mu      sync.Mutex
	pending []*op
	wake    chan struct{}

	trace func(line string) // nil = none
}

func newScheduler(seed uint64) *scheduler {
	return &scheduler{rng: rand.New(rand.NewPCG(seed, 0)), began: time.Now(), wake: make(chan struct{}, 1)}
}

// call is an operation of a process. It returns when the answer comes, or ctx ends.
func (s *scheduler) call(ctx context.Context, o *op) error {
	if o.node.dead.Load() {
		return errDead
	}
	o.reply, o.since = make(chan error, 1), time.Now()
	s.mu.Lock()
	s.pending = append(s.pending, o)
	s.mu.Unlock()
	s.poke()
	select {
	case err := <-o.reply:
		return err
	case <-ctx.Done():
		s.withdraw(o)
		return context.Cause(ctx)
	}
}

func (s *scheduler) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *scheduler) withdraw(o *op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = slices.DeleteFunc(s.pending, func(p *op) bool { return p == o })
}

// settle waits until every process waits, and returns what they wait for, in an
// order that does not depend on who came first.
func (s *scheduler) settle() []*op {
	synctest.Wait()
	s.mu.Lock()
	slices.SortStableFunc(s.pending, func(a, b *op) int {
		return cmp.Or(cmp.Compare(a.node.name, b.node.name), cmp.Compare(a.name, b.name))
	})
	pending := slices.Clone(s.pending)
	s.mu.Unlock()
	for _, o := range pending {
		if !o.seen && o.asked != nil {
			o.asked()
		}
		o.seen = true
	}
	return pending
}

// answer lets an operation's answer through.
func (s *scheduler) answer(o *op, err error) {
	s.withdraw(o)
	o.reply <- err
}

// bury answers everything that a dead process waits for.
func (s *scheduler) bury(n *node) {
	s.mu.Lock()
	var its []*op
	for _, o := range s.pending {
		if o.node == n {
			its = append(its, o)
		}
	}
	s.mu.Unlock()
	for _, o := range its {
		s.answer(o, errDead)
	}
}

// pass lets virtual time pass: d at most, less when a process asks for something.
func (s *scheduler) pass(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-s.wake:
	case <-t.C:
	}
}

func (s *scheduler) chance(oneIn int) bool { return oneIn > 0 && s.rng.IntN(oneIn) == 0 }

func (s *scheduler) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(s.rng.Int64N(int64(hi-lo)+1))
}

func pickOf[T any](s *scheduler, list ...T) T { return list[s.rng.IntN(len(list))] }

// note adds a line to the trace.
func (s *scheduler) note(who, format string, args ...any) {
	if s.trace != nil {
		s.trace(fmt.Sprintf("%5d %10s  %-6s %s", s.steps, time.Since(s.began).Round(time.Microsecond), who, fmt.Sprintf(format, args...)))
	}
}

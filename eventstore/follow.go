package eventstore

import (
	"context"
	"fmt"
	"sync"

	"github.com/IBM/sarama"

	"goniec/internal/pause"
)

// Follower reads whole topics from their beginning and goes on for ever,
// handing every record to one function: the reference view over `accounts`, the
// keyring over `keys`. Each partition keeps its order; fn is called by one
// goroutine a partition.
type Follower struct {
	client sarama.Client
	topic  string
	n      int32
	fn     func(*Record) error

	mu   sync.Mutex
	pos  []int64
	ends []int64 // as seen last
	cond *sync.Cond
	err  error
}

// NewFollower prepares following all n partitions of topic.
func NewFollower(client sarama.Client, topic string, n int32, fn func(*Record) error) *Follower {
	f := &Follower{client: client, topic: topic, n: n, fn: fn, pos: make([]int64, n), ends: make([]int64, n)}
	f.cond = sync.NewCond(&f.mu)
	return f
}

// Run follows until ctx ends or fn fails; it returns when all its goroutines have.
func (f *Follower) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for p := range f.n {
		wg.Go(func() {
			if err := f.follow(ctx, p); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("follow %s/%d: %w", f.topic, p, err))
			}
		})
	}
	wg.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = context.Cause(ctx)
	f.cond.Broadcast()
	return f.err
}

func (f *Follower) follow(ctx context.Context, p Partition) error {
	from, err := f.oldest(ctx, p)
	if err != nil {
		return err
	}
	r := NewReader(f.client, f.topic, p, from)
	defer r.Close()
	for {
		b, err := r.Next(ctx)
		if err != nil {
			return err
		}
		for _, rec := range b.Records {
			if err := f.fn(rec); err != nil {
				return err
			}
		}
		f.mu.Lock()
		f.pos[p], f.ends[p] = b.Next, max(f.ends[p], b.End)
		f.cond.Broadcast()
		f.mu.Unlock()
	}
}

func (f *Follower) oldest(ctx context.Context, p Partition) (int64, error) {
	for {
		from, err := OldestOffset(f.client, f.topic, p)
		if err == nil {
			return from, nil
		}
		if err := pause.For(ctx, retryPause); err != nil {
			return 0, err
		}
	}
}

// Position is the sum of the partitions' positions: a number that grows with
// everything seen, recorded with decisions as "view offset".
func (f *Follower) Position() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	var sum int64
	for _, p := range f.pos {
		sum += p
	}
	return sum
}

// CaughtUp waits until everything that the topic holds at the time of the call
// has been handed over.
func (f *Follower) CaughtUp(ctx context.Context) error {
	ends := make([]int64, f.n)
	for p := range f.n {
		end, err := EndOffset(f.client, f.topic, p)
		if err != nil {
			return fmt.Errorf("end offset of %s/%d: %w", f.topic, p, err)
		}
		ends[p] = end
	}
	f.mu.Lock()
	for p, end := range ends {
		f.ends[p] = max(f.ends[p], end)
	}
	f.mu.Unlock()
	return f.reach(ctx, ends)
}

// Progress says how many offsets have been passed, of how many that are known of.
func (f *Follower) Progress() (read, of int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p, end := range f.ends {
		read, of = read+min(f.pos[p], end), of+end
	}
	return read, of
}

func (f *Follower) reach(ctx context.Context, ends []int64) error {
	stop := context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.cond.Broadcast()
	})
	defer stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.reached(ends) {
		if f.err != nil {
			return f.err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		f.cond.Wait()
	}
	return nil
}

func (f *Follower) reached(ends []int64) bool {
	for p, end := range ends {
		if f.pos[p] < end {
			return false
		}
	}
	return true
}

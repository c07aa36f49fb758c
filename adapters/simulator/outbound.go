package simulator

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// outbound hands reports out: a few workers, and a heap of what is to be tried
// again. The number waiting has no bound but the log's: a carrier cannot refuse
// to owe a report. Safe for concurrent use.
type outbound struct {
	cfg     Config
	workers int
	post    func(context.Context, *pending) error // nil: it was taken
	settle  func(*pending, Kind, int)

	mu      sync.Mutex
	cond    *sync.Cond
	ready   []*parcel
	retries retryHeap
	closed  bool
}

// parcel is one report under way.
type parcel struct {
	report *pending
	tries  int
	since  time.Time     // of the first try
	again  time.Time     // real time of the next
	tried  chan struct{} // closed after the first try, if somebody waits for it
}

const (
	retryMin      = 100 * time.Millisecond
	firstPatience = 2 * time.Second // for a report that goes out before its answer
)

func newOutbound(cfg Config, workers int, post func(context.Context, *pending) error, settle func(*pending, Kind, int)) *outbound {
	o := &outbound{cfg: cfg, workers: workers, post: post, settle: settle}
	o.cond = sync.NewCond(&o.mu)
	return o
}

// add hands a report over; tried may be nil.
func (o *outbound) add(r *pending, tried chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ready = append(o.ready, &parcel{report: r, tried: tried})
	o.cond.Signal()
}

// addFirst hands over the first report of a message and waits until it was
// tried once, which mostly means that it arrived, but not for ever.
func (o *outbound) addFirst(ctx context.Context, r *pending) {
	tried := make(chan struct{})
	o.add(r, tried)
	ctx, cancel := context.WithTimeout(ctx, firstPatience)
	defer cancel()
	select {
	case <-tried:
	case <-ctx.Done():
	}
}

// wake makes retries that are due ready.
func (o *outbound) wake(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.retries) > 0 && !o.retries[0].again.After(now) {
		o.ready = append(o.ready, heap.Pop(&o.retries).(*parcel))
		o.cond.Signal()
	}
}

// wakeAll makes every retry ready at once.
func (o *outbound) wakeAll() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ready = append(o.ready, o.retries...)
	o.retries = nil
	o.cond.Broadcast()
}

// run works until ctx is over; calls under way are then broken off.
func (o *outbound) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.closed = true
		o.cond.Broadcast()
	})
	defer stop()
	var wg sync.WaitGroup
	for range o.workers {
		wg.Go(func() { o.work(ctx) })
	}
	wg.Wait()
	return nil
}

func (o *outbound) work(ctx context.Context) {
	for {
		p := o.take()
		if p == nil {
			return
		}
		o.try(ctx, p)
	}
}

// take blocks for the next one; nil means the end.
func (o *outbound) take() *parcel {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.ready) == 0 && !o.closed {
		o.cond.Wait()
	}
	if o.closed {
		return nil
	}
	p := o.ready[0]
	o.ready[0] = nil
	o.ready = o.ready[1:]
	return p
}

// try posts once and settles the report or plans the next try.
func (o *outbound) try(ctx context.Context, p *parcel) {
	now := time.Now()
	if p.since.IsZero() {
		p.since = now
	}
	p.tries++
	call, cancel := context.WithTimeout(ctx, o.cfg.CallTimeout)
	err := o.post(call, p.report)
	cancel()
	switch {
	case err == nil:
		o.settle(p.report, KindAcked, p.tries)
	case ctx.Err() != nil: // the log still has it open
	case now.Sub(p.since) > o.cfg.GiveUpAfter:
		o.cfg.Logger.Warn("simulator: gave a report up", "report", p.report.plan.Do, "tries", p.tries)
		o.settle(p.report, KindGaveUp, p.tries)
	default:
		o.later(p)
	}
	if p.tried != nil {
		close(p.tried)
		p.tried = nil
	}
}

func (o *outbound) later(p *parcel) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p.again = time.Now().Add(min(retryMin<<min(p.tries-1, 10), o.cfg.RetryMax))
	heap.Push(&o.retries, p)
}

// retryHeap orders parcels by the time of their next try.
type retryHeap []*parcel

func (h retryHeap) Len() int           { return len(h) }
func (h retryHeap) Less(i, j int) bool { return h[i].again.Before(h[j].again) }
func (h retryHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *retryHeap) Push(x any) { *h = append(*h, x.(*parcel)) }

// Pop implements heap.Interface.
func (h *retryHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}

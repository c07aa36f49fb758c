package dispatch

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// sweepEvery is how often waiting jobs are looked through for such as need not
// wait any longer: too late, revoked, their route down.
const sweepEvery = 200 * time.Millisecond

// route hands the jobs of all owned partitions to one carrier: urgent ones
// first, within the rate and the number of calls under way. Safe for concurrent use.
type route struct {
	name      string
	carrier   Carrier
	perSecond float64
	slots     int
	bulkSlots int // a burst of bulk must leave room for what is urgent
	limiter   *rate.Limiter

	mu      sync.Mutex
	urgent  []*job
	bulk    []*job
	running int
	bulkRun int
	wake    chan struct{}
}

func newRoute(r Route) *route {
	setDefault(&r.Concurrency, 512)
	rt := &route{
		name: r.Name, carrier: r.Carrier, perSecond: r.PerSecond, slots: r.Concurrency,
		bulkSlots: max(1, r.Concurrency*3/4), wake: make(chan struct{}, 1), limiter: rate.NewLimiter(rate.Inf, 1),
	}
	return rt
}

// share sets this process's part of the route's limit.
func (r *route) share(part float64) {
	if r.perSecond <= 0 {
		return
	}
	limit := r.perSecond * part
	r.limiter.SetLimit(rate.Limit(limit))
	r.limiter.SetBurst(max(1, int(limit/20))) // 50 ms worth
}

func (r *route) add(jobs ...*job) {
	r.mu.Lock()
	for _, j := range jobs {
		if j.urgent() {
			r.urgent = append(r.urgent, j)
		} else {
			r.bulk = append(r.bulk, j)
		}
	}
	r.mu.Unlock()
	r.poke()
}

func (r *route) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run starts jobs until ctx ends. A job is chosen only after the rate allows a
// call, so that an urgent one that came meanwhile goes first.
func (r *route) run(ctx context.Context) {
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	token := false
	for {
		if !token && r.ready() {
			token = r.token(ctx, sweep.C)
		}
		if token {
			if j := r.next(); j != nil {
				token = false
				go r.do(j) //nolint:contextcheck // counted by its owner since it was claimed, and lives in its contexts
				continue
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-sweep.C:
			r.sweep()
		}
	}
}

// token waits until the rate allows a call; false when ctx ended, or nothing is
// left to be called.
func (r *route) token(ctx context.Context, sweep <-chan time.Time) bool {
	for {
		res := r.limiter.Reserve()
		if !res.OK() {
			return false
		}
		delay := res.Delay()
		if delay == 0 {
			return true
		}
		res.Cancel() // the limit may move meanwhile: ask again, rather than hold a place far ahead
		timer := time.NewTimer(min(delay, sweepEvery))
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-sweep:
			timer.Stop()
			r.sweep()
			if !r.ready() {
				return false
			}
		case <-timer.C:
		}
	}
}

// ready says whether next would find a job.
func (r *route) ready() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running < r.slots && (len(r.urgent) > 0 || len(r.bulk) > 0 && r.bulkRun < r.bulkSlots)
}

// next takes the first job that has a slot.
func (r *route) next() *job {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running >= r.slots {
		return nil
	}
	var j *job
	switch {
	case len(r.urgent) > 0:
		j, r.urgent = r.urgent[0], r.urgent[1:]
	case len(r.bulk) > 0 && r.bulkRun < r.bulkSlots:
		j, r.bulk = r.bulk[0], r.bulk[1:]
		r.bulkRun++
	default:
		return nil
	}
	r.running++
	return j
}

func (r *route) do(j *job) {
	j.leftQueue()
	answer := j.attempt(r)
	r.mu.Lock()
	r.running--
	if !j.urgent() {
		r.bulkRun--
	}
	r.mu.Unlock()
	r.poke()
	j.owner.deliver(j, answer)
}

// sweep answers the waiting jobs that need not wait any longer.
func (r *route) sweep() {
	r.mu.Lock()
	out := map[*job]string{}
	r.urgent = sift(r.urgent, out)
	r.bulk = sift(r.bulk, out)
	r.mu.Unlock()
	for j, reason := range out {
		go func() { // counted by its owner since it was claimed
			j.leftQueue()
			j.owner.deliver(j, j.notSent(reason))
		}()
	}
}

// sift moves the jobs that are refused into out.
func sift(jobs []*job, out map[*job]string) []*job {
	var kept []*job
	for _, j := range jobs {
		if reason := j.refusal(); reason != "" {
			out[j] = reason
		} else {
			kept = append(kept, j)
		}
	}
	return kept
}

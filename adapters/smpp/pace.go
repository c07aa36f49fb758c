package smpp

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace limits submits a second and learns from the carrier's throttling:
// additive increase, multiplicative decrease. Safe for concurrent use.
type pace struct {
	limiter *rate.Limiter
	ceiling rate.Limit // as configured; rate.Inf if it is not

	mu      sync.Mutex
	changed time.Time // last time the limit was moved
	peak    rate.Limit
	second  time.Time // the second that sent counts in
	sent    int
	before  int // sent in the second before
}

const (
	paceStep  = time.Second // at most one change in it: a window full of refusals is one sign, not a hundred
	paceFloor = rate.Limit(1)
)

// newPace starts at the ceiling; perSecond ≤ 0 means none.
func newPace(perSecond float64) *pace {
	ceiling := ceilingOf(perSecond)
	return &pace{limiter: rate.NewLimiter(ceiling, burst(ceiling)), ceiling: ceiling}
}

func ceilingOf(perSecond float64) rate.Limit {
	if perSecond <= 0 {
		return rate.Inf
	}
	return rate.Limit(perSecond)
}

// setCeiling moves the ceiling, and the limit with it unless throttling keeps that lower.
func (p *pace) setCeiling(perSecond float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.ceiling
	p.ceiling = ceilingOf(perSecond)
	if limit := p.limiter.Limit(); limit >= old || limit > p.ceiling {
		p.set(p.ceiling, p.changed)
	}
}

// burst lets a tenth of a second's worth go at once.
func burst(l rate.Limit) int {
	if l == rate.Inf {
		return 1
	}
	return max(1, int(l/10))
}

// wait takes a token; it fails at once when none comes before ctx's deadline.
func (p *pace) wait(ctx context.Context) error {
	p.mu.Lock()
	p.count(time.Now())
	p.mu.Unlock()
	return p.limiter.Wait(ctx)
}

func (p *pace) count(now time.Time) {
	if gap := now.Sub(p.second); gap >= time.Second {
		p.before = p.sent
		if gap >= 2*time.Second {
			p.before = 0
		}
		p.sent, p.second = 0, now
	}
	p.sent++
}

// throttled halves the limit, or half of what was really sent if there was none.
func (p *pace) throttled(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.changed) < paceStep {
		return
	}
	limit := p.limiter.Limit()
	if limit == rate.Inf {
		limit = rate.Limit(max(p.before, p.sent, 2))
	}
	p.peak = limit
	p.set(max(paceFloor, limit/2), now)
}

// accepted raises the limit by a twentieth of the last peak a second, up to
// the ceiling; without a ceiling, twice the peak ends the limit.
func (p *pace) accepted(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	limit := p.limiter.Limit()
	if limit >= p.ceiling || now.Sub(p.changed) < paceStep {
		return
	}
	limit += max(1, p.peak/20)
	if limit >= p.ceiling || (p.ceiling == rate.Inf && limit >= 2*p.peak) {
		limit = p.ceiling
	}
	p.set(limit, now)
}

func (p *pace) set(limit rate.Limit, now time.Time) {
	p.limiter.SetLimit(limit)
	p.limiter.SetBurst(burst(limit))
	p.changed = now
}

// perSecond is the limit now; 0 means none.
func (p *pace) perSecond() float64 {
	if l := p.limiter.Limit(); l != rate.Inf {
		return float64(l)
	}
	return 0
}

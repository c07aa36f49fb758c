package projections

import (
	"context"
)

// Runner lets tests of this package's outside write batches by hand.
type Runner struct{ e *engine }

// NewRunner returns a runner of the live builds that has not claimed yet.
func (p *Projector) NewRunner(topic string, partition int32) *Runner {
	return &Runner{p.engine(p.liveLane(), key{topic, partition})}
}

// AddCheckpoints makes the checkpoints that Run would make.
func (p *Projector) AddCheckpoints(ctx context.Context) error {
	return p.addLiveCheckpoints(ctx, p.pool)
}

// Claim takes the partition and begins a session.
func (r *Runner) Claim(ctx context.Context) error {
	r.e.begin()
	return r.e.claim(ctx)
}

// Begin begins a new session.
func (r *Runner) Begin() { r.e.begin() }

// Write writes the events of [start, next) in one transaction.
func (r *Runner) Write(ctx context.Context, start, next int64, events []Event) error {
	marks, err := r.e.marks(ctx, r.e.pool, false)
	if err != nil {
		return err
	}
	return r.WriteBlind(ctx, start, next, events, marks)
}

// Marks is what a runner knows of the checkpoints.
func (r *Runner) Marks(ctx context.Context) (any, error) { return r.e.marks(ctx, r.e.pool, false) }

// WriteBlind is Write of a runner that has not looked since it got marks.
func (r *Runner) WriteBlind(ctx context.Context, start, next int64, events []Event, marks any) error {
	b := &batch{start: start, next: next, end: next, events: events}
	err := r.e.write(ctx, marks.([]mark), b)
	if err != nil {
		r.e.begin() // as a runner does
	}
	return err
}

// WithoutNUL exposes withoutNUL.
var WithoutNUL = withoutNUL

package dispatch

import (
	"context"
	"sync"
	"time"
)

// Dispatcher owns partitions of the outbox and sends what they ask for. Make it
// with New and run it once.
type Dispatcher struct {
	cfg      Config
	routes   map[string]*route
	breakers *breakers
	lost     lostSet

	mu    sync.Mutex
	ctx   context.Context // of Run; nil = not running
	late  sync.WaitGroup
	owned int
}

// New checks the configuration.
func New(cfg Config) (*Dispatcher, error) {
	cfg.setDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	d := &Dispatcher{
		cfg: cfg, routes: map[string]*route{}, breakers: newBreakers(&cfg),
		lost: lostSet{young: map[string]destination{}, turned: time.Now()},
	}
	for _, r := range cfg.Routes {
		d.routes[r.Name] = newRoute(r)
	}
	return d, nil
}

// Run takes part in the group until ctx ends; then no call begins any more,
// calls under way may finish within CallTimeout + 1 s, and their answers and the
// last commit are written. Close the producer and the carriers' clients after it
// has returned, which is always with context.Cause(ctx).
func (d *Dispatcher) Run(ctx context.Context) error {
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	d.mu.Lock()
	d.ctx = inner
	d.mu.Unlock()
	var routes sync.WaitGroup
	for _, r := range d.routes {
		routes.Go(func() { r.run(inner) })
	}
	err := d.cfg.Hand(ctx, d.own)
	cancel()
	routes.Wait()
	d.mu.Lock()
	d.ctx = nil // no late answer begins after this
	d.mu.Unlock()
	d.late.Wait()
	return err
}

// share tells the routes how many partitions this process owns.
func (d *Dispatcher) share(change int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.owned += change
	for _, r := range d.routes {
		r.share(float64(d.owned) / float64(d.cfg.Partitions))
	}
}

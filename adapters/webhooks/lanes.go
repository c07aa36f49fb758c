package webhooks

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/sony/gobreaker/v2"
)

const (
	minPoll = 10 * time.Millisecond
	// fetchCooldown bounds how often one queue asks for jobs; River's 100 ms would
	// cap an endpoint at 10 × Concurrency calls a second.
	fetchCooldown = 10 * time.Millisecond
	// laneIdle is how many looks without work close a queue.
	laneIdle = 60
	// idleQueue exists because River wants one at its start. It never has jobs.
	idleQueue = "webhook_none"

	laneWakes        = 256
	laneCloseTimeout = 5 * time.Second
	purgeEvery       = time.Hour
	measureEvery     = 15 * time.Second
)

func queueName(endpoint string) string { return "webhook_" + endpoint }

type breaker = gobreaker.CircuitBreaker[result]

// lanes opens and closes the queues of endpoints. One goroutine, run, owns the
// queues; breakers may be asked for by all.
type lanes struct {
	cfg   Config
	store *store
	wake  chan string
	idle  map[string]int // open queues: looks without work

	measured func(queue, openBreakers int, oldest time.Time)

	mu       sync.Mutex
	breakers map[string]*breaker
}

func newLanes(cfg Config, s *store) *lanes {
	return &lanes{cfg: cfg, store: s, wake: make(chan string, laneWakes), idle: map[string]int{}, breakers: map[string]*breaker{}}
}

// ensure asks for an endpoint's queue. It never blocks: the next look finds what
// it had to drop.
func (l *lanes) ensure(endpoints []string) {
	for _, e := range endpoints {
		select {
		case l.wake <- e:
		default:
		}
	}
}

// run keeps a queue open for every endpoint that has work, until ctx ends.
func (l *lanes) run(ctx context.Context, client *river.Client[pgx.Tx]) {
	look := time.NewTicker(l.cfg.Poll)
	defer look.Stop()
	purge := time.NewTicker(purgeEvery)
	defer purge.Stop()
	measure := time.NewTicker(measureEvery)
	defer measure.Stop()
	l.measure(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-measure.C:
			l.measure(ctx)
		case e := <-l.wake:
			l.open(ctx, client, e)
		case <-look.C:
			l.look(ctx, client)
		case <-purge.C:
			if err := l.store.purge(ctx, l.cfg.Retention); err != nil && ctx.Err() == nil {
				l.cfg.Log.WarnContext(ctx, "old webhooks not purged", "error", err)
			}
		}
	}
}

// measure tells how much waits to be delivered, over all processes, and how many
// endpoints this one leaves alone.
func (l *lanes) measure(ctx context.Context) {
	n, oldest, err := l.store.queue(ctx)
	if err != nil {
		return // River says that Postgres is away
	}
	open := 0
	l.mu.Lock()
	for _, b := range l.breakers {
		if b.State() != gobreaker.StateClosed {
			open++
		}
	}
	l.mu.Unlock()
	l.measured(n, open, oldest)
}

func (l *lanes) look(ctx context.Context, client *river.Client[pgx.Tx]) {
	busy, err := l.store.pending(ctx)
	if err != nil {
		return // River says that Postgres is away
	}
	for e := range l.idle {
		l.idle[e]++
	}
	for _, e := range busy {
		l.open(ctx, client, e)
	}
	for e, looks := range l.idle {
		if looks > laneIdle {
			l.close(ctx, client, e)
		}
	}
}

func (l *lanes) open(ctx context.Context, client *river.Client[pgx.Tx], endpoint string) {
	if _, ok := l.idle[endpoint]; ok {
		l.idle[endpoint] = 0
		return
	}
	name := queueName(endpoint)
	err := client.Queues().Add(name, river.QueueConfig{MaxWorkers: l.cfg.Concurrency, FetchCooldown: fetchCooldown, FetchPollInterval: l.cfg.Poll})
	if err != nil { // Postgres is away: a queue that was added but not started is in the way of the next try
		l.remove(ctx, client, name)
		return
	}
	l.idle[endpoint] = 0
}

func (l *lanes) close(ctx context.Context, client *river.Client[pgx.Tx], endpoint string) {
	if l.remove(ctx, client, queueName(endpoint)) {
		delete(l.idle, endpoint)
		l.mu.Lock()
		delete(l.breakers, endpoint)
		l.mu.Unlock()
	}
}

func (l *lanes) remove(ctx context.Context, client *river.Client[pgx.Tx], name string) bool {
	ctx, cancel := context.WithTimeout(ctx, laneCloseTimeout)
	defer cancel()
	var gone *river.QueueNotFoundError
	err := client.Queues().Remove(ctx, name)
	if err != nil && !errors.As(err, &gone) {
		l.cfg.Log.WarnContext(ctx, "a webhook queue was not closed", "queue", name, "error", err)
		return false
	}
	return true
}

// breaker returns the endpoint's breaker.
func (l *lanes) breaker(endpoint string) *breaker {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.breakers[endpoint]
	if !ok {
		b = gobreaker.NewCircuitBreaker[result](l.settings(endpoint))
		l.breakers[endpoint] = b
	}
	return b
}

func (l *lanes) settings(endpoint string) gobreaker.Settings {
	return gobreaker.Settings{
		Name: endpoint, MaxRequests: 1, Timeout: l.cfg.Breaker.Pause,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= l.cfg.Breaker.Failures },
		IsExcluded:  func(err error) bool { return errors.Is(err, context.Canceled) },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			l.cfg.Log.Info("webhook endpoint's breaker changed", slog.String("endpoint", endpoint),
				slog.String("from", from.String()), slog.String("to", to.String()))
		},
	}
}

// snooze is how long a job waits for an open breaker: not all at one moment.
func (l *lanes) snooze() time.Duration {
	return l.cfg.Breaker.Pause + rand.N(l.cfg.Breaker.Pause/4+1) // no secret
}

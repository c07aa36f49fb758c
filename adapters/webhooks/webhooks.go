package webhooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"goniec/adapters/reactor"
	"goniec/eventstore"
	"goniec/internal/pause"
)

// Webhooks is the engine. A process that only answers the API uses everything
// but Run; the one with the role reactor runs it. All methods may be called at
// the same time.
type Webhooks struct {
	cfg      Config
	store    *store
	desk     *desk
	caller   *caller
	lanes    *lanes
	metrics  *metrics
	resolver *net.Resolver
	waits    reactor.Waits
}

// Waiting names what keeps this process's reactor from its work.
func (w *Webhooks) Waiting() []eventstore.Waiting {
	return w.waits.Waiting("webhooks")
}

// New checks the configuration. It connects to nothing; Migrate must have run
// before any method is called.
func New(cfg Config) (*Webhooks, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	m, err := newMetrics(cfg.Registry)
	if err != nil {
		return nil, err
	}
	jobs, err := river.NewClient(riverpgxv5.New(cfg.Pool), &river.Config{Schema: Schema, Logger: quiet(cfg.Log)})
	if err != nil {
		return nil, fmt.Errorf("webhooks: River: %w", err)
	}
	s := &store{pool: cfg.Pool, jobs: jobs, tries: len(cfg.Schedule) + 1, lifetime: cfg.Lifetime}
	w := &Webhooks{
		cfg: cfg, store: s, desk: newDesk(s), caller: newCaller(cfg), lanes: newLanes(cfg, s), metrics: m, resolver: net.DefaultResolver,
	}
	w.lanes.measured = m.measured
	w.waits.Set("not started: the database is prepared first")
	return w, nil
}

// Run reads the journal and calls endpoints until ctx ends, then lets calls that
// are under way end, which takes at most Timeout and some seconds. It may run in
// several processes at a time, but only once in each. Kafka or Postgres being
// away is waited for; an error means that the configuration cannot work.
func (w *Webhooks) Run(ctx context.Context) error {
	if len(w.cfg.Kafka.Brokers) == 0 {
		return errors.New("webhooks: Kafka.Brokers is required to run")
	}
	defer w.caller.close()
	if w.cfg.ViewReady != nil {
		if err := w.cfg.ViewReady(ctx); err != nil {
			return ended(ctx, fmt.Errorf("webhooks: reference data: %w", err))
		}
	}
	client, err := w.newClient()
	if err != nil {
		return err
	}
	if err := w.insist(ctx, "River does not start", client.Start); err != nil {
		return ended(ctx, err)
	}
	workCtx, stopWork := context.WithCancel(context.WithoutCancel(ctx)) // until the reading has ended
	defer stopWork()
	var wg sync.WaitGroup
	wg.Go(func() { w.lanes.run(workCtx, client) })
	wg.Go(func() { w.desk.run(workCtx) })
	err = w.react(ctx)
	stopWork()
	wg.Wait()
	return errors.Join(ended(ctx, err), w.stop(ctx, client))
}

// ended drops an error that is only the end of ctx.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // that is what it is for
	}
	return err
}

func (w *Webhooks) newClient() (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	err := river.AddWorkerSafely(workers, &worker{cfg: w.cfg, store: w.store, lanes: w.lanes, caller: w.caller, metrics: w.metrics})
	if err != nil {
		return nil, fmt.Errorf("webhooks: River: %w", err)
	}
	client, err := river.NewClient(riverpgxv5.New(w.cfg.Pool), &river.Config{
		Schema: Schema, Logger: quiet(w.cfg.Log), Workers: workers,
		Queues:                      map[string]river.QueueConfig{idleQueue: {MaxWorkers: 1, FetchPollInterval: time.Minute}},
		MaxAttempts:                 w.store.tries,
		JobTimeout:                  jobTimeout(w.cfg),
		RescueStuckJobsAfter:        jobTimeout(w.cfg) + 30*time.Second, // of a killed process
		SoftStopTimeout:             w.cfg.Timeout + recordTimeout,
		CompletedJobRetentionPeriod: time.Hour, // the tables of this package remember longer
	})
	if err != nil {
		return nil, fmt.Errorf("webhooks: River: %w", err)
	}
	return client, nil
}

const stopBudget = 10 * time.Second // on top of what a call may take

func (w *Webhooks) stop(ctx context.Context, client *river.Client[pgx.Tx]) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), jobTimeout(w.cfg)+stopBudget)
	defer cancel()
	if err := client.Stop(ctx); err != nil {
		return fmt.Errorf("webhooks: stop River: %w", err)
	}
	return nil
}

const (
	firstPause = 200 * time.Millisecond
	lastPause  = 5 * time.Second
)

// insist repeats fn until it succeeds or ctx ends. fn gets a context that
// outlives ctx: what it starts is stopped in order, not all at once.
func (w *Webhooks) insist(ctx context.Context, what string, fn func(context.Context) error) error {
	for wait := firstPause; ; wait = min(2*wait, lastPause) {
		err := fn(context.WithoutCancel(ctx))
		if err == nil {
			return nil
		}
		w.waits.Set(what + ": the log says why")
		w.cfg.Log.WarnContext(ctx, "webhooks wait", "for", what, "error", err)
		if err := pause.For(ctx, wait); err != nil {
			return err
		}
	}
}

// quiet passes a library's log on with its news of every success and failure of
// a call made debug.
func quiet(log *slog.Logger) *slog.Logger { return slog.New(quietHandler{log.Handler()}) }

type quietHandler struct{ slog.Handler }

func lowered(l slog.Level) slog.Level {
	if l == slog.LevelInfo {
		return slog.LevelDebug
	}
	return l
}

func (q quietHandler) Enabled(ctx context.Context, l slog.Level) bool {
	return q.Handler.Enabled(ctx, lowered(l))
}

func (q quietHandler) Handle(ctx context.Context, r slog.Record) error {
	r.Level = lowered(r.Level)
	return q.Handler.Handle(ctx, r)
}

func (q quietHandler) WithAttrs(as []slog.Attr) slog.Handler {
	return quietHandler{q.Handler.WithAttrs(as)}
}

func (q quietHandler) WithGroup(name string) slog.Handler {
	return quietHandler{q.Handler.WithGroup(name)}
}

// Package reactor reads a journal for whoever acts on what it says: a Watermill
// router on a consumer group of its own. Each event is handled at least once, those
// of a partition in order. A reactor begins at the journal's head when its group is
// first seen and is never rebuilt: replaying history does nothing.
package reactor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	wmetrics "github.com/ThreeDotsLabs/watermill/components/metrics"
	wmessage "github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/prometheus/client_golang/prometheus"

	"goniec/domain/catalog"
	"goniec/eventstore"
	"goniec/internal/pause"
)

const (
	handleTimeout = 15 * time.Second // of the work that follows from one event
	routerClose   = 10 * time.Second
	nackSleep     = 500 * time.Millisecond
	manyRetries   = 1 << 30 // an event is never skipped because what is needed for it is away long
	firstPause    = 200 * time.Millisecond
	lastPause     = 5 * time.Second
)

// Config of a reactor. Everything is required unless it says otherwise.
type Config struct {
	Name  string // of the handler, and of the group behind the prefix
	Kafka eventstore.KafkaConfig
	Topic string // of the journal, such as eventstore.Messages
	// Wants says whether anything can follow from an event of that type and account.
	Wants func(typ, account string) bool
	// Handle acts on an event. A Poison puts it aside, any other error means that it
	// is tried again, and that its partition waits.
	Handle func(context.Context, *eventstore.Event) error
	// Aside keeps, or tells of, what was put aside.
	Aside func(context.Context, Poisoned) error
	// Floors returns where each partition is read from at the least, given the heads;
	// nil = the group's offsets alone say it.
	Floors func(ctx context.Context, topic string, heads []int64) ([]int64, error)
	// State is told what the reactor waits for, "" = nothing.
	State    func(string)
	Retried  func()                // an event is tried again; nil = nobody counts
	Registry prometheus.Registerer // nil = metrics are not exposed
	Log      *slog.Logger
}

// Poison says that nothing will ever follow from a record; its text is a class.
type Poison string

func (e Poison) Error() string { return "poisoned: " + string(e) }

// Poisoned is a record that was put aside.
type Poisoned struct {
	*eventstore.Record
	EventID, Type, Reason string // of a record that is no event "", "", "not_an_event"
}

// Run reads the journal until ctx ends, starting again after any fault.
func Run(ctx context.Context, cfg Config) error {
	r := &reactor{cfg}
	for wait := firstPause; ; wait = min(2*wait, lastPause) {
		started := time.Now()
		err := r.once(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end of ctx is no fault
		}
		cfg.State("the journal is not read: the log says why")
		cfg.Log.WarnContext(ctx, "a reactor waits: the journal is not read", "reactor", cfg.Name, "error", err)
		if time.Since(started) > time.Minute {
			wait = firstPause
		}
		if err := pause.For(ctx, wait); err != nil {
			return err
		}
	}
}

type reactor struct{ Config }

func (r *reactor) once(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	floors, cfg, err := r.position(ctx)
	if err != nil {
		return err
	}
	slowly(ctx, cfg)
	log := routerLog{log: r.Log}
	router, err := wmessage.NewRouter(wmessage.RouterConfig{CloseTimeout: routerClose}, log)
	if err != nil {
		return fmt.Errorf("router: %w", err)
	}
	held := &sessions{}
	sub, err := kafka.NewSubscriber(kafka.SubscriberConfig{
		Brokers: r.Kafka.Brokers, ConsumerGroup: r.group(), Unmarshaler: unmarshaler{r.Wants},
		OverwriteSaramaConfig: cfg, NackResendSleep: nackSleep, Tracer: held,
	}, log)
	if err != nil {
		return fmt.Errorf("subscriber: %w", err)
	}
	router.AddMiddleware(held.middleware) // outermost
	if err := r.addMiddleware(router, log); err != nil {
		return err
	}
	h := &handler{reactor: r, floors: floors}
	router.AddConsumerHandler(r.Name, r.topic(), sub, h.handle)
	go func() { // ends with ctx
		select {
		case <-router.Running():
			r.State("")
		case <-ctx.Done():
		}
	}()
	return router.Run(ctx)
}

// addMiddleware: the outermost first. What is poisoned is not retried.
func (r *reactor) addMiddleware(router *wmessage.Router, log watermill.LoggerAdapter) error {
	if r.Registry != nil {
		b := wmetrics.NewPrometheusMetricsBuilder(r.Registry, "goniec", "reactor")
		b.AddPrometheusRouterMetrics(router)
	}
	poison, err := middleware.PoisonQueueWithFilter(aside{r}, "poisoned", isPoison)
	if err != nil {
		return fmt.Errorf("poison queue: %w", err)
	}
	retry := middleware.Retry{
		MaxRetries: manyRetries, InitialInterval: firstPause, MaxInterval: lastPause, Multiplier: 2, RandomizationFactor: 0.2, Logger: log,
		ShouldRetry: func(p middleware.RetryParams) bool {
			again := !isPoison(p.Err)
			if again && r.Retried != nil {
				r.Retried()
			}
			return again
		},
	}
	router.AddMiddleware(middleware.CorrelationID, poison, retry.Middleware, r.panicsArePoison, middleware.Recoverer)
	return nil
}

func isPoison(err error) bool {
	var p Poison
	return errors.As(err, &p)
}

// panicsArePoison keeps a fault of this program from holding up everybody.
func (r *reactor) panicsArePoison(h wmessage.HandlerFunc) wmessage.HandlerFunc {
	return func(m *wmessage.Message) ([]*wmessage.Message, error) {
		out, err := h(m)
		var p middleware.RecoveredPanicError
		if !errors.As(err, &p) {
			return out, err
		}
		r.Log.ErrorContext(m.Context(), "a reactor panicked", "reactor", r.Name, "event_id", m.UUID, "stack", p.Stacktrace)
		return nil, Poison("panic")
	}
}

// aside is the poison queue: no topic of the installation is for it.
type aside struct{ r *reactor }

// Publish implements message.Publisher.
func (a aside) Publish(_ string, msgs ...*wmessage.Message) error {
	for _, m := range msgs {
		p := Poisoned{Record: recordOf(m), EventID: m.UUID, Type: m.Metadata.Get("ce_type")}
		_, p.Reason, _ = strings.Cut(m.Metadata.Get(middleware.ReasonForPoisonedKey), Poison("").Error())
		ctx, cancel := context.WithTimeout(m.Context(), handleTimeout)
		err := a.r.Aside(ctx, p)
		cancel()
		if err != nil {
			return fmt.Errorf("put a record aside: %w", err)
		}
	}
	return nil
}

// Close implements message.Publisher.
func (aside) Close() error { return nil }

// handler hands on what lies above the floors.
type handler struct {
	*reactor
	floors []int64
}

// handle hands an event on. One of an unknown type holds its partition: something
// may follow from it in the next release.
func (h *handler) handle(m *wmessage.Message) error {
	if len(m.Metadata) == 0 {
		return nil // nobody wants it
	}
	rec := recordOf(m)
	if int(rec.Partition) < len(h.floors) && rec.Offset < h.floors[rec.Partition] {
		return nil
	}
	if typ := m.Metadata.Get("ce_type"); typ != "" && !catalog.Known(typ) {
		return &catalog.ErrUnknownType{Type: typ}
	}
	ev, err := eventstore.ParseEvent(rec)
	if err != nil {
		return Poison("not_an_event")
	}
	ctx, cancel := context.WithTimeout(m.Context(), handleTimeout)
	defer cancel()
	return h.Handle(ctx, ev)
}

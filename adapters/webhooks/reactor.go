package webhooks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	wmetrics "github.com/ThreeDotsLabs/watermill/components/metrics"
	wmessage "github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/jackc/pgx/v5/pgconn"

	"goniec/domain/account"
	"goniec/domain/catalog"
	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/internal/pause"
)

const (
	handlerName   = "webhooks"
	handleTimeout = 15 * time.Second // of one event's database work
	routerClose   = 10 * time.Second
	nackSleep     = 500 * time.Millisecond
	manyRetries   = 1 << 30 // an event is never skipped because Postgres is away long
)

// react reads the journal until ctx ends, starting again after any fault.
func (w *Webhooks) react(ctx context.Context) error {
	for wait := firstPause; ; wait = min(2*wait, lastPause) {
		started := time.Now()
		err := w.reactOnce(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end of ctx is no fault
		}
		w.wait("the journal is not read: the log says why")
		w.cfg.Log.WarnContext(ctx, "webhooks wait: the journal is not read", "error", err)
		if time.Since(started) > time.Minute {
			wait = firstPause
		}
		if err := pause.For(ctx, wait); err != nil {
			return err
		}
	}
}

func (w *Webhooks) reactOnce(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	floors, cfg, err := w.position(ctx)
	if err != nil {
		return err
	}
	slowly(ctx, cfg)
	log := routerLog{log: w.cfg.Log}
	router, err := wmessage.NewRouter(wmessage.RouterConfig{CloseTimeout: routerClose}, log)
	if err != nil {
		return fmt.Errorf("router: %w", err)
	}
	sub, err := kafka.NewSubscriber(kafka.SubscriberConfig{
		Brokers: w.cfg.Kafka.Brokers, ConsumerGroup: w.group(), Unmarshaler: unmarshaler{w.cfg.View},
		OverwriteSaramaConfig: cfg, NackResendSleep: nackSleep,
	}, log)
	if err != nil {
		return fmt.Errorf("subscriber: %w", err)
	}
	if err := w.addMiddleware(router, log); err != nil {
		return err
	}
	h := &handler{Webhooks: w, floors: floors}
	router.AddConsumerHandler(handlerName, w.topic(), sub, h.handle)
	go func() { // ends with ctx
		select {
		case <-router.Running():
			w.waits.Store(nil)
		case <-ctx.Done():
		}
	}()
	return router.Run(ctx)
}

// addMiddleware: outermost first. What is poisoned is not retried.
func (w *Webhooks) addMiddleware(router *wmessage.Router, log watermill.LoggerAdapter) error {
	if w.cfg.Registry != nil {
		b := wmetrics.NewPrometheusMetricsBuilder(w.cfg.Registry, "goniec", "reactor")
		b.AddPrometheusRouterMetrics(router)
	}
	poison, err := middleware.PoisonQueueWithFilter(poisonTable{w}, "poisoned", isPoison)
	if err != nil {
		return fmt.Errorf("poison queue: %w", err)
	}
	retry := middleware.Retry{
		MaxRetries: manyRetries, InitialInterval: firstPause, MaxInterval: lastPause, Multiplier: 2, RandomizationFactor: 0.2, Logger: log,
		ShouldRetry: func(p middleware.RetryParams) bool {
			if isPoison(p.Err) {
				return false
			}
			w.metrics.retries.Inc()
			return true
		},
	}
	router.AddMiddleware(middleware.CorrelationID, poison, retry.Middleware, w.panicsArePoison, middleware.Recoverer)
	return nil
}

// errPoison says that a record will never become a webhook; its text is a class.
type errPoison string

func (e errPoison) Error() string { return "poisoned: " + string(e) }

func isPoison(err error) bool {
	var p errPoison
	return errors.As(err, &p)
}

// storable turns Postgres' refusal of a value (class 22, such as a zero byte in a
// client's reference) into poison: no retry will make it accept it.
func storable(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && strings.HasPrefix(pg.Code, "22") {
		return errPoison("not_storable")
	}
	return err
}

// panicsArePoison keeps a fault of this program from holding up everybody.
func (w *Webhooks) panicsArePoison(h wmessage.HandlerFunc) wmessage.HandlerFunc {
	return func(m *wmessage.Message) ([]*wmessage.Message, error) {
		out, err := h(m)
		var p middleware.RecoveredPanicError
		if !errors.As(err, &p) {
			return out, err
		}
		w.cfg.Log.ErrorContext(m.Context(), "webhook reactor panicked", "event_id", m.UUID, "stack", p.Stacktrace)
		return nil, errPoison("panic")
	}
}

// poisonTable is the poison queue: a table, since no topic of the installation is for it.
type poisonTable struct{ w *Webhooks }

// Publish implements message.Publisher.
func (p poisonTable) Publish(_ string, msgs ...*wmessage.Message) error {
	for _, m := range msgs {
		r := recordOf(m)
		_, reason, _ := strings.Cut(m.Metadata.Get(middleware.ReasonForPoisonedKey), errPoison("").Error())
		ctx, cancel := context.WithTimeout(m.Context(), handleTimeout)
		err := p.w.store.poison(ctx, r.Topic, r.Partition, r.Offset, m.UUID, m.Metadata.Get("ce_type"), reason)
		cancel()
		if err != nil {
			return fmt.Errorf("store a poisoned record: %w", err)
		}
		p.w.metrics.poisoned.Inc()
		p.w.cfg.Log.ErrorContext(m.Context(), "a journal record cannot become a webhook",
			"topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "event_id", m.UUID, "reason", reason)
	}
	return nil
}

// Close implements message.Publisher.
func (poisonTable) Close() error { return nil }

// unmarshaler turns a record into a message without judging it: an error here
// would stop the partition without a word. A record that nobody is told of comes
// without its content: most are so, and the journal is long.
type unmarshaler struct{ view *account.View }

// Unmarshal implements kafka.Unmarshaler.
func (u unmarshaler) Unmarshal(r *sarama.ConsumerMessage) (*wmessage.Message, error) {
	if u.idle(r) {
		return wmessage.NewMessage("", nil), nil
	}
	meta := make(wmessage.Metadata, len(r.Headers)+1)
	for _, h := range r.Headers {
		meta[string(h.Key)] = string(h.Value)
	}
	m := wmessage.NewMessage(meta["ce_id"], r.Value)
	m.Metadata = meta
	if correlation := meta["ce_correlationid"]; correlation != "" {
		middleware.SetCorrelationID(correlation, m)
	}
	return m, nil
}

// idle says that nothing can follow from the record: it is an event of a known
// type that no webhook regards, or of an account without endpoints.
func (u unmarshaler) idle(r *sarama.ConsumerMessage) bool {
	var typ, owner string
	for _, h := range r.Headers {
		switch string(h.Key) {
		case "ce_type":
			typ = string(h.Value)
		case "ce_account":
			owner = string(h.Value)
		}
	}
	return catalog.Known(typ) && (!regarded(typ) || len(u.view.Endpoints(owner)) == 0)
}

// recordOf is the reverse of Unmarshal.
func recordOf(m *wmessage.Message) *eventstore.Record {
	ctx := m.Context()
	r := &eventstore.Record{Topic: wmessage.SubscribeTopicFromCtx(ctx), Value: m.Payload}
	r.Partition, _ = kafka.MessagePartitionFromCtx(ctx)
	r.Offset, _ = kafka.MessagePartitionOffsetFromCtx(ctx)
	r.Key, _ = kafka.MessageKeyFromCtx(ctx)
	for k, v := range m.Metadata {
		r.Headers = append(r.Headers, &sarama.RecordHeader{Key: []byte(k), Value: []byte(v)})
	}
	return r
}

// handler turns journal events into stored jobs.
type handler struct {
	*Webhooks
	floors []int64
}

func (h *handler) handle(m *wmessage.Message) error {
	if len(m.Metadata) == 0 {
		return nil // idle
	}
	r := recordOf(m)
	if int(r.Partition) < len(h.floors) && r.Offset < h.floors[r.Partition] {
		return nil
	}
	if typ := m.Metadata.Get("ce_type"); typ != "" && !regarded(typ) { // the next release may owe a webhook for it
		return &catalog.ErrUnknownType{Type: typ}
	}
	ev, err := eventstore.ParseEvent(r)
	if err != nil {
		return errPoison("not_an_event")
	}
	ctx, cancel := context.WithTimeout(m.Context(), handleTimeout)
	defer cancel()
	return h.event(ctx, ev)
}

func (h *handler) event(ctx context.Context, ev *eventstore.Event) error {
	endpoints := h.cfg.View.Endpoints(ev.Account)
	if len(endpoints) == 0 {
		return nil
	}
	if ev.Type == message.TypeAccepted || ev.Type == message.TypeAttemptStarted {
		return h.remember(ctx, ev)
	}
	n, err := translate(ev)
	if err != nil {
		return errPoison("unreadable_data")
	}
	if n == nil {
		return nil
	}
	ids := wanting(endpoints, n.typ)
	if len(ids) == 0 {
		return nil
	}
	if err := h.desk.put(ctx, n, ids); err != nil {
		return fmt.Errorf("store webhooks of event %s: %w", ev.ID, storable(err))
	}
	h.metrics.queued.Inc()
	h.lanes.ensure(ids)
	return nil
}

func wanting(endpoints []account.Endpoint, typ string) []string {
	var ids []string
	for _, e := range endpoints {
		if wants(e, typ) {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// remember notes what later events of the message do not repeat.
func (h *handler) remember(ctx context.Context, ev *eventstore.Event) error {
	fact, err := catalog.Decode(ev.Type, ev.Data)
	if err != nil {
		return errPoison("unreadable_data")
	}
	id := strings.TrimPrefix(ev.Stream, "message/")
	switch f := fact.(type) {
	case message.Accepted:
		if f.ClientRef != "" || len(f.Tags) > 0 {
			err = h.store.noteRequest(ctx, id, f.ClientRef, f.Tags)
		}
	case message.AttemptStarted:
		err = h.store.noteAttempt(ctx, id, f.Attempt, f.Channel)
	}
	if err != nil {
		return fmt.Errorf("note event %s: %w", ev.ID, storable(err))
	}
	return nil
}

package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"goniec/eventstore"
	"goniec/eventstore/tracing"
	"goniec/internal/pause"
)

// Database is Postgres as the runner of a partition uses it.
type Database interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// engine is the runner of one lane in one partition. Its id stands in the
// checkpoints from claim on; used by one goroutine.
type engine struct {
	pool        Database
	projections map[string]Projection
	current     map[string]Projection // of this session
	open        func(topic string, p int32, from int64) Source
	decode      Decoder
	log         *slog.Logger
	lane        lane
	topic       string // short name
	partition   int32
	runner      uuid.UUID
	maxEvents   int
	linger      time.Duration
	moved       func(topic string, p int32, next, end int64) // after each commit
	tracer      *tracing.Tracer
}

// run projects until ctx ends (nil), another runner takes over (ErrFenced) or
// the partition has to be given up (*ErrStopped). Outages are waited out.
func (e *engine) run(ctx context.Context) error {
	wait := minBackoff
	for {
		wrote, err := e.session(ctx)
		if ctx.Err() != nil || errors.Is(err, errNothingToDo) {
			return nil //nolint:nilerr // asked to end
		}
		switch {
		case errors.Is(err, ErrFenced):
			return err
		case errors.Is(err, errReopen):
			continue
		case isStop(err):
			e.stop(ctx, err)
			return err
		}
		if wrote {
			wait = minBackoff
		}
		e.log.WarnContext(ctx, "projection interrupted, will go on from its checkpoint", "error", err, "wait", wait)
		if pause.For(ctx, wait) != nil {
			return nil //nolint:nilerr // asked to end
		}
		wait = min(2*wait, maxBackoff)
	}
}

const (
	minBackoff = 100 * time.Millisecond
	maxBackoff = 5 * time.Second
)

func isStop(err error) bool {
	var stopped *ErrStopped
	return errors.As(err, &stopped)
}

// session reads on from the checkpoints until something goes wrong.
func (e *engine) session(ctx context.Context) (wrote bool, err error) {
	if err := e.claim(ctx); err != nil {
		return false, err
	}
	e.begin()
	marks, err := e.marks(ctx, e.pool, false)
	if err != nil {
		return false, err
	}
	first := lowest(marks)
	f := &fetcher{
		src: e.open(e.topic, e.partition, first.next), chain: eventstore.Chain{Head: first.head},
		decode: e.decode, pos: first.next, max: e.maxEvents, linger: e.linger,
	}
	ctx, cancel := context.WithCancel(ctx)
	batches := make(chan *batch) // one is written, one is ready: memory is bounded by two
	var wg sync.WaitGroup
	wg.Go(func() { f.run(ctx, batches) })
	defer wg.Wait()
	defer cancel()
	return e.writeAll(ctx, marks, batches)
}

// begin forgets what projections remember of earlier transactions.
func (e *engine) begin() {
	e.current = make(map[string]Projection, len(e.projections))
	for name, p := range e.projections {
		if s, ok := p.(Sessioned); ok {
			p = s.Session()
		}
		e.current[name] = p
	}
}

func (e *engine) writeAll(ctx context.Context, known []mark, batches <-chan *batch) (wrote bool, err error) {
	for b := range batches {
		if b.next > b.start {
			span := e.span(b)
			if err := e.write(ctx, known, b); err != nil {
				return wrote, err
			}
			span.End()
			wrote = true
			e.moved(e.topic, e.partition, b.next, b.end)
		}
		if b.err != nil {
			return wrote, e.sorted(b, b.err)
		}
	}
	return wrote, context.Cause(ctx)
}

// sorted tells what will not get better by trying again from an outage.
func (e *engine) sorted(b *batch, err error) error {
	var refused *pgconn.PgError
	var unfit *ErrUnfit
	switch {
	case isStop(err), errors.Is(err, ErrFenced), errors.Is(err, errReopen):
		return err
	case errors.Is(err, eventstore.ErrOffsetGone), errors.As(err, &unfit):
	case errors.As(err, &refused) && refusedForGood(refused.Code):
	default:
		return err
	}
	return &ErrStopped{e.topic, e.partition, b.start, err}
}

// refusedForGood: data exceptions, violated constraints, faults in our SQL.
func refusedForGood(code string) bool {
	return strings.HasPrefix(code, "22") || strings.HasPrefix(code, "23") || strings.HasPrefix(code, "42")
}

// write puts a batch into every build of the lane that does not hold it yet.
func (e *engine) write(ctx context.Context, known []mark, b *batch) error {
	err := pgx.BeginFunc(ctx, e.pool, func(tx pgx.Tx) error {
		marks, err := e.marks(ctx, tx, true)
		if err != nil {
			return err
		}
		if !same(known, marks) || lowest(marks).next < b.start {
			return errReopen
		}
		if lowest(marks).next >= b.next {
			return nil // every build holds the batch already
		}
		for _, m := range marks {
			if err := e.apply(ctx, tx, m, b); err != nil {
				return fmt.Errorf("projection %s: %w", m.projection, err)
			}
		}
		return e.advance(ctx, tx, b)
	})
	if err != nil {
		return e.sorted(b, err)
	}
	return nil
}

func (e *engine) apply(ctx context.Context, tx pgx.Tx, m mark, b *batch) error {
	p := e.current[m.projection] // the lane holds only projections that are known
	wanted := make([]Event, 0, len(b.events))
	for _, ev := range b.events {
		if ev.Offset >= m.next && p.Wants(ev.Fact) {
			wanted = append(wanted, ev)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	if err := setSchema(ctx, tx, schemaName(m.projection, m.build)); err != nil {
		return err
	}
	return p.Apply(ctx, tx, e.partition, wanted)
}

func schemaName(projection string, build int) string {
	return fmt.Sprintf("%s_%s_%d", Schema, projection, build)
}

func lowest(marks []mark) mark {
	var first mark
	for i, m := range marks {
		if i == 0 || m.next < first.next {
			first = m
		}
	}
	return first
}

// same says whether the same builds stand in both; their positions may differ.
func same(a, b []mark) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].projection != b[i].projection || a[i].build != b[i].build {
			return false
		}
	}
	return true
}

// linksKept bounds the events that the span of a batch points to.
const linksKept = 100

// span is that of a batch in which an event is traced: it stands in the trace of
// the first one, and is linked to those of the others.
func (e *engine) span(b *batch) (s tracing.Span) {
	if e.tracer == nil {
		return s
	}
	links := 0
	for _, ev := range b.events {
		switch {
		case !tracing.Sampled(ev.TraceParent):
		case !s.On():
			s = e.tracer.Continue(ev.TraceParent, "project "+e.topic, trace.SpanKindConsumer,
				attribute.Int("goniec.partition", int(e.partition)), attribute.Int("goniec.events", len(b.events)))
		case links < linksKept:
			s.Link(ev.TraceParent)
			links++
		}
	}
	return s
}

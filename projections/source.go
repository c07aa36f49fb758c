package projections

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"goniec/eventstore"
	"goniec/internal/pause"
)

// Source is a journal partition read in order. *eventstore.Reader is the one in
// use; Next may wait for records and may answer an empty batch.
type Source interface {
	Next(ctx context.Context) (eventstore.Batch, error)
	Close()
}

// batch is what one SQL transaction writes.
type batch struct {
	start, next int64 // it holds every event of [start, next)
	end         int64 // last stable offset seen: next >= end means caught up
	head        [32]byte
	events      []Event
	err         error // why nothing can be read after next
}

// ErrStopped says that a partition was given up because of what stands in the
// journal or in the tables, not because of an outage. Nothing is skipped:
// everything before Offset is projected, nothing from there on.
type ErrStopped struct {
	Topic     string
	Partition int32
	Offset    int64
	Cause     error
}

func (e *ErrStopped) Error() string {
	return fmt.Sprintf("projection of %s/%d stopped at offset %d: %v", e.Topic, e.Partition, e.Offset, e.Cause)
}

// Unwrap returns the cause: an *eventstore.ErrBroken, a decoder's error, an *ErrUnfit or Postgres's refusal.
func (e *ErrStopped) Unwrap() error { return e.Cause }

// fetcher reads ahead: while one batch is written, the next is fetched,
// decoded and checked.
type fetcher struct {
	src    Source
	chain  eventstore.Chain
	decode Decoder
	pos    int64
	max    int           // events per batch while there is a backlog
	linger time.Duration // pause after a batch that reached the end
}

// run sends batches to out until ctx ends or a batch ends with an error, and
// closes out.
func (f *fetcher) run(ctx context.Context, out chan<- *batch) {
	defer close(out)
	defer f.src.Close()
	for {
		b := f.gather(ctx)
		if b.next > b.start || b.err != nil {
			select {
			case out <- b:
			case <-ctx.Done():
				return
			}
		}
		if b.err != nil || (len(b.events) > 0 && b.next >= b.end && pause.For(ctx, f.linger) != nil) {
			return
		}
	}
}

// gather collects fetches into one batch: while there is a backlog, larger
// batches mean fewer rows, since the events of a message are folded.
func (f *fetcher) gather(ctx context.Context) *batch {
	b := &batch{start: f.pos, next: f.pos, head: f.chain.Head}
	for {
		got, err := f.src.Next(ctx)
		if err != nil {
			b.err = err
			return b
		}
		b.end = got.End
		if b.err = f.take(b, got.Records); b.err != nil {
			return b
		}
		b.next, f.pos = got.Next, got.Next
		if got.Next >= got.End || len(b.events) >= f.max {
			return b
		}
	}
}

// take checks and decodes records into b. At the first one that is not right it
// stops: b then ends just before it.
func (f *fetcher) take(b *batch, records []*eventstore.Record) error {
	for _, r := range records {
		e, err := f.chain.NextRecord(r)
		if err != nil {
			return f.stopped(b, r, err)
		}
		fact, err := f.decode(e.Type, withoutNUL(e.Data))
		if err != nil {
			return f.stopped(b, r, err)
		}
		b.events = append(b.events, Event{e, fact})
		b.head = e.Hash
	}
	return nil
}

// withoutNUL replaces the character NUL in JSON strings by U+FFFD: Postgres
// cannot hold it, and one such character must not stop a partition.
func withoutNUL(data []byte) []byte {
	const nul = `\u0000`
	if !bytes.Contains(data, []byte(nul)) {
		return data
	}
	out := bytes.Clone(data)
	for i := 0; i+len(nul) <= len(out); i++ {
		if out[i] != '\\' {
			continue
		}
		if string(out[i:i+len(nul)]) == nul {
			copy(out[i:], `\ufffd`)
		}
		i++ // whatever is escaped is no backslash that begins an escape
	}
	return out
}

func (f *fetcher) stopped(b *batch, r *eventstore.Record, err error) error {
	b.next = r.Offset
	return &ErrStopped{r.Topic, r.Partition, r.Offset, err}
}

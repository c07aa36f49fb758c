package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"goniec/domain"
	"goniec/eventstore"
)

// BrokenError says that the journal is not what was written.
type BrokenError struct{ Fault Fault }

func (e *BrokenError) Error() string {
	return "the journal is not what was written: first at " + e.Fault.String()
}

// Visitor is handed an event, and its data as the catalog decodes it.
type Visitor func(*eventstore.Event, domain.Event) error

// Walk reads every journal partition, some in parallel, and hands each event to
// what open returned for its partition, one at a time and in order. Each event is
// checked as Verify does before it is handed over; at the first fault all ends
// with a *BrokenError. It begins at cfg.From, whose roots may be missing, and ends
// before the first event that was recorded at until or later (zero: at the
// partition's end). It returns where it ended, without roots.
func Walk(ctx context.Context, cfg Config, until time.Time, open func(Extent) (Visitor, error)) ([]Extent, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	list, err := cfg.spans(journals(), cfg.allPartitions())
	if err != nil {
		return nil, err
	}
	walks := make([]*walk, len(list))
	for i, s := range list {
		walks[i] = cfg.walk(s, until, nil)
		list[i] = walks[i].check.span
		if walks[i].take, err = open(walks[i].extent()); err != nil {
			return nil, err
		}
	}
	err = cfg.each(ctx, list, func(ctx context.Context, i int, m *meter) error { return walks[i].read(ctx, &cfg, m) })
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	out := make([]Extent, len(walks))
	for i, w := range walks {
		out[i] = w.extent()
	}
	return out, nil
}

// walk is one partition of a Walk.
type walk struct {
	check *checker
	until time.Time
	next  int64 // the first offset that was not walked
	take  Visitor
}

// walk is that of one partition.
func (c *Config) walk(s span, until time.Time, take Visitor) *walk {
	check := c.checker(s)
	check.tree = nil // nobody asks for roots
	return &walk{check: check, until: until, next: check.span.from, take: take}
}

// extent is how far the walk has come.
func (w *walk) extent() Extent {
	c := w.check
	return Extent{Topic: c.span.short, Partition: c.span.partition, Size: c.events, Next: w.next, Head: c.head}
}

func (w *walk) read(ctx context.Context, cfg *Config, m *meter) error {
	if fault := w.check.placed(); fault != nil {
		return &BrokenError{*fault}
	}
	err := cfg.records(ctx, w.check.span, m, w.record)
	if err == nil {
		w.next = max(w.next, w.check.span.end)
	}
	if errors.Is(err, errStop) {
		err = nil
	}
	return errors.Join(err, w.check.versions.Close())
}

func (w *walk) record(r *eventstore.Record) error {
	events, head := w.check.events, w.check.head
	e, fault := w.check.next(r)
	switch {
	case w.check.failed != nil:
		return w.check.failed
	case fault != nil:
		return &BrokenError{*fault}
	case !w.until.IsZero() && !e.Recorded.Before(w.until):
		w.check.events, w.check.head = events, head // it was only looked at
		w.next = r.Offset
		return errStop
	}
	w.next = r.Offset + 1
	return w.take(e, w.check.fact)
}

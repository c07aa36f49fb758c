package audit

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"goniec/eventstore"
)

// Report is what Verify found.
type Report struct {
	Intact     bool        `json:"intact"`
	Events     int64       `json:"events"`
	Streams    int64       `json:"streams"`
	Partitions []Partition `json:"partitions"`       // by topic and number
	Broken     []Fault     `json:"broken,omitempty"` // the first of each partition, in the order of Partitions
	Seconds    float64     `json:"seconds"`

	place Place // at the end; without extents when the journal is broken
}

// ErrNoPlace says that there is nothing to make a checkpoint of.
var ErrNoPlace = errors.New("no checkpoint: the journal is broken, or was not read with its log from the beginning")

// Place is where the reading ended, as a checkpoint of the time.
func (r Report) Place(at time.Time) (Place, error) {
	if len(r.place.Extents) == 0 {
		return Place{}, ErrNoPlace
	}
	p := r.place
	p.Time = at.UTC().Truncate(time.Microsecond)
	return p, nil
}

// Partition is one journal partition as far as it was read: to its end, or to
// its first fault.
type Partition struct {
	Topic     string     `json:"topic"`
	Partition int32      `json:"partition"`
	End       int64      `json:"end_offset"` // when the reading began
	Events    int64      `json:"events"`
	Streams   int64      `json:"streams"`
	Head      string     `json:"head"`           // hash of the last event that is right, hex
	Root      string     `json:"root,omitempty"` // of the log of these events' hashes, hex
	Recorded  *time.Time `json:"last_recorded,omitempty"`
	Intact    bool       `json:"intact"`
}

// Fault is a place at which the journal is not what was written.
type Fault struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Stream    string `json:"stream,omitempty"`
	Type      string `json:"type,omitempty"`
	What      string `json:"what"`
}

// String says where and what.
func (f Fault) String() string {
	at := fmt.Sprintf("%s/%d offset %d", f.Topic, f.Partition, f.Offset)
	if f.Stream != "" {
		at += " (" + f.Stream + ")"
	}
	return at + ": " + f.What
}

// Verify reads every journal partition from its beginning to its end at the time
// of the call, some in parallel, and checks each event: its own hash and that it
// names the event before it, headers byte for byte, versions within streams
// without a gap, times and epochs that do not go back, a known type with
// readable data; and that it still holds what the checkpoints in cfg.Kept name.
// Each partition is read to its first fault. An error means that
// the journal could not be read, not that it is broken.
func Verify(ctx context.Context, cfg Config) (Report, error) {
	if err := cfg.Validate(); err != nil {
		return Report{}, err
	}
	cfg.setDefaults()
	began := time.Now()
	list, err := cfg.spans(journals(), cfg.allPartitions())
	if err != nil {
		return Report{}, err
	}
	checks := make([]*checker, len(list))
	for i, s := range list {
		checks[i] = cfg.checker(s)
		list[i] = checks[i].span
	}
	err = cfg.each(ctx, list, func(ctx context.Context, i int, m *meter) error {
		return checks[i].read(ctx, &cfg, m)
	})
	if err != nil {
		return Report{}, fmt.Errorf("read the journal: %w", err)
	}
	return cfg.report(checks, time.Since(began)), nil
}

// checker begins at the partition's beginning or at cfg.From.
func (c *Config) checker(s span) *checker {
	check := c.newChecker(s)
	for _, cp := range c.Kept {
		if e, ok := cp.extent(s.short, s.partition); ok {
			check.kept = append(check.kept, kept{e, cp.Time})
		}
	}
	slices.SortStableFunc(check.kept, func(a, b kept) int { return cmp.Compare(a.Size, b.Size) })
	if c.From == nil {
		check.span.from = 0
		return check
	}
	for i, e := range c.From.Extents {
		if e.Topic == s.short && e.Partition == s.partition {
			check.beginAt(e, at(c.From.Edges, i))
		}
	}
	return check
}

func at(edges [][]tlog.Hash, i int) []tlog.Hash {
	if i < len(edges) {
		return edges[i]
	}
	return nil
}

func (c *Config) report(checks []*checker, took time.Duration) Report {
	r := Report{Intact: true, Seconds: took.Seconds(), place: Place{Checkpoint: Checkpoint{Installation: c.Installation}}}
	logged := true
	for _, c := range checks {
		p := c.partition()
		r.Partitions = append(r.Partitions, p)
		r.Events += p.Events
		r.Streams += p.Streams
		if c.fault != nil {
			r.Intact = false
			r.Broken = append(r.Broken, *c.fault)
		}
		if logged = logged && r.Intact && c.tree != nil; logged {
			r.place.Extents = append(r.place.Extents, Extent{Topic: c.span.short, Partition: c.span.partition, Size: c.events, Next: c.span.end, Head: c.head, Root: c.tree.root()})
			r.place.Edges = append(r.place.Edges, c.tree.edge)
		}
	}
	if !logged {
		r.place = Place{}
	}
	return r
}

func (c *checker) partition() Partition {
	p := Partition{
		Topic: c.span.topic, Partition: c.span.partition, End: c.span.end, Events: c.events, Streams: c.versions.known,
		Head: hex.EncodeToString(c.head[:]), Intact: c.fault == nil,
	}
	if !c.recorded.IsZero() {
		p.Recorded = &c.recorded
	}
	if c.tree != nil {
		root := c.tree.root()
		p.Root = hex.EncodeToString(root[:])
	}
	return p
}

// errStop ends the reading of a partition before its end.
var errStop = errors.New("enough")

// placed looks whether the partition holds what lies behind the checker's beginning.
func (c *checker) placed() *Fault {
	s := c.span
	c.at = s.from
	switch {
	case s.oldest > s.from:
		return &Fault{Topic: s.topic, Partition: s.partition, Offset: s.oldest, What: fmt.Sprintf("the partition begins here: the records below offset %d were deleted", s.oldest)}
	case s.end < s.from:
		return &Fault{Topic: s.topic, Partition: s.partition, Offset: s.end, What: fmt.Sprintf("it ends here, and reached offset %d before: its end was cut off", s.from)}
	}
	return c.meet()
}

// read checks the partition from where the checker begins.
func (c *checker) read(ctx context.Context, cfg *Config, m *meter) error {
	if c.fault = c.placed(); c.fault != nil {
		return nil
	}
	err := cfg.records(ctx, c.span, m, func(r *eventstore.Record) error {
		_, c.fault = c.next(r)
		switch {
		case c.failed != nil:
			return c.failed
		case c.fault != nil:
			return errStop
		}
		return nil
	})
	closed := c.versions.Close()
	switch {
	case err == nil:
		c.at = c.span.end
		c.fault = c.ended()
	case errors.Is(err, errStop):
		err = nil
	}
	return errors.Join(err, closed)
}

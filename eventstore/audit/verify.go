package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

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
}

// Partition is one journal partition as far as it was read: to its end, or to
// its first fault.
type Partition struct {
	Topic     string     `json:"topic"`
	Partition int32      `json:"partition"`
	End       int64      `json:"end_offset"` // when the reading began
	Events    int64      `json:"events"`
	Streams   int64      `json:"streams"`
	Head      string     `json:"head"` // hash of the last event that is right, hex
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
// readable data. Each partition is read to its first fault. An error means that
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
	err = cfg.each(ctx, list, func(ctx context.Context, i int, m *meter) error {
		checks[i] = newChecker(cfg.Installation, list[i])
		return checks[i].read(ctx, &cfg, m)
	})
	if err != nil {
		return Report{}, fmt.Errorf("read the journal: %w", err)
	}
	return report(checks, time.Since(began)), nil
}

func report(checks []*checker, took time.Duration) Report {
	r := Report{Intact: true, Seconds: took.Seconds()}
	for _, c := range checks {
		p := c.partition()
		r.Partitions = append(r.Partitions, p)
		r.Events += p.Events
		r.Streams += p.Streams
		if c.fault != nil {
			r.Intact = false
			r.Broken = append(r.Broken, *c.fault)
		}
	}
	return r
}

func (c *checker) partition() Partition {
	p := Partition{
		Topic: c.span.topic, Partition: c.span.partition, End: c.span.end, Events: c.events, Streams: c.versions.count(),
		Head: hex.EncodeToString(c.head[:]), Intact: c.fault == nil,
	}
	if !c.recorded.IsZero() {
		p.Recorded = &c.recorded
	}
	return p
}

// errStop ends the reading of a partition at its first fault.
var errStop = errors.New("fault found")

// read checks the partition from its beginning.
func (c *checker) read(ctx context.Context, cfg *Config, m *meter) error {
	s := c.span
	if s.from > 0 {
		c.fault = &Fault{Topic: s.topic, Partition: s.partition, Offset: s.from, What: fmt.Sprintf("the partition begins here: the records below offset %d were deleted", s.from)}
		return nil
	}
	at := s.from
	err := eventstore.ReadRange(ctx, cfg.Client, s.topic, s.partition, s.from, s.end, func(r *eventstore.Record) error {
		m.at(at, r.Offset+1)
		at = r.Offset + 1
		if c.fault = c.next(r); c.fault != nil {
			return errStop
		}
		m.events.Add(1)
		return nil
	})
	m.at(at, s.end)
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

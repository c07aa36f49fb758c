package audit

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"goniec/eventstore"
)

// Config says which journal is read.
type Config struct {
	Client       sarama.Client     // for reading
	Topics       eventstore.Topics // names of the journals
	Installation string            // id that every partition's chain begins with
	Partitions   int32             // N of the installation
	// Kept are checkpoints that the journal still has to agree with. Default: none.
	Kept []Checkpoint
	// From is where Verify begins: what lies before it is taken for right. Default:
	// the journal's beginning.
	From *Place
	// Workers bounds the partitions that are read at a time. Default: the CPUs.
	Workers int
	// Progress is told some times a second, and once at the end, from one goroutine
	// at a time. This option is not required.
	Progress func(Progress)
}

// Progress is how far a reading has come, in offsets summed over partitions:
// not every offset holds an event.
type Progress struct {
	Done, Total int64
	Events      int64
}

// journals are the topics that hold events.
func journals() []string { return []string{eventstore.Messages, eventstore.Accounts} }

func (c *Config) setDefaults() {
	if c.Workers < 1 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Progress == nil {
		c.Progress = func(Progress) {}
	}
}

// Validate names every fault of the configuration.
func (c Config) Validate() error {
	var faults []error
	if c.Client == nil {
		faults = append(faults, errors.New("audit: client: is required"))
	}
	if c.Installation == "" {
		faults = append(faults, errors.New("audit: installation: is required"))
	}
	if c.Partitions < 1 {
		faults = append(faults, errors.New("audit: partitions: must be at least 1"))
	}
	for i, cp := range c.Kept {
		if err := c.fits(cp); err != nil {
			faults = append(faults, fmt.Errorf("audit: checkpoint %d: %w", i+1, err))
		}
	}
	if c.From != nil {
		if err := c.fits(c.From.Checkpoint); err != nil {
			faults = append(faults, fmt.Errorf("audit: from: %w", err))
		}
	}
	return errors.Join(faults...)
}

// span is one journal partition as it is when a reading begins.
type span struct {
	short     string // of the topic
	topic     string
	partition int32
	oldest    int64 // offset that it still holds
	from, end int64
}

// spans asks for the extent of the partitions.
func (c *Config) spans(shorts []string, parts []int32) ([]span, error) {
	var out []span
	for _, short := range shorts {
		for _, p := range parts {
			s := span{short: short, topic: c.Topics.Name(short), partition: p}
			var err error
			if s.oldest, err = eventstore.OldestOffset(c.Client, s.topic, p); err != nil {
				return nil, fmt.Errorf("begin of %s/%d: %w", s.topic, p, err)
			}
			s.from = s.oldest
			if s.end, err = eventstore.EndOffset(c.Client, s.topic, p); err != nil {
				return nil, fmt.Errorf("end of %s/%d: %w", s.topic, p, err)
			}
			out = append(out, s)
		}
	}
	return out, nil
}

func (c *Config) allPartitions() []int32 {
	parts := make([]int32, c.Partitions)
	for p := range c.Partitions {
		parts[p] = p
	}
	return parts
}

// meter adds up what the workers have read. Safe for concurrent use.
type meter struct {
	total        int64
	done, events atomic.Int64
}

func (m *meter) at(before, now int64) { m.done.Add(now - before) }

func (m *meter) progress() Progress {
	return Progress{Done: min(m.done.Load(), m.total), Total: m.total, Events: m.events.Load()}
}

const tellEvery = 200 * time.Millisecond

// each runs read for every span, some at a time, telling the progress. The
// first error of reading ends all and is returned.
func (c *Config) each(ctx context.Context, list []span, read func(context.Context, int, *meter) error) error {
	m := &meter{}
	for _, s := range list {
		m.total += s.end - s.from
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan int)
	var wg sync.WaitGroup
	for range min(c.Workers, len(list)) {
		wg.Go(func() {
			for i := range queue {
				if err := read(ctx, i, m); err != nil {
					cancel(err)
				}
			}
		})
	}
	told := make(chan struct{})
	go func() {
		defer close(told)
		c.tell(ctx, m)
	}()
	feed(ctx, queue, len(list))
	wg.Wait()
	err := context.Cause(ctx)
	cancel(nil)
	<-told
	c.Progress(m.progress())
	return err
}

// fetchBytes of a fetch: a multiple of it lies in memory, unpacked, for each partition that is read.
const fetchBytes = 1 << 20

// records calls fn for each record of a span while m counts.
func (c *Config) records(ctx context.Context, s span, m *meter, fn func(*eventstore.Record) error) error {
	at := s.from
	defer func() { m.at(at, s.end) }()
	source := eventstore.NewReader(c.Client, s.topic, s.partition, s.from).Limit(fetchBytes)
	return eventstore.ReadTo(ctx, source, s.end, func(r *eventstore.Record) error {
		m.at(at, r.Offset+1)
		at = r.Offset + 1
		m.events.Add(1)
		return fn(r)
	})
}

func feed(ctx context.Context, queue chan<- int, n int) {
	defer close(queue)
	for i := range n {
		select {
		case queue <- i:
		case <-ctx.Done():
			return
		}
	}
}

func (c *Config) tell(ctx context.Context, m *meter) {
	t := time.NewTicker(tellEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			c.Progress(m.progress())
		case <-ctx.Done():
			return
		}
	}
}

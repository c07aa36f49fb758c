package eventstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/cockroachdb/pebble/v2"

	"goniec/internal/pause"
)

// ContentStore keeps the records of `contents` of the followed partitions
// beside the process, sealed as they are: key = id, value = the record's bytes,
// a tombstone deletes. It is a cache that the topic rebuilds, written without
// fsync: after a crash it lags behind the topic, never leads it. Safe for
// concurrent use.
type ContentStore struct {
	db     *pebble.DB
	client sarama.Client
	topic  string

	mu    sync.Mutex
	parts map[Partition]*contentPart
}

// contentPart is what the process knows of one partition.
type contentPart struct {
	following bool
	ready     bool          // what the store holds has been found to fit the topic, and is followed
	pos       int64         // everything before stands in the store
	drops     int           // how often it was dropped, to be read anew
	moved     chan struct{} // closed and replaced when any of these changes
	end       *endQuestion  // the last one
}

// endQuestion is one question for the end of a partition, and its answer.
type endQuestion struct {
	asked    time.Time
	answered chan struct{} // closed when the rest is known
	end      int64
	err      error
}

// contentMark is how far a partition is contained, and when it was last level
// with the topic.
type contentMark struct {
	Next  int64     `json:"next"`
	Level time.Time `json:"level"`
}

const (
	// contentMaxAge is how long a copy may have lost touch with the topic.
	// Tombstones are compacted away after a day: an older copy might keep what
	// was erased, so it is dropped and read anew.
	contentMaxAge = 12 * time.Hour
	// contentMarkEvery is how often the mark is moved when nothing is written.
	contentMarkEvery = time.Minute
	// contentSweepEvery is how often what other partitions left here is looked at, and what
	// was read is flushed: no more is read again after a crash.
	contentSweepEvery = time.Hour
)

// OpenContentStore opens or creates the store in dir, as OpenCache does; one
// process at a time. What another installation left there is dropped.
func OpenContentStore(ctx context.Context, dir, installation string, client sarama.Client, topics Topics, log *slog.Logger) (*ContentStore, error) {
	cache := pebble.NewCache(8 << 20)
	defer cache.Unref()
	db, err := OpenCache(ctx, dir, &pebble.Options{
		Cache: cache, MemTableSize: 4 << 20, MemTableStopWritesThreshold: 4, Logger: QuietPebble{},
		FormatMajorVersion: pebble.FormatNewest,
		// A log of what was written would keep what was erased. Without it a crash loses what
		// was not flushed, mark and contents alike: the topic has it.
		DisableWAL: true,
	}, log)
	if err != nil {
		return nil, fmt.Errorf("open content store: %w", err)
	}
	s := &ContentStore{db: db, client: client, topic: topics.Name(Contents), parts: map[Partition]*contentPart{}}
	if err := s.adopt(installation); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// Close flushes and closes the store; nothing may be following.
func (s *ContentStore) Close() error { return errors.Join(s.db.Flush(), s.db.Close()) }

// part returns the partition's record; the caller holds mu.
func (s *ContentStore) part(p Partition) *contentPart {
	c, ok := s.parts[p]
	if !ok {
		c = &contentPart{moved: make(chan struct{})}
		s.parts[p] = c
	}
	return c
}

// change applies fn and wakes those who wait for the partition.
func (s *ContentStore) change(p Partition, fn func(*contentPart)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.part(p)
	fn(c)
	close(c.moved)
	c.moved = make(chan struct{})
}

// Get returns the sealed record of id as the topic had it at since, or later:
// the partition is read up to an end that was asked for after since (a moment of
// real time). What was erased before is not found, however far the copy lagged
// behind, and ok == false means: not written by then, or erased. It waits for
// that reading, which somebody must do (Follow), until ctx ends. Questions for
// the end are shared: whoever reads many instructions at once asks once.
func (s *ContentStore) Get(ctx context.Context, p Partition, id string, since time.Time) (value []byte, ok bool, err error) {
	err = s.level(ctx, p, since, func() error {
		value, ok, err = s.load(contentKey(p, 'c', id))
		return err
	})
	return value, ok, err
}

// level calls look when the partition has been read up to an end that was asked for after
// since, and again if it was dropped meanwhile, to be read anew.
func (s *ContentStore) level(ctx context.Context, p Partition, since time.Time, look func() error) error {
	end, err := s.endSince(ctx, p, since)
	if err != nil {
		return err
	}
	for {
		drops, err := s.readUp(ctx, p, end)
		if err != nil {
			return err
		}
		if err := look(); err != nil || drops == s.drops(p) {
			return err
		}
	}
}

// endSince returns an end of the topic that was asked for after since. One asks at a time;
// the others wait, and take its answer if it was asked late enough for them.
func (s *ContentStore) endSince(ctx context.Context, p Partition, since time.Time) (int64, error) {
	for {
		s.mu.Lock()
		q, mine := s.part(p).question(since)
		s.mu.Unlock()
		if mine { // it ends when the client gives up, and ctx may end before
			go func() {
				q.end, q.err = EndOffset(s.client, s.topic, p)
				close(q.answered)
			}()
		}
		select {
		case <-q.answered:
		case <-ctx.Done():
			return 0, fmt.Errorf("%w: end of contents: %w", ErrUnavailable, context.Cause(ctx))
		}
		switch {
		case !q.asked.After(since): // it was on its way before
		case q.err != nil:
			return 0, fmt.Errorf("%w: end of contents: %w", ErrUnavailable, q.err)
		default:
			return q.end, nil
		}
	}
}

// question returns the one to wait for; mine says that the caller has to ask it. The
// caller holds the store's mu.
func (c *contentPart) question(since time.Time) (q *endQuestion, mine bool) {
	if c.end != nil {
		select {
		case <-c.end.answered:
			if c.end.err == nil && c.end.asked.After(since) {
				return c.end, false
			}
		default:
			return c.end, false
		}
	}
	c.end = &endQuestion{asked: time.Now(), answered: make(chan struct{})}
	return c.end, true
}

// readUp waits until everything before end is in the store; the answer tells
// whether that is still so.
func (s *ContentStore) readUp(ctx context.Context, p Partition, end int64) (drops int, err error) {
	for {
		s.mu.Lock()
		c := s.part(p)
		pos, ready, drops, moved := c.pos, c.ready, c.drops, c.moved
		s.mu.Unlock()
		if ready && pos >= end {
			return drops, nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return 0, fmt.Errorf("contents/%d at %d of %d: %w", p, pos, end, context.Cause(ctx))
		}
	}
}

func (s *ContentStore) drops(p Partition) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.part(p).drops
}

// Follow keeps partition p up to date until ctx ends, beginning where the store
// stands. It returns context.Cause(ctx), or what went wrong with the store. Two
// calls for one partition take turns.
func (s *ContentStore) Follow(ctx context.Context, p Partition) error {
	if err := s.acquire(ctx, p); err != nil {
		return err
	}
	defer s.change(p, func(c *contentPart) { c.following, c.ready = false, false })
	if err := s.dropStale(time.Now()); err != nil {
		return err
	}
	for {
		err := s.follow(ctx, p)
		if !errors.Is(err, errContentsStale) && !errors.Is(err, ErrOffsetGone) {
			return err
		}
		if err := s.drop(p); err != nil {
			return err
		}
	}
}

// acquire waits until nobody else follows p.
func (s *ContentStore) acquire(ctx context.Context, p Partition) error {
	for {
		s.mu.Lock()
		c := s.part(p)
		free, moved := !c.following, c.moved
		c.following = true
		s.mu.Unlock()
		if free {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// errContentsStale says that the copy lost touch with the topic for too long.
var errContentsStale = errors.New("copy of contents is too old")

func (s *ContentStore) follow(ctx context.Context, p Partition) error {
	mark, err := s.begin(ctx, p)
	if err != nil {
		return err
	}
	s.change(p, func(c *contentPart) { c.pos, c.ready = mark.Next, true })
	r := NewReader(s.client, s.topic, p, mark.Next)
	defer r.Close()
	saved, swept := mark, time.Now()
	for {
		b, err := r.Next(ctx)
		if err != nil {
			return err
		}
		now := time.Now().UTC()
		if now.Sub(swept) > contentSweepEvery {
			if err := errors.Join(s.dropStale(now), s.db.Flush()); err != nil {
				return err
			}
			swept = now
		}
		if now.Sub(mark.Level) > contentMaxAge {
			return errContentsStale
		}
		mark.Next = b.Next
		if b.Next >= b.End {
			mark.Level = now
		}
		if len(b.Records) > 0 || mark.Level.Sub(saved.Level) > contentMarkEvery {
			if err := s.apply(ctx, p, b.Records, mark); err != nil {
				return err
			}
			saved = mark
		}
		s.change(p, func(c *contentPart) { c.pos = mark.Next })
	}
}

// begin says where reading starts: at the mark, or, when that does not fit the
// topic, at its oldest record with nothing kept.
func (s *ContentStore) begin(ctx context.Context, p Partition) (contentMark, error) {
	oldest, end, err := s.bounds(ctx, p)
	if err != nil {
		return contentMark{}, err
	}
	mark, ok, err := s.mark(p)
	if err != nil {
		return contentMark{}, err
	}
	if ok && mark.Next >= oldest && mark.Next <= end && time.Since(mark.Level) <= contentMaxAge {
		return mark, nil
	}
	return contentMark{Next: oldest, Level: time.Now().UTC()}, s.drop(p)
}

func (s *ContentStore) bounds(ctx context.Context, p Partition) (oldest, end int64, err error) {
	for {
		if oldest, err = OldestOffset(s.client, s.topic, p); err == nil {
			if end, err = EndOffset(s.client, s.topic, p); err == nil {
				return oldest, end, nil
			}
		}
		if err := pause.For(ctx, retryPause); err != nil {
			return 0, 0, err
		}
	}
}

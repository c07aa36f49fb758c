package eventstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/cockroachdb/pebble/v2"

	"goniec/domain"
	"goniec/internal/pause"
)

const (
	// sweepMargin is how long the day of a content must be over: who read its key in the last
	// moment has done with it.
	sweepMargin = 24 * time.Hour
	// A step writes at most sweepBatch tombstones and looks at sweepLook records at most; then
	// nothing happens for sweepPause: 2,000 and 80,000 a second.
	sweepBatch = 500
	sweepLook  = 20_000
	sweepPause = 250 * time.Millisecond
	// sweepStep is how long a step may take: what it has seen may have changed since.
	sweepStep = 10 * time.Second
)

// Sweeper removes from `contents` what nobody can open any more, because the retention of
// its day is over: without a tombstone Kafka would keep and compact it for ever. It finds
// it in a copy of the topic. Safe for concurrent use; one pass goes on at a time.
type Sweeper struct {
	contents *ContentStore
	keys     *Keyring
	caughtUp func(context.Context) error
	producer Sender
	clock    domain.Clock
	turn     chan struct{}
	through  map[Partition]string // the day before which nothing is left; whoever has the turn has it
}

// NewSweeper returns a Sweeper; caughtUp waits until keys holds every day key that was
// published so far.
func NewSweeper(contents *ContentStore, keys *Keyring, caughtUp func(context.Context) error, producer Sender, clock domain.Clock) *Sweeper {
	return &Sweeper{
		contents: contents, keys: keys, caughtUp: caughtUp, producer: producer, clock: clock,
		turn: make(chan struct{}, 1), through: map[Partition]string{},
	}
}

// Sweep goes over the copy of a partition, which somebody must follow, and returns how many
// tombstones were acknowledged, also when it failed: repeat it then. Days end once a day: a pass
// after one that left nothing does nothing until the next has.
//
// Nobody else is kept from writing meanwhile. Ids of messages may be used again 35 days
// after their end, so a request may write a content anew, under a key that is alive,
// while the tombstone of the old one is on its way. What stands in the topic when a step
// begins is seen and left alone; what comes between that and the tombstone's append, in
// milliseconds (while Kafka is slow, until the producer gives up), is lost. Then the attempt finds no content:
// the message is not sent and fails with the reason `erased`, which its state, the journal
// and webhooks tell. Of a request that repeats one that is still known the content is not
// needed: the last moment at which it might be sent is a day past.
func (s *Sweeper) Sweep(ctx context.Context, p Partition) (written int, err error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	before := s.clock.Now().UTC().Add(-sweepMargin).Format(time.DateOnly)
	if s.through[p] >= before {
		return 0, nil
	}
	alive := 0
	for from := ""; ; {
		found, ended, next, err := s.step(ctx, p, from, before)
		written, alive = written+ended, alive+found-ended
		if err != nil {
			return written, err
		}
		if next == "" {
			break
		}
		if from = next; pause.For(ctx, sweepPause) != nil {
			return written, context.Cause(ctx)
		}
	}
	if alive == 0 {
		s.through[p] = before
	}
	return written, nil
}

// step looks from the id from on; next is where the following one begins, "" after the last.
func (s *Sweeper) step(ctx context.Context, p Partition, from, before string) (found, ended int, next string, err error) {
	ctx, cancel := context.WithTimeout(ctx, sweepStep)
	defer cancel()
	page, err := s.contents.aged(ctx, p, from, before)
	if err != nil {
		return 0, 0, "", err
	}
	ended, err = s.end(ctx, p, page.old)
	return len(page.old), ended, page.next, err
}

// end writes tombstones for those of old whose keys were destroyed. All of their keys were
// published before they were found, so one that is not known then is gone for ever.
func (s *Sweeper) end(ctx context.Context, p Partition, old []agedContent) (int, error) {
	if len(old) == 0 {
		return 0, nil
	}
	if err := s.caughtUp(ctx); err != nil {
		return 0, fmt.Errorf("day keys: %w", err)
	}
	var msgs []*sarama.ProducerMessage
	for _, c := range old {
		if _, alive := s.keys.openingKey(c.key); !alive {
			msgs = append(msgs, expiredTombstone(s.contents.topic, p, c.id))
		}
	}
	if len(msgs) == 0 {
		return 0, nil
	}
	if err := s.producer.Send(ctx, msgs...); err != nil {
		return 0, err
	}
	return len(msgs), nil
}

// headerExpired marks a tombstone of what could not be opened any more: copies need not
// hurry to take it out of their files, for which calls would wait 0.2 s with each batch.
const headerExpired = "expired"

func expiredTombstone(topic string, p Partition, key string) *sarama.ProducerMessage {
	m := Tombstone(topic, p, key)
	m.Headers = []sarama.RecordHeader{header(headerExpired, "1")}
	return m
}

// erases says whether r is a tombstone of what could still be opened.
func erases(r *Record) bool {
	if r.Value != nil {
		return false
	}
	for _, h := range r.Headers {
		if string(h.Key) == headerExpired {
			return false
		}
	}
	return true
}

// agedContent is a content whose day is over, and the name of its day key.
type agedContent struct{ id, key string }

// agedPage is what a look found.
type agedPage struct {
	old  []agedContent
	next string // where the next look begins; "" = this was the last
}

// aged looks from the id from on for contents of days before one, as the topic has them
// now or later.
func (s *ContentStore) aged(ctx context.Context, p Partition, from, before string) (page agedPage, err error) {
	err = s.level(ctx, p, time.Now(), func() error {
		page, err = s.findAged(p, from, before)
		return err
	})
	return page, err
}

// findAged holds its iterator for the look only: it keeps files that a purge has replaced.
func (s *ContentStore) findAged(p Partition, from, before string) (page agedPage, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: contentKey(p, 'c', from), UpperBound: contentKey(p, 'c'+1, "")})
	if err != nil {
		return page, fmt.Errorf("scan content store: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	prefix := len(contentKey(p, 'c', ""))
	looked := 0
	for ok := it.First(); ok; ok = it.Next() {
		if looked == sweepLook || len(page.old) == sweepBatch {
			page.next = string(it.Key()[prefix:])
			return page, nil
		}
		looked++
		value, err := it.ValueAndErr()
		if err != nil {
			return page, fmt.Errorf("scan content store: %w", err)
		}
		key := ContentKeyName(value)
		if day := KeyDay(key); day != "" && day < before {
			page.old = append(page.old, agedContent{id: string(it.Key()[prefix:]), key: key})
		}
	}
	return page, nil
}

// contentBegins is how a record of `contents` begins: the rest need not be read to name its key.
var contentBegins = []byte(`{"k":"`)

// quickKeyName names the day key of a record that begins as ours do.
func quickKeyName(value []byte) (name string, ok bool) {
	rest, ours := bytes.CutPrefix(value, contentBegins)
	quoted, _, closed := bytes.Cut(rest, []byte{'"'})
	return string(quoted), ours && closed && bytes.IndexByte(quoted, '\\') < 0
}

package eventstore

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// The keys: two bytes of partition, one letter (m = mark, c = content), the id.
// Partition 65535 does not exist; its keys hold whose store this is.
var contentOwner = []byte{0xff, 0xff, 'i'}

func contentKey(p Partition, kind byte, id string) []byte {
	b := binary.BigEndian.AppendUint16(make([]byte, 0, 3+len(id)), uint16(p)) // partitions are < 65,535
	return append(append(b, kind), id...)
}

func (s *ContentStore) adopt(installation string) error {
	have, ok, err := s.load(contentOwner)
	if err != nil || ok && string(have) == installation {
		return err
	}
	if err := s.db.DeleteRange([]byte{0, 0}, []byte{0xff, 0xff, 0xff}, pebble.NoSync); err != nil {
		return fmt.Errorf("empty content store: %w", err)
	}
	if err := s.db.Set(contentOwner, []byte(installation), pebble.NoSync); err != nil {
		return fmt.Errorf("write content store: %w", err)
	}
	return s.db.Flush()
}

// load copies the value of key out of the store.
func (s *ContentStore) load(key []byte) ([]byte, bool, error) {
	v, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read content store: %w", err)
	}
	b := append([]byte(nil), v...)
	return b, true, closer.Close()
}

func (s *ContentStore) mark(p Partition) (m contentMark, ok bool, err error) {
	b, ok, err := s.load(contentKey(p, 'm', ""))
	if err != nil || !ok {
		return m, false, err
	}
	readable := json.Unmarshal(b, &m) == nil // if not, it is as good as absent: rebuild
	return m, readable, nil
}

// apply writes records and mark in one batch.
func (s *ContentStore) apply(ctx context.Context, p Partition, records []*Record, m contentMark) error {
	b := s.db.NewBatch()
	defer b.Close() //nolint:errcheck // only frees memory
	for _, r := range records {
		key := contentKey(p, 'c', string(r.Key))
		var err error
		if r.Value == nil {
			err = b.Delete(key, nil)
		} else {
			err = b.Set(key, r.Value, nil)
		}
		if err != nil {
			return fmt.Errorf("write content store: %w", err)
		}
	}
	v, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode mark: %w", err)
	}
	if err := b.Set(contentKey(p, 'm', ""), v, nil); err != nil {
		return fmt.Errorf("write content store: %w", err)
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("write content store: %w", err)
	}
	return s.purge(ctx, p, records)
}

// purge takes what was erased out of the files too: a deletion alone leaves the bytes
// until the store happens to merge the file that holds them.
func (s *ContentStore) purge(ctx context.Context, p Partition, records []*Record) error {
	var first, last string
	for _, r := range records {
		if !erases(r) {
			continue
		}
		key := string(r.Key)
		if first == "" || key < first {
			first = key
		}
		last = max(last, key)
	}
	if first == "" {
		return nil
	}
	if err := s.db.Flush(); err != nil {
		return fmt.Errorf("flush content store: %w", err)
	}
	if err := s.db.Compact(context.WithoutCancel(ctx), contentKey(p, 'c', first), append(contentKey(p, 'c', last), 0), false); err != nil {
		return fmt.Errorf("purge content store: %w", err)
	}
	return nil
}

// drop forgets everything of a partition.
func (s *ContentStore) drop(p Partition) error {
	s.change(p, func(c *contentPart) { c.pos, c.ready, c.drops = 0, false, c.drops+1 })
	return s.erase(p)
}

func (s *ContentStore) erase(p Partition) error {
	if err := s.db.DeleteRange(contentKey(p, 0, ""), contentKey(p+1, 0, ""), pebble.NoSync); err != nil {
		return fmt.Errorf("empty content store: %w", err)
	}
	return nil
}

// dropStale forgets partitions that this process followed once and has lost
// touch with: nobody tells it any more what is erased there.
func (s *ContentStore) dropStale(now time.Time) error {
	next := Partition(0)
	for {
		p, ok, err := s.nextPartition(next)
		if err != nil || !ok {
			return err
		}
		if err := s.dropIfStale(p, now); err != nil {
			return err
		}
		next = p + 1
	}
}

// dropIfStale holds mu, so that nobody begins to follow in between.
func (s *ContentStore) dropIfStale(p Partition, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.part(p)
	mark, ok, err := s.mark(p)
	if err != nil || c.following || ok && now.Sub(mark.Level) <= contentMaxAge {
		return err
	}
	c.pos, c.drops = 0, c.drops+1
	return s.erase(p)
}

// nextPartition finds the first partition from p on that the store has anything of.
func (s *ContentStore) nextPartition(p Partition) (Partition, bool, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: contentKey(p, 0, ""), UpperBound: []byte{0xff, 0xff}})
	if err != nil {
		return 0, false, fmt.Errorf("scan content store: %w", err)
	}
	if !it.First() {
		return 0, false, it.Close()
	}
	found := Partition(binary.BigEndian.Uint16(it.Key()))
	return found, true, it.Close()
}

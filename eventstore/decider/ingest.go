package decider

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
)

// write is one entry of a batch: the value of a key, or that it is gone.
type write struct {
	value []byte
	gone  bool
}

// place is where the batch has an entry of a key. It is small: places are sorted.
type place struct {
	key []byte
	n   int
}

// ingest does what Commit would, without log and memory table: it puts the batch's
// entries into tables of their own. States get one of their own, since they mostly come in their
// order: such a table goes straight to the lowest level, and no compaction moves it again.
// One call at a time for a name.
func (s *Store) ingest(ctx context.Context, name string, b *pebble.Batch) error {
	writes, places, err := sorted(b)
	if err != nil {
		return err
	}
	var paths []string
	for len(places) > 0 {
		n := sameTable(places)
		path := s.opts.FS.PathJoin(s.dir, fmt.Sprintf("%s-%d.tmp", name, len(paths)))
		if err := s.writeTable(path, writes, places[:n]); err != nil {
			return fmt.Errorf("write table: %w", err)
		}
		paths, places = append(paths, path), places[n:]
	}
	if len(paths) == 0 {
		return nil
	}
	return s.db.Ingest(ctx, paths)
}

// sorted returns the batch's entries, and the places of those that count, the last of each key, in the order of keys.
func sorted(b *pebble.Batch) ([]write, []place, error) {
	writes, places := make([]write, 0, b.Count()), make([]place, 0, b.Count())
	for r := b.Reader(); ; {
		kind, key, value, ok, err := r.Next()
		if err != nil {
			return nil, nil, fmt.Errorf("read batch: %w", err)
		}
		if !ok {
			break
		}
		switch kind {
		case pebble.InternalKeyKindSet, pebble.InternalKeyKindDelete:
			places = append(places, place{key: key, n: len(writes)})
			writes = append(writes, write{value: value, gone: kind == pebble.InternalKeyKindDelete})
		default:
			return nil, nil, fmt.Errorf("batch: kind %s has no place in a table", kind)
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(bytes.Compare(a.key, b.key), b.n-a.n) })
	return writes, slices.CompactFunc(places, func(a, b place) bool { return bytes.Equal(a.key, b.key) }), nil
}

// sameTable says how many of the first places go into one table.
func sameTable(places []place) int {
	state := func(p place) bool { return p.key[len(keyspace{})] == 's' }
	n := slices.IndexFunc(places, func(p place) bool { return state(p) != state(places[0]) })
	if n < 0 {
		return len(places)
	}
	return n
}

func (s *Store) writeTable(path string, writes []write, places []place) error {
	f, err := s.opts.FS.Create(path, "goniec-load")
	if err != nil {
		return err
	}
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), s.opts.MakeWriterOptions(0, s.db.TableFormat()))
	for _, p := range places {
		if e := writes[p.n]; e.gone {
			err = w.Delete(p.key)
		} else {
			err = w.Set(p.key, e.value)
		}
		if err != nil {
			return errors.Join(err, w.Close())
		}
	}
	return w.Close()
}

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
	key, value []byte
	gone       bool
	n          int // position in the batch
}

// ingest does what Commit would, without log and memory table: it puts the batch's
// entries into tables of their own. States get one of their own, since they mostly come in their
// order: such a table goes straight to the lowest level, and no compaction moves it again.
// One call at a time for a name.
func (s *Store) ingest(ctx context.Context, name string, b *pebble.Batch) error {
	writes, err := sorted(b)
	if err != nil {
		return err
	}
	var paths []string
	for len(writes) > 0 {
		n := sameTable(writes)
		path := s.opts.FS.PathJoin(s.dir, fmt.Sprintf("%s-%d.tmp", name, len(paths)))
		if err := s.writeTable(path, writes[:n]); err != nil {
			return fmt.Errorf("write table: %w", err)
		}
		paths, writes = append(paths, path), writes[n:]
	}
	if len(paths) == 0 {
		return nil
	}
	return s.db.Ingest(ctx, paths)
}

// sorted returns the entries that count, the last of each key, in the order of keys.
func sorted(b *pebble.Batch) ([]write, error) {
	writes := make([]write, 0, b.Count())
	for r := b.Reader(); ; {
		kind, key, value, ok, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("read batch: %w", err)
		}
		if !ok {
			break
		}
		switch kind {
		case pebble.InternalKeyKindSet, pebble.InternalKeyKindDelete:
			writes = append(writes, write{key: key, value: value, gone: kind == pebble.InternalKeyKindDelete, n: len(writes)})
		default:
			return nil, fmt.Errorf("batch: kind %s has no place in a table", kind)
		}
	}
	slices.SortFunc(writes, func(a, b write) int { return cmp.Or(bytes.Compare(a.key, b.key), cmp.Compare(b.n, a.n)) })
	return slices.CompactFunc(writes, func(a, b write) bool { return bytes.Equal(a.key, b.key) }), nil
}

// sameTable says how many of the first entries go into one table.
func sameTable(writes []write) int {
	state := func(w write) bool { return w.key[len(keyspace{})] == 's' }
	n := slices.IndexFunc(writes, func(w write) bool { return state(w) != state(writes[0]) })
	if n < 0 {
		return len(writes)
	}
	return n
}

func (s *Store) writeTable(path string, writes []write) error {
	f, err := s.opts.FS.Create(path, "goniec-load")
	if err != nil {
		return err
	}
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), s.opts.MakeWriterOptions(0, s.db.TableFormat()))
	for _, e := range writes {
		if e.gone {
			err = w.Delete(e.key)
		} else {
			err = w.Set(e.key, e.value)
		}
		if err != nil {
			return errors.Join(err, w.Close())
		}
	}
	return w.Close()
}

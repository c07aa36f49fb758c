package audit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"os"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"goniec/eventstore"
)

// versions remembers the last version of every stream of a partition: those met
// lately in memory, the others in a temporary directory, so that a journal of any
// length is checked in the same memory. Not safe for concurrent use; Close it.
type versions struct {
	seeds [2]maphash.Seed
	near  map[stream]int64 // 0: the stream was forgotten
	most  int              // streams in near
	far   *pebble.DB       // nil until near was full once
	dir   string           // of far
	known int64            // streams that have a version
}

// stream is a keyed hash of a stream's name: nobody outside of the process can
// make two that are equal.
type stream [2]uint64

// nearStreams take some 20 MiB, of all partitions that are read at a time.
const nearStreams = 400_000

// newVersions is for one of so many partitions that are read at a time.
func newVersions(workers int) *versions {
	return &versions{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, near: map[stream]int64{}, most: max(nearStreams/workers, 1)}
}

// advance notes the version and returns the one before it; 0 if there was none.
// Version 0 forgets the stream. An error is one of the temporary directory.
func (v *versions) advance(name string, version int64) (int64, error) {
	s := stream{maphash.String(v.seeds[0], name), maphash.String(v.seeds[1], name)}
	have, met := v.near[s]
	if !met {
		var err error
		if have, err = v.look(s); err != nil {
			return 0, err
		}
		if err := v.makeRoom(); err != nil {
			return 0, err
		}
	}
	v.near[s] = version
	switch {
	case have == 0 && version != 0:
		v.known++
	case have != 0 && version == 0:
		v.known--
	}
	return have, nil
}

// look asks for a stream that is not near.
func (v *versions) look(s stream) (int64, error) {
	if v.far == nil {
		return 0, nil
	}
	value, closer, err := v.far.Get(s.key())
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("versions of streams: %w", err)
	}
	have := int64(binary.BigEndian.Uint64(value)) //nolint:gosec // it was one
	return have, closer.Close()
}

// makeRoom moves what is near away once it is too much.
func (v *versions) makeRoom() error {
	if len(v.near) < v.most {
		return nil
	}
	if err := v.open(); err != nil {
		return fmt.Errorf("versions of streams: %w", err)
	}
	b := v.far.NewBatch()
	for s, version := range v.near {
		err := b.Set(s.key(), binary.BigEndian.AppendUint64(nil, uint64(version)), nil) //nolint:gosec // versions are positive
		if version == 0 {
			err = b.Delete(s.key(), nil)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("versions of streams: %w", err), b.Close())
		}
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("versions of streams: %w", err)
	}
	clear(v.near)
	return nil
}

func (v *versions) open() (err error) {
	if v.far != nil {
		return nil
	}
	if v.dir, err = os.MkdirTemp("", "goniec-audit-"); err != nil {
		return err
	}
	opts := &pebble.Options{
		CacheSize: 8 << 20, MemTableSize: 4 << 20, MemTableStopWritesThreshold: 4, DisableWAL: true, Logger: eventstore.QuietPebble{},
		FormatMajorVersion: pebble.FormatNewest,
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10) // most streams that are asked for are new
	}
	v.far, err = pebble.Open(v.dir, opts)
	return err
}

// Close removes the temporary directory. What is known stays counted.
func (v *versions) Close() error {
	v.near = nil
	if v.dir == "" {
		return nil
	}
	var err error
	if v.far != nil {
		err = v.far.Close()
	}
	return errors.Join(err, os.RemoveAll(v.dir))
}

func (s stream) key() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(make([]byte, 0, 16), s[0]), s[1])
}

// Package decider is the runtime around the rules: for each partition that this
// process owns it reads the inbox, decides one command after another on local
// state, and commits events, instructions, answers and inbox offsets in one
// Kafka transaction.
package decider

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"goniec/eventstore"
)

// Store is the local state of all partitions that this process owns or owned:
// a cache that the journal can rebuild. It is written without fsync after each
// Kafka commit, so after a crash it may lag behind the journal, never lead it.
type Store struct {
	db   *pebble.DB
	dir  string
	opts *pebble.Options
}

// OpenStore opens or creates the store in dir, as OpenCache does. One process at a
// time. adjust may put it on another file system, or make it smaller.
func OpenStore(ctx context.Context, dir string, log *slog.Logger, adjust ...func(*pebble.Options)) (*Store, error) {
	cache := pebble.NewCache(32 << 20)
	defer cache.Unref()
	opts := &pebble.Options{
		Cache: cache, MemTableSize: 16 << 20, MemTableStopWritesThreshold: 4, Logger: eventstore.QuietPebble{}, FormatMajorVersion: pebble.FormatNewest,
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10) // most look-ups are for streams that do not exist yet
	}
	for _, fn := range adjust {
		fn(opts)
	}
	db, err := eventstore.OpenCache(ctx, dir, opts, log)
	if err != nil {
		return nil, fmt.Errorf("open state store: %w", err)
	}
	opts.EnsureDefaults() // what Open works with
	return &Store{db: db, dir: dir, opts: opts}, nil
}

// Close flushes and closes the store; no owner may be running.
func (s *Store) Close() error { return s.db.Close() }

// The keys of one partition: two bytes of partition, one letter, the rest.
//
//	m                      meta: positions and heads of the journal
//	s<stream>              state of a stream: uvarint version, JSON
//	i<key> 0x00 <stream>   index entry
//	t<due µs, 8 bytes><stream> 0x00 <timer>
//	c<0|1><stream>         the stream has changed and is not in the state topic yet; see state_topic.go
//	e<µs, 8 bytes><stream> when the message may be forgotten; see evict.go
//	x<stream>              while the state is loaded from that topic: the stream has a tombstone there
type keyspace [2]byte

func newKeyspace(p eventstore.Partition) (k keyspace) {
	binary.BigEndian.PutUint16(k[:], uint16(p)) // partitions are < 65,536
	return k
}

func (k keyspace) key(kind byte, rest ...string) []byte {
	b := append(make([]byte, 0, 96), k[0], k[1], kind)
	for _, r := range rest {
		b = append(b, r...)
	}
	return b
}

func (k keyspace) state(stream string) []byte { return k.key('s', stream) }
func (k keyspace) index(key, stream string) []byte {
	return k.key('i', key, "\x00", stream)
}

func (k keyspace) timer(due time.Time, stream, name string) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(due.UnixMicro())) // times are after 1970
	return k.key('t', string(b[:]), stream, "\x00", name)
}

// dueTimer is an entry of the timer index.
type dueTimer struct {
	due    time.Time
	stream string
	name   string
	key    []byte
}

func (k keyspace) parseTimer(key []byte) (dueTimer, error) {
	stream, name, ok := strings.Cut(string(key[11:]), "\x00")
	if !ok {
		return dueTimer{}, errors.New("timer key is not readable")
	}
	due := time.UnixMicro(int64(binary.BigEndian.Uint64(key[3:11]))).UTC() // see timer
	return dueTimer{due: due, stream: stream, name: name, key: append([]byte(nil), key...)}, nil
}

// meta is what the store knows of the journal that it was built from.
type meta struct {
	Installation string                 `json:"installation"`
	Schema       int                    `json:"schema"`
	Journals     map[string]journalMark `json:"journals"` // by short topic name
	Epoch        int64                  `json:"epoch"`
	Recorded     time.Time              `json:"recorded"` // of the last event: recorded time never goes back
	Inbox        noted                  `json:"inbox"`    // what the last transaction with events noted
	LastBeat     time.Time              `json:"last_beat"`
	StateTopic   string                 `json:"state_topic,omitempty"` // identity of the state topic that holds what is not marked as changed
	Generation   byte                   `json:"generation,omitempty"`  // of the marks of what changes now
	Loading      bool                   `json:"loading,omitempty"`     // streams may be ahead of Journals: of no use unless brought to an end
}

// stateSchema counts the forms of the stored state: raise it when a state, its
// timers or its index keys change, so that what an older build left is rebuilt.
const stateSchema = 4

// journalMark is how far one journal topic is contained in the state.
type journalMark struct {
	Next int64  `json:"next"` // offset of the first event that is not contained
	Last int64  `json:"last"` // offset of the last one that is; -1 = none
	Head string `json:"head"` // its hash, hex
}

func (k keyspace) loadMeta(db pebble.Reader) (meta, bool, error) {
	b, ok, err := get(db, k.key('m'))
	if err != nil || !ok {
		return meta{}, false, err
	}
	var m meta
	if err := json.Unmarshal(b, &m); err != nil {
		return meta{}, false, nil //nolint:nilerr // unreadable = as good as absent: rebuild
	}
	return m, true, nil
}

func (k keyspace) saveMeta(w pebble.Writer, m meta) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return w.Set(k.key('m'), b, nil)
}

// get copies the value of key out of db.
func get(db pebble.Reader, key []byte) ([]byte, bool, error) {
	v, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read state: %w", err)
	}
	b := append([]byte(nil), v...)
	return b, true, closer.Close()
}

// scan calls fn for each key of [from, to) until fn says stop.
func scan(db pebble.Reader, from, to []byte, fn func(key []byte) (more bool, err error)) error {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return fmt.Errorf("scan state: %w", err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		more, err := fn(it.Key())
		if err != nil || !more {
			return errors.Join(err, it.Close())
		}
	}
	return it.Close()
}

// last returns the last key of [from, to), nil when there is none.
func last(db pebble.Reader, from, to []byte) (key []byte, err error) {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return nil, fmt.Errorf("scan state: %w", err)
	}
	if it.Last() {
		key = append(key, it.Key()...)
	}
	return key, it.Close()
}

// dropPartition forgets everything of a partition.
func (s *Store) dropPartition(k keyspace) error {
	end := k
	binary.BigEndian.PutUint16(end[:], binary.BigEndian.Uint16(k[:])+1)
	return s.db.DeleteRange(k[:], end[:], pebble.NoSync)
}

// after is the first key behind all keys with the given prefix.
func after(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

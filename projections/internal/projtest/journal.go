// Package projtest holds what the tests of projections share: journals in
// memory, with true hash chains, and lives of messages to fill them with.
package projtest

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/eventstore"
	"goniec/projections"
)

// Installation is the id of the tests' installation.
const Installation = "7f5ad1a2-0000-4000-8000-000000000001"

// Epoch is when the tests' stories begin.
var Epoch = time.Date(2026, 11, 16, 9, 30, 0, 0, time.UTC)

// Journal is a journal in memory. Safe for concurrent use.
type Journal struct {
	mu       sync.Mutex
	parts    map[string][]packed
	heads    map[string][32]byte
	versions map[string]int64
	Fetch    int // records per fetch; 0 = all there are
	changed  chan struct{}
}

// NewJournal returns an empty journal.
func NewJournal() *Journal {
	return &Journal{parts: map[string][]packed{}, heads: map[string][32]byte{}, versions: map[string]int64{}, changed: make(chan struct{})}
}

func name(topic string, p int32) string { return topic + "/" + strconv.Itoa(int(p)) }

// Add appends an event; it gets its stream's next version. Offsets are sparse,
// as they are under transactions.
func (j *Journal) Add(t testing.TB, topic string, p int32, stream string, at time.Time, fact domain.Event) *eventstore.Event {
	t.Helper()
	data, err := json.Marshal(fact)
	require.NoError(t, err)
	j.mu.Lock()
	j.versions[stream]++
	v := j.versions[stream]
	j.mu.Unlock()
	return j.AddRaw(t, topic, p, &eventstore.Event{Type: fact.EventType(), Stream: stream, Time: at, Version: v, Data: data})
}

// AddRaw appends e with the envelope's other fields and hashes filled in.
func (j *Journal) AddRaw(t testing.TB, topic string, p int32, e *eventstore.Event) *eventstore.Event {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	n := name(topic, p)
	e.ID = fmt.Sprintf("%s/%d", e.Stream, e.Version)
	e.Source, e.Recorded, e.Epoch, e.Actor = "goniec/"+Installation, e.Time, 1, "test"
	head, ok := j.heads[n]
	if !ok {
		head = eventstore.FirstPrevHash(Installation, topic, p)
	}
	e.PrevHash = head
	e.Hash = e.ComputeHash()
	j.heads[n] = e.Hash
	e.Topic, e.Partition, e.Offset = topic, p, int64(len(j.parts[n]))*2
	j.parts[n] = append(j.parts[n], pack(record(t, e)))
	close(j.changed)
	j.changed = make(chan struct{})
	return e
}

func record(t testing.TB, e *eventstore.Event) *eventstore.Record {
	t.Helper()
	m := e.Message(e.Topic, e.Partition)
	key, err := m.Key.Encode()
	require.NoError(t, err)
	r := &eventstore.Record{Topic: e.Topic, Partition: e.Partition, Offset: e.Offset, Key: key, Value: e.Data}
	for i := range m.Headers {
		r.Headers = append(r.Headers, &m.Headers[i])
	}
	return r
}

// Events returns the partition's events.
func (j *Journal) Events(t testing.TB, topic string, p int32) []*eventstore.Event {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []*eventstore.Event
	for _, r := range j.parts[name(topic, p)] {
		e, err := eventstore.ParseEvent(r.unpack())
		require.NoError(t, err)
		out = append(out, e)
	}
	return out
}

// Tamper calls change with the record at index i of the partition.
func (j *Journal) Tamper(topic string, p int32, i int, change func(*eventstore.Record)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	at := &j.parts[name(topic, p)][i]
	r := at.unpack()
	change(r)
	*at = pack(r)
}

// Drop removes the record at index i, as a gap would.
func (j *Journal) Drop(topic string, p int32, i int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := name(topic, p)
	j.parts[n] = append(j.parts[n][:i:i], j.parts[n][i+1:]...)
}

// Len is the number of events in a partition.
func (j *Journal) Len(topic string, p int32) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.parts[name(topic, p)])
}

// End is the position after the partition's last event.
func (j *Journal) End(topic string, p int32) int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return end(j.parts[name(topic, p)])
}

func end(rs []packed) int64 {
	if len(rs) == 0 {
		return 0
	}
	return rs[len(rs)-1].offset + 2
}

// Read is a closing.Records.Read; prefixes of topics are not known here.
func (j *Journal) Read(topic string, p int32, from int64, _ int32) eventstore.Source {
	return &source{j: j, name: name(topic, p), next: from}
}

// Open is a projections.Config.Open.
func (j *Journal) Open(topic string, p int32, from int64) projections.Source {
	return &source{j: j, name: name(topic, p), next: from}
}

type source struct {
	j    *Journal
	name string
	next int64
}

func (s *source) Close() {}

func (s *source) Position() int64 { return s.next }

func (s *source) Next(ctx context.Context) (eventstore.Batch, error) {
	for {
		b, changed := s.get()
		if len(b.Records) > 0 {
			return b, nil
		}
		select {
		case <-ctx.Done():
			return eventstore.Batch{}, context.Cause(ctx)
		case <-changed:
		}
	}
}

func (s *source) get() (eventstore.Batch, <-chan struct{}) {
	s.j.mu.Lock()
	defer s.j.mu.Unlock()
	all := s.j.parts[s.name]
	b := eventstore.Batch{End: end(all)}
	first := sort.Search(len(all), func(i int) bool { return all[i].offset >= s.next })
	for _, r := range all[first:] {
		if s.j.Fetch > 0 && len(b.Records) == s.j.Fetch {
			break
		}
		b.Records = append(b.Records, r.unpack())
	}
	if n := len(b.Records); n > 0 {
		s.next = b.Records[n-1].Offset + 2
	}
	b.Next = s.next
	return b, s.j.changed
}

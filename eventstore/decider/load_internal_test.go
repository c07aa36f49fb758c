package decider

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/eventstore"
)

// BenchmarkLoad puts saved states of live messages into an empty store.
func BenchmarkLoad(b *testing.B) {
	store, err := OpenStore(b.Context(), b.TempDir(), slog.New(slog.DiscardHandler))
	require.NoError(b, err)
	cfg := &Config{Clock: domain.SystemClock, Log: slog.New(slog.DiscardHandler)}
	o := &owner{cfg: cfg, store: store, keys: newKeyspace(0), find: &finder{db: store.db}}
	at := time.Now().UTC()
	records := make([]*eventstore.Record, 200000)
	for i := range records {
		id := eventstore.NewID(0).String()
		s := message.New(id)
		for _, e := range []message.Event{
			message.Accepted{Account: id, Recipient: id, Number: fmt.Sprintf("%032x", i), Country: "PL", Sender: "GONIEC", Category: domain.Transactional, Content: domain.PlainText, BodyDigest: fmt.Sprintf("%032x", i), SMSParts: 1, Fallback: true, ValidityMS: 86400000, SMSValidityMS: 86400000, ReportWaitMS: 3600000},
			message.Released{Deadline: at.Add(time.Hour)},
			message.AttemptStarted{Attempt: id, Number: 1, Channel: domain.Viber, Route: "viber", ServiceID: 4711, NotAfter: at.Add(time.Hour)},
		} {
			s = message.Evolve(s, e, at)
		}
		state, err := encodeState(3, messageState{s})
		require.NoError(b, err)
		records[i] = &eventstore.Record{Key: []byte("message/" + id), Value: append(binary.AppendUvarint(nil, stateSchema), state...)}
	}
	for b.Loop() {
		l := &loader{o: o, seen: map[uint64]struct{}{}, seed: maphash.MakeSeed()}
		l.begin()
		for _, r := range records {
			require.NoError(b, l.take(b.Context(), r))
		}
		require.NoError(b, l.flush(b.Context()))
		require.False(b, l.foreign)
		require.NoError(b, store.dropPartition(o.keys))
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(records)), "µs/record")
	require.NoError(b, store.Close())
}

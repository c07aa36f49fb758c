package eventstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/eventstore"
	"goniec/internal/kafkatest"
)

// desk is topics of its own with what a test needs to write to them.
type desk struct {
	t      *testing.T
	kafka  eventstore.KafkaConfig
	client sarama.Client
	topic  string // messages
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	kafka := kafkatest.Topics(t, 2)
	kafka.SessionTimeout = 6 * time.Second
	return &desk{t: t, kafka: kafka, client: kafkatest.Client(t, kafka), topic: kafka.Topics().Name(eventstore.Messages)}
}

// writer opens a transactional producer.
func (d *desk) writer(id string) sarama.SyncProducer {
	d.t.Helper()
	p, err := sarama.NewSyncProducer(d.kafka.Brokers, d.kafka.TransactionalConfig(d.kafka.Prefix+id))
	require.NoError(d.t, err)
	d.t.Cleanup(func() { _ = p.Close() })
	return p
}

func (d *desk) write(p sarama.SyncProducer, names ...string) {
	d.t.Helper()
	var msgs []*sarama.ProducerMessage
	for _, name := range names {
		msgs = append(msgs, &sarama.ProducerMessage{Topic: d.topic, Partition: 0, Key: sarama.StringEncoder(name), Value: sarama.StringEncoder("{}")})
	}
	require.NoError(d.t, p.SendMessages(msgs))
}

func (d *desk) end() int64 {
	d.t.Helper()
	end, err := eventstore.EndOffset(d.client, d.topic, 0)
	require.NoError(d.t, err)
	return end
}

// drain reads until the reader has passed to.
func (d *desk) drain(r *eventstore.Reader, to int64) (names []string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), time.Minute)
	defer cancel()
	last := r.Position() - 1
	for r.Position() < to {
		b, err := r.Next(ctx)
		require.NoError(d.t, err)
		require.Equal(d.t, r.Position(), b.Next)
		for _, rec := range b.Records {
			require.Greater(d.t, rec.Offset, last, "no record comes twice")
			require.Less(d.t, rec.Offset, b.Next)
			last = rec.Offset
			names = append(names, string(rec.Key))
		}
	}
	return names
}

// Two writers take turns on one partition, some of their transactions are given
// up: what was committed is read, in order, from whatever offset reading begins
// and however little a fetch brings.
func TestReaderPassesWhatWasAborted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a, b := d.writer("a"), d.writer("b")
	var want []string
	for i := range 12 {
		require.NoError(t, a.BeginTxn())
		require.NoError(t, b.BeginTxn())
		name := func(w string, n int) string { return fmt.Sprint(w, i, "/", n) }
		d.write(a, name("a", 1), name("a", 2))
		d.write(b, name("b", 1))
		d.write(a, name("a", 3))
		finish := func(p sarama.SyncProducer, commit bool) {
			if commit {
				require.NoError(t, p.CommitTxn())
			} else {
				require.NoError(t, p.AbortTxn())
			}
		}
		commitA, commitB := i%2 == 0, i%3 == 0
		finish(a, commitA)
		finish(b, commitB)
		if commitA {
			want = append(want, name("a", 1), name("a", 2))
		}
		if commitB {
			want = append(want, name("b", 1))
		}
		if commitA {
			want = append(want, name("a", 3))
		}
	}
	end := d.end()
	all := d.drain(eventstore.NewReader(d.client, d.topic, 0, 0), end)
	require.Equal(t, want, all)
	offsets := map[string]int64{}
	_, err := eventstore.ReadAll(t.Context(), d.client, d.topic, 0, func(r *eventstore.Record) error {
		offsets[string(r.Key)] = r.Offset
		return nil
	})
	require.NoError(t, err)
	for from := range end {
		var rest []string
		for _, name := range want {
			if offsets[name] >= from {
				rest = append(rest, name)
			}
		}
		for _, limit := range []int32{1, 300, 1000, 3000, 4 << 20} {
			r := eventstore.NewReader(d.client, d.topic, 0, from).Limit(limit)
			require.Equal(t, rest, d.drain(r, end), "from %d, %d bytes a fetch", from, limit)
			r.Close()
		}
	}
}

// An open transaction holds its reader back, whatever comes behind it, and
// "caught up" is said only when it is so.
func TestReaderWaitsForAnOpenTransaction(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a, b := d.writer("a"), d.writer("b")
	require.NoError(t, a.BeginTxn())
	d.write(a, "a1")
	require.NoError(t, b.BeginTxn())
	d.write(b, "b1")
	require.NoError(t, b.CommitTxn())
	r := eventstore.NewReader(d.client, d.topic, 0, 0)
	defer r.Close()
	batch, err := r.Next(t.Context())
	require.NoError(t, err)
	require.Empty(t, batch.Records)
	require.Zero(t, batch.Next)
	require.Less(t, batch.End, d.end())
	require.NoError(t, a.CommitTxn())
	require.Equal(t, []string{"a1", "b1"}, d.drain(r, d.end()))
}

func TestReaderKnowsItsBounds(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	r := eventstore.NewReader(d.client, d.topic, 1, 0)
	b, err := r.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, eventstore.Batch{}, b, "an empty topic is at its end")
	_, err = eventstore.NewReader(d.client, d.topic, 1, 5).Next(t.Context())
	require.ErrorIs(t, err, eventstore.ErrOffsetGone)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = r.Next(ctx)
	require.ErrorIs(t, err, context.Canceled)

	w := d.writer("w")
	require.NoError(t, w.BeginTxn())
	d.write(w, "one", "two", "three")
	require.NoError(t, w.CommitTxn())
	var seen []string
	collect := func(r *eventstore.Record) error {
		seen = append(seen, string(r.Key))
		return nil
	}
	require.NoError(t, eventstore.ReadRange(t.Context(), d.client, d.topic, 0, 1, 2, collect))
	require.Equal(t, []string{"two"}, seen)
	require.NoError(t, eventstore.ReadRange(t.Context(), d.client, d.topic, 0, 2, 2, collect))
	require.Len(t, seen, 1)
	end, err := eventstore.ReadAll(t.Context(), d.client, d.topic, 0, func(*eventstore.Record) error { return context.DeadlineExceeded })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, int64(4), end)
}

// What compaction leaves of a producer's last write is a batch without records;
// at the end of a segment a fetch brings nothing else.
func TestReaderStepsOverEmptyBatches(t *testing.T) {
	t.Parallel()
	broker := sarama.NewMockBroker(t, 1)
	defer broker.Close()
	set := func(first, last int64, keys ...string) *sarama.Records {
		b := &sarama.RecordBatch{Version: 2, FirstOffset: first, LastOffsetDelta: int32(last - first), ProducerID: 7}
		for i, key := range keys {
			b.Records = append(b.Records, &sarama.Record{OffsetDelta: int64(i), Key: []byte(key), Value: []byte("x")})
		}
		return &sarama.Records{RecordBatch: b}
	}
	answer := func(sets ...*sarama.Records) *sarama.FetchResponse {
		block := &sarama.FetchResponseBlock{HighWaterMarkOffset: 31, LastStableOffset: 31, RecordsSet: sets}
		return &sarama.FetchResponse{Version: 11, Blocks: map[string]map[int32]*sarama.FetchResponseBlock{"keys": {0: block}}}
	}
	broker.SetHandlerByMap(map[string]sarama.MockResponse{
		"ApiVersionsRequest": sarama.NewMockApiVersionsResponse(t).SetApiKeys([]sarama.ApiVersionsResponseKey{
			{ApiKey: 1, MaxVersion: 11}, {ApiKey: 3, MaxVersion: 10}, {ApiKey: 18, MaxVersion: 3},
		}),
		"MetadataRequest": sarama.NewMockMetadataResponse(t).SetBroker(broker.Addr(), broker.BrokerID()).SetLeader("keys", 0, broker.BrokerID()),
		"FetchRequest": sarama.NewMockSequence(
			answer(set(0, 4, "a"), set(5, 9)), answer(set(5, 9)), answer(set(10, 14), set(15, 19)), answer(set(20, 29), set(30, 30, "b")),
		),
	})
	client, err := eventstore.KafkaConfig{Brokers: []string{broker.Addr()}}.NewClient()
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	r := eventstore.NewReader(client, "keys", 0, 0)
	defer r.Close()
	var positions []int64
	var keys []string
	for range 4 {
		b, err := r.Next(t.Context())
		require.NoError(t, err)
		positions = append(positions, b.Next)
		for _, rec := range b.Records {
			keys = append(keys, fmt.Sprint(string(rec.Key), "@", rec.Offset))
		}
	}
	require.Equal(t, []int64{5, 10, 20, 31}, positions)
	require.Equal(t, []string{"a@0", "b@30"}, keys)
}

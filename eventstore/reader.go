package eventstore

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"time"

	"github.com/IBM/sarama"

	"goniec/internal/pause"
)

// Record is a record as read from a topic.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	Timestamp time.Time
	Key       []byte
	Value     []byte // nil = tombstone
	Headers   []*sarama.RecordHeader
}

// Batch is what one fetch brought: the records of committed transactions (and
// of plain producers), in order.
type Batch struct {
	Records []*Record
	Next    int64 // position after this batch, past control records and aborted ones
	End     int64 // last stable offset when the broker answered: Next >= End means caught up
}

// ErrOffsetGone says that the position asked for is no longer (or not yet) in
// the topic. It is never mended by jumping: the caller decides.
var ErrOffsetGone = errors.New("offset is out of the topic's range")

// Reader reads one partition, read_committed, from a position that it knows
// exactly: unlike a consumer's, its position moves past control records and
// aborted transactions, so that "caught up" is a fact and not a guess. It has a
// connection of its own, since a fetch that waits for records holds up all that
// is sent after it on the same connection. Not safe for concurrent use.
type Reader struct {
	client    sarama.Client
	topic     string
	partition Partition
	next      int64
	maxWait   time.Duration
	maxBytes  int32
	conn      *sarama.Broker
}

// NewReader starts at offset from (the log's first offset is found with
// OldestOffset).
func NewReader(client sarama.Client, topic string, p Partition, from int64) *Reader {
	return &Reader{client: client, topic: topic, partition: p, next: from, maxWait: 500 * time.Millisecond, maxBytes: 4 << 20}
}

// Limit sets how many bytes, as they are stored (compressed), a fetch asks for:
// 4 MiB unless set. A batch that is larger comes whole. It returns r.
func (r *Reader) Limit(n int32) *Reader {
	r.maxBytes = n
	return r
}

// Position is the offset that the next fetch begins with.
func (r *Reader) Position() int64 { return r.next }

// Close ends the connection; a later Next opens a new one.
func (r *Reader) Close() {
	if r.conn != nil {
		_ = r.conn.Close() // nothing to lose: a reader holds no state at the broker
		r.conn = nil
	}
}

// Next fetches the next batch, waiting up to half a second for one; the batch
// may be empty. Connection faults are retried until ctx ends.
func (r *Reader) Next(ctx context.Context) (Batch, error) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		if ctx.Err() != nil {
			return Batch{}, context.Cause(ctx)
		}
		b, err := r.fetch()
		if err == nil {
			return b, nil
		}
		if errors.Is(err, sarama.ErrOffsetOutOfRange) {
			return Batch{}, fmt.Errorf("%s/%d at %d: %w", r.topic, r.partition, r.next, ErrOffsetGone)
		}
		r.Close()
		if err := pause.For(ctx, wait); err != nil {
			return Batch{}, err
		}
		_ = r.client.RefreshMetadata(r.topic) // a fault here shows again at the next fetch
	}
}

func (r *Reader) connect() error {
	if r.conn != nil {
		return nil
	}
	leader, err := r.client.Leader(r.topic, r.partition)
	if err != nil {
		return err
	}
	conn := sarama.NewBroker(leader.Addr())
	if err := conn.Open(r.client.Config()); err != nil {
		return err
	}
	if ok, err := conn.Connected(); !ok {
		return errors.Join(errors.New("no connection to the leader"), err)
	}
	r.conn = conn
	return nil
}

func (r *Reader) fetch() (Batch, error) {
	if err := r.connect(); err != nil {
		return Batch{}, err
	}
	req := &sarama.FetchRequest{
		Version: 11, MinBytes: 1, MaxBytes: r.maxBytes, MaxWaitTime: int32(r.maxWait / time.Millisecond), // half a second
		Isolation: sarama.ReadCommitted, SessionEpoch: -1,
	}
	req.AddBlock(r.topic, r.partition, r.next, r.maxBytes, -1)
	resp, err := r.conn.Fetch(req)
	if err != nil {
		return Batch{}, err
	}
	block := resp.GetBlock(r.topic, r.partition)
	if block == nil {
		return Batch{}, sarama.ErrIncompleteResponse
	}
	if block.Err != sarama.ErrNoError {
		return Batch{}, block.Err
	}
	return r.unpack(block)
}

// unpack keeps the records of committed transactions, as the protocol
// prescribes: a producer's batches are dropped from the first offset of its
// aborted transaction until its abort marker.
func (r *Reader) unpack(block *sarama.FetchResponseBlock) (Batch, error) {
	aborted := block.AbortedTransactions
	sort.Slice(aborted, func(i, j int) bool { return aborted[i].FirstOffset < aborted[j].FirstOffset })
	dropping := map[int64]bool{}
	out := Batch{End: block.LastStableOffset}
	for _, set := range block.RecordsSet {
		b := set.RecordBatch
		if b == nil {
			return Batch{}, fmt.Errorf("%s/%d: records in a format older than Kafka 0.11", r.topic, r.partition)
		}
		if b.PartialTrailingRecord {
			break
		}
		for len(aborted) > 0 && aborted[0].FirstOffset <= b.LastOffset() {
			dropping[aborted[0].ProducerID] = true
			aborted = aborted[1:]
		}
		switch {
		case b.Control:
			delete(dropping, b.ProducerID) // whichever marker it is, the transaction is over
		case b.IsTransactional && dropping[b.ProducerID]:
		default:
			out.Records = r.appendRecords(out.Records, b)
		}
		r.next = max(r.next, b.LastOffset()+1)
	}
	switch {
	case len(block.RecordsSet) == 0:
		r.next = max(r.next, pastEmpty(block))
	case len(block.RecordsSet) == 1 && block.RecordsSet[0].RecordBatch.PartialTrailingRecord:
		r.maxBytes = min(2*r.maxBytes, maxFetch) // one batch alone is larger than what we asked for
	}
	out.Next = r.next
	return out, nil
}

// maxFetch bounds how much is asked for when one batch alone is large.
const maxFetch = 1 << 30

// pastEmpty is the offset behind the batches without records that a fetch
// brought, 0 when it brought none. Compaction keeps the last batch of a producer
// even when all its records are gone; when such a batch ends a segment, a fetch
// brings nothing else, and a reader that does not step over it stays there for
// ever. sarama leaves these batches out of what it returns and notes how far they
// reach in a field that it does not export.
func pastEmpty(block *sarama.FetchResponseBlock) int64 {
	next := reflect.ValueOf(block).Elem().FieldByName("recordsNextOffset")
	if next.Kind() != reflect.Pointer || next.IsNil() || !next.Elem().CanInt() {
		return 0
	}
	return next.Elem().Int()
}

func (r *Reader) appendRecords(out []*Record, b *sarama.RecordBatch) []*Record {
	for _, rec := range b.Records {
		offset := b.FirstOffset + rec.OffsetDelta
		if offset < r.next {
			continue // the fetch began inside a batch
		}
		out = append(out, &Record{
			Topic: r.topic, Partition: r.partition, Offset: offset, Timestamp: b.FirstTimestamp.Add(rec.TimestampDelta),
			Key: rec.Key, Value: rec.Value, Headers: rec.Headers,
		})
	}
	return out
}

// OldestOffset is the first offset that the partition still holds.
func OldestOffset(client sarama.Client, topic string, p Partition) (int64, error) {
	return client.GetOffset(topic, p, sarama.OffsetOldest)
}

// EndOffset is the high watermark: the offset that the next record will get.
func EndOffset(client sarama.Client, topic string, p Partition) (int64, error) {
	return client.GetOffset(topic, p, sarama.OffsetNewest)
}

// ReadRange calls fn for each record of [from, to) and returns when it has
// passed to. An open transaction below to is waited for.
func ReadRange(ctx context.Context, client sarama.Client, topic string, p Partition, from, to int64, fn func(*Record) error) error {
	if from >= to {
		return nil
	}
	return ReadTo(ctx, NewReader(client, topic, p, from), to, fn)
}

// ReadTo is ReadRange for a source that stands at the range's beginning; it closes it.
func ReadTo(ctx context.Context, r Source, to int64, fn func(*Record) error) error {
	defer r.Close()
	for r.Position() < to {
		b, err := r.Next(ctx)
		if err != nil {
			return err
		}
		for _, rec := range b.Records {
			if rec.Offset >= to {
				return nil
			}
			if err := fn(rec); err != nil {
				return err
			}
		}
	}
	return nil
}

// ReadAll calls fn for each record that the partition holds at the time of the call.
func ReadAll(ctx context.Context, client sarama.Client, topic string, p Partition, fn func(*Record) error) (end int64, err error) {
	from, err := OldestOffset(client, topic, p)
	if err != nil {
		return 0, fmt.Errorf("oldest offset of %s/%d: %w", topic, p, err)
	}
	end, err = EndOffset(client, topic, p)
	if err != nil {
		return 0, fmt.Errorf("end offset of %s/%d: %w", topic, p, err)
	}
	return end, ReadRange(ctx, client, topic, p, from, end, fn)
}

// retryPause is the wait between tries of a metadata request.
const retryPause = 200 * time.Millisecond

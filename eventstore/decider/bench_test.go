package decider_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/eventstore/decider"
)

// counting measures commits for the benchmark.
type counting struct {
	events, commits atomic.Int64
	first           sync.Once
	began           time.Time // of the first commit: joining the group is not measured
}

func (c *counting) Committed(_ eventstore.Partition, commands, events int, _ time.Duration) {
	if commands == 0 {
		return // the announcement of the owner
	}
	c.first.Do(func() { c.began = time.Now(); c.events.Add(-int64(events)); c.commits.Add(-1) })
	c.events.Add(int64(events))
	c.commits.Add(1)
}
func (*counting) Restarted(eventstore.Partition, string)     {}
func (*counting) Parked(eventstore.Partition, string)        {}
func (*counting) ParkedNow(eventstore.Partition, int)        {}
func (*counting) TimersWaiting(eventstore.Partition, string) {}
func (*counting) Decided(time.Duration)                      {}

func (*counting) Fact(eventstore.Partition, domain.Event)            {}
func (*counting) Measured(eventstore.Partition, decider.Measurement) {}
func (*counting) Fenced(eventstore.Partition)                        {}
func (*counting) UnknownCommit(eventstore.Partition)                 {}

// BenchmarkDecider decides a full inbox of one partition and compares the rate
// with a bare transactional producer that writes the same records, in groups of
// the same size, with the same offsets, in the same run.
func BenchmarkDecider(b *testing.B) {
	const requests = 20000
	for b.Loop() {
		bench := newBench(b)
		fill(bench, requests)
		count := &counting{}
		stop := bench.start(b.TempDir(), func(c *decider.Config) { c.Metrics = count })
		for count.events.Load() < 3*(requests-1000) {
			time.Sleep(time.Millisecond) //nolint:forbidigo // polling must not cost what is measured
		}
		took := time.Since(count.began)
		stop()
		events := count.events.Load()
		rate := float64(events) / took.Seconds()
		perGroup := int(events/count.commits.Load()) + 1
		bare := bareRate(bench, perGroup)
		b.ReportMetric(rate, "events/s")
		b.ReportMetric(bare, "bare-events/s")
		b.ReportMetric(rate/bare, "ratio")
		b.ReportMetric(float64(perGroup), "events/group")
	}
}

func fill(b *bench, n int) {
	topic := b.kafka.Topics().Name(eventstore.InboxUrgent)
	var batch []*sarama.ProducerMessage
	for i := range n {
		id := eventstore.NewID(0).String()
		data, err := json.Marshal(message.Request{
			Recipient: eventstore.NewID(0).String(), Number: fmt.Sprintf("%032x", i), Country: "PL", Sender: "GONIEC",
			Category: domain.Transactional, Content: domain.PlainText, Digest: uuid.NewString(), BodyDigest: "b", TextLength: 5,
			SMSParts: 1, SMSEncoding: "gsm7", Fallback: true, ValidityMS: 600000,
		})
		require.NoError(b.t, err)
		c := eventstore.Command{ID: id, Type: message.CommandRequest, Stream: "message/" + id, Account: testAccount, Actor: "key:1", Time: time.Now(), Data: data}
		if batch = append(batch, c.Message(topic, 0)); len(batch) == 1000 || i == n-1 {
			require.NoError(b.t, b.producer.Send(b.t.Context(), batch...))
			batch = nil
		}
	}
}

// bareRate writes the journal's and outbox's records once more, to the same
// partitions, with nothing but sarama.
func bareRate(b *bench, perGroup int) float64 {
	var records []*sarama.ProducerMessage
	events := 0
	for _, topic := range []string{eventstore.Messages, eventstore.OutboxUrgent} {
		name := b.kafka.Topics().Name(topic)
		_, err := eventstore.ReadAll(b.t.Context(), b.client, name, 0, func(r *eventstore.Record) error {
			m := &sarama.ProducerMessage{Topic: name, Partition: 0, Key: sarama.ByteEncoder(r.Key), Value: sarama.ByteEncoder(r.Value)}
			for _, h := range r.Headers {
				m.Headers = append(m.Headers, *h)
			}
			records = append(records, m)
			return nil
		})
		require.NoError(b.t, err)
		if topic == eventstore.Messages {
			events = len(records)
		}
	}
	p, err := sarama.NewSyncProducer(b.kafka.Brokers, b.kafka.TransactionalConfig("bare"))
	require.NoError(b.t, err)
	defer func() { require.NoError(b.t, p.Close()) }()
	size := perGroup * len(records) / events
	offsets := map[string][]*sarama.PartitionOffsetMetadata{b.kafka.Topics().Name(eventstore.InboxUrgent): {{Partition: 0, Offset: 1}}}
	began := time.Now()
	for from := 0; from < len(records); from += size {
		require.NoError(b.t, p.BeginTxn())
		require.NoError(b.t, p.SendMessages(records[from:min(from+size, len(records))]))
		require.NoError(b.t, p.AddOffsetsToTxn(offsets, "bare"))
		require.NoError(b.t, p.CommitTxn())
	}
	return float64(events) / time.Since(began).Seconds()
}

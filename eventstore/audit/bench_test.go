package audit_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/eventstore/audit"
	"goniec/internal/kafkatest"
)

// BenchmarkVerify reads a journal of messages that were delivered on Viber, six
// events each, in two partitions. GONIEC_TEST_KAFKA chooses the broker; the
// embedded one takes its share of the same CPUs.
func BenchmarkVerify(b *testing.B) {
	const messages = 40_000
	kafka := kafkatest.Topics(b, 2)
	client, producer := kafkatest.Client(b, kafka), kafkatest.Producer(b, kafka)
	for p := range int32(2) {
		fill(b, kafka, producer, p, messages/2)
	}
	cfg := audit.Config{Client: client, Topics: kafka.Topics(), Installation: installation, Partitions: 2}
	b.ResetTimer()
	events := int64(0)
	for b.Loop() {
		r, err := audit.Verify(b.Context(), cfg)
		require.NoError(b, err)
		require.True(b, r.Intact, "%v", r.Broken)
		events += r.Events
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}

// fill writes the lives of n messages of a partition, mixed as a decider mixes them.
func fill(b *testing.B, kafka eventstore.KafkaConfig, producer *eventstore.Producer, p int32, n int) {
	b.Helper()
	life := func(i int) []domain.Event {
		attempt := fmt.Sprintf("0000%04x-0000-8000-8000-0000000000aa", i&0xffff)
		return []domain.Event{
			message.Accepted{Account: installation, Recipient: attempt, Number: numberOf(p), Country: "PL", Sender: "GONIEC", Digest: fmt.Sprintf("%064x", i), BodyDigest: fmt.Sprintf("%064x", i), TextLength: 120, SMSParts: 1, SMSEncoding: "gsm7"},
			message.Released{Deadline: noon.Add(time.Minute)},
			message.AttemptStarted{Attempt: attempt, Number: 1, Channel: domain.Viber},
			message.AttemptAccepted{Attempt: attempt},
			message.Delivered{Attempt: attempt},
			message.Charged{Channel: domain.Viber, Attempt: attempt, UnitPrice: "0.05", Amount: "0.05", Currency: "PLN", Month: "2026-11"},
		}
	}
	head := eventstore.FirstPrevHash(installation, eventstore.Messages, p)
	const together = 500 // lives that go on at a time
	var batch []*sarama.ProducerMessage
	for first := 0; first < n; first += together {
		for step := range 6 {
			for i := first; i < min(first+together, n); i++ {
				fact := life(i)[step]
				data, err := json.Marshal(fact)
				require.NoError(b, err)
				id := eventstore.DerivedID(p, fmt.Appendf(make([]byte, 2), "%014d", i)).String()
				e := &eventstore.Event{
					ID: id, Type: fact.EventType(), Source: "goniec/" + installation, Stream: "message/" + id, Time: noon, Recorded: noon, Version: int64(step + 1),
					CommandID: id, Causation: id, Correlation: id, Account: id, Actor: "carrier/viber", Epoch: 1, Data: data, PrevHash: head,
				}
				e.Hash = e.ComputeHash()
				head = e.Hash
				batch = append(batch, e.Message(kafka.Topics().Name(eventstore.Messages), p))
			}
			require.NoError(b, producer.Send(b.Context(), batch...))
			batch = batch[:0]
		}
	}
}

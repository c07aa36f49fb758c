package webhooks

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/domain/message"
	"goniec/eventstore"
)

// BenchmarkWebhooks is the whole way of one event: journal, job, signed call,
// log. One endpoint, everything in one process.
func BenchmarkWebhooks(b *testing.B) {
	w := newWorldOf(b, 12)
	r := newReceiver(b, nil)
	w.add(r.URL)
	w.change = func(c *Config) { c.Poll, c.Log = defaultPoll, nil }
	w.run()
	records := make([]*sarama.ProducerMessage, b.N)
	for i := range records {
		e := w.event("message/"+uuid.NewString(), message.Unknown{Reason: "no_report"})
		records[i] = e.Message(w.kafka.Topics().Name(eventstore.Messages), int32(i%12)) // small
	}
	b.ResetTimer()
	require.NoError(b, w.producer.Send(b.Context(), records...))
	require.Eventually(b, func() bool { return w.count("SELECT count(*) FROM goniec_webhooks.deliveries") == b.N }, time.Minute, 50*time.Millisecond)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "queued/s")
	require.Eventually(b, func() bool { return len(r.all()) >= b.N }, 5*time.Minute, 50*time.Millisecond)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "delivered/s")
}

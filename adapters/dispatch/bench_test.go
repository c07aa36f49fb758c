package dispatch

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/internal/pause"
)

// BenchmarkDispatch: one partition, a carrier that takes 100 ms for each call.
// Claim, content, call, answer and commit are in it, writing the outbox is not.
func BenchmarkDispatch(b *testing.B) {
	for name, topic := range map[string]string{"urgent": eventstore.OutboxUrgent, "bulk": eventstore.OutboxBulk} {
		b.Run(name, func(b *testing.B) { benchmarkDispatch(b, topic) })
	}
}

func benchmarkDispatch(b *testing.B, topic string) {
	w := newBench(b, 1)
	var calls atomic.Int64
	w.carrier = nil
	const chunk = 5000
	for left := b.N; left > 0; left -= chunk {
		w.send(topic, 0, min(left, chunk))
	}
	metrics := &answerCounter{done: make(chan struct{}), want: int64(b.N)}
	b.ResetTimer()
	began := time.Now()
	w.start(func(c *Config, _ *Dispatcher) {
		c.Metrics = metrics
		c.Routes = []Route{{Name: "viber", Concurrency: 2000, Carrier: carrierFunc(func(ctx context.Context) Result {
			calls.Add(1)
			_ = pause.For(ctx, 100*time.Millisecond)
			return taken()
		})}}
	})
	<-metrics.done
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "dispatches/s")
	b.ReportMetric(float64(b.N)/float64(metrics.commits.Load()), "claims/commit")
	require.Equal(b, int64(b.N), calls.Load())
}

type carrierFunc func(ctx context.Context) Result

func (f carrierFunc) Send(ctx context.Context, _ Submission) Result { return f(ctx) }

// answerCounter closes done when nothing is open any more.
type answerCounter struct {
	noMetrics
	done          chan struct{}
	want, claimed int64
	commits       atomic.Int64
}

func (a *answerCounter) Claimed(_ eventstore.Partition, n int) {
	a.claimed += int64(n) // by the loop alone
	a.commits.Add(1)
}

func (a *answerCounter) InFlight(_ eventstore.Partition, open int) {
	if open == 0 && a.claimed == a.want {
		a.claimed++
		close(a.done)
	}
}

var _ Metrics = (*answerCounter)(nil)

// BenchmarkEncodeClaim: the worst case of one commit.
func BenchmarkEncodeClaim(b *testing.B) {
	done := make([]bool, Window)
	for i := range done {
		done[i] = i%2 == 1
	}
	for b.Loop() {
		_ = encodeClaim(done)
	}
}

// BenchmarkAnswerRecord: the record of one answer.
func BenchmarkAnswerRecord(b *testing.B) {
	d := &Dispatcher{}
	a := message.Answer{Attempt: eventstore.NewID(0).String(), Outcome: message.OutcomeAccepted, CarrierIDs: []string{"5379697806260881548"}, Parts: 1, At: time.Now()}
	for b.Loop() {
		_, _ = d.record(destination{message: a.Attempt}, a)
	}
}

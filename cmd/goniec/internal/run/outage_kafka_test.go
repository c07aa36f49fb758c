//go:build !race

package run_test

import (
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Kafka goes away under a transaction here. Not under the race detector: sarama
// 1.61.1 itself races when a connection of a transactional producer breaks
// (transaction_manager.go: transitionTo writes what publishTxnPartitions reads).

// With Kafka away for long the API says 503 and when to come back; what was
// accepted goes on by itself when Kafka is back, and so does work.
func TestKafkaAwayUnderLoad(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	l := startLoad(p)
	l.more(20)
	addr := p.broker.Addr()
	require.NoError(t, p.broker.Close())
	lasts(t, outage)
	_, away, fault := l.so()
	require.NoError(t, fault)
	require.NotZero(t, away)

	p.startKafka(addr)
	l.more(50)
	arrived := func(string) []any { return []any{"read", "delivered"} }
	l.ends(arrived, func(m map[string]any, _ string) { // nothing is lost
		require.NotEmpty(t, charges(m))
	})
	for what, n := range p.calls() {
		require.Equal(t, 1, n, "twice at the carrier: %s", what)
	}
}

// A process that is told to stop while Kafka is away ends within its budget.
func TestStopsWhileKafkaIsAway(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	require.Equal(t, http.StatusAccepted, p.call(http.MethodPost, "/v1/messages", text("+48500000106", "s-1")).status)
	addr := p.broker.Addr()
	require.NoError(t, p.broker.Close())
	done := make(chan error, 1)
	go func() { done <- p.up.Close() }()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(60 * time.Second):
		buf := make([]byte, 1<<20)
		require.Failf(t, "still running", "%s", buf[:runtime.Stack(buf, true)])
	}
	p.startKafka(addr) // for the cleanup
}

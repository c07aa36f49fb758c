//go:build !race

package decider_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/embedded"
	"goniec/eventstore"
	"goniec/eventstore/decider"
)

// Kafka goes away under a transaction here. Not under the race detector: sarama
// 1.61.1 itself races when a connection of a transactional producer breaks
// (transaction_manager.go: transitionTo writes what publishTxnPartitions reads).

// A stop comes through while Kafka is away in the middle of a transaction.
func TestAStopWhileKafkaIsAway(t *testing.T) {
	t.Parallel()
	broker, err := embedded.StartBroker(t.Context(), embedded.BrokerConfig{})
	require.NoError(t, err)
	defer func() { _ = broker.Close() }()
	b := newBenchAt(t, broker.Addr(), "away.")
	fill(b, 3000)
	stop := b.start(t.TempDir(), func(c *decider.Config) { c.GroupLimit = 20 })
	require.Eventually(t, func() bool { return len(b.journal(eventstore.Messages, 0)) > 300 }, time.Minute, 5*time.Millisecond)
	require.NoError(t, broker.Close())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop()
	}()
	select {
	case <-stopped:
	case <-time.After(40 * time.Second):
		t.Fatal("it does not stop")
	}
}

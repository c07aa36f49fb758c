// Package kafkatest lays out goniec's topics on the tests' broker.
package kafkatest

import (
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/eventstore"
	"goniec/internal/testkit"
)

// Topics creates topics of their own for a test, in n partitions, and returns how to reach them.
func Topics(t testing.TB, n int32) eventstore.KafkaConfig {
	t.Helper()
	addr, prefix := testkit.Kafka(t)
	kafka := eventstore.KafkaConfig{Brokers: []string{addr}, Prefix: prefix}
	require.NoError(t, eventstore.CreateTopics(kafka, eventstore.Layout{Partitions: n, ReplicationFactor: 1, MinInsync: 1}))
	return kafka
}

// Client returns a client that is closed when the test ends.
func Client(t testing.TB, kafka eventstore.KafkaConfig) sarama.Client {
	t.Helper()
	client, err := kafka.NewClient()
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// Producer returns a producer that is closed when the test ends.
func Producer(t testing.TB, kafka eventstore.KafkaConfig) *eventstore.Producer {
	t.Helper()
	producer, err := eventstore.NewProducer(kafka)
	require.NoError(t, err)
	t.Cleanup(func() { producer.Close() })
	return producer
}

package storetest_test

import (
	"testing"
	"time"

	"goniec/eventstore/storetest"
	"goniec/internal/testkit"
)

// goniecs is goniec's own store, on the Kafka that the environment names.
func goniecs() storetest.Store {
	s := storetest.Store{Kafka: testkit.KafkaBrokers}
	if testkit.KafkaIsCluster() {
		s.Replicas, s.Brokers, s.Patience = 3, testkit.Nodes{}, 90*time.Second
	}
	return s
}

// alone: tests that stop brokers disturb the others.
func alone(t *testing.T) {
	t.Helper()
	if !testkit.KafkaIsCluster() {
		t.Parallel()
	}
}

func TestStore(t *testing.T) {
	alone(t)
	storetest.Run(t, goniecs())
}

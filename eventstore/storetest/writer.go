package storetest

import (
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/eventstore"
)

func oneWriter(g *given) {
	fencedProducer(g)
	frozenProcess(g)
}

// fencedProducer: of two processes that begin with one transactional id, the first writes nothing any more.
func fencedProducer(g *given) {
	id := g.kafka.Prefix + "writer"
	member := sarama.NewConsumerGroupMetadata(g.kafka.Prefix + "writers")
	begun := func() (eventstore.Transactions, func(value string) error) {
		tx, err := g.store.Cluster(g.kafka, g.newClient(g.kafka)).Begin(g.Context(), id)
		require.NoError(g, err)
		g.Cleanup(func() { _ = tx.Close() })
		return tx, func(value string) error {
			record := &sarama.ProducerMessage{Topic: g.topic(eventstore.Outcomes), Partition: 1, Value: sarama.StringEncoder(value)}
			return tx.Write([]*sarama.ProducerMessage{record}, []eventstore.Offset{
				{Topic: g.topic(eventstore.InboxUrgent), Partition: 1}, {Topic: g.topic(eventstore.InboxBulk), Partition: 1},
			}, member)
		}
	}
	_, first := begun()
	require.NoError(g, first("one"))
	_, second := begun()
	require.ErrorIs(g, first("two"), sarama.ErrProducerFenced)
	require.NoError(g, second("three"))
	g.until("what was committed is seen", func() bool { return len(g.records(eventstore.Outcomes, 1)) >= 2 })
	var values []string
	for _, r := range g.records(eventstore.Outcomes, 1) {
		values = append(values, string(r.Value))
	}
	require.Equal(g, []string{"one", "three"}, values)
}

// frozenProcess: a process that sleeps past its session time-out and wakes with
// work in hand changes nothing, and gives its partition up.
func frozenProcess(g *given) {
	g.kafka.SessionTimeout = 2 * time.Second
	old := g.running(g.dir())
	owned := old.log.count("partition owned")
	held, release := old.wire.hold()
	first := g.request(0)
	g.reached(held)
	old.wire.freeze()
	release(commits)
	next := g.process(g.dir())
	g.decidedOnce(0, first, g.request(0))
	require.False(g, next.log.says("session ended"), "the open transaction kept the successor out")
	old.wire.thaw()
	g.until("the old owner is back in the group", func() bool { return old.log.count("partition owned") > owned })
	g.decidedOnce(0, first, g.request(0))
	require.False(g, next.log.says("given up"), "the old owner must not fence its successor")
}

func currentGeneration(g *given) {
	first := g.running(g.dir())
	second := g.process(g.dir())
	g.until("the second process owns a partition", func() bool { return second.log.says("partition owned") })
	for p := range eventstore.Partition(partitions) {
		for range 3 {
			g.decidedOnce(p, g.request(p))
		}
	}
	require.False(g, first.log.says("given up") || second.log.says("given up"))
}

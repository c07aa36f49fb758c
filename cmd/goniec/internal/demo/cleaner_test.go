package demo

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/eventstore"
	"goniec/internal/testkit"
)

// What an erasure waits for on Apache Kafka, where the broker's cleaner drops what was
// superseded when it sees fit. The embedded broker is made to by the erasure itself.

const (
	// cleanerBudget: the cleaner looks for work every 15 s, beside what else it has to do.
	cleanerBudget = 2 * time.Minute
	hurried       = "1000" // ms, instead of the hour and the minute
)

func (o *office) kafka() eventstore.KafkaConfig {
	return eventstore.KafkaConfig{Brokers: strings.Split(o.running.Kafka, ","), Prefix: o.running.Prefix, ClientID: "search"}
}

// dirs are where files of a store lie: in the data directory, or where another broker, on
// this machine, says that it keeps each partition of our topics.
func (o *office) dirs(store string) (out []string) {
	o.t.Helper()
	if store != "kafka" || testkit.KafkaIsEmbedded() {
		return []string{filepath.Join(o.running.Data, store)}
	}
	c, err := o.kafka().NewClient()
	require.NoError(o.t, err)
	admin, err := sarama.NewClusterAdminFromClient(c)
	require.NoError(o.t, err)
	defer func() { require.NoError(o.t, admin.Close()) }() // which closes the client
	var brokers []int32
	for _, b := range c.Brokers() {
		brokers = append(brokers, b.ID())
	}
	logs, err := admin.DescribeLogDirs(brokers)
	require.NoError(o.t, err)
	for _, list := range logs {
		for _, d := range list {
			// Not only what the broker names: a directory that it renamed may lie there still.
			found, err := filepath.Glob(filepath.Join(d.Path, o.running.Prefix+"*"))
			require.NoError(o.t, err)
			out = append(out, found...)
		}
	}
	require.GreaterOrEqual(o.t, len(out), len(eventstore.Specs())*int(o.running.Partitions))
	return out
}

// isIndex says whether a broker's file holds only offsets, times and positions; each is
// 10 MiB that are mostly a hole.
func isIndex(path string) bool {
	for _, kind := range []string{".index", ".timeindex"} {
		if strings.Contains(filepath.Base(path), kind) {
			return true
		}
	}
	return false
}

// hurry sees that what was erased is still with the broker, whose hour is not over, and
// makes a second of the hour (and of the minute that replaced files lie there): nothing
// else about what is compacted, and when, is changed.
func (o *office) hurry(before stock) {
	o.t.Helper()
	require.ElementsMatch(o.t, before.texts, o.search().texts)
	admin, err := o.kafka().NewAdmin()
	require.NoError(o.t, err)
	defer func() { require.NoError(o.t, admin.Close()) }()
	set := sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: new(hurried)}
	for _, topic := range []string{eventstore.Contents, eventstore.Keys} {
		require.NoError(o.t, admin.IncrementalAlterConfig(sarama.TopicResource, o.running.Prefix+topic, map[string]sarama.IncrementalAlterConfigsEntry{
			"max.compaction.lag.ms": set, "file.delete.delay.ms": set,
		}, false))
	}
}

// awaitCleaner waits until the broker has dropped what was erased, while fillers are
// written as owners write them every hour.
func (o *office) awaitCleaner(dropped func() bool) {
	o.t.Helper()
	p, err := eventstore.NewProducer(o.kafka())
	require.NoError(o.t, err)
	defer p.Close()
	require.Eventually(o.t, func() bool {
		for part := range o.running.Partitions {
			require.NoError(o.t, p.Send(o.t.Context(), eventstore.Fillers(o.kafka().Topics(), part)...))
		}
		return dropped()
	}, cleanerBudget, time.Second, "the broker has not dropped what was erased")
}

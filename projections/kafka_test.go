package projections_test

import (
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/eventstore"
	"goniec/internal/kafkatest"
	"goniec/projections"
	pt "goniec/projections/internal/projtest"
)

// kafkaJournal lays topics out and returns how to append committed and aborted events.
func kafkaJournal(t *testing.T) (client sarama.Client, topics eventstore.Topics, appendTx func(commit bool, j *pt.Journal, from, to int)) {
	t.Helper()
	cfg := kafkatest.Topics(t, 2)
	client = kafkatest.Client(t, cfg)
	producer, err := sarama.NewSyncProducer(cfg.Brokers, cfg.TransactionalConfig(cfg.Prefix+"test"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, producer.Close()) })
	return client, cfg.Topics(), func(commit bool, j *pt.Journal, from, to int) {
		t.Helper()
		var out []*sarama.ProducerMessage
		for p := range int32(2) {
			for _, e := range j.Events(t, eventstore.Messages, p)[from:to] {
				out = append(out, e.Message(cfg.Topics().Name(eventstore.Messages), p))
			}
		}
		require.NoError(t, producer.BeginTxn())
		require.NoError(t, producer.SendMessages(out))
		if commit {
			require.NoError(t, producer.CommitTxn())
		} else {
			require.NoError(t, producer.AbortTxn())
		}
	}
}

// On Kafka: transactions, one of them aborted, a rebuild, and the rows of a journal in memory.
func TestReadingFromKafka(t *testing.T) {
	t.Parallel()
	client, topics, appendTx := kafkaJournal(t)
	j := pt.NewJournal()
	pt.Write(t, j, 0, 0, 5)
	pt.Write(t, j, 1, 5, 10)
	half, all := j.Len(eventstore.Messages, 0)/2, j.Len(eventstore.Messages, 0)
	require.Equal(t, all, j.Len(eventstore.Messages, 1))
	appendTx(true, j, 0, half)
	appendTx(false, j, half, half+3) // what an owner that died had begun
	appendTx(true, j, half, all)

	link := pt.Database(t, nil)
	p := pt.Projector(t, link, j, func(c *projections.Config) { c.Kafka, c.Topics, c.Open, c.End = client, topics, nil, nil })
	pt.Start(t, p)
	lagless := func() bool {
		positions, err := p.Status(t.Context())
		for _, m := range positions {
			if m.Lag > 0 {
				return false
			}
		}
		return err == nil && len(positions) > 0
	}
	require.Eventually(t, lagless, waitLong, pollOften, "the position passes control records")
	require.NoError(t, p.Rebuild(t.Context(), "messages", nil))
	got := pt.Digests(t, p)

	memory := pt.Projector(t, pt.Database(t, nil), j, nil)
	pt.Start(t, memory)
	pt.CaughtUp(t, memory, j)
	require.Equal(t, pt.Digests(t, memory), got)
}

package kafkatest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/eventstore"
)

// Chain makes events as partitions' owners do: chained, each stream counted, each a
// second after the one before.
type Chain struct {
	Installation string
	At           time.Time // of the last event
	n            int
	versions     map[string]int64
	last         map[string]*eventstore.Event // by topic and partition
}

// NewChain begins at a time.
func NewChain(installation string, at time.Time) *Chain {
	return &Chain{Installation: installation, At: at, versions: map[string]int64{}, last: map[string]*eventstore.Event{}}
}

// Next is the next event of a partition; adjust may spoil it before it is hashed.
func (c *Chain) Next(t testing.TB, topic string, p int32, stream string, fact domain.Event, adjust ...func(*eventstore.Event)) *eventstore.Event {
	t.Helper()
	data, err := json.Marshal(fact)
	require.NoError(t, err)
	c.n++
	c.versions[stream]++
	c.At = c.At.Add(time.Second)
	e := &eventstore.Event{
		ID: fmt.Sprintf("event-%d", c.n), Type: fact.EventType(), Source: "goniec/" + c.Installation, Stream: stream,
		Time: c.At, Recorded: c.At, Version: c.versions[stream], CommandID: fmt.Sprintf("command-%d", c.n),
		Actor: "timer/deadline", Epoch: 1, Data: data,
	}
	for _, fn := range adjust {
		fn(e)
	}
	lane := fmt.Sprintf("%s/%d", topic, p)
	e.PrevHash = eventstore.FirstPrevHash(c.Installation, topic, p)
	if before := c.last[lane]; before != nil {
		e.PrevHash = before.Hash
	}
	e.Hash = e.ComputeHash()
	c.last[lane] = e
	return e
}

// Journal appends the events of a Chain to the journal's topics.
type Journal struct {
	*Chain
	t        testing.TB
	kafka    eventstore.KafkaConfig
	producer *eventstore.Producer
}

// NewJournal begins at a time.
func NewJournal(t testing.TB, kafka eventstore.KafkaConfig, installation string, at time.Time) *Journal {
	t.Helper()
	return &Journal{Chain: NewChain(installation, at), t: t, kafka: kafka, producer: Producer(t, kafka)}
}

// Add appends an event; spoil may change the record.
func (j *Journal) Add(topic string, p int32, stream string, fact domain.Event, spoil ...func(*sarama.ProducerMessage)) {
	j.t.Helper()
	m := j.Next(j.t, topic, p, stream, fact).Message(j.kafka.Topics().Name(topic), p)
	for _, fn := range spoil {
		fn(m)
	}
	require.NoError(j.t, j.producer.Send(j.t.Context(), m))
}

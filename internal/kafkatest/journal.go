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

// Journal appends events to journal partitions as their owners do: chained, each
// stream counted, a second after the one before.
type Journal struct {
	Installation string

	t        testing.TB
	kafka    eventstore.KafkaConfig
	producer *eventstore.Producer
	at       time.Time
	n        int
	versions map[string]int64
	heads    map[string][32]byte
}

// NewJournal begins at a time.
func NewJournal(t testing.TB, kafka eventstore.KafkaConfig, installation string, at time.Time) *Journal {
	t.Helper()
	return &Journal{
		Installation: installation, t: t, kafka: kafka, producer: Producer(t, kafka), at: at,
		versions: map[string]int64{}, heads: map[string][32]byte{},
	}
}

// Add appends an event, and returns it; spoil may change the record.
func (j *Journal) Add(topic string, p int32, stream string, fact domain.Event, spoil ...func(*sarama.ProducerMessage)) *eventstore.Event {
	j.t.Helper()
	data, err := json.Marshal(fact)
	require.NoError(j.t, err)
	j.n++
	j.versions[stream]++
	j.at = j.at.Add(time.Second)
	lane := fmt.Sprintf("%s/%d", topic, p)
	head, begun := j.heads[lane]
	if !begun {
		head = eventstore.FirstPrevHash(j.Installation, topic, p)
	}
	e := &eventstore.Event{
		ID: fmt.Sprintf("event-%d", j.n), Type: fact.EventType(), Source: "goniec/" + j.Installation, Stream: stream,
		Time: j.at, Recorded: j.at, Version: j.versions[stream], CommandID: fmt.Sprintf("command-%d", j.n),
		Actor: "timer/deadline", Epoch: 1, PrevHash: head, Data: data,
	}
	e.Hash = e.ComputeHash()
	j.heads[lane] = e.Hash
	m := e.Message(j.kafka.Topics().Name(topic), p)
	for _, fn := range spoil {
		fn(m)
	}
	require.NoError(j.t, j.producer.Send(j.t.Context(), m))
	return e
}

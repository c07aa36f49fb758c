package audit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/audit"
	"goniec/internal/kafkatest"
)

const (
	installation = "test-installation"
	partitions   = 2
)

var noon = time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)

// journal is a journal as deciders write it, kept in memory until it is
// published, so that a test can spoil it in between.
type journal struct {
	*kafkatest.Chain
	t       *testing.T
	prefix  string
	written map[string][]*eventstore.Event // by topic/partition
}

func newJournal(t *testing.T, prefix string) *journal {
	return &journal{Chain: kafkatest.NewChain(installation, noon), t: t, prefix: prefix, written: map[string][]*eventstore.Event{}}
}

func lane(short string, p int32) string { return fmt.Sprintf("%s/%d", short, p) }

// add appends one event as the decider does; adjust may spoil it before it is hashed.
func (j *journal) add(short string, p int32, stream string, fact domain.Event, adjust ...func(*eventstore.Event)) *eventstore.Event {
	j.t.Helper()
	e := j.Next(j.t, short, p, stream, fact, adjust...)
	j.written[lane(short, p)] = append(j.written[lane(short, p)], e)
	return e
}

var (
	first  = eventstore.DerivedID(0, make([]byte, 16)).String()
	second = eventstore.DerivedID(1, make([]byte, 16)).String()
)

const (
	attempt = "00000000-0000-8000-8000-0000000000aa"
)

// numberOf is a keyed number of the partition: a number lies in one only.
func numberOf(p int32) string { return fmt.Sprintf("%032x", p+7) }

// life writes a message that falls back, and what belongs to it.
func (j *journal) life(p int32, id string) {
	stream := "message/" + id
	j.add(eventstore.Messages, p, "partition/"+fmt.Sprint(p), partition.Owned{Epoch: 1, Process: "test"})
	j.add(eventstore.Messages, p, stream, message.Accepted{Account: account.Installation, Number: numberOf(p), Sender: "GONIEC"})
	j.add(eventstore.Messages, p, stream, message.Released{Deadline: noon.Add(time.Minute)})
	j.add(eventstore.Messages, p, stream, message.AttemptStarted{Attempt: attempt, Number: 1, Channel: domain.Viber})
	j.add(eventstore.Messages, p, "number/"+numberOf(p), recipient.ReportStored{StoredReport: recipient.StoredReport{ID: "r1"}, Pending: true})
	j.add(eventstore.Messages, p, "number/"+numberOf(p), recipient.ReportStored{StoredReport: recipient.StoredReport{ID: "r2"}})
	j.add(eventstore.Messages, p, "number/"+numberOf(p), recipient.ReportMatched{ID: "r1", Message: id, Attempt: attempt})
	j.add(eventstore.Messages, p, stream, message.FellBack{From: domain.Viber, To: domain.SMS, Reason: message.ReasonDeadline, Rule: "D3"})
	j.add(eventstore.Messages, p, "number/"+numberOf(p), recipient.NotOnViber{Message: "another"})
	j.add(eventstore.Messages, p, "recipient/"+id, recipient.ReplyReceived{ID: "r", Message: id})
	j.add(eventstore.Accounts, p, account.SenderStream(id), account.SenderCreated{Name: "GONIEC", Country: "PL"})
}

// bundle is an empty installation on the shared broker.
type bundle struct {
	*journal
	kafka  eventstore.KafkaConfig
	client sarama.Client
}

func setup(t *testing.T) *bundle {
	t.Helper()
	kafka := kafkatest.Topics(t, partitions)
	return &bundle{journal: newJournal(t, kafka.Prefix), kafka: kafka, client: kafkatest.Client(t, kafka)}
}

// record is an event as a record, for tests that spoil bytes.
func (b *bundle) record(e *eventstore.Event, short string, p int32) *sarama.ProducerMessage {
	return e.Message(b.prefix+short, p)
}

// publish writes the journal; spoil may change the records of messages/0 first.
func (b *bundle) publish(spoil func([]*sarama.ProducerMessage) []*sarama.ProducerMessage) {
	b.t.Helper()
	producer, err := eventstore.NewProducer(b.kafka)
	require.NoError(b.t, err)
	defer producer.Close()
	for _, short := range []string{eventstore.Messages, eventstore.Accounts} {
		for p := range int32(partitions) {
			var records []*sarama.ProducerMessage
			for _, e := range b.written[lane(short, p)] {
				records = append(records, b.record(e, short, p))
			}
			if short == eventstore.Messages && p == 0 && spoil != nil {
				records = spoil(records)
			}
			require.NoError(b.t, producer.Send(b.t.Context(), records...))
		}
	}
}

func (b *bundle) config() audit.Config {
	return audit.Config{Client: b.client, Topics: b.kafka.Topics(), Installation: installation, Partitions: partitions}
}

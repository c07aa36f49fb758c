package decider_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/catalog"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/decider"
	"goniec/eventstore/storetest"
	"goniec/internal/testkit"
)

const (
	testPartitions = 2
	testAccount    = "11111111-1111-4111-8111-111111111111"
	testInstall    = "test-installation"
)

// bench is one installation on a broker of its own prefix: topics, a producer
// at the edge, and as many deciders as a test starts.
type bench struct {
	t        testing.TB
	kafka    eventstore.KafkaConfig
	client   sarama.Client
	producer *eventstore.Producer
	view     *account.View
	keyring  *eventstore.Keyring
	clock    *testkit.Clock
	decider  *decider.Decider // started last
}

func newBench(t testing.TB) *bench {
	t.Helper()
	addr, prefix := testkit.Kafka(t)
	return newBenchAt(t, addr, prefix)
}

// newBenchAt is newBench on the broker at addr.
func newBenchAt(t testing.TB, addr, prefix string) *bench {
	t.Helper()
	b := &bench{t: t, view: storetest.View(testAccount), clock: testkit.NewClock(domain.SystemClock.Now()), kafka: eventstore.KafkaConfig{
		Brokers: []string{addr}, Prefix: prefix, SessionTimeout: 6 * time.Second,
	}}
	require.NoError(t, eventstore.CreateTopics(b.kafka, eventstore.Layout{Partitions: testPartitions, ReplicationFactor: 1, MinInsync: 1}))
	var err error
	b.client, err = b.kafka.NewClient()
	require.NoError(t, err)
	b.producer, err = eventstore.NewProducer(b.kafka)
	require.NoError(t, err)
	seal := eventstore.InstallationKeys{Primary: "k1", Keys: map[string][]byte{"k1": make([]byte, 32)}}
	b.keyring = eventstore.NewKeyring(seal, b.producer, b.kafka.Topics(), eventstore.Partitioner{N: testPartitions})
	t.Cleanup(func() {
		b.producer.Close()
		_ = b.client.Close()
	})
	return b
}

func (b *bench) config(store *decider.Store) decider.Config {
	return decider.Config{
		Kafka: b.kafka, Client: b.client, Partitions: testPartitions, Installation: testInstall, Process: uuid.NewString(),
		Clock: b.clock, Zone: time.UTC, Store: store, View: b.view, ViewSeen: func() int64 { return 7 }, Keyring: b.keyring,
		Log: slog.New(slog.DiscardHandler),
	}
}

// start runs a decider until the returned function is called.
func (b *bench) start(dir string, adjust ...func(*decider.Config)) (stop func()) {
	b.t.Helper()
	cfg := b.config(nil)
	for _, fn := range adjust {
		fn(&cfg)
	}
	store, err := decider.OpenStore(b.t.Context(), dir, cfg.Log)
	require.NoError(b.t, err)
	cfg.Store = store
	d, err := decider.New(cfg)
	require.NoError(b.t, err)
	b.decider = d
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = d.Run(ctx) // always the end of ctx
	}()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		<-done
		require.NoError(b.t, store.Close())
	}
	b.t.Cleanup(stop)
	return stop
}

// send writes a command into a lane.
func (b *bench) send(topic string, p eventstore.Partition, c eventstore.Command, data any) {
	b.t.Helper()
	var err error
	c.Data, err = json.Marshal(data)
	require.NoError(b.t, err)
	if c.ID == "" {
		c.ID = uuid.NewString()
	}
	if c.Time.IsZero() {
		c.Time = b.clock.Now()
	}
	require.NoError(b.t, b.producer.Send(b.t.Context(), c.Message(b.kafka.Topics().Name(topic), p)))
}

// request asks for a message in partition p and returns its id.
func (b *bench) request(p eventstore.Partition, adjust ...func(*message.Request)) string {
	b.t.Helper()
	id := eventstore.NewID(p).String()
	r := sampleRequest(p)
	for _, fn := range adjust {
		fn(&r)
	}
	b.send(eventstore.InboxUrgent, p, eventstore.Command{Type: message.CommandRequest, Stream: "message/" + id, Account: testAccount, Actor: "key/1"}, r)
	return id
}

func sampleRequest(p eventstore.Partition) message.Request {
	return message.Request{
		Recipient: eventstore.NewID(p).String(), Number: "00112233445566778899aabbccddeeff", Country: "PL", Sender: "GONIEC",
		Category: domain.Transactional, Content: domain.PlainText, Digest: "d", BodyDigest: "b", TextLength: 5,
		SMSParts: 1, SMSEncoding: "gsm7", Fallback: true, ValidityMS: 15000,
	}
}

// journal reads a journal topic's partition whole, checking the chain.
func (b *bench) journal(topic string, p eventstore.Partition) []*eventstore.Event {
	b.t.Helper()
	var out []*eventstore.Event
	chain := eventstore.NewChain(testInstall, topic, p)
	_, err := eventstore.ReadAll(b.t.Context(), b.client, b.kafka.Topics().Name(topic), p, func(r *eventstore.Record) error {
		ev, err := eventstore.ParseEvent(r)
		if err != nil {
			return err
		}
		if _, err := catalog.Decode(ev.Type, ev.Data); err != nil {
			return err
		}
		out = append(out, ev)
		return chain.Next(ev)
	})
	require.NoError(b.t, err)
	return out
}

// story waits until the stream has an event of the wanted type and returns its types.
func (b *bench) story(p eventstore.Partition, stream, want string) []string {
	b.t.Helper()
	var types []string
	require.Eventually(b.t, func() bool {
		types = nil
		for _, ev := range b.journal(eventstore.Messages, p) {
			if ev.Stream == stream {
				types = append(types, ev.Type)
			}
		}
		for _, typ := range types {
			if typ == want {
				return true
			}
		}
		return false
	}, time.Minute, 20*time.Millisecond, "waiting for %s, have %v", want, types)
	return types
}

// outbox reads the instructions of one kind of a partition.
func (b *bench) outbox(topic string, p eventstore.Partition, kind string) []*eventstore.Record {
	b.t.Helper()
	var out []*eventstore.Record
	_, err := eventstore.ReadAll(b.t.Context(), b.client, b.kafka.Topics().Name(topic), p, func(r *eventstore.Record) error {
		if k, _ := eventstore.InstructionKind(r); k == kind {
			out = append(out, r)
		}
		return nil
	})
	require.NoError(b.t, err)
	return out
}

// answer is a dispatcher's: the carrier took the attempt.
func (b *bench) answer(p eventstore.Partition, in message.SendInstruction, carrierID string, at time.Time) {
	b.t.Helper()
	b.send(eventstore.InboxUrgent, p, eventstore.Command{Type: message.CommandAnswer, Stream: "message/" + in.Message, Account: testAccount, Actor: "dispatcher"},
		message.Answer{Attempt: in.Attempt, Outcome: message.OutcomeAccepted, CarrierIDs: []string{carrierID}, Parts: 1, At: at})
}

// report is a carrier's word on an attempt.
func (b *bench) report(p eventstore.Partition, in message.SendInstruction, carrierID string, status message.ReportStatus, at time.Time) {
	b.t.Helper()
	const number = "00112233445566778899aabbccddeeff"
	b.send(eventstore.InboxUrgent, p, eventstore.Command{Type: recipient.CommandReport, Stream: "number/" + number, Actor: "carrier/" + in.Route}, recipient.Report{
		Number: number, Route: in.Route, Channel: in.Channel, ServiceID: in.ServiceID, CarrierID: carrierID, Status: string(status), At: at, Received: b.clock.Now(),
	})
}

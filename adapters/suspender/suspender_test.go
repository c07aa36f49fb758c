package suspender_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/adapters/suspender"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/internal/testkit"
)

const partitions = 2

var happened = time.Date(2026, 11, 16, 9, 30, 0, 123456000, time.UTC)

// world is an installation as the reactor sees it.
type world struct {
	t        *testing.T
	kafka    eventstore.KafkaConfig
	producer *eventstore.Producer
	account  string
	sender   string
	log      *testkit.Log

	mu   sync.Mutex
	told []*eventstore.Command // in the inbox
}

func newWorld(t *testing.T) *world {
	t.Helper()
	addr, prefix := testkit.Kafka(t)
	w := &world{t: t, account: uuid.NewString(), log: &testkit.Log{}, kafka: eventstore.KafkaConfig{Brokers: []string{addr}, Prefix: prefix, SessionTimeout: 6 * time.Second}}
	w.sender = account.SenderID(w.account, "GONIEC", "PL")
	require.NoError(t, eventstore.CreateTopics(w.kafka, eventstore.Layout{Partitions: partitions, ReplicationFactor: 1, MinInsync: 1}))
	var err error
	w.producer, err = eventstore.NewProducer(w.kafka)
	require.NoError(t, err)
	t.Cleanup(w.producer.Close)
	w.listen()
	return w
}

// listen follows the account's inbox.
func (w *world) listen() {
	client, err := w.kafka.NewClient()
	require.NoError(w.t, err)
	p := eventstore.Partitioner{N: partitions}.Of([]byte(w.account))
	r := eventstore.NewReader(client, w.kafka.Topics().Name(eventstore.InboxUrgent), p, 0)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	w.t.Cleanup(func() {
		cancel()
		<-done
		r.Close()
		_ = client.Close()
	})
	go func() {
		defer close(done)
		for {
			batch, err := r.Next(ctx)
			if err != nil {
				return
			}
			for _, rec := range batch.Records {
				if c, err := eventstore.ParseCommand(rec); err == nil {
					w.mu.Lock()
					w.told = append(w.told, c)
					w.mu.Unlock()
				}
			}
		}
	}()
}

// commands are those that came, once each.
func (w *world) commands() []*eventstore.Command {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []*eventstore.Command
	for _, c := range w.told {
		if !slices.ContainsFunc(out, func(x *eventstore.Command) bool { return x.ID == c.ID }) {
			out = append(out, c)
		}
	}
	return out
}

func (w *world) awaits(n int) []*eventstore.Command {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return len(w.commands()) >= n }, time.Minute, 10*time.Millisecond, "%s", w.log)
	require.Len(w.t, w.commands(), n)
	return w.commands()
}

// run starts a member of the reactor's group and waits until it reads.
func (w *world) run() (stop func()) {
	w.t.Helper()
	s, err := suspender.New(suspender.Config{
		Kafka: w.kafka, Producer: w.producer, Part: eventstore.Partitioner{N: partitions}, Log: slog.New(slog.NewJSONHandler(w.log, nil)),
	})
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(w.t, <-done)
	})
	w.t.Cleanup(stop)
	require.Eventually(w.t, func() bool { return len(s.Waiting()) == 0 }, time.Minute, 10*time.Millisecond)
	return stop
}

// refused is the event of a refusal, some seconds after the first.
func (w *world) refused(recipient string, second int, against bool) *eventstore.Event {
	fact := message.AttemptRefused{Attempt: "a", Code: "43", Reason: "service_blocked", Permanent: true}
	if against {
		fact.AgainstSender = &message.AgainstSender{SenderID: w.sender, Recipient: recipient}
	}
	return w.event(fact, happened.Add(time.Duration(second)*time.Second))
}

func (w *world) event(fact domain.Event, at time.Time) *eventstore.Event {
	data, err := json.Marshal(fact)
	require.NoError(w.t, err)
	return &eventstore.Event{
		ID: uuid.NewString(), Type: fact.EventType(), Source: "goniec/test", Stream: "message/" + uuid.NewString(), Time: at, Recorded: at,
		Version: 1, CommandID: "c", Correlation: "story", Account: w.account, Actor: "test", Epoch: 1, Data: data,
	}
}

func (w *world) write(p int32, events ...*eventstore.Event) {
	w.t.Helper()
	for _, e := range events {
		require.NoError(w.t, w.producer.Send(w.t.Context(), e.Message(w.kafka.Topics().Name(eventstore.Messages), p)))
	}
}

// decided is what the sender has come to by the commands.
func (w *world) decided(commands []*eventstore.Command) account.SenderState {
	w.t.Helper()
	s := account.State{Stream: account.SenderStream(w.sender), Sender: &account.SenderState{Status: account.SenderActive}}
	for _, c := range commands {
		require.Equal(w.t, s.Stream, c.Stream)
		require.Equal(w.t, "carrier/viber", c.Actor)
		cmd, err := account.DecodeCommand(c.Type, c.Data)
		require.NoError(w.t, err)
		events, err := account.Decide(s, account.Facts{Now: c.Time}, cmd)
		require.NoError(w.t, err)
		for _, e := range events {
			s = account.Evolve(s, e, c.Time)
		}
	}
	return *s.Sender
}

// rules.md B13: what lies in several partitions, and is read by several members,
// comes to one sender and is counted there.
func TestThreeRecipientsOfAllPartitionsSuspend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(0, w.refused(uuid.NewString(), 0, true)) // before the reactor: it begins at the head
	w.run()
	w.run()
	w.write(0, w.refused(uuid.NewString(), 1, true), w.refused(uuid.NewString(), 2, false), w.event(message.Failed{Reason: "x"}, happened))
	w.write(1, w.refused(uuid.NewString(), 3, true))
	require.Nil(t, w.decided(w.awaits(2)).Suspension)
	w.write(1, w.refused(uuid.NewString(), 61, true))
	got := w.decided(w.awaits(3))
	require.NotNil(t, got.Suspension)
	require.Equal(t, account.ByCarrier, got.Suspension.By)
}

// A restart misses nothing, and what it repeats is the same command.
func TestARestartMissesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.run()
	first := w.refused(uuid.NewString(), 0, true)
	w.write(0, first)
	w.awaits(1)
	stop()
	w.write(0, first, w.refused(uuid.NewString(), 1, true))
	w.write(1, w.refused(uuid.NewString(), 2, true))
	w.run()
	require.NotNil(t, w.decided(w.awaits(3)).Suspension)
}

// What cannot be read is told of and holds up nobody.
func TestWhatCannotBeReadIsPutAside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run()
	broken := w.refused(uuid.NewString(), 0, true)
	broken.Data = []byte(`{"attempt":7}`)
	w.write(0, broken, w.refused(uuid.NewString(), 1, true))
	w.awaits(1)
	require.Contains(t, w.log.String(), "unreadable_data")
	require.Contains(t, w.log.String(), broken.ID)
}

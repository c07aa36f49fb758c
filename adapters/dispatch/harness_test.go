package dispatch

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/internal/testkit"
)

const (
	testAccount = "11111111-1111-4111-8111-111111111111"
	testNumber  = "+48500100201"
	testText    = "Paczka czeka w punkcie."
	waitFor     = time.Minute
	pollEvery   = 10 * time.Millisecond
)

// bench is one installation on a broker of its own, with one carrier.
type bench struct {
	tb       testing.TB
	kafka    eventstore.KafkaConfig
	client   sarama.Client
	producer *eventstore.Producer
	ring     *eventstore.Keyring
	store    *eventstore.ContentStore
	carrier  *fakeCarrier
	message  map[eventstore.Partition]string // with a content
	n        int32
	logs     *testkit.Log
}

func newBench(tb testing.TB, partitions int32) *bench {
	tb.Helper()
	addr, prefix := testkit.Kafka(tb)
	b := &bench{
		tb: tb, n: partitions, carrier: newFakeCarrier(), message: map[eventstore.Partition]string{}, logs: &testkit.Log{},
		kafka: eventstore.KafkaConfig{Brokers: []string{addr}, Prefix: prefix, SessionTimeout: 6 * time.Second},
	}
	b.connect()
	for p := range partitions {
		b.message[p] = eventstore.NewID(p).String()
		b.content(p, contentKey(b.message[p]), eventstore.Content{To: testNumber, Text: testText, SMSText: "SMS"})
	}
	return b
}

func (b *bench) connect() {
	b.tb.Helper()
	require.NoError(b.tb, eventstore.CreateTopics(b.kafka, eventstore.Layout{Partitions: b.n, ReplicationFactor: 1, MinInsync: 1}))
	var err error
	b.client, err = b.kafka.NewClient()
	require.NoError(b.tb, err)
	b.producer, err = eventstore.NewProducer(b.kafka)
	require.NoError(b.tb, err)
	keys := eventstore.InstallationKeys{Primary: "k", Keys: map[string][]byte{"k": make([]byte, 32)}}
	b.ring = eventstore.NewKeyring(keys, b.producer, b.kafka.Topics(), eventstore.Partitioner{N: b.n})
	b.store, err = eventstore.OpenContentStore(b.tb.Context(), b.tb.TempDir(), "test", b.client, b.kafka.Topics(), slog.New(slog.DiscardHandler))
	require.NoError(b.tb, err)
	b.tb.Cleanup(func() {
		b.producer.Close()
		_ = b.store.Close()
		_ = b.client.Close()
	})
}

func contentKey(id string) string { return message.ContentKey(id, "0123456789abcdef0123456789abcdef") }

func (b *bench) content(p eventstore.Partition, id string, c eventstore.Content) {
	b.tb.Helper()
	v, err := b.ring.SealContent(b.tb.Context(), id, testAccount, time.Now().Add(24*time.Hour), c)
	require.NoError(b.tb, err)
	b.write(&sarama.ProducerMessage{Topic: b.topic(eventstore.Contents), Partition: p, Key: sarama.StringEncoder(id), Value: sarama.ByteEncoder(v)})
}

func (b *bench) group() string { return b.kafka.Prefix + GroupName }

func (b *bench) topic(short string) string { return b.kafka.Topics().Name(short) }

func (b *bench) write(msgs ...*sarama.ProducerMessage) {
	b.tb.Helper()
	require.NoError(b.tb, b.producer.Send(b.tb.Context(), msgs...))
}

// send writes n instructions into a lane of p and returns their attempts.
func (b *bench) send(short string, p eventstore.Partition, n int, adjust ...func(*message.SendInstruction)) []string {
	b.tb.Helper()
	attempts, msgs := make([]string, n), make([]*sarama.ProducerMessage, n)
	for i := range n {
		now := time.Now().UTC()
		ins := message.SendInstruction{
			Message: b.message[p], Content: contentKey(b.message[p]), Attempt: eventstore.NewID(p).String(), Channel: domain.Viber, Route: "viber", ServiceID: 4711,
			Label: domain.Transactional, NotAfter: now.Add(10 * time.Minute), TTLSec: 600, Urgent: short == eventstore.OutboxUrgent,
			Account: testAccount, Started: now,
		}
		for _, fn := range adjust {
			fn(&ins)
		}
		data, err := json.Marshal(ins)
		require.NoError(b.tb, err)
		attempts[i] = ins.Attempt
		msgs[i] = eventstore.InstructionMessage(b.topic(short), p, eventstore.InstructionSend, ins.Message, data, "00-trace-01")
	}
	b.write(msgs...)
	return attempts
}

func (b *bench) revoke(p eventstore.Partition, attempt string) {
	b.tb.Helper()
	data, err := json.Marshal(message.RevokeInstruction{Message: b.message[p], Attempt: attempt})
	require.NoError(b.tb, err)
	b.write(eventstore.InstructionMessage(b.topic(eventstore.OutboxUrgent), p, eventstore.InstructionRevoke, b.message[p], data, ""))
}

func (b *bench) config() Config {
	return Config{
		Kafka: b.kafka, Client: b.client, Producer: b.producer, Partitions: b.n, Contents: b.store, Open: b.ring.OpenContent,
		Routes: []Route{{Name: "viber", Carrier: b.carrier}, {Name: "sms", Carrier: b.carrier}}, Clock: domain.SystemClock,
		Log: slog.New(slog.NewTextHandler(b.logs, nil)),
	}
}

// start runs a dispatcher until the returned function is called.
func (b *bench) start(adjust ...func(*Config, *Dispatcher)) (stop func()) {
	b.tb.Helper()
	cfg := b.config()
	for _, fn := range adjust {
		fn(&cfg, nil)
	}
	d, err := New(cfg)
	require.NoError(b.tb, err)
	for _, fn := range adjust {
		fn(&cfg, d)
	}
	return b.run(d)
}

func (b *bench) run(d *Dispatcher) (stop func()) {
	ctx, cancel := context.WithCancel(b.tb.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = d.Run(ctx) // always the end of ctx
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	b.tb.Cleanup(stop)
	return stop
}

// answers reads everything that stands in inbox.urgent of p.
func (b *bench) answers(p eventstore.Partition) map[string][]message.Answer {
	b.tb.Helper()
	out := map[string][]message.Answer{}
	for _, c := range b.inbox(p) {
		var a message.Answer
		require.NoError(b.tb, json.Unmarshal(c.Data, &a))
		out[a.Attempt] = append(out[a.Attempt], a)
	}
	return out
}

func (b *bench) inbox(p eventstore.Partition) []*eventstore.Command {
	b.tb.Helper()
	var out []*eventstore.Command
	_, err := eventstore.ReadAll(b.tb.Context(), b.client, b.topic(eventstore.InboxUrgent), p, func(r *eventstore.Record) error {
		c, err := eventstore.ParseCommand(r)
		out = append(out, c)
		return err
	})
	require.NoError(b.tb, err)
	return out
}

// answered waits until every attempt has an answer, and returns the only one of each.
func (b *bench) answered(p eventstore.Partition, attempts ...string) map[string]message.Answer {
	b.tb.Helper()
	var all map[string][]message.Answer
	require.Eventually(b.tb, func() bool {
		all = b.answers(p)
		for _, a := range attempts {
			if len(all[a]) == 0 {
				return false
			}
		}
		return true
	}, waitFor, pollEvery, "answers")
	out := map[string]message.Answer{}
	for _, a := range attempts {
		require.Len(b.tb, all[a], 1)
		out[a] = all[a][0]
	}
	return out
}

// committed waits until lane topic of p is committed at its end with nothing open.
func (b *bench) committed(short string, p eventstore.Partition) {
	b.tb.Helper()
	end, err := eventstore.EndOffset(b.client, b.topic(short), p)
	require.NoError(b.tb, err)
	require.Eventually(b.tb, func() bool {
		off, meta, err := eventstore.Committed(b.tb.Context(), b.client, b.group(), b.topic(short), p)
		return err == nil && off == end && meta == ""
	}, waitFor, pollEvery, "commit at the end")
}

// fakeCarrier counts the calls and answers as it is told.
type fakeCarrier struct {
	mu    sync.Mutex
	calls map[string]int
	order []string
	subs  map[string]Submission
	reply func(ctx context.Context, s Submission) Result
}

func newFakeCarrier() *fakeCarrier {
	return &fakeCarrier{calls: map[string]int{}, subs: map[string]Submission{}, reply: func(context.Context, Submission) Result { return taken() }}
}

func taken() Result {
	return Result{Answer: message.Answer{Outcome: message.OutcomeAccepted, CarrierIDs: []string{"5379697806260881548"}, Parts: 1}}
}

func (f *fakeCarrier) Send(ctx context.Context, s Submission) Result {
	f.mu.Lock()
	f.calls[s.Attempt]++
	f.order = append(f.order, s.Attempt)
	f.subs[s.Attempt] = s
	reply := f.reply
	f.mu.Unlock()
	return reply(ctx, s)
}

func (f *fakeCarrier) answers(reply func(ctx context.Context, s Submission) Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reply = reply
}

func (f *fakeCarrier) called(attempt string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[attempt]
}

func (f *fakeCarrier) total() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.order)
}

func (f *fakeCarrier) sequence() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.order...)
}

// mortal makes a dispatcher that can be killed: from then on nothing it writes
// reaches Kafka, as if the process were gone.
type mortal struct {
	dead   atomic.Bool
	sender Sender
}

func (m *mortal) adjust(c *Config, d *Dispatcher) {
	if d == nil {
		m.sender = c.Producer
		c.Producer = m
		return
	}
	real := d.cfg.Offsets
	d.cfg.Offsets = func(o *eventstore.Ownership) OffsetWriter { return &mortalOffsets{m, real(o)} }
}

func (m *mortal) Send(ctx context.Context, msgs ...*sarama.ProducerMessage) error {
	if m.dead.Load() {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return m.sender.Send(ctx, msgs...)
}

type mortalOffsets struct {
	m *mortal
	OffsetWriter
}

func (o *mortalOffsets) Write(lanes [2]LaneOffset) error {
	if o.m.dead.Load() {
		return ErrLost
	}
	return o.OffsetWriter.Write(lanes)
}

package webhooks

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/eventstore"
	"goniec/internal/testkit"
)

// database returns a pool on a migrated database of the test's own.
func database(t testing.TB) *pgxpool.Pool {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(testkit.Postgres(t))
	require.NoError(t, err)
	cfg.MaxConns = 12
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	require.NoError(t, Migrate(t.Context(), pool))
	return pool
}

// partitions of the journal of a test; the benchmark has its own number.
const partitions = 2

// world is an installation as the reactor sees it.
type world struct {
	t        testing.TB
	kafka    eventstore.KafkaConfig
	producer *eventstore.Producer
	pool     *pgxpool.Pool
	view     *account.View
	keys     eventstore.InstallationKeys
	log      *testkit.Log
	account  string
	change   func(*Config)

	mu       sync.Mutex
	versions map[string]int64
	last     *Webhooks
}

func newWorld(t testing.TB) *world { return newWorldOf(t, partitions) }

func newWorldOf(t testing.TB, n int32) *world {
	t.Helper()
	w := &world{
		t: t, pool: database(t), view: account.NewView(), log: &testkit.Log{}, account: uuid.NewString(), versions: map[string]int64{},
		keys: eventstore.InstallationKeys{Primary: "k1", Keys: map[string][]byte{"k1": bytes.Repeat([]byte{7}, 32)}},
	}
	t.Cleanup(w.dumpLog)
	addr, prefix := testkit.Kafka(t)
	w.kafka = eventstore.KafkaConfig{Brokers: []string{addr}, Prefix: prefix, SessionTimeout: 6 * time.Second}
	w.createTopic(n)
	var err error
	w.producer, err = eventstore.NewProducer(w.kafka)
	require.NoError(t, err)
	t.Cleanup(w.producer.Close)
	w.reference(w.account, account.AccountCreated{Name: "Test", Currency: "PLN", Settings: account.DefaultSettings()})
	return w
}

func (w *world) createTopic(n int32) {
	client, err := w.kafka.NewClient()
	require.NoError(w.t, err)
	admin, err := sarama.NewClusterAdminFromClient(client)
	require.NoError(w.t, err)
	detail := &sarama.TopicDetail{NumPartitions: n, ReplicationFactor: 1}
	require.NoError(w.t, admin.CreateTopic(w.kafka.Topics().Name(eventstore.Messages), detail, false))
	require.NoError(w.t, admin.Close())
}

// committed is the group's offset in a partition, -1 for none.
func (w *world) committed(p int32) int64 {
	client, err := w.kafka.NewClient()
	require.NoError(w.t, err)
	defer client.Close()
	broker, err := client.Coordinator(w.kafka.Prefix + "webhooks")
	require.NoError(w.t, err)
	req := &sarama.OffsetFetchRequest{Version: 5, ConsumerGroup: w.kafka.Prefix + "webhooks"}
	req.AddPartition(w.kafka.Topics().Name(eventstore.Messages), p)
	resp, err := broker.FetchOffset(req)
	require.NoError(w.t, err)
	if b := resp.GetBlock(w.kafka.Topics().Name(eventstore.Messages), p); b != nil {
		return b.Offset
	}
	return -1
}

// reference folds an event of an account into the view.
func (w *world) reference(accountID string, e account.Event) {
	stream := account.AccountStream(accountID)
	w.view.Apply(stream, w.version(stream), e, time.Now().UTC())
}

func (w *world) version(stream string) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.versions[stream]++
	return w.versions[stream]
}

// Configure implements Commander.
func (w *world) Configure(_ context.Context, accountID, _ string, c account.Command) error {
	switch c := c.(type) {
	case account.AddEndpoint:
		w.reference(accountID, account.EndpointAdded(c))
	case account.RemoveEndpoint:
		w.reference(accountID, account.EndpointRemoved(c))
	}
	return nil
}

// engine returns a Webhooks with short times.
func (w *world) engine() *Webhooks {
	w.t.Helper()
	cfg := Config{
		Pool: w.pool, View: w.view, Keys: w.keys, Commander: w, Kafka: w.kafka, Policy: Policy{AllowLoopback: true},
		Timeout: 5 * time.Second, Schedule: []time.Duration{20 * time.Millisecond, 20 * time.Millisecond, 20 * time.Millisecond},
		Poll: 20 * time.Millisecond, Breaker: BreakerConfig{Failures: 1000}, Log: slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug - 4})),
	}
	if w.change != nil {
		w.change(&cfg)
	}
	e, err := New(cfg)
	require.NoError(w.t, err)
	return e
}

// run starts an engine; the returned function stops it and waits.
func (w *world) run() (stop func()) {
	w.t.Helper()
	e := w.engine()
	w.last = e
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(w.t, <-done)
	})
	w.t.Cleanup(stop)
	require.Eventually(w.t, func() bool { return w.count("SELECT count(*) FROM goniec_webhooks.positions") > 0 },
		20*time.Second, 5*time.Millisecond, "the reactor did not start")
	return stop
}

func (w *world) count(q string, args ...any) (n int) {
	require.NoError(w.t, w.pool.QueryRow(context.Background(), q, args...).Scan(&n))
	return n
}

// eventually waits until the query counts n.
func (w *world) eventually(n int, q string, args ...any) {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return w.count(q, args...) == n }, time.Minute, 10*time.Millisecond, q)
}

var happened = time.Date(2026, 11, 16, 9, 30, 0, 123456000, time.UTC)

// event builds a journal event of the world's account.
func (w *world) event(stream string, fact domain.Event) *eventstore.Event {
	data, err := json.Marshal(fact)
	require.NoError(w.t, err)
	return &eventstore.Event{
		ID: uuid.NewString(), Type: fact.EventType(), Source: "goniec/test", Stream: stream, Time: happened, Recorded: happened,
		Version: w.version(stream), CommandID: "c", Correlation: "story", Account: w.account, Actor: "test", Epoch: 1, Data: data,
	}
}

func (w *world) write(p int32, events ...*eventstore.Event) {
	w.t.Helper()
	for _, e := range events {
		require.NoError(w.t, w.producer.Send(w.t.Context(), e.Message(w.kafka.Topics().Name(eventstore.Messages), p)))
	}
}

// tell writes a fact into partition p and returns its event id.
func (w *world) tell(p int32, stream string, fact domain.Event) string {
	w.t.Helper()
	e := w.event(stream, fact)
	w.write(p, e)
	return e.ID
}

// add registers an endpoint and returns its id and secret.
func (w *world) add(link string, events ...string) (id, secret string) {
	w.t.Helper()
	e, secret, err := w.engine().Add(w.t.Context(), w.account, "key:test", link, events)
	require.NoError(w.t, err)
	return e.ID, secret
}

// hit is a call as a receiver saw it.
type hit struct {
	id   string
	head http.Header
	body string
}

// receiver is a client's server.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	hits   []hit
	answer func(w http.ResponseWriter, r *http.Request, n int) // n counts from 1; nil = 204
}

func newReceiver(t testing.TB, answer func(w http.ResponseWriter, r *http.Request, n int)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	r.hits = append(r.hits, hit{req.Header.Get("webhook-id"), req.Header.Clone(), string(body)})
	n := len(r.hits)
	r.mu.Unlock()
	if r.answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	r.answer(w, req, n)
}

func (r *receiver) all() []hit {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.hits)
}

// ids returns the distinct event ids received.
func (r *receiver) ids() []string {
	var ids []string
	for _, h := range r.all() {
		if !slices.Contains(ids, h.id) {
			ids = append(ids, h.id)
		}
	}
	return ids
}

// waitFor waits until n calls came.
func (r *receiver) waitFor(t testing.TB, n int) []hit {
	t.Helper()
	require.Eventually(t, func() bool { return len(r.all()) >= n }, time.Minute, 5*time.Millisecond, "calls did not come")
	return r.all()
}

func verify(t *testing.T, secret string, h hit) {
	t.Helper()
	wh, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	require.NoError(t, wh.Verify([]byte(h.body), h.head))
}

func (w *world) dumpLog() {
	if w.t.Failed() && testing.Verbose() {
		w.t.Log(w.log.String())
	}
}

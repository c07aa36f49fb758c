package anchor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/prometheus/client_golang/prometheus"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"goniec/adapters/anchor"
	"goniec/adapters/mailer"
	"goniec/domain/partition"
	"goniec/eventstore"
	"goniec/eventstore/audit"
	"goniec/internal/kafkatest"
)

const installation = "test-installation"

var noon = time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)

// clock moves a second with every look.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Second)
	return c.at
}

// bench is a journal of one partition, and an anchor of it.
type bench struct {
	t        *testing.T
	journal  *kafkatest.Journal
	cfg      anchor.Config
	registry *prometheus.Registry
	log      *logged
}

// logged is a log that may be read while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func setup(t *testing.T) *bench {
	t.Helper()
	kafka := kafkatest.Topics(t, 1)
	private, public, err := audit.NewKey("goniec-test")
	require.NoError(t, err)
	signer, err := note.NewSigner(private)
	require.NoError(t, err)
	key, err := note.NewVerifier(public)
	require.NoError(t, err)
	b := &bench{
		t: t, journal: kafkatest.NewJournal(t, kafka, installation, noon), log: &logged{}, registry: prometheus.NewRegistry(),
	}
	b.cfg = anchor.Config{
		Journal: audit.Config{Client: kafkatest.Client(t, kafka), Topics: kafka.Topics(), Installation: installation, Partitions: 1},
		Signer:  signer, Key: key, Dir: filepath.Join(t.TempDir(), "checkpoints"), Clock: &clock{at: noon},
		Every: 50 * time.Millisecond, Registry: b.registry, Log: slog.New(slog.NewJSONHandler(b.log, nil)),
	}
	return b
}

func (b *bench) anchor() *anchor.Anchor {
	b.t.Helper()
	a, err := anchor.New(b.cfg)
	require.NoError(b.t, err)
	return a
}

// write appends events; spoil may change a record.
func (b *bench) write(n int, spoil ...func(*sarama.ProducerMessage)) {
	b.t.Helper()
	for range n {
		b.journal.Add(eventstore.Messages, 0, "partition/0", partition.Owned{Epoch: 1, Process: "test"}, spoil...)
	}
}

// Each checkpoint goes on where the last one ended, also in another process.
func TestEachGoesOnFromTheLast(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(5)
	one, err := b.anchor().Make(t.Context(), false)
	require.NoError(t, err)
	require.Equal(t, int64(5), one.Checkpoint.Extents[0].Size)
	b.write(3)
	b.cfg.Registry = nil
	two, err := b.anchor().Make(t.Context(), false)
	require.NoError(t, err)
	require.Equal(t, int64(8), two.Checkpoint.Extents[0].Size)
	require.Equal(t, int64(5), one.Checkpoint.Extents[0].Next)

	whole, err := b.anchor().Make(t.Context(), true)
	require.NoError(t, err)
	require.Equal(t, two.Checkpoint.Extents, whole.Checkpoint.Extents)

	kept, err := os.ReadFile(one.File)
	require.NoError(t, err)
	require.Equal(t, one.Signed, kept)
	files, err := filepath.Glob(filepath.Join(b.cfg.Dir, "*.checkpoint"))
	require.NoError(t, err)
	require.Equal(t, []string{one.File, two.File, whole.File}, files, "by time")
	proof, err := audit.ProveConsistency(t.Context(), b.cfg.Journal, one.Signed, two.Signed, b.cfg.Key)
	require.NoError(t, err)
	_, err = audit.CheckProof(proof, b.cfg.Key)
	require.NoError(t, err)
}

// What lies in the directory is not taken on trust.
func TestAPlaceThatWasChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(5)
	made, err := b.anchor().Make(t.Context(), false)
	require.NoError(t, err)
	b.cfg.Registry = nil
	place := filepath.Join(b.cfg.Dir, "place.json")
	right, err := os.ReadFile(place)
	require.NoError(t, err)
	edge := strings.Index(string(right), `"edges"`)
	require.Positive(t, edge)

	digit := edge + strings.IndexAny(string(right[edge:]), "0123456789abcdef")
	for right[digit] < '0' || right[digit] > '9' { // a digit of a hash, not the name of the field
		digit++
	}
	wrong := bytes.Clone(right)
	wrong[digit] ^= 1
	require.NoError(t, os.WriteFile(place, wrong, 0o600))
	again, err := b.anchor().Make(t.Context(), false)
	require.NoError(t, err, "an edge that is wrong is found out, and all is read")
	require.Equal(t, made.Checkpoint.Extents, again.Checkpoint.Extents)

	wrong = bytes.Replace(right, []byte("messages 0 5"), []byte("messages 0 4"), 1)
	require.NotEqual(t, right, wrong)
	require.NoError(t, os.WriteFile(place, wrong, 0o600))
	_, err = b.anchor().Make(t.Context(), false)
	require.ErrorIs(t, err, audit.ErrCheckpoint)
	require.ErrorContains(t, err, "place.json, delete it to begin anew")
}

// metric is the value of a gauge, or of the counter with the label.
func (b *bench) metric(name, label string) float64 {
	b.t.Helper()
	families, err := b.registry.Gather()
	require.NoError(b.t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && (label == "" || m.GetLabel()[0].GetValue() == label) {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return -1
}

func (b *bench) outcome(label string) float64 { return b.metric("goniec_checkpoints_total", label) }

func (b *bench) run() {
	b.t.Helper()
	a := b.anchor()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	b.t.Cleanup(func() {
		cancel()
		require.NoError(b.t, <-done)
	})
}

func TestABrokenJournalIsToldOf(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(3)
	b.run()
	require.Eventually(t, func() bool { return b.outcome("made") > 0 }, time.Minute, 10*time.Millisecond)
	require.InDelta(t, 1, b.metric("goniec_journal_intact", ""), 0)
	b.write(1, func(m *sarama.ProducerMessage) { m.Value = sarama.StringEncoder(`{"epoch":99}`) })
	require.Eventually(t, func() bool { return b.outcome("broken") > 0 }, time.Minute, 10*time.Millisecond)
	require.Contains(t, b.log.String(), "its content does not match its hash: it was changed")
	require.Contains(t, b.log.String(), `"offset":3`)
	require.Zero(t, b.metric("goniec_journal_intact", ""))
}

// given is a keeper that is there at its second call only.
type given struct {
	mu    sync.Mutex
	calls int
	got   [][]byte
}

func (*given) Name() string { return "test" }

func (g *given) Hand(_ context.Context, m anchor.Made) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.calls++; g.calls == 1 {
		return errors.New("away")
	}
	g.got = append(g.got, m.Signed)
	return nil
}

func (g *given) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.got)
}

func TestAKeeperThatWasAwayGetsTheNext(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(2)
	g := &given{}
	b.cfg.Keepers = []anchor.Keeper{g}
	b.run()
	require.Eventually(t, func() bool { return g.count() > 0 }, time.Minute, 10*time.Millisecond)
	require.Contains(t, b.log.String(), "a checkpoint was not handed over")
	cp, err := audit.OpenCheckpoint(g.got[0], b.cfg.Key)
	require.NoError(t, err)
	require.Equal(t, int64(2), cp.Extents[0].Size)
}

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func TestByWebhook(t *testing.T) {
	t.Parallel()
	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	var got anchor.Webhook
	status := http.StatusNoContent
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if verifier.Verify(body, r.Header) != nil || json.Unmarshal(body, &got) != nil {
			status = http.StatusBadRequest
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(srv.Close)
	k, err := anchor.ByWebhook(srv.URL, secret)
	require.NoError(t, err)
	made := anchor.Made{Signed: []byte("note"), Checkpoint: audit.Checkpoint{Time: noon}}
	require.NoError(t, k.Hand(t.Context(), made))
	require.Equal(t, anchor.Webhook{Type: "goniec.checkpoint.v1", Timestamp: noon, Data: anchor.WebhookData{Checkpoint: "note"}}, got)

	status = http.StatusFound
	require.EqualError(t, k.Hand(t.Context(), made), "answered with 302")
	srv.Close()
	require.EqualError(t, k.Hand(t.Context(), made), "no answer", "the address is not told")
}

func TestWebhooksAreChecked(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "http://example.com/x", "ftp://127.0.0.1", "https://u:p@example.com", "https://", "http://%zz"} {
		_, err := anchor.ByWebhook(url, secret)
		require.EqualError(t, err, "audit.url: must be https, or http on this machine", url)
	}
	for _, s := range []string{"", "whsec_?"} {
		_, err := anchor.ByWebhook("https://example.com", s)
		require.EqualError(t, err, "audit.secretfile: must hold a secret in base64")
	}
}

// posted is a mail server.
type posted struct{ mails []mailer.Mail }

func (p *posted) Send(_ context.Context, m mailer.Mail) error {
	p.mails = append(p.mails, m)
	return nil
}

func TestByMail(t *testing.T) {
	t.Parallel()
	p := &posted{}
	k := anchor.ByMail(p, "auditor@example.com")
	require.NoError(t, k.Hand(t.Context(), anchor.Made{File: "/x/20261116.checkpoint", Signed: []byte("note"), Checkpoint: audit.Checkpoint{Time: noon}}))
	require.Equal(t, "auditor@example.com", p.mails[0].To)
	require.Equal(t, mailer.File{Name: "20261116.checkpoint", Content: []byte("note")}, p.mails[0].File)
	require.Contains(t, p.mails[0].Subject, "2026-11-16 12:00 UTC")
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	_, err := anchor.New(anchor.Config{})
	require.ErrorContains(t, err, "required")
}

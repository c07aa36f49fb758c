package run_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/embedded"
	"goniec/cmd/goniec/internal/run"
	"goniec/internal/suffixes"
)

// plant is an `up` whose Kafka and Postgres a test can stop and start.
type plant struct {
	t      *testing.T
	dir    string
	broker *embedded.Broker
	pg     *embedded.Postgres
	up     *run.Up
	key    string
	client *http.Client
}

func newPlant(t *testing.T) *plant {
	t.Helper()
	p := &plant{t: t, dir: t.TempDir(), client: &http.Client{Timeout: 30 * time.Second}}
	p.startKafka("")
	p.startPostgres()
	var err error
	p.up, err = run.StartUp(t.Context(), run.UpConfig{
		Data: filepath.Join(p.dir, "up"), HTTP: "127.0.0.1:0", Brokers: []string{p.broker.Addr()}, PostgresURL: p.pg.URL(),
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, p.up.Close())
		require.NoError(t, p.broker.Close())
		require.NoError(t, p.pg.Close())
	})
	key, err := os.ReadFile(p.up.Running().APIKeyFile)
	require.NoError(t, err)
	p.key = strings.TrimSpace(string(key))
	return p
}

func (p *plant) startKafka(addr string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		b, err := embedded.StartBroker(p.t.Context(), embedded.BrokerConfig{Dir: filepath.Join(p.dir, "kafka"), Addr: addr})
		p.broker = b
		return err == nil
	}, time.Minute, 200*time.Millisecond, "start Kafka")
}

func (p *plant) startPostgres() {
	p.t.Helper()
	pg, err := embedded.StartPostgres(p.t.Context(), embedded.PostgresConfig{Dir: filepath.Join(p.dir, "postgres")})
	require.NoError(p.t, err)
	p.pg = pg
}

// answer is what the API said.
type answer struct {
	status     int
	retryAfter string
	body       map[string]any
}

// try makes a request; for any goroutine.
func (p *plant) try(method, path string, body any) (a answer, err error) {
	b, err := json.Marshal(body)
	if err != nil {
		return a, err
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.up.Running().HTTP+path, bytes.NewReader(b))
	if err != nil {
		return a, err
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	req.Header.Set("Content-Type", "application/json")
	if ref, ok := body.(map[string]any); ok {
		req.Header.Set("Idempotency-Key", fmt.Sprint(ref["client_ref"]))
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	a.status, a.retryAfter = resp.StatusCode, resp.Header.Get("Retry-After")
	return a, json.NewDecoder(resp.Body).Decode(&a.body)
}

// call makes a request that is answered.
func (p *plant) call(method, path string, body any) answer {
	p.t.Helper()
	a, err := p.try(method, path, body)
	require.NoError(p.t, err)
	return a
}

func text(number, ref string) map[string]any {
	return map[string]any{
		"to": number, "sender": suffixes.DemoSender, "category": "transactional", "text": "Outage", "validity": "15s", "client_ref": ref,
	}
}

// With Postgres away for long, messages still go out and fall back, and nobody is
// refused; the read models and the reports catch up.
func TestPostgresAwayUnderLoad(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	l := startLoad(p)
	l.more(20)
	before, _, _ := l.so()
	require.NoError(t, p.pg.Close())
	lasts(t, outage)
	accepted, away, _ := l.so()
	require.Zero(t, away, "sending needs no Postgres")
	require.Greater(t, accepted, before+20)
	a := p.call(http.MethodGet, "/v1/messages", nil)
	require.Equal(t, http.StatusServiceUnavailable, a.status, "reading does")
	require.NotEmpty(t, a.retryAfter)
	require.True(t, smsAmong(p.calls()), "the fallback goes out while Postgres is away")

	p.startPostgres()
	l.more(20)
	state := func(suffix string) []any {
		if suffix == "06" {
			return []any{"delivered"}
		}
		return []any{"read"}
	}
	l.ends(state, func(m map[string]any, suffix string) {
		channel := "viber"
		if suffix == "06" {
			channel = "sms"
		}
		require.Equal(t, []any{channel, []string{channel}}, []any{m["channel"], charges(m)})
	})
	for what, n := range p.calls() {
		require.Equal(t, 1, n, "twice at the carrier: %s", what)
	}
}

func smsAmong(calls map[string]int) bool {
	for what := range calls {
		if strings.HasPrefix(what, "sms ") {
			return true
		}
	}
	return false
}

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/cmd/goniec/internal/run"
	"goniec/internal/testkit"
)

// call is a request that the fake API got.
type call struct {
	at, key, body string // "POST /v1/messages?…", Idempotency-Key, body
}

// fakeAPI answers by method and path, ids cut: "GET /v1/messages/*".
type fakeAPI struct {
	*httptest.Server
	t       *testing.T
	mu      sync.Mutex
	answers map[string]func(n int, body []byte, r *http.Request) (int, any)
	count   map[string]int
	calls   []call
	dir     string
}

func newFake(t *testing.T) *fakeAPI {
	t.Helper()
	f := &fakeAPI{t: t, answers: map[string]func(int, []byte, *http.Request) (int, any){}, count: map[string]int{}, dir: t.TempDir()}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	require.NoError(t, os.WriteFile(f.keyFile(), []byte("gnc_test\n"), 0o600))
	return f
}

func (f *fakeAPI) keyFile() string { return filepath.Join(f.dir, "api_key") }

// operatorKeyFile holds a key of the same secret: the fake knows one only.
func (f *fakeAPI) operatorKeyFile() string {
	path := filepath.Join(f.dir, "operator_key")
	require.NoError(f.t, os.WriteFile(path, []byte("gnc_test\n"), 0o600))
	return path
}

// on answers what comes to "METHOD /path"; n counts from 1.
func (f *fakeAPI) on(at string, answer func(n int, body []byte, r *http.Request) (int, any)) *fakeAPI {
	f.answers[at] = answer
	return f
}

// says is on with the same answer for ever; a string is sent as it is.
func (f *fakeAPI) says(at string, status int, body any) *fakeAPI {
	return f.on(at, func(int, []byte, *http.Request) (int, any) { return status, body })
}

func (f *fakeAPI) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	at := r.Method + " " + r.URL.Path
	f.mu.Lock()
	f.calls = append(f.calls, call{r.Method + " " + r.URL.RequestURI(), r.Header.Get("Idempotency-Key"), string(body)})
	answer := f.answers[at]
	if answer == nil {
		at = r.Method + " " + r.URL.Path[:strings.LastIndexByte(r.URL.Path, '/')] + "/*"
		answer = f.answers[at]
	}
	f.count[at]++
	n := f.count[at]
	f.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer gnc_test" || answer == nil {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	status, out := answer(n, body, r)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if s, ok := out.(string); ok {
		_, _ = io.WriteString(w, s)
		return
	}
	_ = json.NewEncoder(w).Encode(out)
}

// got returns the requests so far whose method and path begin so.
func (f *fakeAPI) got(prefix string) []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []call
	for _, c := range f.calls {
		if strings.HasPrefix(c.at, prefix) {
			out = append(out, c)
		}
	}
	return out
}

// simulated makes the fake the running `up` of a data directory, which it returns.
func (f *fakeAPI) simulated() string {
	f.t.Helper()
	b, err := json.Marshal(run.Running{
		Ready: true, HTTP: f.URL, APIKeyFile: f.keyFile(), OperatorKeyFile: f.operatorKeyFile(), Simulator: "http://phones.example", Account: run.DemoAccount, PID: os.Getpid(),
	})
	require.NoError(f.t, err)
	require.NoError(f.t, os.WriteFile(filepath.Join(f.dir, "running.json"), b, 0o600))
	return f.dir
}

// result is what a command left behind.
type result struct {
	code     int
	out, err string
}

// person is somebody at a terminal who answers so; "" is nobody.
type person string

// do runs a command line against the fake, by URL and key file.
func (f *fakeAPI) do(args ...string) result {
	return f.ask("", "", args...)
}

func (f *fakeAPI) ask(in string, who person, args ...string) result {
	f.t.Helper()
	return runCLI(f.t, in, who, append(args, "--url", f.URL, "--key-file", f.keyFile(), "--data", filepath.Join(f.dir, "none"))...)
}

// up runs a command line that finds the fake as a running `up`.
func (f *fakeAPI) up(args ...string) result {
	f.t.Helper()
	return runCLI(f.t, "", "", append(args, "--data", f.simulated())...)
}

func runCLI(t *testing.T, in string, who person, args ...string) result {
	t.Helper()
	return runCLIWith(t.Context(), in, who, args...)
}

func runCLIWith(ctx context.Context, in string, who person, args ...string) result {
	var out, errOut bytes.Buffer
	a := &app{in: strings.NewReader(in), out: &out, err: &errOut, tty: func(any) bool { return false }}
	if who != "" {
		a.in = strings.NewReader(string(who))
		a.tty = func(stream any) bool { return stream == a.in }
	}
	code := a.execute(ctx, args)
	return result{code, out.String(), errOut.String()}
}

// startUp has everything up on services of the test's own, until it ends. A virtual clock is moved by advance.
func startUp(t *testing.T, virtualClock bool) (*run.Up, run.UpConfig) {
	t.Helper()
	addr, prefix := testkit.Kafka(t)
	cfg := run.UpConfig{
		Data: filepath.Join(t.TempDir(), "up"), HTTP: "127.0.0.1:0", Brokers: []string{addr}, Prefix: prefix, PostgresURL: testkit.Postgres(t), VirtualClock: virtualClock,
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	up, err := run.StartUp(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, up.Close()) })
	return up, cfg
}

// file writes a file of the test.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func decode[T any](t *testing.T, s string) T {
	t.Helper()
	var v T
	d := json.NewDecoder(strings.NewReader(s))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&v), s)
	return v
}

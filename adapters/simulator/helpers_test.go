package simulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/simulator"
	"goniec/adapters/smpp"
	"goniec/adapters/viber"
	"goniec/internal/testkit"
)

var start = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// receiver takes callbacks.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	got  []viber.Callback
	down bool
	hits int
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hits++
	cb, err := viber.ParseCallback(body)
	if r.down || err != nil {
		http.Error(w, "no", http.StatusServiceUnavailable)
		return
	}
	r.got = append(r.got, cb)
}

func (r *receiver) setDown(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

func (r *receiver) callbacks() []viber.Callback {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]viber.Callback(nil), r.got...)
}

func (r *receiver) tried() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hits
}

// stories tell callbacks as "delivered@300ms", with the time since start.
func (r *receiver) stories() []string {
	told := []string{}
	for _, cb := range r.callbacks() {
		s := fmt.Sprintf("%s@%s", cb.Kind, cb.Time.Sub(start))
		if cb.Text != "" {
			s += " " + cb.Text
		}
		told = append(told, s)
	}
	return told
}

// bundle is a running simulator with all that talks to it.
type bundle struct {
	*simulator.Simulator
	clock    *testkit.Clock
	receiver *receiver
	stop     func() // ends it and waits
}

func run(t *testing.T, change func(*simulator.Config)) *bundle {
	t.Helper()
	b := &bundle{clock: testkit.NewClock(start), receiver: newReceiver(t)}
	cfg := simulator.Config{
		Clock: b.clock, CallbackURL: b.receiver.URL, Services: []simulator.Service{{ID: 4711, Name: "GONIEC"}},
		Workers: 1, RetryMax: 50 * time.Millisecond, // one worker keeps the order of what is due
		Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	b.begin(t, cfg)
	return b
}

func (b *bundle) begin(t *testing.T, cfg simulator.Config) {
	t.Helper()
	sim, err := simulator.New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sim.Run(ctx) }()
	var once sync.Once
	b.Simulator, b.stop = sim, func() {
		once.Do(func() {
			cancel()
			require.NoError(t, <-ended)
		})
	}
	t.Cleanup(b.stop)
}

// settle lets domain time pass in small steps and waits for every report after each.
func (b *bundle) settle(t *testing.T, d time.Duration) {
	t.Helper()
	const step = 100 * time.Millisecond
	for passed := time.Duration(0); passed < d; passed += step {
		b.clock.Advance(step)
		b.quiet(t)
	}
}

// quiet waits until nothing that is due by now is open.
func (b *bundle) quiet(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return b.open(t) == 0 }, time.Minute, time.Millisecond)
}

// open counts reports that are due in domain time and not acknowledged.
func (b *bundle) open(t *testing.T) int {
	t.Helper()
	planned, settled := map[string]time.Time{}, map[string]bool{}
	smsAt := map[string]time.Time{}
	entries := b.log(t)
	for _, e := range entries {
		if e.Kind == simulator.KindReport && e.Channel == "sms" && e.Report == simulator.Delivered {
			if _, again := smsAt[e.Number]; !again {
				smsAt[e.Number] = e.Happened
			}
		}
	}
	for _, e := range entries {
		if e.Submit != nil {
			for _, p := range e.Submit.Plan {
				if due, ok := dueOf(p, smsAt[e.Number]); ok {
					planned[fmt.Sprint(e.ID, p.N)] = due
				}
			}
		}
		if e.Kind == simulator.KindAcked {
			settled[fmt.Sprint(e.ID, e.N)] = true
		}
	}
	open, now := 0, b.clock.Now()
	for key, due := range planned {
		if !due.After(now) && !settled[key] {
			open++
		}
	}
	return open
}

func dueOf(p simulator.Planned, sms time.Time) (time.Time, bool) {
	if !p.WithSMS {
		return p.Due, true
	}
	if sms.IsZero() {
		return time.Time{}, false
	}
	if p.NotBefore.After(sms) {
		sms = p.NotBefore
	}
	return sms.Add(p.Wait), true
}

// log reads everything over HTTP, in pages of 7.
func (b *bundle) log(t *testing.T) []simulator.Entry {
	t.Helper()
	var all []simulator.Entry
	for since := int64(0); ; {
		var page struct {
			Entries []simulator.Entry `json:"entries"`
			Next    int64             `json:"next"`
		}
		get(t, fmt.Sprintf("%s/log?since=%d&limit=7", b.URL(), since), &page)
		if len(page.Entries) == 0 {
			return all
		}
		all, since = append(all, page.Entries...), page.Next
	}
}

func get(t *testing.T, url string, into any) {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, json.NewDecoder(resp.Body).Decode(into))
}

// post sends JSON and answers status and body.
func post(t *testing.T, url string, body any) (int, string) {
	t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(t, err)
	resp, err := http.Post(url, "application/json", bytes.NewReader(raw))
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(answer)
}

// inbox is an SMPP client with what it was delivered.
type inbox struct {
	*smpp.Client
	mu  sync.Mutex
	got []smpp.Inbound
}

func (b *bundle) bind(t *testing.T) *inbox {
	t.Helper()
	in := &inbox{}
	c, err := smpp.NewClient(smpp.Config{
		Addr: b.SMPPAddr(), SystemID: "goniec", Clock: b.clock, CallTimeout: 400 * time.Millisecond, Handler: in.take,
		ReconnectMin: 10 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	in.Client = c
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = c.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	wait, done := context.WithTimeout(ctx, 5*time.Second)
	defer done()
	require.NoError(t, c.WaitBound(wait))
	return in
}

func (in *inbox) take(_ context.Context, m smpp.Inbound) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.got = append(in.got, m)
	return nil
}

// stories tell what came as "delivered@0s 000": receipts carry whole seconds, and
// the client dates one of the running second to the moment it came.
func (in *inbox) stories() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	told := []string{}
	for _, m := range in.got {
		if m.Kind == smpp.KindReply {
			told = append(told, "reply "+m.Text)
		} else {
			told = append(told, fmt.Sprintf("%s@%s %s", m.Status, m.At.Sub(start).Truncate(time.Second), m.Code))
		}
	}
	return told
}

func digits(number string) string { return strings.TrimPrefix(number, "+") }

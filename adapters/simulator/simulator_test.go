package simulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/simulator"
	"goniec/adapters/smpp"
	"goniec/adapters/viber"
	"goniec/domain"
	"goniec/domain/message"
)

func TestRestart(t *testing.T) {
	t.Parallel()
	for _, syncLog := range []bool{false, true} {
		t.Run(fmt.Sprintf("sync %v", syncLog), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			durable := func(c *simulator.Config) { c.Dir, c.SyncLog = dir, syncLog }
			b := run(t, durable)
			b.receiver.setDown(true)
			_, token := submitViber(t, b, base+"01")
			answer, _ := submitViber(t, b, base+"20")
			require.Equal(t, "http_500", answer)
			b.clock.Advance(400 * time.Millisecond) // delivered is due and not taken, seen is not due
			require.Eventually(t, func() bool { return b.receiver.tried() > 2 }, time.Minute, time.Millisecond)
			b.stop()

			b.receiver.setDown(false)
			again := func(c *simulator.Config) { durable(c); c.Clock, c.CallbackURL = b.clock, b.receiver.URL }
			second := run(t, again)
			second.clock, second.receiver = b.clock, b.receiver
			second.quiet(t)
			require.Equal(t, []string{"delivered@300ms"}, b.receiver.stories())
			second.settle(t, time.Second)
			require.Equal(t, []string{"delivered@300ms", "seen@1s"}, b.receiver.stories())
			require.Equal(t, token, b.receiver.callbacks()[1].Token)

			for _, want := range []string{"http_500", "0"} { // the first refusal is remembered
				got, _ := submitViber(t, second, base+"20")
				require.Equal(t, want, got)
			}
			requireUnique(t, second)
		})
	}
}

// requireUnique checks that the log goes on after the restart and no id was given twice.
func requireUnique(t *testing.T, b *bundle) {
	t.Helper()
	ids, starts := map[string]bool{}, 0
	for i, e := range b.log(t) {
		require.Equal(t, int64(i+1), e.Seq)
		if e.Kind == simulator.KindStart {
			starts++
		}
		if e.Kind == simulator.KindSubmit {
			require.False(t, ids[e.ID])
			ids[e.ID] = true
		}
	}
	require.Equal(t, 2, starts)
}

func TestTornLogIsCut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := run(t, func(c *simulator.Config) { c.Dir = dir })
	_, _ = submitViber(t, b, base+"06")
	b.stop()
	path := filepath.Join(dir, "carrier.ndjson")
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(whole, `{"seq":4,"kind":"sub`...), 0o600))

	b = run(t, func(c *simulator.Config) { c.Dir = dir })
	_, err = simulator.New(simulator.Config{Dir: dir})
	require.ErrorContains(t, err, "another simulator")
	entries := b.log(t)
	require.Len(t, entries, 4)
	require.Equal(t, simulator.KindStart, entries[3].Kind)
	b.stop()

	require.NoError(t, os.WriteFile(path, append([]byte("nonsense\n"), whole...), 0o600))
	_, err = simulator.New(simulator.Config{Dir: dir})
	require.ErrorContains(t, err, "entry 1")
}

func TestCallbacksAreRepeatedUntilTaken(t *testing.T) {
	t.Parallel()
	b := run(t, nil)
	b.receiver.setDown(true)
	_, _ = submitViber(t, b, base+"01")
	b.clock.Advance(2 * time.Second)
	require.Eventually(t, func() bool { return b.receiver.tried() >= 4 }, time.Minute, time.Millisecond)
	require.Empty(t, b.receiver.callbacks())
	b.receiver.setDown(false)
	b.quiet(t)
	require.ElementsMatch(t, []string{"delivered@300ms", "seen@1s"}, b.receiver.stories())
	require.GreaterOrEqual(t, b.Stats().Retries, int64(2))
}

func TestCallbackAddressMayComeLater(t *testing.T) {
	t.Parallel()
	b := run(t, func(c *simulator.Config) { c.CallbackURL, c.RetryMax = "", time.Hour })
	_, _ = submitViber(t, b, base+"01")
	b.clock.Advance(2 * time.Second)
	require.Eventually(t, func() bool { return b.Stats().Reports["viber seen"] == 1 }, time.Minute, time.Millisecond)
	require.Error(t, b.SetCallback("nowhere"))
	require.NoError(t, b.SetCallback(b.receiver.URL))
	b.quiet(t)
	require.Len(t, b.receiver.stories(), 2)
}

func TestServicesMayHaveTheirOwnCallback(t *testing.T) {
	t.Parallel()
	own := newReceiver(t)
	b := run(t, func(c *simulator.Config) {
		c.Services = []simulator.Service{{ID: 4711, Name: "GONIEC", CallbackURL: own.URL}}
	})
	_, _ = submitViber(t, b, base+"01")
	b.settle(t, time.Second)
	require.Len(t, own.stories(), 2)
	require.Empty(t, b.receiver.stories())
}

// TestReceiptsWaitForABind: who is not bound gets them later.
func TestReceiptsWaitForABind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := run(t, func(c *simulator.Config) { c.Dir = dir })
	in := b.bind(t)
	require.Equal(t, message.OutcomeAccepted, in.Submit(context.Background(), smpp.Message{From: "GONIEC", To: base + "03", Text: "Hej"}).Outcome)
	b.stop() // before the receipt is due

	second := run(t, func(c *simulator.Config) { c.Dir, c.Clock = dir, b.clock })
	second.clock = b.clock
	second.clock.Advance(time.Second)
	require.Eventually(t, func() bool { return second.Stats().Reports["sms delivered"] == 1 }, time.Minute, time.Millisecond)
	late := second.bind(t)
	second.quiet(t)
	require.Equal(t, []string{"delivered@0s 000"}, late.stories())
}

// TestOurClient runs the real client against the real server.
func TestOurClient(t *testing.T) {
	t.Parallel()
	b := run(t, nil)
	c, err := viber.New(viber.Config{BaseURL: b.URL(), Timeout: 500 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	button := viber.Button{Caption: "Kup", URL: "https://ex.pl"}
	for _, two := range []bool{false, true} {
		for _, s := range []viber.Submission{
			{Text: "Hej"},
			{Text: "Hej", Button: button},
			{Text: "Hej", ImageURL: "https://ex.pl/p.png"},
			{Text: "Hej", ImageURL: "https://ex.pl/p.png", Button: button},
			{ImageURL: "https://ex.pl/p.png"},
		} {
			for _, label := range []domain.Category{domain.Transactional, domain.Promotional} {
				s.Number, s.ServiceID, s.TTLSec, s.Label, s.TwoWay, s.Attempt, s.Seq = base+"01", 4711, 30, label, two, "a-1", 3
				r := c.Send(context.Background(), s)
				require.Equal(t, message.OutcomeAccepted, r.Outcome, "%+v: status %s", s, r.Code)
			}
		}
	}
	for suffix, code := range map[string]string{"20": "http_500", "22": "timeout", "23": "connection_cut", "24": "unreadable_answer", "37": "9"} {
		s := viber.Submission{Text: "Hej", Number: base + suffix, ServiceID: 4711, TTLSec: 30, Label: domain.Transactional, Attempt: "a-2"}
		require.Equal(t, code, c.Send(context.Background(), s).Code)
	}
}

func TestBadSubmits(t *testing.T) {
	t.Parallel()
	b := run(t, func(c *simulator.Config) { c.StrictServices = true })
	good := map[string]any{
		"service_id": 4711, "dest": digits(base + "01"), "seq": 7, "type": 106, "label": "transaction", "ttl": 30,
		"message": map[string]any{"#txt": "Hej"},
	}
	for name, tc := range map[string]struct {
		key    string
		value  any
		status int
	}{
		"good":                    {"seq", 7, 0},
		"no ttl":                  {"ttl", nil, 0},
		"another service":         {"service_id", 1, 2},
		"wrong kind of field":     {"type", "106", 3},
		"long text":               {"message", map[string]any{"#txt": strings.Repeat("ż", 1001)}, 3},
		"unknown type":            {"type", 105, 5},
		"tracking data on 1way":   {"message", map[string]any{"#txt": "Hej", "#tracking_data": "x"}, 6},
		"no tracking data on 2":   {"type", 206, 6},
		"button without caption":  {"message", map[string]any{"#txt": "Hej", "#action": "https://ex.pl"}, 6},
		"label":                   {"label", "promo", 18},
		"ttl too short":           {"ttl", 29, 20},
		"ttl too long":            {"ttl", 1_209_601, 20},
		"number with plus":        {"dest", base + "01", 27},
		"number too short to use": {"dest", "48", 27},
	} {
		t.Run(name, func(t *testing.T) {
			body := map[string]any{}
			for k, v := range good {
				body[k] = v
			}
			body[tc.key] = tc.value
			code, answer := post(t, b.URL()+"/vibersrvc/1/send_message", body)
			require.Equal(t, http.StatusOK, code)
			var got struct {
				Status int    `json:"status"`
				Token  string `json:"message_token"`
			}
			require.NoError(t, json.Unmarshal([]byte(answer), &got))
			require.Equal(t, tc.status, got.Status)
			require.Equal(t, tc.status == 0, got.Token != "")
		})
	}
	code, _ := post(t, b.URL()+"/vibersrvc/1/send_message", strings.Repeat("x", 70_000))
	require.Equal(t, http.StatusRequestEntityTooLarge, code)
}

func TestLogPages(t *testing.T) {
	t.Parallel()
	b := run(t, nil)
	for range 300 { // past the offsets that are kept
		answer, _ := submitViber(t, b, base+"06")
		require.Equal(t, "0", answer)
	}
	entries := b.log(t)
	require.Len(t, entries, 601)
	resp, err := http.Get(b.URL() + "/log?since=599&format=ndjson")
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Len(t, strings.Split(strings.TrimSpace(string(body)), "\n"), 2)
	for _, bad := range []string{"since=x", "since=-1", "limit=0"} {
		resp, err := http.Get(b.URL() + "/log?" + bad)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	}
}

func TestNothingPersonalInTheProcessLog(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	b := run(t, func(c *simulator.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.GiveUpAfter = time.Nanosecond
	})
	b.receiver.setDown(true)
	_, _ = submitViber(t, b, base+"01")
	b.clock.Advance(time.Second)
	require.Eventually(t, func() bool { return b.Stats().GaveUp == 2 }, time.Minute, time.Millisecond)
	b.stop()
	require.Contains(t, out.String(), "gave a report up")
	require.NotContains(t, out.String(), digits(base))
	require.NotContains(t, out.String(), "Hej")
}

func TestConfigFaults(t *testing.T) {
	t.Parallel()
	_, err := simulator.New(simulator.Config{
		CallbackURL: "nowhere", Services: []simulator.Service{{}}, Delays: simulator.Delays{Seen: -1}, Workers: -1,
	})
	for _, field := range []string{"callback_url", "services[0]", "delays", "workers"} {
		require.ErrorContains(t, err, field)
	}
}

// What is owed by now, and when the next report is due: whoever moves the clock
// by hand waits for the one and goes to the other.
func TestStatsTellWhatIsDue(t *testing.T) {
	t.Parallel()
	b := run(t, nil)
	b.receiver.setDown(true)
	answer, _ := submitViber(t, b, base+"01") // delivered, then seen
	require.Equal(t, "0", answer)
	require.Zero(t, b.Stats().Due)
	require.Equal(t, start.Add(300*time.Millisecond), b.Stats().Next)
	b.clock.Advance(300 * time.Millisecond)
	require.Eventually(t, func() bool { return b.receiver.tried() > 0 }, time.Minute, time.Millisecond)
	require.Equal(t, int64(1), b.Stats().Due)
	require.Equal(t, start.Add(time.Second), b.Stats().Next)
	b.receiver.setDown(false)
	require.Eventually(t, func() bool { return b.Stats().Due == 0 }, time.Minute, time.Millisecond)
	b.clock.Advance(700 * time.Millisecond)
	require.Eventually(t, func() bool { return b.Stats().Pending == 0 }, time.Minute, time.Millisecond)
	require.Zero(t, b.Stats().Due)
	require.Zero(t, b.Stats().Next)
}

package cli

import (
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/adapters/simulator"
	"goniec/cmd/goniec/internal/run"
	"goniec/eventstore/audit"
	"goniec/projections/models"
)

// counted is what reached somebody outside.
type counted struct {
	Viber, SMS int64 // submits
	Webhooks   int64 // calls
	Mails      string
}

// sentTo are endings of numbers: delivered on Viber, late, late and seen, silent, refused for
// a while, refused until the deadline, opted out, not on Viber, undelivered.
var sentTo = []string{"01", "04", "05", "06", "20", "30", "36", "37", "60"}

// outside is an installation with everybody who may be reached by it.
type outside struct {
	t     *testing.T
	up    *run.Up
	data  string
	hooks atomic.Int64
}

// audited starts everything, lets messages go on both ways, tells a webhook, and has
// a mail sent: so the counters count.
func audited(t *testing.T) *outside {
	t.Helper()
	o := &outside{t: t}
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		o.hooks.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(hook.Close)
	up, cfg := startUp(t, true)
	o.up, o.data = up, cfg.Data
	o.do("webhooks", "add", hook.URL)
	o.mailed()
	for _, suffix := range sentTo {
		o.do("send", "+485000001"+suffix, "Twoja paczka czeka")
	}
	return o
}

// do runs a command that has to succeed.
func (o *outside) do(args ...string) string {
	o.t.Helper()
	r := runCLI(o.t, "", "", append(args, "--data", o.data)...)
	require.Zero(o.t, r.code, "%v: %s%s", args, r.out, r.err)
	return r.out
}

// mailed has a submission returned, of which its notice address is told (rules.md B8).
func (o *outside) mailed() {
	o.t.Helper()
	logo := filepath.Join(o.t.TempDir(), "logo.png")
	f, err := os.Create(logo)
	require.NoError(o.t, err)
	require.NoError(o.t, png.Encode(f, image.NewPaletted(image.Rect(0, 0, 200, 200), color.Palette{color.White, color.Black})))
	require.NoError(o.t, f.Close())
	id := decode[httpapi.SenderBody](o.t, o.do("sender", "create", "--company", "POCZTA", "--json")).ID
	o.do("sender", "set", id, "--registered-in", "PL", "--type", "sales", "--kind", "orders", "--communication", "1way",
		"--notice-email", "office@example.com", "--sample", "Your order is ready.", "--logo", logo)
	o.do("sender", "submit", id)
	key, err := os.ReadFile(o.up.Running().OperatorKeyFile)
	require.NoError(o.t, err)
	o.do("sender", "return", id, "--reason", "the logo is not yours", "--key-file", file(o.t, "operator", string(key)))
}

// get reads a page of the simulated carriers.
func (o *outside) get(path string) []byte {
	o.t.Helper()
	resp, err := http.Get(o.up.Running().Simulator + path)
	require.NoError(o.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(o.t, err)
	return body
}

func (o *outside) count() counted {
	o.t.Helper()
	var s simulator.Stats
	require.NoError(o.t, json.Unmarshal(o.get("/stats"), &s))
	return counted{s.ViberSubmits, s.SMSSubmits, o.hooks.Load(), string(o.get("/mails"))}
}

// over waits until all has ended, and everybody was told of it.
func (o *outside) over(month string) counted {
	o.t.Helper()
	require.Eventually(o.t, func() bool {
		advance(o.t, o.up, 30*time.Second)
		b := decode[whatIfBody](o.t, o.do("audit", "what-if", "--month", month, "--json"))
		return int(b.Real.Messages) == len(sentTo) && b.Open == 0
	}, 3*time.Minute, 200*time.Millisecond)
	var last counted
	calm := 0
	require.Eventually(o.t, func() bool {
		now := o.count()
		if calm++; now != last {
			last, calm = now, 0
		}
		return calm >= 8 && last.Webhooks > 0 && len(last.Mails) > 100
	}, time.Minute, 250*time.Millisecond)
	return last
}

// The whole journal through every projection and every audit command, and the carriers,
// the mail server and a webhook see nothing of it.
func TestReplayingSendsNothing(t *testing.T) {
	t.Parallel()
	o := audited(t)
	zone, err := time.LoadLocation(run.Defaults().Zone)
	require.NoError(t, err)
	month := time.Now().In(zone).Format("2006-01")
	before := o.over(month)
	require.NotZero(t, before.Viber)
	require.NotZero(t, before.SMS)
	same := decode[whatIfBody](t, o.do("audit", "what-if", "--month", month, "--json"))
	require.Equal(t, same.Real, same.WhatIf, "the settings that were in force change nothing")
	require.Empty(t, same.Assumed)
	require.NotZero(t, same.Real.FellBack)
	events := func() int64 { return decode[audit.Report](t, o.do("audit", "verify", "--json")).Events }
	written := events()
	o.do("audit", "what-if", "--month", month, "--validity", "15s", "--policy", "fallback_at_once=false")
	o.do("audit", "what-if", "--month", month, "--validity", "24h")
	require.Equal(t, written, events(), "what-if writes nothing either")

	for _, p := range models.All() {
		o.do("projections", "rebuild", p.Name())
	}
	for _, args := range o.commands(month) {
		o.do(append([]string{"audit"}, args...)...)
	}
	require.Never(t, func() bool { return o.count() != before }, 2*time.Second, 100*time.Millisecond)
	require.Equal(t, before, o.count())
}

// commands are all of audit's, in an order in which each finds what it needs.
func (o *outside) commands(month string) [][]string {
	o.t.Helper()
	dir := o.t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	sample := decode[sampledBody](o.t, o.do("audit", "sample", "--month", month, "--json"))
	require.Len(o.t, sample.Stories, len(sentTo))
	story := sample.Stories[0]
	text := file(o.t, "text", "Twoja paczka czeka")
	number := file(o.t, "number", "+48500000101")
	first, second := at("first"), at("second")
	o.do("audit", "keygen", "--out", at("key"))
	o.do("audit", "checkpoint", "--key", at("key"), "--dir", at("kept"), "--json")
	made := struct{ File string }{}
	require.NoError(o.t, json.Unmarshal([]byte(o.do("audit", "checkpoint", "--key", at("key"), "--dir", at("kept"), "--json")), &made))
	list := [][]string{
		{"keygen", "--out", at("other")},
		{"checkpoint", "--key", at("key"), "--dir", at("kept")},
		{"verify", "--checkpoint", made.File, "--key", at("key.pub")},
		{"prove", story.Steps[0].ID, "--checkpoint", made.File, "--key", at("key.pub"), "--out", first},
		{"check-proof", first, "--key", at("key.pub")},
		{"consistency", made.File, made.File, "--key", at("key.pub"), "--out", second},
		{"show", story.Stream},
		{"why", story.Stream},
		{"state", story.Stream, "--as-of", story.Steps[0].Recorded.Format(time.RFC3339)},
		{"diff", "--from", "2020-01-01"},
		{"sample", "--month", month},
		{"match", story.Stream, "--text-file", text},
		{"consent", "--number-file", number, "--account", run.DemoAccount},
		{"what-if", "--month", month, "--policy", "fallback=false"},
		{"report", month},
		{"export", at("exported"), "--month", month, "--format", "parquet", "--format", "ndjson"},
		{"verify-export", at("exported")},
	}
	called := map[string]bool{}
	for _, args := range list {
		called[args[0]] = true
	}
	for _, cmd := range (&app{}).auditCommand().Commands() {
		require.True(o.t, called[cmd.Name()], "audit %s is not called here: add it", cmd.Name())
	}
	return list
}

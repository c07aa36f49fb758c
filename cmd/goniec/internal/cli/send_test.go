package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/internal/suffixes"
)

const testID = "8a6e9c6f-52f0-8000-9b0e-0f4b6d4f1c11"

func TestSendOne(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("POST /v1/messages", 202, httpapi.AcceptedBody{ID: testID, PricedCategory: "promotional", SMSParts: 2})
	got := f.do("send", "+48500100201", "Dzień dobry", "--sender", "SHOP", "--sms", "Dzien dobry", "--validity", "60s", "--no-fallback",
		"--image", "https://example.com/a.jpg", "--button-text", "Go", "--button-url", "https://example.com", "--ref", "r1", "--tag", "a", "--tag", "b,c",
		"--at", "2026-11-24T10:00:00+01:00", "--test", "--category", "promotional")
	require.Equal(t, result{0, "accepted " + testID + "\nsee what becomes of it: goniec messages show " + testID + "\n", ""}, got)
	calls := f.got("")
	require.Len(t, calls, 1)
	require.NotEmpty(t, calls[0].key)
	require.JSONEq(t, `{"to":"+48500100201","sender":"SHOP","category":"promotional","text":"Dzień dobry","image_url":"https://example.com/a.jpg",
		"button":{"text":"Go","url":"https://example.com"},"sms":{"text":"Dzien dobry"},"fallback":false,"validity":"60s","client_ref":"r1",
		"tags":["a","b,c"],"send_at":"2026-11-24T10:00:00+01:00","test":true}`, calls[0].body)
}

// The moment that --at was understood as is told with its zone.
func TestSendSaysWhenItGoes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	f := newFake(t).says("POST /v1/messages", 202, httpapi.AcceptedBody{ID: testID, SendAt: &at})
	got := f.do("send", "+48500100201", "x", "--sender", "S", "--at", "2026-11-24T10:00:00+01:00")
	require.Contains(t, got.out, "goes at "+at.Local().Format("2006-01-02 15:04:05 -07:00 (MST, this machine's zone)")+"\n")

	f = accepts(t)
	got = f.do("send", "--file", file(t, "p.csv", "to\n500100201\n"), "--text", "x", "--sender", "S", "--at", "2026-11-24T10:00:00+01:00")
	require.Contains(t, got.out, "they go at "+at.Local().Format("2006-01-02 15:04:05 -07:00"))
}

func TestSendSaysWhatIsUnexpected(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("POST /v1/messages", 202, httpapi.AcceptedBody{ID: testID, PricedCategory: "promotional"})
	got := f.up("send", "+48500100239", "x")
	require.Equal(t, "accepted "+testID+"\npriced as promotional: it has an image or a button\nsender GONIEC 39\nsee what becomes of it: goniec messages show "+testID+"\n", got.out)
}

func TestSendJSONAndStdin(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("POST /v1/messages", 202, httpapi.AcceptedBody{ID: testID, PricedCategory: "transactional", SMSParts: 1})
	got := f.ask("two\nlines\n", "", "send", "+48500100201", "-", "--sender", "S", "--json", "--run", "r-7")
	require.Equal(t, result{0, `{"id":"` + testID + `","priced_category":"transactional","sms_parts":1}` + "\n", ""}, got)
	require.Equal(t, []call{{"POST /v1/messages", "r-7", `{"to":"+48500100201","sender":"S","category":"transactional","text":"two\nlines"}`}}, f.got(""))
}

// A 503 is repeated with the same key, and what may have been accepted is told.
func TestSendWhileUnavailable(t *testing.T) {
	t.Parallel()
	f := newFake(t).on("POST /v1/messages", func(n int, _ []byte, _ *http.Request) (int, any) {
		if n == 1 {
			return 503, httpapi.Problem{Status: 503, Code: "unavailable", Detail: "later"}
		}
		return 202, httpapi.AcceptedBody{ID: testID}
	})
	require.Zero(t, f.do("send", "+48500100201", "x", "--sender", "S").code)
	calls := f.got("")
	require.Len(t, calls, 2)
	require.Equal(t, calls[0], calls[1])

	f = newFake(t).says("POST /v1/messages", 500, httpapi.Problem{Status: 500, Code: "internal", Detail: "something is wrong here"})
	got := f.do("send", "+48500100201", "x", "--sender", "S")
	require.Equal(t, ExitUnavailable, got.code)
	require.Equal(t, "goniec: something is wrong here (internal)\nIt may have been accepted all the same. To repeat it without sending it twice: --run "+f.got("")[0].key+"\n", got.err)
}

func TestSenderIsChosen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		senders []httpapi.SenderBody
		code    int
		want    string
	}{
		"the only active one": {[]httpapi.SenderBody{{Name: "A", State: "new"}, {Name: "B", State: "active", Country: "PL"}, {Name: "B", State: "active", Country: "CZ"}}, 0, `"sender":"B"`},
		"several":             {[]httpapi.SenderBody{{Name: "C", State: "active"}, {Name: "B", State: "active"}}, ExitUsage, "choose one of the account's senders with --sender: B, C"},
		"none":                {nil, ExitRefused, "the account has no active sender"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t).says("POST /v1/messages", 202, httpapi.AcceptedBody{ID: testID}).says("GET /v1/senders", 200, httpapi.SenderList{Senders: c.senders})
			got := f.do("send", "+48500100201", "x")
			require.Equal(t, c.code, got.code)
			sent := f.got("POST")
			if c.code == 0 {
				require.Contains(t, sent[0].body, c.want)
			} else {
				require.Empty(t, sent)
				require.Equal(t, "goniec: "+c.want+"\n", got.err)
			}
		})
	}
}

func TestDemoSender(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{
		"+48500100201": suffixes.DemoSender, "+48 500 100 239": "GONIEC 39", "500-100-220": "GONIEC 20", "+48500100225": suffixes.DemoSender,
		"+48500100249": "GONIEC 49", "+48500100260": suffixes.DemoSender, "": suffixes.DemoSender, "x": suffixes.DemoSender,
	} {
		require.Equal(t, want, demoSender(number), number)
	}
}

func TestParseAt(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("here", 3600)
	now := time.Date(2026, 11, 23, 16, 30, 0, 0, zone)
	for in, want := range map[string]time.Time{
		"+90m": now.Add(90 * time.Minute), "17:00": time.Date(2026, 11, 23, 17, 0, 0, 0, zone), "16:00": time.Date(2026, 11, 24, 16, 0, 0, 0, zone),
		"2026-12-01 08:15": time.Date(2026, 12, 1, 8, 15, 0, 0, zone), "2026-12-01": time.Date(2026, 12, 1, 0, 0, 0, 0, zone),
		"2026-12-01T08:15:00Z": time.Date(2026, 12, 1, 8, 15, 0, 0, time.UTC),
	} {
		got, err := parseAt(in, now)
		require.NoError(t, err, in)
		require.True(t, want.Equal(*got), in)
	}
	for _, in := range []string{"soon", "+x", "-90m", "25:00", "+-1h"} {
		_, err := parseAt(in, now)
		require.Error(t, err, in)
	}
	none, err := parseAt("", now)
	require.NoError(t, err)
	require.Nil(t, none)
}

// life answers with a message whose timeline grows by a step at each look.
func life(steps []httpapi.TimelineStep, end httpapi.Message) func(int, []byte, *http.Request) (int, any) {
	return func(n int, _ []byte, _ *http.Request) (int, any) {
		if n == 1 {
			return 404, httpapi.Problem{Status: 404, Code: "not_found"}
		}
		m := end
		m.ID, m.Timeline = testID, steps[:min(n-1, len(steps))]
		if n-1 < len(steps) {
			m.State, m.Ended, m.Channel = "sending", false, ""
		}
		return 200, m
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 10, 9, 0, 0, 0, time.UTC)
	deadline := at.Add(15 * time.Second)
	steps := []httpapi.TimelineStep{
		{At: at, Type: "accepted"},
		{At: at, Type: "released"},
		{At: at, Type: "attempt_started", Channel: "viber"},
		{At: deadline, Type: "fell_back", Channel: "sms", Reason: "deadline"},
		{At: deadline.Add(time.Second), Type: "delivered", Channel: "sms"},
	}
	clockAt := func(i int) string { return steps[i].At.Local().Format("15:04:05.000") }
	f := newFake(t).says("POST /v1/messages", 202, httpapi.AcceptedBody{ID: testID}).on("GET /v1/messages/*", life(steps, httpapi.Message{
		State: "delivered", Ended: true, Channel: "sms", FallbackReason: "deadline", AcceptedAt: at, Deadline: &deadline,
		Charges: []httpapi.Charge{{Channel: "sms", Parts: 2, Amount: "0.180000", Currency: "PLN"}},
	}))
	got := f.do("send", "+48500100206", "x", "--sender", "S", "--watch")
	require.Equal(t, "accepted "+testID+"\n"+
		clockAt(0)+"  accepted\n"+clockAt(1)+"  validity begins\n"+clockAt(2)+"  tries Viber\n"+clockAt(3)+"  falls back to SMS: not delivered in time\n"+
		clockAt(4)+"  delivered as SMS\ndelivered as SMS, 2 parts, 0.18 PLN: Viber not delivered in 15 s\n", got.out)
	require.Zero(t, got.code, got.err)
}

// Each line is an object; one that did not arrive ends with 1.
func TestWatchJSON(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 10, 9, 0, 0, 0, time.UTC)
	steps := []httpapi.TimelineStep{{At: at, Type: "accepted"}, {At: at, Type: "failed", Reason: "invalid_number"}}
	f := newFake(t).says("POST /v1/messages", 202, httpapi.AcceptedBody{ID: testID}).on("GET /v1/messages/*",
		life(steps, httpapi.Message{State: "failed", Ended: true, Reason: "invalid_number", Charges: []httpapi.Charge{}}))
	got := f.do("send", "+48500100248", "x", "--sender", "S", "--watch", "--json")
	require.Equal(t, ExitFailed, got.code)
	require.Empty(t, got.err)
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	require.Len(t, lines, 4)
	require.JSONEq(t, `{"id":"`+testID+`","priced_category":"","sms_parts":0}`, lines[0])
	require.JSONEq(t, `{"id":"`+testID+`","text":"accepted","at":"2026-11-10T09:00:00Z","type":"accepted"}`, lines[1])
	require.JSONEq(t, `{"id":"`+testID+`","text":"failed: the number does not exist","at":"2026-11-10T09:00:00Z","type":"failed","reason":"invalid_number"}`, lines[2])
	end := decode[endBody](t, lines[3])
	require.Equal(t, "failed: the number does not exist", end.Ending)
	require.Equal(t, "failed", end.Message.State)
}

func TestWatchIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	f := newFake(t).says("POST /v1/messages", 202, httpapi.AcceptedBody{ID: testID}).on("GET /v1/messages/*", func(n int, _ []byte, _ *http.Request) (int, any) {
		if n == 2 {
			cancel()
		}
		return 200, httpapi.Message{ID: testID, State: "sent", Timeline: []httpapi.TimelineStep{{Type: "accepted"}}}
	})
	got := runCLIWith(ctx, "", "", "send", "+48500100206", "x", "--sender", "S", "--watch", "--url", f.URL, "--key-file", f.keyFile())
	require.Equal(t, ExitInterrupted, got.code)
	require.True(t, strings.HasSuffix(got.out, "the message goes on: goniec messages show "+testID+"\n"), got.out)
	require.Empty(t, got.err)
}

func TestDryRunOfOne(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("POST /v1/messages/preview", 200, httpapi.PreviewBody{Results: []httpapi.PreviewItem{{
		Country: "PL", PricedCategory: "transactional", SMSParts: 2, SMSEncoding: "ucs2", ViberPrice: "0.050000", SMSPrice: "0.180000", Currency: "PLN",
	}}})
	got := f.do("send", "+48500100201", "x", "--sender", "S", "--dry-run")
	require.Equal(t, result{0, "to PL from S, priced as transactional\non Viber: 0.05 PLN\nas SMS:   0.18 PLN (2 parts, ucs2)\nnothing was sent\n", ""}, got)
	require.Len(t, f.got(""), 1)

	f.says("POST /v1/messages/preview", 200, httpapi.PreviewBody{Results: []httpapi.PreviewItem{{
		Code: "invalid_number", Errors: []httpapi.FieldError{{Field: "to", Code: "invalid_number", Message: "is no number"}},
	}}})
	got = f.do("send", "+485", "x", "--sender", "S", "--dry-run")
	require.Equal(t, result{ExitRefused, "", "goniec: to: is no number (invalid_number)\n"}, got)
}

func TestSample(t *testing.T) {
	t.Parallel()
	var ids []string
	f := newFake(t).on("POST /v1/messages/batch", func(_ int, body []byte, _ *http.Request) (int, any) {
		var out httpapi.BatchBody
		for i := range decode[httpapi.BatchRequest](t, string(body)).Messages {
			ids = append(ids, fmt.Sprintf("id-%d", i))
			out.Results = append(out.Results, httpapi.ItemResult{Index: i, ID: ids[i]})
		}
		return 200, out
	})
	f.on("GET /v1/messages", func(int, []byte, *http.Request) (int, any) {
		var out httpapi.MessageList
		for _, id := range ids {
			out.Messages = append(out.Messages, httpapi.Message{ID: id, State: "read", Ended: true, Channel: "viber"})
		}
		return 200, out
	})
	got := f.up("send", "--sample", "--run", "try-1")
	require.Zero(t, got.code, got)
	require.Contains(t, got.out, "…06  Viber never reports anything                read on Viber\n")
	require.Contains(t, got.out, "goniec messages list --ref try-1")
	sent := f.got("POST")
	require.Len(t, sent, 1)
	require.Equal(t, "try-1", sent[0].key)
	senders := map[string]bool{}
	for i, m := range decode[httpapi.BatchRequest](t, sent[0].body).Messages {
		require.Equal(t, "try-1", m.ClientRef)
		require.True(t, strings.HasSuffix(m.To, samples[i].suffix))
		require.NotContains(t, got.out+got.err, m.To)
		senders[m.Sender] = true
	}
	require.True(t, senders["GONIEC"] && senders["GONIEC 37"])
}

// Sample numbers may be somebody's.
func TestSampleNeedsSimulatedCarriers(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	got := f.do("send", "--sample", "--yes")
	require.Equal(t, ExitUsage, got.code)
	require.Empty(t, f.got(""))
}

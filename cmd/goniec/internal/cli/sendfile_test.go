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
	"goniec/cmd/goniec/internal/run"
	"goniec/cmd/goniec/internal/words"
)

const people = "to;name;nr\n500100201;Żaneta;1\n12;Zły;2\n500100202;;3\n+48500100203;Ewa;4\n+48500100203;Ewa;4\n+48500100203;Ewa;5\n+420601123456;Karel;6\n"

// accepts answers batches as the API would, and refuses numbers outside Poland.
func accepts(t *testing.T) *fakeAPI {
	t.Helper()
	f := newFake(t)
	f.on("POST /v1/messages/batch", func(n int, body []byte, _ *http.Request) (int, any) {
		out := httpapi.BatchBody{}
		for i, m := range decode[httpapi.BatchRequest](t, string(body)).Messages {
			r := httpapi.ItemResult{Index: i, ID: fmt.Sprintf("id-%d-%d", n, i)}
			if !strings.HasPrefix(m.To, "+48") {
				r = httpapi.ItemResult{Index: i, Code: "sender_not_in_country", Errors: []httpapi.FieldError{{Field: "sender", Code: "sender_not_in_country", Message: "has no configuration for CZ"}}}
			}
			out.Results = append(out.Results, r)
		}
		return 200, out
	})
	f.on("POST /v1/messages/preview", func(_ int, body []byte, _ *http.Request) (int, any) {
		out := httpapi.PreviewBody{}
		for i, m := range decode[httpapi.BatchRequest](t, string(body)).Messages {
			p := httpapi.PreviewItem{Index: i, SMSParts: 2, ViberPrice: "0.050000", SMSPrice: "0.180000", Currency: "PLN"}
			if !strings.HasPrefix(m.To, "+48") {
				p = httpapi.PreviewItem{Index: i, Code: "sender_not_in_country"}
			}
			out.Results = append(out.Results, p)
		}
		return 200, out
	})
	return f.says("GET /v1/messages", 200, httpapi.MessageList{})
}

const badLines = "line 3: to must be a phone number such as +48 512 345 678 (invalid_number)\n" +
	"line 4: name has no value in this row and no default in the text (missing_value)\n" +
	"line 6: repeats line 5 (duplicate_in_batch)\n"

func TestSendFile(t *testing.T) {
	t.Parallel()
	f := accepts(t)
	path := file(t, "people.csv", people)
	args := []string{"send", "--file", path, "--text", "Dzień dobry {name}, {nr}", "--sender", "S", "--validity", "60s", "--run", "r1"}
	got := f.do(args...)
	require.Equal(t, badLines+"line 8: sender has no configuration for CZ (sender_not_in_country)\n3 messages accepted, 4 rows left out\n"+
		"run r1; see its messages: goniec messages list --ref r1\n", got.out)
	require.Equal(t, ExitFailed, got.code)
	require.Empty(t, got.err)

	sent := f.got("POST")
	require.Len(t, sent, 2, "the same number twice goes in two requests")
	keys := map[string]httpapi.BatchRequest{}
	for _, c := range sent {
		keys[c.key] = decode[httpapi.BatchRequest](t, c.body)
	}
	first := httpapi.MessageRequest{To: "+48500100201", Sender: "S", Category: "transactional", Text: "Dzień dobry Żaneta, 1", Validity: "60s", ClientRef: "r1"}
	require.Len(t, keys["r1"].Messages, 3)
	require.Equal(t, first, keys["r1"].Messages[0])
	require.Len(t, keys["r1/2"].Messages, 1)
	require.Equal(t, "Dzień dobry Ewa, 5", keys["r1/2"].Messages[0].Text)

	f.do(args...)
	again := f.got("POST")[2:]
	require.ElementsMatch(t, sent, again, "a repeat asks for the very same messages under the same keys")
}

func TestFileReportIsJSON(t *testing.T) {
	t.Parallel()
	got := accepts(t).do("send", "--file", file(t, "p.csv", people), "--text", "{name} {nr}", "--sender", "S", "--run", "r1", "--json")
	require.JSONEq(t, `{"run":"r1","dry_run":false,"rows":7,"good":3,"accepted":3,"repeated":0,"bad":4,"bad_rows":[
		{"line":3,"code":"invalid_number","field":"to","message":"must be a phone number such as +48 512 345 678"},
		{"line":4,"code":"missing_value","field":"name","message":"has no value in this row and no default in the text"},
		{"line":6,"code":"duplicate_in_batch","message":"repeats line 5"},
		{"line":8,"code":"sender_not_in_country","field":"sender","message":"has no configuration for CZ"}]}`, got.out)
}

func TestRunIsNamedByWhatIsSent(t *testing.T) {
	t.Parallel()
	path := file(t, "p.csv", "to\n500100201\n")
	name := func(args ...string) string {
		f := accepts(t)
		got := f.do(append([]string{"send", "--file", path, "--sender", "S"}, args...)...)
		require.Zero(t, got.code, got)
		return f.got("POST")[0].key
	}
	first := name("--text", "a")
	require.Regexp(t, "^run-[0-9a-f]{16}$", first)
	require.Equal(t, first, name("--text", "a"))
	for _, other := range [][]string{{"--text", "b"}, {"--text", "a", "--validity", "60s"}, {"--text", "a", "--ref", "x"}, {"--text", "a", "--test"}} {
		require.NotEqual(t, first, name(other...), other)
	}
}

func TestRefsNameColumns(t *testing.T) {
	t.Parallel()
	f := accepts(t)
	got := f.do("send", "--file", file(t, "p.csv", "to,nr\n500100201,7\n"), "--text", "x", "--sms", "sms {nr}", "--ref", "invoice-{nr}", "--sender", "S")
	require.Equal(t, result{0, "1 message accepted, 0 rows left out\n", ""}, got)
	m := decode[httpapi.BatchRequest](t, f.got("POST")[0].body).Messages[0]
	require.Equal(t, "invoice-7", m.ClientRef)
	require.Equal(t, "sms 7", m.SMS.Text)
}

func TestFileFromStdin(t *testing.T) {
	t.Parallel()
	f := accepts(t)
	got := f.ask("to\n500100201\n", "", "send", "--file", "-", "--text", "x", "--sender", "S")
	require.Zero(t, got.code, got)
	require.Len(t, f.got("POST"), 1)
}

func TestDryRunOfAFile(t *testing.T) {
	t.Parallel()
	f := accepts(t)
	path := file(t, "p.csv", people)
	got := f.do("send", "--file", path, "--text", "{name} {nr}", "--sender", "S", "--run", "r1", "--dry-run")
	require.Equal(t, badLines+"line 8: the sender has no configuration for the number's country (sender_not_in_country)\n"+
		"3 recipients, 4 rows left out\nif Viber delivers all:  0.15 PLN\nif all go as SMS:       0.54 PLN (6 parts)\nnothing was sent; the run would be r1\n", got.out)
	require.Equal(t, ExitFailed, got.code)
	require.Empty(t, f.got("POST /v1/messages/batch"))

	got = f.do("send", "--file", path, "--text", "{name} {nr}", "--sender", "S", "--run", "r1", "--dry-run", "--json")
	report := decode[fileReport](t, got.out)
	require.Equal(t, &estimate{Recipients: 3, SMSParts: 6, Costs: []costs{{Currency: "PLN", Viber: "0.150000", SMS: "0.540000", Highest: "0.690000"}}}, report.Estimate)
	require.Equal(t, 0, report.Accepted)
}

func many(t *testing.T, n int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("to\n")
	for i := range n {
		fmt.Fprintf(&b, "+48500%06d\n", i)
	}
	return file(t, "many.csv", b.String())
}

func TestChunks(t *testing.T) {
	t.Parallel()
	f := accepts(t)
	got := f.up("send", "--file", many(t, 2*chunkSize+1), "--text", "x", "--run", "r")
	require.Zero(t, got.code, got)
	require.Contains(t, got.out, "2,001 messages accepted, 0 rows left out\n")
	seen := map[string]bool{}
	for _, c := range f.got("POST") {
		require.Equal(t, "r", c.key)
		batch := decode[httpapi.BatchRequest](t, c.body).Messages
		require.LessOrEqual(t, len(batch), chunkSize)
		for _, m := range batch {
			require.Equal(t, demoSender(m.To), m.Sender)
			seen[m.To] = true
		}
	}
	require.Len(t, seen, 2*chunkSize+1)
	require.Len(t, f.got("POST"), 3)
}

// One number over and over must not be gathered without an end.
func TestOneNumberManyTimes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("to,nr\n")
	for i := range 2*chunkSize + 10 {
		fmt.Fprintf(&b, "500100201,%d\n", i)
	}
	f := accepts(t)
	got := f.do("send", "--file", file(t, "p.csv", b.String()), "--text", "{nr}", "--sender", "S", "--yes", "--run", "r")
	require.Zero(t, got.code, got.err)
	keys := map[string]bool{}
	for _, c := range f.got("POST") {
		require.False(t, keys[c.key], c.key)
		keys[c.key] = true
	}
	require.Len(t, keys, 2*chunkSize+10)
}

func TestManyRealRecipientsAreAskedFor(t *testing.T) {
	t.Parallel()
	path := many(t, askAbove+1)
	base := []string{"send", "--file", path, "--text", "x", "--sender", "S"}
	for name, c := range map[string]struct {
		who  person
		args []string
		code int
		sent int
	}{
		"nobody there":    {"", nil, ExitUsage, 0},
		"yes":             {"y\n", nil, 0, 1},
		"no":              {"\n", nil, ExitFailed, 0},
		"--yes":           {"", []string{"--yes"}, 0, 1},
		"only a test":     {"", []string{"--test"}, 0, 1},
		"JSON asks never": {"y\n", []string{"--json"}, ExitUsage, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := accepts(t)
			got := f.ask("", c.who, append(base, c.args...)...)
			require.Equal(t, c.code, got.code, got)
			require.Len(t, f.got("POST /v1/messages/batch"), c.sent)
			if c.who != "" && c.args == nil {
				require.Equal(t, "Send to 101 recipients, for at most 23.23 PLN? [y/N] ", got.err)
			}
		})
	}
	f := accepts(t)
	require.Zero(t, f.do("send", "--file", many(t, askAbove), "--text", "x", "--sender", "S").code)
	require.Zero(t, f.up("send", "--file", path, "--text", "x").code, "simulated carriers reach nobody")
}

// A file sent again is told so from the first second on; --again sends it once more.
func TestARepeatedRunIsTold(t *testing.T) {
	t.Parallel()
	begun := time.Now().Add(-time.Second)
	f := accepts(t)
	inner := f.answers["POST /v1/messages/batch"]
	f.on("POST /v1/messages/batch", func(_ int, body []byte, r *http.Request) (int, any) { return inner(1, body, r) }) // the same ids
	sent := 0
	f.on("GET /v1/messages", func(int, []byte, *http.Request) (int, any) {
		out := httpapi.MessageList{}
		for i := range sent {
			out.Messages = append(out.Messages, httpapi.Message{ID: fmt.Sprint("id-1-", i), AcceptedAt: begun.Add(time.Duration(i))})
		}
		return 200, out
	})
	path := file(t, "p.csv", "to\n500100201\n500100202\n")
	args := []string{"send", "--file", path, "--text", "x", "--sender", "S"}
	require.Contains(t, f.do(args...).out, "2 messages accepted, 0 rows left out\nrun ")
	run := f.got("POST")[0].key
	require.Equal(t, "GET /v1/messages?client_ref="+run+"&limit=200", f.got("GET")[0].at)
	at := words.Moment(begun)

	sent = 2
	require.Contains(t, f.do(args...).out, "already sent at "+at+", nothing new: 2 messages, 0 rows left out\nTo send it once more: --again\n")
	got := decode[fileReport](t, f.do(append(args, "--json")...).out)
	require.True(t, begun.Equal(*got.AlreadySent))
	require.Equal(t, 2, got.Repeated)

	sent = 1
	require.Contains(t, f.do(args...).out, "2 messages accepted, 0 rows left out; this run was begun at "+at+": 1 of them were sent already, and not again\n")
	require.Contains(t, f.do(append(args, "--ref", "r")...).out, "this run was begun at "+at+": what was accepted then was not sent again\n")

	sent = 0 // not visible yet, but the API knows
	f.on("POST /v1/messages/batch", func(int, []byte, *http.Request) (int, any) {
		return 200, httpapi.BatchBody{Results: []httpapi.ItemResult{{ID: "id-1-0", Repeated: true}, {ID: "id-1-1", Repeated: true}}}
	}).says("GET /v1/messages/*", 200, httpapi.Message{AcceptedAt: begun})
	require.Contains(t, f.do(args...).out, "already sent at "+at+", nothing new: 2 messages, 0 rows left out\n")

	f.do(append(args, "--again")...)
	keys := f.got("POST")
	require.Regexp(t, "^"+run+"-[0-9a-f]{8}$", keys[len(keys)-1].key)
	require.Equal(t, run, keys[1].key)
}

// The same run with another text is refused in words that do not speak of keys.
func TestARunWithAnotherTextIsRefused(t *testing.T) {
	t.Parallel()
	f := accepts(t).says("POST /v1/messages/batch", 200, httpapi.BatchBody{Results: []httpapi.ItemResult{{
		Code: httpapi.CodeIdempotencyConflict, Errors: []httpapi.FieldError{{Field: "Idempotency-Key", Message: "the key was used"}},
	}}})
	got := f.do("send", "--file", file(t, "p.csv", "to\n500100201\n"), "--text", "x", "--sender", "S", "--run", "r")
	require.Contains(t, got.out, "line 2: this run has sent it already with another text, time or option, which stands (idempotency_conflict)\n")
	require.Equal(t, ExitFailed, got.code)
}

// Sending needs no Postgres; so that there was an earlier run may stay unknown.
func TestARunIsSentThoughNothingCanBeListed(t *testing.T) {
	t.Parallel()
	f := accepts(t).says("GET /v1/messages", 500, httpapi.Problem{Status: 500, Code: "internal"})
	got := f.do("send", "--file", file(t, "p.csv", "to\n500100201\n"), "--text", "x", "--sender", "S")
	require.Contains(t, got.out, "1 message accepted, 0 rows left out\n")
	require.Zero(t, got.code)
}

// Interrupted in the middle, it says how to go on.
func TestFileIsInterrupted(t *testing.T) {
	t.Parallel()
	f := accepts(t)
	inner := f.answers["POST /v1/messages/batch"]
	f.on("POST /v1/messages/batch", func(n int, body []byte, r *http.Request) (int, any) {
		if n == 2 {
			return 500, httpapi.Problem{Status: 500, Code: "internal", Detail: "something is wrong here"}
		}
		return inner(n, body, r)
	})
	got := f.do("send", "--file", many(t, 2*chunkSize), "--text", "x", "--sender", "S", "--yes", "--run", "r9")
	require.Equal(t, ExitUnavailable, got.code)
	require.Equal(t, "goniec: something is wrong here (internal)\n1,000 messages accepted so far. Repeat the same command, or add --run r9: nothing is sent twice\n", got.err)
}

func TestFollowAFile(t *testing.T) {
	t.Parallel()
	f := accepts(t)
	f.on("GET /v1/messages", func(n int, _ []byte, r *http.Request) (int, any) {
		m := []httpapi.Message{{State: "read", Ended: true}, {State: "sending"}}
		if n > 4 { // two looks of two pages, after one for an earlier run
			m[1] = httpapi.Message{State: "delivered", Ended: true}
		}
		if r.URL.Query().Get("cursor") == "" {
			return 200, httpapi.MessageList{Messages: m[:1], Next: "c"}
		}
		return 200, httpapi.MessageList{Messages: m[1:]}
	})
	got := f.do("send", "--file", file(t, "p.csv", "to\n500100201\n500100202\n"), "--text", "x", "--sender", "S", "--run", "r", "--watch", "--json")
	require.Zero(t, got.code, got)
	require.Equal(t, []stateCount{{"delivered", 1, 1}, {"read", 1, 1}}, decode[fileReport](t, got.out).States)
	require.Contains(t, f.got("GET /v1/messages?")[0].at, "client_ref=r&")
}

func TestFilesThatCannotBeSent(t *testing.T) {
	t.Parallel()
	good := file(t, "p.csv", "to,name\n500100201,A\n")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no such file": {[]string{"--file", "/nonexistent/p.csv", "--text", "x"}, "open /nonexistent/p.csv: no such file or directory"},
		"no header":    {[]string{"--file", file(t, "n.csv", "500100201\n"), "--text", "x"}, `--file: the first line must name the columns, one of them "to"`},
		"no column":    {[]string{"--file", good, "--text", "{nome}"}, `--text: there is no column "nome"`},
		"bad template": {[]string{"--file", good, "--text", "x", "--sms", "{"}, "--sms: a brace stands alone; write {{ or }} for a brace itself"},
		"bad time":     {[]string{"--file", good, "--text", "x", "--at", "soon"}, `--at: must be a time such as 15:04, "2006-01-02 15:04", 2006-01-02T15:04:00+01:00 or +90m`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := accepts(t)
			got := f.do(append([]string{"send", "--sender", "S"}, c.args...)...)
			require.Equal(t, result{ExitUsage, "", "goniec: " + c.want + "\n"}, got)
			require.Empty(t, f.got(""))
		})
	}
}

func TestDemoAccountIsThatOfUp(t *testing.T) {
	t.Parallel()
	require.True(t, (&remote{running: run.Running{Account: run.DemoAccount}}).demo())
	require.False(t, (&remote{}).simulated())
}

func TestFollowingIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	f := accepts(t).on("GET /v1/messages", func(n int, _ []byte, _ *http.Request) (int, any) {
		if n > 1 { // the first look is for an earlier run
			cancel()
		}
		return 200, httpapi.MessageList{Messages: []httpapi.Message{{State: "sending"}}}
	})
	got := runCLIWith(ctx, "", "", "send", "--file", file(t, "p.csv", "to\n500100201\n"), "--text", "x", "--sender", "S", "--run", "r", "--watch",
		"--url", f.URL, "--key-file", f.keyFile())
	require.Equal(t, result{ExitInterrupted, "accepted: 1 message; they go on: goniec messages list --ref r\n", ""}, got)
}

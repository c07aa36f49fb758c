package cli

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/run"
	"goniec/projections"
	"goniec/projections/query"
)

func TestMessagesShow(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 10, 9, 0, 0, 0, time.UTC)
	m := httpapi.Message{
		ID: testID, State: "read", Ended: true, Channel: "viber", Sender: "GONIEC", Country: "PL", Category: "transactional", ClientRef: "r1", Tags: []string{"a"},
		AcceptedAt: at, Charges: []httpapi.Charge{{Channel: "viber", Parts: 1, Amount: "0.050000", Currency: "PLN"}},
		Timeline: []httpapi.TimelineStep{{At: at, Type: "accepted"}, {At: at, Type: "read", Channel: "viber"}},
	}
	f := newFake(t).says("GET /v1/messages/*", 200, m)
	when := at.Local().Format("2006-01-02 15:04:05.000")
	require.Equal(t, result{0, "read on Viber, 0.05 PLN\n" + testID + " from GONIEC to PL, transactional, reference r1, tag a\n\n" +
		when + "  accepted\n" + when + "  read on Viber\n", ""}, f.do("messages", "show", testID))
	require.Equal(t, m, decode[httpapi.Message](t, f.do("messages", "show", testID, "--json").out))
}

// What a message waits for is told, with times that say their zone.
func TestShowAWaitingMessage(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 10, 9, 0, 0, 0, time.UTC)
	m := httpapi.Message{
		ID: testID, State: "waiting", WaitsFor: "release", SendAt: &at, AcceptedAt: at.Add(-time.Hour),
		Timeline: []httpapi.TimelineStep{{At: at.Add(-time.Hour), Type: "waiting", Reason: "scheduled", Until: &at}},
	}
	f := newFake(t).says("GET /v1/messages/*", 200, m).says("GET /v1/messages", 200, httpapi.MessageList{Messages: []httpapi.Message{m}})
	when := at.Local().Format("2006-01-02 15:04:05 -07:00")
	got := f.do("messages", "show", testID)
	require.Contains(t, got.out, "waiting, goes at "+when+": scheduled for later\n")
	require.Contains(t, got.out, "not ended: waits for its time to go, "+when+"\n")
	require.Contains(t, got.out, "  waits until "+when+": scheduled for later\n")
	require.Contains(t, f.do("messages", "list").out, "waiting, goes at "+when)
}

func TestMessagesList(t *testing.T) {
	t.Parallel()
	f := newFake(t).on("GET /v1/messages", func(n int, _ []byte, r *http.Request) (int, any) {
		var out httpapi.MessageList
		var size int
		_, _ = fmt.Sscan(r.URL.Query().Get("limit"), &size)
		for range size {
			out.Messages = append(out.Messages, httpapi.Message{ID: testID, State: "failed", Reason: "opted_out", Sender: "S", Country: "PL"})
		}
		if n < 3 {
			out.Next = fmt.Sprint("c", n)
		}
		return 200, out
	})
	got := f.do("messages", "list", "--limit", "250", "--state", "failed", "--sender", "S", "--from", "2026-11-01", "--to", "2026-12-01", "--ref", "r", "--json")
	out := decode[listBody](t, got.out)
	require.Len(t, out.Messages, 250)
	require.True(t, out.More)
	const filter = "client_ref=r&"
	require.Equal(t, "GET /v1/messages?"+filter+"from=2026-11-01&limit=200&sender=S&state=failed&to=2026-12-01", f.got("")[0].at)
	require.Equal(t, "GET /v1/messages?"+filter+"cursor=c1&from=2026-11-01&limit=51&sender=S&state=failed&to=2026-12-01", f.got("")[1].at)
	require.Len(t, f.got(""), 2)

	got = f.do("messages", "list", "--limit", "1")
	require.Contains(t, got.out, "failed: the recipient has opted out\n")
	require.Contains(t, got.out, "there are older ones")

	f.says("GET /v1/messages", 200, httpapi.MessageList{})
	require.Equal(t, result{0, "no messages\n", ""}, f.do("messages", "list"))
	require.Equal(t, result{0, `{"messages":[],"more":false}` + "\n", ""}, f.do("messages", "list", "--json"))
}

func TestMessagesCancel(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("DELETE /v1/messages/*", 200, httpapi.ChangedBody{Changed: true})
	require.Equal(t, result{0, "nothing new goes out any more\n", ""}, f.do("messages", "cancel", testID))
	f.says("DELETE /v1/messages/*", 409, httpapi.Problem{Status: 409, Code: "already_ended", Detail: "…"})
	require.Equal(t, result{ExitRefused, "", "goniec: the message has ended: nothing is left to cancel\n"}, f.do("messages", "cancel", testID))
}

func TestBillingTotals(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("GET /v1/billing/*", 200, httpapi.BillingBody{
		Month:  "2026-11",
		Lines:  []httpapi.BillingLine{{Sender: "GONIEC", Country: "PL", Channel: "sms", Category: "transactional", Content: "text", Count: 1200, Parts: 2400, Amount: "216.00", Currency: "PLN", PriceVersion: "default@1"}},
		Totals: []httpapi.BillingTotal{{Currency: "PLN", Amount: "216.00"}},
	})
	got := f.do("billing", "totals", "2026-11")
	require.Equal(t, "SENDER  TO  CHANNEL  PRICED AS      CONTENT  MESSAGES  PARTS  AMOUNT      PRICES\n"+
		"GONIEC  PL  SMS      transactional  text     1,200     2,400  216.00 PLN  default@1\n2026-11: 216.00 PLN\n", got.out)
	require.Equal(t, "GET /v1/billing/2026-11", f.got("")[0].at)
	require.Zero(t, f.do("billing", "totals", "2026-11", "--account", testID).code)
	require.Equal(t, "GET /v1/billing/2026-11?account="+testID, f.got("")[1].at)
	f.says("GET /v1/billing/*", 200, httpapi.BillingBody{Month: "2026-10", Lines: []httpapi.BillingLine{}, Totals: []httpapi.BillingTotal{}})
	require.Equal(t, "2026-10: nothing was charged\n", f.do("billing", "totals").out)
	require.Regexp(t, `^GET /v1/billing/20\d\d-[01]\d$`, f.got("")[2].at)
}

func TestSums(t *testing.T) {
	t.Parallel()
	got, err := sums([]query.BillingLine{
		{LineAmount: "0.10", Currency: "PLN"}, {LineAmount: "1.00", Currency: "EUR"}, {LineAmount: "0.25", Currency: "PLN"},
	})
	require.NoError(t, err)
	require.Equal(t, []httpapi.BillingTotal{{Currency: "PLN", Amount: "0.35"}, {Currency: "EUR", Amount: "1.00"}}, got)
}

func TestOptOut(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("POST /v1/opt-outs", 200, httpapi.ChangedBody{Changed: true}).says("POST /v1/opt-outs/lift", 200, httpapi.ChangedBody{})
	require.Equal(t, result{0, "recorded of 1 recipient\n", ""}, f.do("optout", "add", "+48500100201", "--scope", "viber:promotional", "--scope", "sms:one_time_code"))
	require.JSONEq(t, `{"to":"+48500100201","scopes":[{"channel":"viber","category":"promotional"},{"channel":"sms","category":"one_time_code"}]}`, f.got("")[0].body)

	for name, list := range map[string]string{"lines": "500100201\n12\n500 100 203\n", "CSV": "name;to\nA;500100201\nB;12\nC;500100203\n"} {
		before, shift := len(f.got("")), strings.Count(list, "name")
		got := f.ask(list, "", "optout", "lift", "--file", "-")
		require.Equal(t, fmt.Sprintf("line %d: to must be a phone number such as +48 512 345 678 (invalid_number)\nrecorded of 2 recipients; of 2 it was so already\n", 2+shift), got.out, name)
		require.Equal(t, ExitFailed, got.code)
		require.Len(t, f.got("")[before:], 2)
		require.Equal(t, call{"POST /v1/opt-outs/lift", "", `{"to":"+48500100203"}`}, f.got("")[before+1])
	}
	got := f.ask("500100201\n", "", "optout", "add", "--file", "-", "--json")
	require.JSONEq(t, `{"recipients":1,"changed":1,"bad":0,"bad_rows":[]}`, got.out)
	require.Equal(t, ExitUsage, f.do("optout", "add").code)
	require.Equal(t, ExitUsage, f.do("optout", "add", "1", "--file", "-").code)
	require.Equal(t, ExitUsage, f.do("optout", "add", "1", "--scope", "fax:promotional").code)
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	added := time.Date(2026, 11, 10, 9, 0, 0, 0, time.UTC)
	next := added.Add(time.Minute)
	w := httpapi.Webhook{ID: "w1", URL: "https://example.com/a", Events: []string{}, Added: added, Secret: "whsec_x"}
	f := newFake(t).says("POST /v1/webhooks", 201, w).says("GET /v1/webhooks", 200, httpapi.WebhookList{Webhooks: []httpapi.Webhook{w}}).
		says("DELETE /v1/webhooks/*", 200, httpapi.ChangedBody{Changed: true}).
		says("POST /v1/webhooks/w1/test", 200, httpapi.WebhookAttempt{Status: 204, Duration: 12, Done: true}).
		says("POST /v1/webhooks/w2/test", 200, httpapi.WebhookAttempt{Error: "connection", Duration: 3}).
		says("POST /v1/webhooks/w1/resend", 202, httpapi.ResentBody{EventID: "e1"}).
		says("GET /v1/webhooks/w1/log", 200, httpapi.WebhookLog{Attempts: []httpapi.WebhookAttempt{
			{EventID: "e1", Type: "message.read", At: added, Attempt: 2, Status: 500, Error: "status", Duration: 7, Next: &next},
			{EventID: "e2", Type: "message.read", At: added, Attempt: 1, Status: 200, Duration: 7, Done: true},
		}})
	when := moment(added)
	require.Equal(t, result{0, "endpoint w1\nsecret   whsec_x\nKeep the secret: it is not shown again.\n", ""}, f.do("webhooks", "add", w.URL, "--event", "message.read"))
	require.JSONEq(t, `{"url":"https://example.com/a","events":["message.read"]}`, f.got("POST")[0].body)
	require.Equal(t, "ID  ADDED                EVENTS  URL\nw1  "+when+"  all     https://example.com/a\n", f.do("webhooks", "list").out)
	require.Equal(t, result{0, "HTTP 204 after 12 ms\n", ""}, f.do("webhooks", "test", "w1"))
	require.Equal(t, result{ExitFailed, "no answer after 3 ms: nobody listens there, or the connection broke\n", ""}, f.do("webhooks", "test", "w2"))
	require.Equal(t, result{0, "queued; see goniec webhooks log w1\n", ""}, f.do("webhooks", "resend", "w1", "e1"))
	require.Equal(t, result{0, "removed\n", ""}, f.do("webhooks", "remove", "w1"))
	log := f.do("webhooks", "log", "w1", "--limit", "7").out
	require.Contains(t, log, "HTTP 500 after 7 ms  again at "+moment(next)+"  e1\n")
	require.Contains(t, log, "HTTP 200 after 7 ms  done")
	require.Equal(t, "GET /v1/webhooks/w1/log?limit=7", f.got("GET /v1/webhooks/w1")[0].at)
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	f := newFake(t).
		says("GET /v1/messages/*", 404, httpapi.Problem{Status: 404, Code: "not_found", Detail: "there is nothing of that name here"}).
		says("POST /v1/messages", 422, httpapi.Problem{Status: 422, Code: "invalid_number", Detail: "to …", Errors: []httpapi.FieldError{
			{Field: "to", Code: "invalid_number", Message: "is no number"}, {Field: "validity", Code: "invalid_validity", Message: "is too short"},
		}}).
		says("GET /v1/messages", 500, httpapi.Problem{Status: 500, Code: "internal", Detail: "something is wrong here"})
	for _, c := range []struct {
		code int
		err  string
		args string
	}{
		{ExitRefused, "this account has no such message (not_found)", "messages show x"},
		{ExitRefused, "to: is no number (invalid_number); validity: is too short (invalid_validity)", "send +48500100201 x --sender S"},
		{ExitUnavailable, "something is wrong here (internal)", "messages list"},
		{ExitUsage, "--limit: must be from 1 to 10000", "messages list --limit 0"},
		{ExitUsage, "missing: ID; usage: goniec messages show ID", "messages show"},
		{ExitUsage, "missing: MONTH; usage: goniec billing statement ACCOUNT MONTH", "billing statement 2026-11"},
		{ExitUsage, "missing: ACCOUNT, MONTH; usage: goniec billing statement ACCOUNT MONTH", "billing statement"},
		{ExitUsage, "missing: STREAM; usage: goniec audit state STREAM --as-of TIME", "audit state"},
		{ExitUsage, "too many arguments; usage: goniec sender show [ID]", "sender show a b"},
		{ExitUsage, "too many arguments; usage: goniec version", "version 48500100201"},
		{ExitUsage, "there is no such command; did you mean `goniec messages list`?", "messages lst"},
		{ExitUsage, "there is no such command; see `goniec --help`", "nonsense"},
		{ExitUsage, "unknown flag: --bogus", "version --bogus"},
		{ExitUsage, "the month must be one such as 2026-11", "billing totals 2026-13"},
		{ExitUsage, "a number and a text are required, or --file, or --sample", "send"},
		{ExitUsage, "--sample takes no number and no text", "send --sample x"},
		{ExitUsage, "--file takes its numbers from the file and its text from --text", "send --file x"},
		{ExitUsage, "--text goes with --file; a single message is: goniec send NUMBER TEXT", "send --text x"},
		{ExitUsage, "if any flags in the group [button-text button-url] are set they must all be set; missing [button-url]", "send +48500100201 x --button-text x"},
		{ExitUsage, `required flag(s) "out" not set`, "secrets new"},
	} {
		got := f.do(strings.Fields(c.args)...)
		require.Equal(t, result{c.code, "", "goniec: " + c.err + "\n"}, got, c.args)
		got = f.do(append(strings.Fields(c.args), "--json")...)
		if !strings.Contains(c.args, "--bogus") { // what comes behind it is not read
			body := decode[errorBody](t, got.err)
			require.Equal(t, c.err, body.Error)
			require.Equal(t, c.code, body.Exit)
		}
	}
	body := decode[errorBody](t, f.do("send", "+48500100201", "x", "--sender", "S", "--json").err)
	require.Equal(t, "invalid_number", body.Code)
	require.Len(t, body.Fields, 2)
}

func TestNobodyIsThere(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	url := f.URL
	f.Close()
	got := f.do("messages", "list")
	require.Equal(t, ExitUnavailable, got.code)
	require.Contains(t, got.err, "goniec: goniec cannot be reached at "+url+": ")
	got = runCLI(t, "", "", "messages", "list", "--data", t.TempDir())
	require.Equal(t, result{ExitUnavailable, "", "goniec: " + run.ErrNotRunning.Error() + "\n"}, got)
	got = runCLI(t, "", "", "topics", "list", "--data", t.TempDir())
	require.Equal(t, ExitUnavailable, got.code)
	got = runCLI(t, "", "", "messages", "list", "--data", t.TempDir(), "--url", "http://127.0.0.1:1")
	require.Equal(t, result{ExitUsage, "", "goniec: " + errNoKey.Error() + "\n"}, got)
	got = runCLI(t, "", "", "messages", "list", "--data", t.TempDir(), "--url", "nonsense", "--key-file", f.keyFile())
	require.Equal(t, ExitUsage, got.code)
	got = runCLI(t, "", "", "messages", "list", "--data", t.TempDir(), "--url", "http://127.0.0.1:1", "--key-file", file(t, "k", "a b"))
	require.Equal(t, ExitUsage, got.code)
	require.NotContains(t, got.err, "a b")
}

// Whatever goes wrong: no number in what is printed, and no key.
func TestNoNumberIsPrinted(t *testing.T) {
	t.Parallel()
	const digits = "500100201"
	list := file(t, "l.csv", "to,name\n"+digits+",A\n+48"+digits+"9,B\n"+digits+"\n")
	headless := file(t, "h.csv", digits+"\n"+digits+"\n")
	f := newFake(t) // answers everything with 418
	for _, args := range [][]string{
		{digits},
		{"+48" + digits, "hello"},
		{"messages", digits},
		{"messages", "show", digits},
		{"send", "+48" + digits},
		{"send", "+48" + digits, "x", "--sender", "S"},
		{"send", "+48" + digits, "x", "--sender", "S", "--dry-run"},
		{"send", "+48" + digits, "x", "--" + digits},
		{"send", "+48" + digits, "x", "--limit", digits},
		{"send", "+48" + digits, "x", "--at", digits},
		{"send", "--sender", "S", "--file", list, "--text", "x"},
		{"send", "--sender", "S", "--file", headless, "--text", "x"},
		{"optout", "add", "+48" + digits},
		{"optout", "add", digits, digits},
		{"optout", "lift", "--file", list},
		{"optout", "lift", "--file", headless},
		{"optout", "lift", "--scope", digits, digits},
		{"billing", "totals", digits},
		{"messages", "list", "--limit", "+48 500 100 201"},
		{"messages", "list", "--limit", digits},
		{"config", digits},
		{"version", digits},
	} {
		for _, format := range [][]string{nil, {"--json"}} {
			got := f.do(append(args, format...)...)
			all := strings.NewReplacer(" ", "", "-", "").Replace(got.out + got.err)
			require.NotZero(t, got.code, args)
			require.NotContains(t, all, digits, args)
			require.NotContains(t, all, "gnc_", args)
		}
	}
}

func TestConfigCheck(t *testing.T) {
	t.Parallel()
	secrets := filepath.Join(t.TempDir(), "secrets.json")
	require.Zero(t, runCLI(t, "", "", "secrets", "new", "--out", secrets).code)
	good := fmt.Sprintf("roles: [decider]\nsecrets: %s\nkafka: {brokers: [\"127.0.0.1:1\"]}\n", secrets)
	require.Equal(t, result{0, "the configuration is in order\n", ""}, runCLI(t, "", "", "config", "check", "--config", file(t, "g.yaml", good)))

	bad := file(t, "b.yaml", "roles: [api, foo]\nzone: Nowhere\nkafka: {partitions: 0}\nsecrets: /nonexistent/s.json\n")
	got := runCLI(t, "", "", "config", "check", "--config", bad)
	require.Equal(t, ExitUsage, got.code)
	require.Empty(t, got.err)
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	require.Len(t, lines, 6, got.out)
	for _, field := range []string{"roles: ", "zone: ", "kafka.brokers: ", "kafka.partitions: ", "postgres.url: ", "secrets file: "} {
		require.Contains(t, got.out, field)
	}
	out := decode[configBody](t, runCLI(t, "", "", "config", "check", "--config", bad, "--json").out)
	require.Equal(t, configBody{OK: false, Faults: lines}, out)

	got = runCLI(t, "", "", "serve", "--config", bad)
	require.Equal(t, ExitUsage, got.code)
	require.Equal(t, "goniec: "+strings.Join(lines, "\n")+"\n", got.err)
}

func TestSecretsNew(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.json")
	got := runCLI(t, "", "", "secrets", "new", "--out", path, "--json")
	require.Zero(t, got.code)
	s, err := run.ReadSecrets(path)
	require.NoError(t, err)
	require.JSONEq(t, fmt.Sprintf(`{"file":%q,"installation":%q}`, path, s.Installation), got.out)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	got = runCLI(t, "", "", "secrets", "new", "--out", path)
	require.Equal(t, ExitUsage, got.code)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestVersion(t *testing.T) {
	t.Parallel()
	require.Contains(t, runCLI(t, "", "", "version").out, "goniec "+run.Version()+"\nbuilt with "+runtime.Version())
	v := decode[versionBody](t, runCLI(t, "", "", "version", "--json").out)
	require.Equal(t, runtime.GOOS+"/"+runtime.GOARCH, v.Platform)
}

func TestGroupsHelp(t *testing.T) {
	t.Parallel()
	got := runCLI(t, "", "", "messages")
	require.Zero(t, got.code)
	require.Contains(t, got.out, "goniec messages [command]")
	require.Contains(t, runCLI(t, "", "", "--help").out, "3    no running goniec")
}

func TestBuilds(t *testing.T) {
	t.Parallel()
	early, late := time.Unix(1, 0), time.Unix(2, 0)
	got := builds([]projections.Position{
		{Projection: "a", Build: 1, Live: true, Topic: "messages", Partition: 0, Lag: 2, Recorded: &late},
		{Projection: "a", Build: 1, Live: true, Topic: "messages", Partition: 1, Lag: 3, Recorded: &early, Stopped: "broken"},
		{Projection: "a", Build: 2, Topic: "messages"},
		{Projection: "b", Build: 2, Live: true},
	}).Projections
	require.Len(t, got, 3)
	require.Equal(t, int64(5), got[0].Lag)
	require.Equal(t, &late, got[0].Recorded)
	require.Equal(t, []string{"messages/1: broken"}, got[0].Stopped)
	require.Len(t, got[0].Positions, 2)
	require.False(t, got[1].Live)
}

// What up says to try can be typed as it stands.
func TestUpNamesTheProgramAsItWasCalled(t *testing.T) {
	t.Parallel()
	require.Equal(t, "go run ./cmd/goniec", program("/tmp/go-build3711/b001/exe/goniec"))
	require.Equal(t, "./goniec", program("./goniec"))
	require.Equal(t, "goniec", program("goniec"))
}

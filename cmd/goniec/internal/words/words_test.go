package words_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain/message"
)

func TestEveryReasonHasWords(t *testing.T) {
	t.Parallel()
	for status := range 1000 {
		_, reason, _ := message.ViberStatus(status)
		require.True(t, reason == "" || words.Known(reason), reason)
		require.True(t, words.Known(message.MeaningOfViberHTTP(status).Reason), status)
	}
	for _, name := range constants(t, "../../../../domain/message/reason.go", "Reason", "Code", "Waived") {
		require.True(t, words.Known(name), name)
	}
	for _, name := range constants(t, "../../../../domain/recipient/recipient.go", "Origin") {
		require.True(t, words.Known(name) || name == "viber_subscribe", name)
	}
}

// An SMSC's reasons stand in the table of statuses as the second value.
func TestEveryReasonOfAnSMSCHasWords(t *testing.T) {
	t.Parallel()
	found := 0
	inspect(t, "../../../../adapters/smpp/status.go", func(n ast.Node) {
		pair, ok := n.(*ast.CompositeLit)
		if !ok || len(pair.Elts) != 2 || pair.Type != nil {
			return
		}
		if lit, ok := pair.Elts[1].(*ast.BasicLit); ok && lit.Kind == token.STRING {
			reason, err := strconv.Unquote(lit.Value)
			require.NoError(t, err)
			require.True(t, words.Known(reason), reason)
			found++
		}
	})
	require.Greater(t, found, 10)
}

// constants returns the values of a file's string constants whose names begin so.
func constants(t *testing.T, path string, prefixes ...string) []string {
	t.Helper()
	var out []string
	inspect(t, path, func(n ast.Node) {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return
		}
		lit, ok := spec.Values[0].(*ast.BasicLit)
		for _, p := range prefixes {
			if ok && strings.HasPrefix(spec.Names[0].Name, p) {
				value, err := strconv.Unquote(lit.Value)
				require.NoError(t, err)
				out = append(out, value)
			}
		}
	})
	require.NotEmpty(t, out)
	return out
}

func inspect(t *testing.T, path string, see func(ast.Node)) {
	t.Helper()
	src, err := os.ReadFile(path)
	require.NoError(t, err)
	f, err := parser.ParseFile(token.NewFileSet(), path, src, 0)
	require.NoError(t, err)
	ast.Inspect(f, func(n ast.Node) bool { see(n); return true })
}

// Whatever may stand in a timeline is told in words, not in the event's name.
func TestEveryStepHasWords(t *testing.T) {
	t.Parallel()
	for _, row := range message.Transitions() {
		name := strings.TrimSuffix(strings.TrimPrefix(row.Event, "goniec.message."), ".v1")
		got := words.Step(httpapi.TimelineStep{Type: name, Channel: "sms"})
		require.NotContains(t, got, "_")
		if strings.Contains(name, "_") {
			require.NotEqual(t, strings.ReplaceAll(name, "_", " "), got)
		}
	}
}

func TestStep(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 10, 9, 0, 1, 0, time.UTC)
	for want, s := range map[string]httpapi.TimelineStep{
		"Viber refused it (9): the number is not on Viber": {Type: "attempt_refused", Channel: "viber", Code: "9", Reason: "not_on_viber"},
		"Viber may have it or not: Viber did not answer":   {Type: "attempt_unknown", Channel: "viber", Code: "timeout", Reason: "timeout"},
		"Viber refused it (1): Viber has an internal failure; tried again at " + at.Local().Format("15:04:05"): {
			Type: "attempt_refused", Channel: "viber", Code: "1", Reason: "carrier_failure", Until: &at,
		},
		"falls back to SMS: not delivered in time":                {Type: "fell_back", Channel: "sms", Reason: "deadline"},
		"falls back to SMS: Viber rejected it":                    {Type: "fell_back", Channel: "sms", Reason: "rejected"},
		"the SMS carrier took it":                                 {Type: "attempt_accepted", Channel: "sms"},
		"delivered as SMS":                                        {Type: "delivered", Channel: "sms"},
		"read on Viber":                                           {Type: "read", Channel: "viber"},
		"the SMS carrier gave it up (024): not delivered in time": {Type: "undelivered", Channel: "sms", Code: "024", Reason: "expired"},
		"failed: the recipient has opted out":                     {Type: "failed", Reason: "opted_out"},
		"something new: as it stands":                             {Type: "something_new", Reason: "as_it_stands"},
	} {
		require.Equal(t, want, words.Step(s))
	}
}

func TestEnding(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 11, 10, 9, 0, 0, 0, time.UTC)
	onViber := httpapi.Charge{Channel: "viber", Parts: 1, Amount: "0.050000", Currency: "PLN"}
	asSMS := httpapi.Charge{Channel: "sms", Parts: 2, Amount: "0.180000", Currency: "PLN"}
	deadline := begin.Add(15 * time.Second)
	later := begin.Add(time.Hour + 10*time.Minute)
	for want, m := range map[string]httpapi.Message{
		"delivered as SMS, 2 parts, 0.18 PLN: Viber not delivered in 15 s": {
			State: "delivered", Channel: "sms", FallbackReason: "deadline", Charges: []httpapi.Charge{asSMS}, Deadline: &deadline,
		},
		"delivered as SMS, 2 parts, 0.18 PLN: Viber not delivered in 10 min": {
			State: "delivered", Channel: "sms", FallbackReason: "deadline", Charges: []httpapi.Charge{asSMS}, Deadline: &later,
			Timeline: []httpapi.TimelineStep{{Type: "waiting"}, {Type: "released", At: begin.Add(time.Hour)}},
		},
		"read on Viber, 0.05 PLN":      {State: "read", Channel: "viber", Charges: []httpapi.Charge{onViber}},
		"delivered on Viber, 0.05 PLN": {State: "delivered", Channel: "viber", Charges: []httpapi.Charge{onViber}},
		"delivered on Viber, 0.05 PLN; an SMS went out too, 2 parts, 0.18 PLN": {
			State: "delivered", Channel: "viber", Charges: []httpapi.Charge{asSMS, onViber},
		},
		"delivered on Viber, 0.05 PLN; delivered as SMS too, 2 parts, 0.18 PLN": {
			State: "delivered", Channel: "viber", DoubleDelivery: true, Charges: []httpapi.Charge{asSMS, onViber},
		},
		"delivered as SMS, 2 parts, 0.18 PLN: expired on Viber; late, read on Viber too, 0.05 PLN": {
			State: "read", Channel: "sms", FallbackReason: "expired", LateDelivery: true, DoubleDelivery: true, Charges: []httpapi.Charge{asSMS, onViber},
		},
		"delivered as SMS, 2 parts, 0.18 PLN: the number is not on Viber": {
			State: "delivered", Channel: "sms", FallbackReason: "not_on_viber", Charges: []httpapi.Charge{asSMS},
		},
		"failed: the number does not exist": {State: "failed", Reason: "invalid_number"},
		"failed, 0.18 PLN for the SMS: the carrier could not deliver it": {
			State: "failed", Reason: "undelivered", Charges: []httpapi.Charge{asSMS},
		},
		"unknown, 0.18 PLN for the SMS: the carrier never reported what became of it": {
			State: "unknown", Reason: "no_report", Charges: []httpapi.Charge{asSMS},
		},
		"cancelled": {State: "cancelled"},
		"waiting: scheduled for later": {
			State: "waiting", Timeline: []httpapi.TimelineStep{{Type: "accepted"}, {Type: "waiting", Reason: "scheduled"}},
		},
		"sent, not reported yet": {State: "sent"},
		"sending":                {State: "sending"},
		"checked and recorded as a test: nothing is sent": {State: "accepted", Test: true},
	} {
		m.AcceptedAt = begin
		require.Equal(t, want, words.Ending(m))
	}
}

func TestWaits(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 10, 9, 0, 15, 0, time.UTC)
	cancelled := []httpapi.TimelineStep{{Type: "cancel_requested"}}
	for want, m := range map[string]httpapi.Message{
		"waits for its time to go, " + words.Moment(at):                                             {WaitsFor: "release", SendAt: &at},
		"waits for the carrier's report, until " + words.Moment(at) + " at most":                    {WaitsFor: "report", Deadline: &at},
		"waits for the carrier's report":                                                            {WaitsFor: "report", Deadline: &at, FallbackReason: "expired"},
		"waits for the next try":                                                                    {WaitsFor: "retry", Deadline: &at},
		"waits for the deadline: Viber will not deliver it, until " + words.Moment(at) + " at most": {WaitsFor: "deadline", Deadline: &at},
		"cancelled, nothing new goes out; it only waits for the carrier's answer":                   {WaitsFor: "answer", Timeline: cancelled},
		"waits for more": {},
	} {
		require.Equal(t, want, words.Waits(m))
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	require.Equal(t, "0.18 PLN", words.Money("0.180000", "PLN"))
	require.Equal(t, "0.0525 EUR", words.Money("0.052500", "EUR"))
	require.Equal(t, "12.00", words.Money("12", ""))
	require.Equal(t, "n/a", words.Money("n/a", ""))
	require.Equal(t, "1 part", words.Count(1, "part"))
	require.Equal(t, "1,000 messages", words.Count(1000, "message"))
	require.Equal(t, "1,234,567", words.Thousands(1234567))
	require.Equal(t, "-123", words.Thousands(-123))
	require.Equal(t, "1 h 30 min", words.Duration(90*time.Minute))
	require.Equal(t, "0 s", words.Duration(0))
}

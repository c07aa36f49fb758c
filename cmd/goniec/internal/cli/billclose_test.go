package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/run"
	"goniec/domain/account"
	"goniec/domain/calendar"
)

// rules.md F4, F9: a month from its first message to its close, and computed again
// from the journal alone; read models and carriers are compared with it.
func TestAMonthIsClosedAndComputedAgain(t *testing.T) {
	t.Parallel()
	up, cfg := startUp(t, true)
	zone, err := time.LoadLocation(run.Defaults().Zone)
	require.NoError(t, err)
	do := func(args ...string) result { return runCLI(t, "", "", append(args, "--data", cfg.Data)...) }
	begin := time.Now()
	month := calendar.MonthOf(begin, zone)

	for _, number := range []string{"+48500000101", "+48500000107", "+48500000131"} {
		r := do("send", number, "Twoja paczka czeka")
		require.Zero(t, r.code, r.err)
	}
	require.Eventually(t, func() bool {
		advance(t, up, 2*time.Second)
		r := do("billing", "statement", run.DemoAccount, month.String(), "--format", "json")
		require.Zero(t, r.code, r.err)
		s := decode[httpapi.StatementBody](t, r.out)
		require.Equal(t, "open", s.State)
		charges := int64(0)
		for _, l := range s.Lines {
			charges += l.Count
		}
		return charges == 3
	}, 2*time.Minute, 200*time.Millisecond)

	r := do("billing", "close", month.String(), "--yes")
	require.Equal(t, ExitFailed, r.code)
	require.Contains(t, r.out, "month_open")
	advance(t, up, month.Ends(zone).Sub(begin)+run.Defaults().Billing.Grace+time.Hour)
	var would httpapi.CloseBody
	require.Eventually(t, func() bool { // the seals, and the read models behind them
		r := do("billing", "close", month.String(), "--json")
		if r.code != 0 {
			return false
		}
		would = decode[httpapi.CloseBody](t, r.out)
		return true
	}, 3*time.Minute, 200*time.Millisecond)
	require.Len(t, would.Accounts, 1)
	require.Equal(t, "open", would.Accounts[0].State, "a dry run")
	require.Equal(t, ExitFailed, do("billing", "recompute", month.String()).code, "nothing is closed yet")
	next := do("billing", "close", month.Add(1).String())
	require.Contains(t, next.out, "month_open")

	credit := decode[httpapi.CreditBody](t, do("billing", "credit", "request", run.DemoAccount, month.String(), "0.01", "--reason", "a fault", "--json").out)
	second := billingKey(t, up)
	approve := []string{"billing", "credit", "approve", run.DemoAccount, month.String(), credit.Credit}
	require.Contains(t, do(approve...).err, "somebody else")
	require.Zero(t, do(append(approve, "--key-file", second)...).code)

	closed := decode[httpapi.CloseBody](t, do("billing", "close", month.String(), "--yes", "--json").out)
	require.True(t, closed.Accounts[0].Changed)
	require.NotEqual(t, would.Accounts[0].Total, closed.Accounts[0].Total, "the credit")
	again := decode[httpapi.CloseBody](t, do("billing", "close", month.String(), "--yes", "--json").out)
	require.False(t, again.Accounts[0].Changed)
	var s httpapi.StatementBody
	require.Eventually(t, func() bool { // its read model
		r := do("billing", "statement", run.DemoAccount, month.String(), "--json")
		if r.code == 0 {
			s = decode[httpapi.StatementBody](t, r.out)
		}
		return r.code == 0
	}, time.Minute, 100*time.Millisecond)
	require.Equal(t, "closed", s.State)
	require.Equal(t, closed.Accounts[0].Total, s.Total)
	require.Len(t, s.Lines, 3, "Viber, SMS and the credit")
	require.Contains(t, do("billing", "statement", run.DemoAccount, month.String()).out, "total: ")
	require.Contains(t, do("billing", "statement", run.DemoAccount, month.String(), "--format", "html").out, "<th>Rule")
	require.Equal(t, 4, strings.Count(do("billing", "statement", run.DemoAccount, month.String(), "--format", "csv").out, "\n"))

	verdict := do("billing", "recompute", month.String(), "--json")
	require.Zero(t, verdict.code, verdict.out+verdict.err)
	told := decode[recomputedBody](t, verdict.out)
	require.True(t, told.Agrees)
	require.Equal(t, s.Total, told.Accounts[0].Computed)
	require.EqualValues(t, 3, told.Accounts[0].Charges)

	same := do("billing", "reconcile", month.String())
	require.Zero(t, same.code, same.out+same.err)
	require.Contains(t, same.out, month.String()+": 3 charges in 2 lines, the same everywhere")
	carrier := file(t, "carrier.csv", "month,sender,country,channel,count\n"+month.String()+",NOBODY,PL,viber,3\n")
	differs := do("billing", "reconcile", month.String(), "--carrier", carrier)
	require.Equal(t, ExitFailed, differs.code)
	require.Contains(t, differs.out, "DIFFERS NOBODY, PL, viber: ours 0, the carrier's 3")
}

func advance(t *testing.T, up *run.Up, by time.Duration) {
	t.Helper()
	resp, err := http.Post(up.Running().HTTP+"/clock", "application/json", bytes.NewReader(fmt.Appendf(nil, `{"advance":%q}`, by.Round(time.Second))))
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

// billingKey has a billing key issued, and returns the file that it is in.
func billingKey(t *testing.T, up *run.Up) string {
	t.Helper()
	operator, err := os.ReadFile(up.Running().OperatorKeyFile)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, up.Running().HTTP+"/v1/accounts/"+account.Installation+"/keys",
		strings.NewReader(`{"role":"billing","label":"second"}`))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(operator)))
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	var k httpapi.KeyBody
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&k))
	return file(t, "billing_key", k.Key)
}

// rules.md F3, F5, F6: the forecast as people read it.
func TestForecastIsTold(t *testing.T) {
	t.Parallel()
	body := httpapi.ForecastBody{Account: testID, Month: "2026-11", Day: 10, Days: 30, Currency: "PLN", Senders: []httpapi.SenderForecast{
		{
			Name: "DUO", Countries: []string{"CZ", "SK"}, Minimum: "300.00", Messages: 1200, Amount: "50.00", ExpectedMessages: 3600, ExpectedAmount: "150.00", MissingAmount: "150.00", TopUp: "150.00",
			NoticeFor: "2026-11", NoticeBy: "2026-11-24", WaitingCosts: "300.00", OffsLeft: 2, OnsLeft: 1,
		},
		{Name: "NEW", Countries: []string{"PL"}, Free: "activation_month", Amount: "0.00", ExpectedAmount: "0.00", TopUp: "0.00", Ends: "2026-12", WaitingCosts: "0.00"},
		{Name: "X", Countries: []string{"PL"}, Minimum: "300.00", MinimumMessages: 9, MissingMessages: 3, Amount: "0.00", ExpectedAmount: "0.00", TopUp: "300.00", Ends: "2026-12", WaitingCosts: "0.00"},
	}}
	asked := ""
	f := newFake(t).on("GET /v1/billing/forecast", func(_ int, _ []byte, r *http.Request) (int, any) {
		asked = r.URL.Query().Get("account")
		return 200, body
	})
	got := f.do("billing", "forecast", "--account", testID)
	require.Zero(t, got.code, got.err)
	require.Equal(t, testID, asked)
	for _, line := range []string{
		`2026-11, day 10 of 30; expected: as much on every day as so far`,
		`DUO +CZ\+SK +1,200, 50.00 +3,600, 150.00 +300.00 +150.00 +150.00 +2026-11-24 for 2026-11 +300.00 +2/1`,
		`NEW +PL +0, 0.00 +0, 0.00 +none in the month of activation +– +0.00 +ends 2026-12 +0.00 +0/0`,
		`X +PL .* 9 messages or 300.00 +3 messages +300.00`,
		`amounts in PLN`,
	} {
		require.Regexp(t, line, got.out)
	}
	require.Equal(t, body, decode[httpapi.ForecastBody](t, f.do("billing", "forecast", "--json").out))
	body.Senders = nil
	require.Contains(t, f.do("billing", "forecast").out, "no sender is active")
}

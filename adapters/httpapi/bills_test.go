package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/money"
)

const creditID = "0b7f3c1a-8e52-4d0e-9a6f-2f1f5a1c0009"

// Bill decides with the real rules. Credits that are not there are the tests of access's.
func (d *decider) Bill(_ context.Context, o httpapi.Origin, of string, month calendar.Month, c billing.Command) (httpapi.Outcome, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.origins = append(d.origins, o)
	stream := billing.Stream(of, month)
	s := d.months[stream]
	s.Stream = stream
	events, err := billing.Decide(s, billing.Facts{Now: d.now, Zone: time.UTC, Actor: o.Actor}, c)
	if domain.CodeOf(err) == billing.CodeNotFound {
		return d.out, d.err
	}
	if err != nil {
		return httpapi.Outcome{}, err
	}
	var out httpapi.Outcome
	for _, e := range events {
		s = billing.Evolve(s, e)
		d.bills.Apply(stream, s.Version, e, now)
		out.Events = append(out.Events, e.EventType())
		if closed, ok := e.(billing.MonthClosed); ok {
			d.closed = closed.Statement
		}
	}
	d.months[stream] = s
	out.Version = s.Version
	return out, nil
}

// books are an account's messages of each month.
type books struct {
	b       *bundle
	asked   int
	missing error

	meanwhile func(billing.CloseMonth) // happens when a close was gathered

	forecast []billing.SenderForecast
}

func (x *books) Gather(_ context.Context, of string, month calendar.Month) (billing.CloseMonth, error) {
	x.asked++
	in, _ := x.Preview(context.Background(), of, month)
	if x.meanwhile != nil {
		x.meanwhile(billing.CloseMonth{Inputs: in})
	}
	return billing.CloseMonth{Inputs: in}, x.missing
}

func (x *books) Preview(_ context.Context, of string, month calendar.Month) (billing.Inputs, error) {
	x.asked++
	owner, _ := x.b.view.AccountByID(of)
	return x.b.decider.bills.Month(of, month).Fill(billing.Inputs{Account: of, Month: month, Currency: "PLN", Party: party(owner), Usage: []billing.Usage{{
		Key: billing.Key{Sender: "GONIEC", Country: "PL", Channel: domain.Viber, PriceVersion: "default@1"}, Count: 3, Parts: 3, Amount: money.Amount(150_000),
	}}}), nil
}

func party(owner account.Account) *billing.Party {
	if owner.Party == (billing.Party{}) {
		return nil
	}
	return &owner.Party
}

func (x *books) Forecast(_ context.Context, of string, at time.Time) (billing.Forecast, error) {
	x.asked++
	return billing.Forecast{Account: of, Currency: "PLN", Today: calendar.DateOf(at, time.UTC), Senders: x.forecast}, nil
}

func (x *books) Statement(context.Context, string, calendar.Month) (billing.Statement, time.Time, error) {
	x.asked++
	return x.b.decider.closed, now, nil
}

var _ httpapi.Closing = (*books)(nil)

func (*books) SealedFrom(month calendar.Month) calendar.Date {
	return calendar.DateOf(month.Ends(warsaw).Add(72*time.Hour), warsaw)
}

// rules.md F4: nothing is written unless it is confirmed, and once only.
func TestCloseAMonth(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ask := func(body string) httpapi.CloseBody {
		t.Helper()
		w := b.operator("POST", "/v1/billing/2026-10/close", body)
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		return decode[httpapi.CloseBody](t, w)
	}
	// The accounts of the test began in November.
	require.Empty(t, ask(`{}`).Accounts)
	would := httpapi.ClosedBody{Account: acc, Name: "Demo", State: "open", Lines: 1, Total: "0.15", Currency: "PLN"}
	require.Equal(t, []httpapi.ClosedBody{would}, ask(`{"account":"`+acc+`"}`).Accounts)
	require.Empty(t, b.decider.origins, "nothing was written")

	b.books.missing = domain.Refuse(billing.CodeNotSealed, "2026-10 is not sealed in partition 3")
	refused := httpapi.ClosedBody{Account: acc, Name: "Demo", State: "open", Code: "month_not_sealed", Detail: "2026-10 is not sealed in partition 3"}
	require.Equal(t, []httpapi.ClosedBody{refused}, ask(`{"account":"`+acc+`","confirm":true}`).Accounts)
	b.books.missing = nil

	now := would
	now.State, now.Changed = "closed", true
	answer := ask(`{"account":"` + acc + `","confirm":true}`)
	require.Equal(t, []httpapi.ClosedBody{now}, answer.Accounts)
	require.Equal(t, []httpapi.BillingTotal{{Currency: "PLN", Amount: "0.15"}}, answer.Totals)
	require.Len(t, b.decider.origins, 1)
	require.Equal(t, []httpapi.ClosedBody{{Account: acc, Name: "Demo", State: "closed", Total: "0.15", Currency: "PLN"}}, ask(`{"account":"`+acc+`","confirm":true}`).Accounts)
	require.Len(t, b.decider.origins, 1, "a repeat asks for nothing")

	open := decode[httpapi.CloseBody](t, b.operator("POST", "/v1/billing/2026-11/close", `{"confirm":true}`))
	require.Len(t, open.Accounts, 2)
	require.Equal(t, "month_open", open.Accounts[0].Code)
	requireProblem(t, b.operator("POST", "/v1/billing/2026-10/close", `{"account":"00000000-0000-0000-0000-000000000000"}`), 422,
		problem(422, "invalid_value", "account", "is not an account that is billed"))
}

// What a close is answered with is what was written, whoever else was at the month.
func TestCloseAMonthMeanwhile(t *testing.T) {
	t.Parallel()
	october := calendar.Month{Year: 2026, Month: time.October}
	ask := func(b *bundle, meanwhile func(c billing.CloseMonth) []billing.Command) httpapi.ClosedBody {
		b.books.meanwhile = func(c billing.CloseMonth) {
			for i, command := range meanwhile(c) {
				_, err := b.decider.Bill(t.Context(), httpapi.Origin{Actor: fmt.Sprint("key:", i)}, acc, october, command)
				require.NoError(t, err)
			}
		}
		w := b.operator("POST", "/v1/billing/2026-10/close", `{"account":"`+acc+`","confirm":true}`)
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		return decode[httpapi.CloseBody](t, w).Accounts[0]
	}
	closed := httpapi.ClosedBody{Account: acc, Name: "Demo", State: "closed", Changed: true, Lines: 2, Total: "0.10", Currency: "PLN"}
	require.Equal(t, closed, ask(setup(t), func(billing.CloseMonth) []billing.Command {
		return []billing.Command{billing.RequestCredit{Credit: creditID, Amount: "0.05", Reason: "x"}, billing.ApproveCredit{Credit: creditID}}
	}), "with a credit that was approved meanwhile")
	closed.Changed, closed.Lines, closed.Total = false, 1, "0.15"
	require.Equal(t, closed, ask(setup(t), func(c billing.CloseMonth) []billing.Command { return []billing.Command{c} }), "closed by somebody else meanwhile")
}

// rules.md F9: a closed month as it was decided, an open one as a preview with the
// credits that count so far.
func TestStatement(t *testing.T) {
	t.Parallel()
	b := setup(t)
	see := func() httpapi.StatementBody {
		return decode[httpapi.StatementBody](t, b.get("/v1/billing/2026-10/statement"))
	}
	preview := see()
	require.Equal(t, "open", preview.State)
	require.Nil(t, preview.ClosedAt)
	require.Equal(t, "0.15", preview.Total)

	credit := decode[httpapi.CreditBody](t, b.operator("POST", "/v1/billing/2026-10/credits", `{"account":"`+acc+`","amount":"0.05","reason":"a fault"}`))
	require.Equal(t, "requested", credit.State)
	approve := "/v1/billing/2026-10/credits/" + credit.Credit + "/approve"
	require.Equal(t, http.StatusConflict, b.operator("POST", approve, `{"account":"`+acc+`"}`).Code, "F9: somebody else")
	b.do(account.AccountStream(account.Installation), account.IssueKey{Key: creditID, Hash: account.HashKey("gnc_second"), Role: account.RoleBilling, Label: "x"})
	w := b.call(request{method: "POST", path: approve, key: "gnc_second", body: fmt.Sprintf(`{"account":%q}`, acc)})
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Equal(t, httpapi.CreditBody{Credit: credit.Credit, State: "approved", Changed: true}, decode[httpapi.CreditBody](t, w))
	require.Equal(t, "0.10", see().Total)

	require.Equal(t, http.StatusOK, b.operator("POST", "/v1/billing/2026-10/close", `{"account":"`+acc+`","confirm":true}`).Code)
	closed := see()
	require.Equal(t, "closed", closed.State)
	require.Equal(t, now, *closed.ClosedAt)
	require.Equal(t, "0.10", closed.Total)
	require.Equal(t, httpapi.StatementLine{
		Kind: "usage", Rule: "F1", Sender: "GONIEC", Country: "PL", Channel: "viber", PriceVersion: "default@1", Count: 3, Parts: 3, Exact: "0.150000", Amount: "0.15",
	}, closed.Lines[0])
	require.Equal(t, "credit", closed.Lines[1].Kind)
	require.Equal(t, http.StatusConflict, b.operator("POST", "/v1/billing/2026-10/credits", `{"account":"`+acc+`","amount":"0.05","reason":"late"}`).Code)
	requireProblem(t, b.get("/v1/billing/2026-13/statement"), 422, problem(422, "invalid_value", "month", "must be a month such as 2026-11"))
}

// rules.md F3: only a sender that was suspended the whole month.
func TestWaiveAMinimum(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ask := func(sender string) int {
		return b.operator("POST", "/v1/billing/2026-10/waivers", fmt.Sprintf(`{"sender":%q,"reason":"x"}`, sender)).Code
	}
	require.Equal(t, http.StatusUnprocessableEntity, ask(creditID), "not a sender")
	for _, s := range b.view.Senders(acc) {
		require.Equal(t, http.StatusConflict, ask(s.ID), "not suspended")
	}
}

// rules.md F3, F5, F6: what the current month comes to, by the API's clock; what does
// not apply is left out.
func TestForecastIsShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	december := calendar.Month{Year: 2026, Month: time.December}
	counted := billing.Minimum{Unit: billing.UnitMessages, Messages: 9, Amount: 300_000_000}
	b.books.forecast = []billing.SenderForecast{
		{
			Prediction: billing.Prediction{
				SenderID: creditID, Sender: "GONIEC", Country: "PL", Countries: []string{"PL"}, Minimum: counted,
				Now: billing.Traffic{Messages: 2, Amount: 18}, Expected: billing.Traffic{Messages: 6, Amount: 54}, Missing: billing.Traffic{Messages: 3}, TopUp: 299_46,
			},
			NoticeFor: december.Add(-1), NoticeBy: calendar.Date{Year: 2026, Month: 11, Day: 24}, Offs: 2, Ons: 1, WaitingCosts: 300_00,
		},
		{Prediction: billing.Prediction{SenderID: creditID, Sender: "NEW", Country: "PL", Countries: []string{"PL"}, Minimum: counted, Free: "activation_month"}, Ends: december},
	}
	f := decode[httpapi.ForecastBody](t, b.get("/v1/billing/forecast"))
	require.Equal(t, httpapi.ForecastBody{Account: acc, Month: "2026-11", Day: 10, Days: 30, Currency: "PLN", Senders: []httpapi.SenderForecast{
		{
			ID: creditID, Name: "GONIEC", Country: "PL", Countries: []string{"PL"}, Minimum: "300.00", MinimumMessages: 9, Messages: 2, Amount: "0.18", ExpectedMessages: 6,
			ExpectedAmount: "0.54", MissingMessages: 3, TopUp: "299.46", NoticeFor: "2026-11", NoticeBy: "2026-11-24", WaitingCosts: "300.00", OffsLeft: 2, OnsLeft: 1,
		},
		{
			ID: creditID, Name: "NEW", Country: "PL", Countries: []string{"PL"}, Free: "activation_month", Amount: "0.00", ExpectedAmount: "0.00", TopUp: "0.00",
			Ends: "2026-12", WaitingCosts: "0.00",
		},
	}}, f)
}

// rules.md F9: an account's billing party stands on its statements, on a closed one as
// it was at the close.
func TestBillingParty(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := "/v1/accounts/" + acc + "/party"
	require.Equal(t, http.StatusNotFound, b.get(path).Code, "nobody was named")
	set := func(body string, changed bool) {
		t.Helper()
		w := b.operator("PUT", path, body)
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		require.Equal(t, httpapi.ChangedBody{Changed: changed}, decode[httpapi.ChangedBody](t, w))
	}
	const sklep = `{"legal_name":" Sklep sp. z o.o.","tax_id":"PL 526-000-12-46","address":"ul. Prosta 1, Warszawa","external_id":"K-7"}`
	set(sklep, true)
	set(sklep, false)
	want := httpapi.PartyBody{LegalName: "Sklep sp. z o.o.", Country: "PL", TaxID: "5260001246", Address: "ul. Prosta 1, Warszawa", ExternalID: "K-7"}
	require.Equal(t, want, decode[httpapi.PartyBody](t, b.get(path)))
	see := func() *httpapi.PartyBody {
		return decode[httpapi.StatementBody](t, b.get("/v1/billing/2026-10/statement")).Party
	}
	require.Equal(t, &want, see(), "a preview names whom it would be invoiced to")
	require.Equal(t, http.StatusOK, b.operator("POST", "/v1/billing/2026-10/close", `{"account":"`+acc+`","confirm":true}`).Code)
	set(`{"legal_name":"Other","country":"CZ","address":"Praha"}`, true)
	require.Equal(t, &want, see())

	requireProblem(t, b.operator("PUT", path, `{"legal_name":"Sklep","tax_id":"5260001247","address":"x"}`), 422,
		problem(422, "invalid_value", "tax_id", "must be a NIP: ten digits, of which the last one checks the others"))
	require.Equal(t, http.StatusNotFound, b.call(request{method: "GET", path: path, key: otherKey}).Code)
	w := b.operator("PUT", "/v1/accounts/"+account.Installation+"/party", sklep)
	require.Equal(t, http.StatusUnprocessableEntity, w.Code)
}

package billing_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/billing"
	"goniec/domain/calendar"
)

const (
	creditID = "22222222-2222-4222-8222-222222222222"
	senderID = "33333333-3333-4333-8333-333333333333"
)

// journal sends commands through Decide into states and a view, as an owner and a reader would.
type journal struct {
	t      *testing.T
	view   *billing.View
	states map[string]billing.State
	facts  billing.Facts
}

func newJournal(t *testing.T) *journal {
	zone, err := time.LoadLocation("Europe/Warsaw")
	require.NoError(t, err)
	return &journal{t: t, view: billing.NewView(), states: map[string]billing.State{}, facts: billing.Facts{
		Now: time.Date(2026, 12, 4, 9, 0, 0, 0, time.UTC), Zone: zone, Actor: "key:1",
	}}
}

// ask decides a command of the month, as it would stand in the inbox.
func (j *journal) ask(month calendar.Month, by string, c billing.Command) ([]billing.Event, error) {
	j.t.Helper()
	data, err := json.Marshal(c)
	require.NoError(j.t, err)
	c, err = billing.DecodeCommand(c.CommandType(), data)
	require.NoError(j.t, err)
	stream := billing.Stream(account, month)
	s, ok := j.states[stream]
	if !ok {
		s = billing.State{Stream: stream}
	}
	j.facts.Actor = by
	events, err := billing.Decide(s, j.facts, c)
	for _, e := range events {
		s = billing.Evolve(s, e)
		j.view.Apply(stream, s.Version, e, j.facts.Now)
	}
	j.states[stream] = j.cached(s)
	return events, err
}

// cached is the state as the owner's cache gives it back.
func (j *journal) cached(s billing.State) billing.State {
	j.t.Helper()
	data, err := json.Marshal(s)
	require.NoError(j.t, err)
	var back billing.State
	require.NoError(j.t, json.Unmarshal(data, &back))
	require.Equal(j.t, s, back)
	return back
}

func (j *journal) do(month calendar.Month, by string, c billing.Command) []billing.Event {
	j.t.Helper()
	events, err := j.ask(month, by, c)
	require.NoError(j.t, err)
	return events
}

func (j *journal) refused(code string, month calendar.Month, by string, c billing.Command) {
	j.t.Helper()
	events, err := j.ask(month, by, c)
	require.Equal(j.t, code, domain.CodeOf(err), "%v", err)
	require.Empty(j.t, events)
}

func (j *journal) closing(usage ...billing.Usage) billing.CloseMonth {
	return billing.CloseMonth{
		Inputs: of(usage, senders{sender("PL")}, minimum(j.t, "PL", "100")),
		Positions: billing.Positions{
			Seals: []billing.Position{{Partition: 1, Offset: 7}}, Accounts: []billing.Position{{Partition: 0, Offset: 9}},
			Used: []billing.Used{{Stream: "regulations/pl", Version: 2}},
		},
	}
}

func ask(sum string) billing.RequestCredit {
	return billing.RequestCredit{Credit: creditID, Amount: sum, Reason: "an outage"}
}

// rules.md F4: a month is closed after its end in the billing zone, once.
func TestCloseMonth(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	c := j.closing(viber(t, 10, "60"))
	j.facts.Now = time.Date(2026, 11, 30, 22, 59, 59, 0, time.UTC) // 23:59:59 in Warsaw
	j.refused(billing.CodeMonthOpen, november, "process", c)
	j.facts.Now = j.facts.Now.Add(time.Second)
	events := j.do(november, "process", c)
	require.Len(t, events, 1)
	closed, ok := events[0].(billing.MonthClosed)
	require.True(t, ok)
	require.Equal(t, compute(t, c.Inputs), closed.Statement)
	require.Equal(t, c.Positions, closed.Positions)

	require.Empty(t, j.do(november, "process", c), "a repeat")
	split := j.closing(viber(t, 4, "20"), viber(t, 6, "40"))
	split.Positions.Accounts[0].Offset++
	require.Empty(t, j.do(november, "another process", split), "the same inputs, read later and in other rows")
	j.refused(billing.CodeAlreadyClosed, november, "process", j.closing(viber(t, 11, "66")))
}

func TestCloseRefuses(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	j.refused(billing.CodeWrongStream, november.Add(-1), "process", j.closing())
	bad := j.closing()
	bad.Inputs.Usage = []billing.Usage{viber(t, 1, "1", func(u *billing.Usage) { u.Currency = "EUR" })}
	j.refused(billing.CodeCurrencyMismatch, november, "process", bad)
	j.refused(billing.CodeRequired, november, "", j.closing())
	large := j.closing()
	for i := range 8000 {
		large.Inputs.Usage = append(large.Inputs.Usage, viber(t, 1, "1", func(u *billing.Usage) { u.PriceVersion = fmt.Sprint(i) }))
	}
	j.refused(billing.CodeTooMany, november, "process", large)
	_, err := billing.Decide(billing.State{Stream: "billing/x/2026-11"}, j.facts, j.closing())
	require.Equal(t, billing.CodeWrongStream, domain.CodeOf(err))
}

// What the event holds is enough to compute the statement again.
func TestACloseCanBeComputedAgain(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	october := november.Add(-1)
	first := j.closing(viber(t, 10, "60"))
	first.Inputs.Month = october
	j.do(october, "process", first)
	j.do(november, "key:1", ask("3"))
	j.do(november, "key:2", billing.ApproveCredit{Credit: creditID})
	c := j.closing(viber(t, 10, "60"), viber(t, 2, "12", late(october)), viber(t, 2, "1", sms))
	c.Inputs.Closed = append(j.view.Obligations(account, october), billing.Obligation{Month: october, Sender: "OTHER", Country: "PL"})
	c.Inputs.Credits = []billing.Credit{{ID: "forged", Amount: 1, RequestedBy: "a", ApprovedBy: "b"}}
	events := j.do(november, "process", c)
	data, err := json.Marshal(events[0])
	require.NoError(t, err)
	var e billing.MonthClosed
	require.NoError(t, json.Unmarshal(data, &e))
	require.Equal(t, events[0], e, "read back")
	require.Equal(t, e.Statement, compute(t, e.Whole()))
	require.Empty(t, e.Inputs.Usage)
	require.Len(t, e.Inputs.Closed, 1, "only what is adjusted")
	require.Equal(t, []string{"-3.00"}, lines(e.Statement, billing.KindCredit), "credits are the stream's own")
	again := billing.CloseMonth{Inputs: e.Whole()}
	require.Empty(t, j.do(november, "process", again))
	require.Empty(t, j.do(november, "process", c))
}

// rules.md F9: a credit has a reason and a second person's approval.
func TestCreditOfTwoPersons(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	require.Len(t, j.do(november, "key:1", ask("30.00")), 1)
	require.Empty(t, j.do(november, "key:1", ask("30")), "a repeat")
	j.refused(billing.CodeAlreadyExists, november, "key:1", ask("31"))
	j.refused(billing.CodeAlreadyExists, november, "key:2", ask("30"))
	j.refused(billing.CodeSamePerson, november, "key:1", billing.ApproveCredit{Credit: creditID})
	require.Equal(t, []billing.Event{billing.CreditApproved{Credit: creditID, By: "key:2"}}, j.do(november, "key:2", billing.ApproveCredit{Credit: creditID}))
	require.Empty(t, j.do(november, "key:3", billing.ApproveCredit{Credit: creditID}), "a repeat")
	j.refused(billing.CodeSamePerson, november, "key:1", billing.ApproveCredit{Credit: creditID})
	j.refused(billing.CodeCreditState, november, "key:2", billing.RejectCredit{Credit: creditID, Reason: "no"})
	j.refused(billing.CodeNotFound, november, "key:2", billing.ApproveCredit{Credit: senderID})
	events := j.do(november, "process", j.closing(viber(t, 10, "120")))
	require.Equal(t, "90.00", events[0].(billing.MonthClosed).Statement.Total.String())
}

func TestRejectedAndOpenCreditsDoNotCount(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	j.do(november, "key:1", ask("30"))
	require.Len(t, j.do(november, "key:1", billing.RejectCredit{Credit: creditID, Reason: "my mistake"}), 1)
	require.Empty(t, j.do(november, "key:2", billing.RejectCredit{Credit: creditID, Reason: "no"}), "a repeat")
	j.refused(billing.CodeCreditState, november, "key:2", billing.ApproveCredit{Credit: creditID})
	j.do(november, "key:1", billing.RequestCredit{Credit: senderID, Amount: "1", Reason: "r"})
	events := j.do(november, "process", j.closing(viber(t, 10, "120")))
	require.Equal(t, "120.00", events[0].(billing.MonthClosed).Statement.Total.String())
}

func TestRequestCreditRefuses(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	for _, sum := range []string{"", "0", "-1", "0.001", "1e3", "1000000000.01", "99999999999999999999"} {
		j.refused(billing.CodeInvalidValue, november, "key:1", ask(sum))
	}
	for code, reason := range map[string]string{
		billing.CodeRequired: " ", billing.CodeInvalidValue: "a\nb", billing.CodeTooLong: strings.Repeat("x", billing.MaxReason+1),
	} {
		j.refused(code, november, "key:1", billing.RequestCredit{Credit: creditID, Amount: "1", Reason: reason})
	}
	j.refused(billing.CodeInvalidValue, november, "key:1", billing.RequestCredit{Credit: "1", Amount: "1", Reason: "r"})
	for i := range billing.MaxCredits {
		j.do(november, "key:1", billing.RequestCredit{Credit: fmt.Sprintf("22222222-2222-4222-8222-%012d", i), Amount: "1", Reason: "r"})
	}
	j.refused(billing.CodeTooMany, november, "key:1", ask("1"))
}

// rules.md F3: suspended the whole month without the client's fault, with a reason.
func TestWaiveMinimum(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	waive := billing.WaiveMinimum{Sender: senderID, Reason: "our fault", SuspendedWholeMonth: true}
	j.refused(billing.CodeNotSuspended, november, "key:1", billing.WaiveMinimum{Sender: senderID, Reason: "our fault"})
	j.refused(billing.CodeRequired, november, "key:1", billing.WaiveMinimum{Sender: senderID, SuspendedWholeMonth: true})
	j.refused(billing.CodeInvalidValue, november, "key:1", billing.WaiveMinimum{Sender: "1", Reason: "r", SuspendedWholeMonth: true})
	require.Equal(t, []billing.Event{billing.MinimumWaived{Sender: senderID, Reason: "our fault", By: "key:1"}}, j.do(november, "key:1", waive))
	require.Empty(t, j.do(november, "key:2", waive), "a repeat")
	c := j.closing()
	c.Inputs.Senders[0].ID, c.Inputs.Senders[0].SuspendedWholeMonth = senderID, true
	closed := j.do(november, "process", c)[0].(billing.MonthClosed)
	require.Equal(t, []string{"waived"}, reasons(closed.Statement))
	require.Equal(t, []billing.Waiver{{SenderID: senderID, Reason: "our fault", By: "key:1"}}, closed.Inputs.Waivers)
}

// rules.md F4: what comes too late goes into the next month; a repeat is no news.
func TestAClosedMonthTakesNothing(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	j.do(november, "key:1", ask("30"))
	j.do(november, "key:2", billing.ApproveCredit{Credit: creditID})
	j.do(november, "key:1", billing.RequestCredit{Credit: senderID, Amount: "1", Reason: "r"})
	j.do(november, "process", j.closing())
	for _, c := range []billing.Command{
		billing.RequestCredit{Credit: account, Amount: "1", Reason: "r"},
		billing.RequestCredit{},
		billing.ApproveCredit{Credit: senderID},
		billing.RejectCredit{Credit: senderID, Reason: "no"},
		billing.WaiveMinimum{Sender: senderID, Reason: "r", SuspendedWholeMonth: true},
		billing.WaiveMinimum{},
	} {
		j.refused(billing.CodeMonthClosed, november, "key:2", c)
	}
	_, err := j.ask(november, "key:2", billing.RequestCredit{})
	require.ErrorContains(t, err, "2026-12")
	require.Empty(t, j.do(november, "key:1", ask("30")))
	require.Empty(t, j.do(november, "key:2", billing.ApproveCredit{Credit: creditID}))
	require.Len(t, j.do(november.Add(1), "key:2", ask("2")), 1)
}

func TestDecodeCommandFails(t *testing.T) {
	t.Parallel()
	_, err := billing.DecodeCommand("billing.reopen.v1", nil)
	var unknown *billing.ErrUnknownCommand
	require.ErrorAs(t, err, &unknown)
	require.False(t, billing.IsCommand("billing.reopen.v1"))
	require.True(t, billing.IsCommand(billing.CommandCloseMonth))
	_, err = billing.DecodeCommand(billing.CommandCloseMonth, []byte(`{"inputs":{"month":"2026-13"}}`))
	require.ErrorContains(t, err, "2026-13")
}

func TestParseStream(t *testing.T) {
	t.Parallel()
	a, m, ok := billing.ParseStream(billing.Stream(account, november))
	require.True(t, ok)
	require.Equal(t, account, a)
	require.Equal(t, november, m)
	for _, s := range []string{"", "billing/", "billing/" + account, "billing/" + account + "/2026-13", "billing/" + account + "/2026-11/x", "account/" + account + "/2026-11", "billing/1/2026-11"} {
		_, _, ok := billing.ParseStream(s)
		require.False(t, ok, s)
	}
}

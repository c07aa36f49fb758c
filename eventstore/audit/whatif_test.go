package audit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/calendar"
	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/eventstore/audit"
)

const client = "00000000-0000-8000-8000-0000000000cc"

// priceList is the default list of the journal.
func priceList() account.PricesPublished {
	return account.PricesPublished{Currency: "PLN", ValidFrom: noon.AddDate(-1, 0, 0), Prices: []account.Price{
		{Country: "PL", Channel: domain.Viber, Category: domain.Transactional, Content: domain.PlainText, Amount: "0.12"},
		{Country: "PL", Channel: domain.SMS, Amount: "0.09"},
	}}
}

// lives writes a message that was requested at a time and that Viber, asked to within
// a minute, delivers after a while; what is due before is decided in time.
func (j *journal) lives(p int32, n int, at time.Time, delivered time.Duration) {
	id := eventstore.DerivedID(p, append([]byte{0, 0, byte(n)}, make([]byte, 16)...)).String()
	view := account.NewView()
	view.Apply(account.AccountStream(client), 1, account.AccountCreated{Currency: "PLN"}, at)
	view.Apply(account.PricesStream(account.DefaultPrices), 1, priceList(), at)
	s, step := message.New(id), 0
	say := func(now time.Time, actor string, c message.Command) {
		step++
		events, err := message.Decide(s, message.Facts{
			Now: now, AccountID: client, NewID: func(i int) string { return fmt.Sprintf("%s-%d-%d", id, step, i) },
			Account: message.AccountFacts{Known: true, Active: true, Currency: "PLN", FallbackAtOnce: true},
			Sender:  message.SenderFacts{Known: true, InCountry: true, Active: true}, Prices: view.PriceFinder(client),
			Month: func(t time.Time) calendar.Month { return calendar.MonthOf(t, time.UTC) },
		}, c)
		require.NoError(j.t, err)
		for _, e := range events {
			s = message.Evolve(s, e.Event, e.At)
			j.add(eventstore.Messages, p, "message/"+id, e.Event, func(ev *eventstore.Event) { ev.Time, ev.Recorded, ev.Actor = e.At, now, actor })
		}
	}
	say(at, "key/k", message.Request{
		Country: "PL", Category: domain.Transactional, Content: domain.PlainText, Fallback: true, SMSParts: 1, ValidityMS: 60_000,
	})
	attempt := s.Attempts[0].ID
	say(at, "dispatcher", message.Answer{Attempt: attempt, Outcome: message.OutcomeAccepted, CarrierIDs: []string{"v"}, At: at})
	if delivered > time.Minute {
		due := at.Add(time.Minute)
		say(due, "timer/deadline", message.Fire{Timer: message.TimerDeadline, Due: due})
		sms := s.Attempts[1].ID
		say(due, "dispatcher", message.Answer{Attempt: sms, Outcome: message.OutcomeAccepted, CarrierIDs: []string{"s"}, At: due})
		say(due, "carrier", message.Report{Attempt: sms, CarrierID: "s", Status: message.ReportDelivered, At: due, Received: due})
	}
	then := at.Add(delivered)
	say(then, "carrier", message.Report{Attempt: attempt, CarrierID: "v", Status: message.ReportDelivered, At: then, Received: then})
}

// november is a journal of two partitions, with a neighbour on each side of the month.
func november(t *testing.T) *bundle {
	t.Helper()
	b := setup(t)
	b.add(eventstore.Accounts, 0, account.AccountStream(client), account.AccountCreated{Name: "Client", Currency: "PLN"})
	b.add(eventstore.Accounts, 1, account.PricesStream(account.DefaultPrices), priceList())
	at := time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC)
	for n, delivered := range []time.Duration{0, 5, 45, 70, 70, 5, 45, 0} {
		b.lives(int32(n%2), n, at, delivered*time.Second)
		at = at.Add(5 * 24 * time.Hour)
	}
	b.publish(nil)
	return b
}

func trial(t *testing.T, validity string) audit.Trial {
	t.Helper()
	m := calendar.Month{Year: 2026, Month: time.November}
	out := audit.Trial{From: m.Begins(time.UTC), To: m.Ends(time.UTC), Zone: time.UTC}
	if validity != "" {
		require.NoError(t, out.Settings.SetValidity(validity))
	}
	return out
}

// rules.md D3: what a month would have come to with another validity, from the journal.
func TestWhatIf(t *testing.T) {
	t.Parallel()
	b := november(t)
	same, err := audit.WhatIf(t.Context(), b.config(), trial(t, ""))
	require.NoError(t, err)
	require.Equal(t, same.Real, same.WhatIf)
	require.Empty(t, same.Assumed)
	require.Equal(t, int64(6), same.Real.Messages, "those of the month alone")
	require.Equal(t, int64(2), same.Real.Double)
	require.Equal(t, map[string]int64{"deadline": 2}, same.Real.Fallbacks)
	require.Equal(t, "0.90", same.Real.Cost["PLN"].Total.Cents())

	longer, err := audit.WhatIf(t.Context(), b.config(), trial(t, "90s"))
	require.NoError(t, err)
	require.Zero(t, longer.WhatIf.FellBack)
	require.Equal(t, "0.72", longer.WhatIf.Cost["PLN"].Total.Cents())

	shorter, err := audit.WhatIf(t.Context(), b.config(), trial(t, "40s"))
	require.NoError(t, err)
	require.Equal(t, int64(4), shorter.WhatIf.FellBack)
	require.Equal(t, "0.84", shorter.WhatIf.Cost["PLN"].Total.Cents(), "an SMS instead of a Viber message after its time")
}

// However little may be held at a time, the answer is the same.
func TestWhatIfInManyReadings(t *testing.T) {
	t.Parallel()
	b := november(t)
	once, err := audit.WhatIf(t.Context(), b.config(), trial(t, "40s"))
	require.NoError(t, err)
	require.NotZero(t, once.WhatIf.FellBack)
	for _, held := range []int{1, 7, 15} {
		few := trial(t, "40s")
		few.Held = held
		often, err := audit.WhatIf(t.Context(), b.config(), few)
		require.NoError(t, err)
		require.Equal(t, once, often)
	}
}

func TestWhatIfOfAJournalThatCannotBeRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.life(0, first)
	b.publish(nil)
	cfg := b.config()
	cfg.Installation = ""
	_, err := audit.WhatIf(t.Context(), cfg, trial(t, ""))
	require.ErrorContains(t, err, "installation: is required")
}

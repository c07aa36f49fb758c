package bills_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/money"
	"goniec/eventstore"
	"goniec/projections/bills"
	pt "goniec/projections/internal/projtest"
	"goniec/projections/query"
)

const credit = "0b5e3f2c-0000-8000-8000-0000000000cc"

var november = calendar.Month{Year: 2026, Month: time.November}

// closed is November with usage, late facts of October, and a credit.
func closed(t *testing.T) billing.MonthClosed {
	t.Helper()
	in := billing.Inputs{
		Account: pt.Account, Month: november, Currency: "PLN",
		Usage: []billing.Usage{
			{Key: billing.Key{Sender: "GONIEC", Country: "PL", Channel: domain.Viber, Category: domain.Transactional, Content: domain.PlainText, PriceVersion: "default@1"}, Count: 3, Parts: 3, Waived: 1, Amount: 250_005},
			{Key: billing.Key{Sender: "GONIEC", Country: "PL", Channel: domain.SMS, PriceVersion: "default@1", Adjusts: november.Add(-1)}, Count: 1, Parts: 2, Amount: 180_000},
		},
		Credits: []billing.Credit{{ID: credit, Amount: 10, Reason: "a fault", RequestedBy: "key:1", ApprovedBy: "key:2"}},
	}
	s, err := billing.Compute(in)
	require.NoError(t, err)
	return billing.MonthClosed{
		Inputs: in, Statement: s, Digest: "d",
		Positions: billing.Positions{Seals: []billing.Position{{Partition: 0, Offset: 7}}, Used: []billing.Used{{Stream: account.PricesStream(account.DefaultPrices), Version: 1}}},
	}
}

// rules.md F4, F9, G3: what the journal says of months is seen line by line, and is
// rebuilt equal.
func TestMonthsAndTheirLines(t *testing.T) {
	t.Parallel()
	j, link := pt.NewJournal(), pt.Database(t, nil)
	stream := billing.Stream(pt.Account, november)
	e := closed(t)
	for i, fact := range []domain.Event{
		billing.CreditRequested{Credit: credit, Amount: 10, Reason: "a fault", By: "key:1"},
		billing.MinimumWaived{Sender: pt.ID("sender", 1), Reason: "suspended", By: "key:1"},
		billing.CreditApproved{Credit: credit, By: "key:2"},
		e,
	} {
		j.Add(t, eventstore.Accounts, 1, stream, pt.Epoch.Add(time.Duration(i)*time.Minute), fact)
	}
	j.Add(t, eventstore.Accounts, 1, billing.Stream(pt.Account, november.Add(1)), pt.Epoch.Add(time.Hour),
		billing.CreditRequested{Credit: credit, Amount: 20, Reason: "more", By: "key:1"})
	p := pt.Projector(t, link, j, nil)
	pt.Start(t, p)
	r, err := query.Open(link, 1)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	require.Eventually(t, func() bool {
		_, err := r.Statement(t.Context(), pt.Account, "2026-11")
		return err == nil
	}, time.Minute, 5*time.Millisecond)
	pt.CaughtUp(t, p, j)
	before := pt.Digests(t, p)
	require.NoError(t, p.Rebuild(t.Context(), bills.Name, nil))
	require.Equal(t, before, pt.Digests(t, p), "rebuilt equal")

	s, err := r.Statement(t.Context(), pt.Account, "2026-11")
	require.NoError(t, err)
	require.Equal(t, e.Statement, s.Statement)
	require.True(t, s.ClosedAt.Equal(pt.Epoch.Add(3*time.Minute)))
	_, err = r.Statement(t.Context(), pt.Account, "2026-12")
	require.ErrorIs(t, err, query.ErrNotFound, "open")

	rows := pt.Rows(t, link, `SELECT number || ' ' || kind || ' ' || coalesce(adjusts, '-') || ' ' || exact || ' ' || amount FROM goniec.billing_lines ORDER BY number`)
	require.Equal(t, []string{"1 usage - 0.250005 0.25", "2 adjustment 2026-10 0.180000 0.18", "3 credit - -0.100000 -0.10"}, rows)
	rows = pt.Rows(t, link, `SELECT month || ' ' || state || ' ' || coalesce(total::text, '-') || ' ' || (credits -> '`+credit+`' ->> 'status') FROM goniec.billing_months ORDER BY month`)
	require.Equal(t, []string{"2026-11 closed 0.33 approved", "2026-12 open - requested"}, rows)
	require.Equal(t, money.Cents(33), s.Total)
}

package terms_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/projections"
	"goniec/projections/bills"
	pt "goniec/projections/internal/projtest"
	"goniec/projections/ledger"
	"goniec/projections/query"
	"goniec/projections/senders"
	"goniec/projections/terms"
)

var (
	zone, _   = time.LoadLocation("Europe/Warsaw")
	september = calendar.Month{Year: 2025, Month: time.September}
	october   = september.Add(1)
	november  = september.Add(2)
)

// book is a journal whose facts are written with their times.
type book struct {
	*pt.Journal
	t *testing.T
}

func (b book) say(p int32, stream string, at time.Time, facts ...domain.Event) {
	b.t.Helper()
	for _, fact := range facts {
		b.Add(b.t, eventstore.Accounts, p, stream, at, fact)
	}
}

// active is a configuration that is approved at a time; it returns its id.
func (b book) active(name, country string, at time.Time) string {
	b.t.Helper()
	id := account.SenderID(pt.Account, name, country)
	b.say(0, account.SenderStream(id), at, account.SenderCreated{Account: pt.Account, Name: name, Company: "Goniec", Country: country},
		account.SenderApproved{ServiceID: 7, ActiveOn: at})
	return id
}

// charge is one on a channel; adjusts is zero for the month's own.
func (b book) charge(n int, ch domain.Channel, sender, country, amount string, month, adjusts calendar.Month) {
	b.t.Helper()
	late, err := adjusts.MarshalText()
	require.NoError(b.t, err)
	b.Add(b.t, eventstore.Messages, int32(n%2), pt.Message(n), month.Begins(zone), message.Charged{
		Channel: ch, Attempt: pt.ID("a", n), Parts: 1, UnitPrice: amount, Amount: amount, Currency: "PLN", PriceVersion: "default@1",
		PricedCategory: domain.Transactional, Content: domain.PlainText, Country: country, Sender: sender, Account: pt.Account,
		At: month.Begins(zone), Month: month.String(), Adjusts: string(late),
	})
}

// project runs what the views read until it has read the journal.
func (b book) project() (p *projections.Projector, link string) {
	b.t.Helper()
	models := []projections.Projection{ledger.New(), senders.New(), bills.New(), terms.New()}
	link = pt.Database(b.t, models)
	p = pt.Projector(b.t, link, b.Journal, func(c *projections.Config) { c.Projections = models })
	pt.Start(b.t, p)
	require.Eventually(b.t, func() bool {
		all, err := p.Status(b.t.Context())
		return err == nil && len(all) == 2*len(models) && !slices.ContainsFunc(all, func(m projections.Position) bool { return m.Next < b.End(m.Topic, m.Partition) })
	}, time.Minute, 5*time.Millisecond)
	return p, link
}

func digests(t *testing.T, p *projections.Projector) (out []projections.Fingerprint) {
	t.Helper()
	for _, name := range []string{senders.Name, terms.Name} {
		f, err := p.Digest(t.Context(), name)
		require.NoError(t, err)
		f.Build = 0
		out = append(out, f)
	}
	return out
}

func minimum(country, unit, amount string, messages int, scope string) account.Minimum {
	return account.Minimum{Country: country, Currency: "PLN", Unit: unit, Amount: amount, Messages: messages, Mode: account.TrueUp, Scope: scope}
}

// rules.md A4, F2, F3, B12, G3: the minimum that holds for a configuration in a month,
// and its traffic; both are rebuilt equal.
func TestMonthTraffic(t *testing.T) {
	t.Parallel()
	b := book{pt.NewJournal(), t}
	began := september.Begins(zone)
	b.say(1, account.RegulationsStream, began, account.RegulationsPublished{ValidFrom: began, Minimums: []account.Minimum{
		minimum("PL", account.UnitAmount, "10.00", 0, account.PerCountry),
		minimum("CZ", account.UnitAmount, "15.00", 0, account.HighestOfSender), minimum("SK", account.UnitMessages, "30.00", 3, account.HighestOfSender),
	}})
	b.say(1, account.RegulationsStream, began.Add(time.Hour), account.RegulationsPublished{ValidFrom: november.Begins(zone), Minimums: []account.Minimum{
		minimum("PL", account.UnitMessages, "20.00", 5, account.PerCountry),
	}})
	b.say(0, account.AccountStream(pt.Account), began, account.AccountCreated{Name: "Demo", Currency: "PLN"})
	pl := b.active("GONIEC", "PL", began.AddDate(0, 0, 15))
	b.say(0, account.SenderStream(pl), november.Ends(zone), account.SenderDisabled{Reason: "x", On: november.Add(1).First(), At: november.Ends(zone)})
	b.active("DUO", "CZ", began)
	b.active("DUO", "SK", began)
	waived, lifted := b.active("IDLE", "PL", began), b.active("LIFTED", "PL", began) // both in October, one before it was over
	for _, id := range []string{waived, lifted} {
		b.say(0, account.SenderStream(id), began.AddDate(0, 0, 20), account.SenderSuspended{Reason: "x", By: account.ByOperator})
		b.say(0, billing.Stream(pt.Account, october), october.Begins(zone).AddDate(0, 0, 10), billing.MinimumWaived{Sender: id, Reason: "x", By: "key:1"})
	}
	b.say(0, account.SenderStream(lifted), october.Ends(zone).AddDate(0, 0, -1), account.SenderReinstated{Reason: "x"})
	none := calendar.Month{}
	b.charge(1, domain.Viber, "GONIEC", "PL", "1.204000", october, none)
	b.charge(2, domain.Viber, "GONIEC", "PL", "1.204000", october, none)
	b.charge(3, domain.SMS, "GONIEC", "PL", "5.000000", october, none)
	b.charge(4, domain.Viber, "GONIEC", "PL", "2.000000", november, october)
	b.charge(5, domain.Viber, "GONIEC", "PL", "3.000000", november, none)
	b.charge(6, domain.Viber, "DUO", "CZ", "4.000000", october, none)
	b.charge(7, domain.Viber, "DUO", "SK", "6.000000", october, none)
	p, link := b.project()

	const row = `concat_ws(' ', name, country, month, coalesce(free, terms_version || ' ' || unit || ' ' || minimum_amount || ' ' || coalesce(minimum_messages::text, '-')
		|| ' ' || scope), messages, amount, previous_messages, previous_amount, counted_messages, counted_amount)`
	rows := func() []string {
		return pt.Rows(t, link, "SELECT "+row+" FROM goniec.sender_month_traffic WHERE month <= '2025-12' ORDER BY name, country, month")
	}
	want := []string{
		"DUO CZ 2025-09 activation_month 0 0.00 0 0.00 0 0.00",
		"DUO CZ 2025-10 1 messages 30.00 3 highest_of_sender 1 4.00 0 0.00 2 10.00",
		"DUO CZ 2025-11 no_minimum 0 0.00 1 4.00 0 0.00",
		"DUO CZ 2025-12 no_minimum 0 0.00 0 0.00 0 0.00",
		"DUO SK 2025-09 activation_month 0 0.00 0 0.00 0 0.00",
		"DUO SK 2025-10 1 messages 30.00 3 highest_of_sender 1 6.00 0 0.00 2 10.00",
		"DUO SK 2025-11 no_minimum 0 0.00 1 6.00 0 0.00",
		"DUO SK 2025-12 no_minimum 0 0.00 0 0.00 0 0.00",
		"GONIEC PL 2025-09 activation_month 0 0.00 0 0.00 0 0.00",
		"GONIEC PL 2025-10 1 amount 10.00 - per_country 3 4.41 0 0.00 3 4.41",
		"GONIEC PL 2025-11 2 messages 20.00 5 per_country 1 3.00 3 4.41 1 3.00",
		"GONIEC PL 2025-12 not_active 0 0.00 1 3.00 0 0.00",
		"IDLE PL 2025-09 activation_month 0 0.00 0 0.00 0 0.00",
		"IDLE PL 2025-10 waived 0 0.00 0 0.00 0 0.00",
		"IDLE PL 2025-11 2 messages 20.00 5 per_country 0 0.00 0 0.00 0 0.00",
		"IDLE PL 2025-12 2 messages 20.00 5 per_country 0 0.00 0 0.00 0 0.00",
		"LIFTED PL 2025-09 activation_month 0 0.00 0 0.00 0 0.00",
		"LIFTED PL 2025-10 1 amount 10.00 - per_country 0 0.00 0 0.00 0 0.00",
		"LIFTED PL 2025-11 2 messages 20.00 5 per_country 0 0.00 0 0.00 0 0.00",
		"LIFTED PL 2025-12 2 messages 20.00 5 per_country 0 0.00 0 0.00 0 0.00",
	}
	require.Equal(t, want, rows())
	r, err := query.Open(link, 1)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	months, err := r.SenderMonths(t.Context(), pt.Account, "2025-10")
	require.NoError(t, err)
	require.Len(t, months, 5)
	require.Contains(t, months, query.SenderMonth{
		Sender: pl, Month: "2025-10", Currency: "PLN", MinimumAmount: "10.00", Messages: 3, Amount: "4.41", PreviousAmount: "0.00",
	})
	all, err := r.SenderMonths(t.Context(), "", "2025-10")
	require.NoError(t, err)
	require.Equal(t, months, all)
	others, err := r.SenderMonths(t.Context(), account.Installation, "2025-10")
	require.NoError(t, err)
	require.Empty(t, others)
	before := digests(t, p)
	for _, name := range []string{terms.Name, senders.Name} {
		require.NoError(t, p.Rebuild(t.Context(), name, nil))
	}
	require.Equal(t, before, digests(t, p))
	require.Equal(t, want, rows(), "the views read the new builds")
	now := calendar.MonthOf(time.Now(), zone).String()
	require.Equal(t, []string{now}, pt.Rows(t, link, "SELECT max(month) FROM goniec.sender_month_traffic"), "up to the month that goes on")
}

// rules.md A4: a sender's state with its badges, and how it came to it.
func TestSenderStates(t *testing.T) {
	t.Parallel()
	b := book{pt.NewJournal(), t}
	began := september.Begins(zone)
	b.say(0, account.SenderStream(account.SenderID(pt.Account, "NEW", "PL")), began, account.SenderCreated{Account: pt.Account, Name: "NEW", Company: "G", Country: "PL"})
	ends := b.active("ENDS", "PL", began)
	given := account.SenderNoticeGiven{Reason: "season is over", Month: november, Effect: november.Ends(zone), Close: true}
	b.say(0, account.SenderStream(ends), began, account.SenderSuspended{Reason: "spam", By: account.ByOperator}, given)
	gone := b.active("GONE", "PL", began)
	b.say(0, account.SenderStream(gone), november.Ends(zone), account.SenderDisabled{Reason: "x", On: november.Add(1).First(), At: november.Ends(zone)}, account.SenderClosed{Reason: "x"})
	_, link := b.project()
	require.Equal(t, []string{
		"ENDS active {suspended,closing} 2025-11-30 true created approved suspended notice_given",
		"GONE disabled {closed} - false created approved disabled closed",
		"NEW new {} - false created",
	}, pt.Rows(t, link, `SELECT concat_ws(' ', name, state, badges::text, coalesce(ends_on::text, '-'), ends_for_good::text,
		(SELECT string_agg(h->>'type', ' ') FROM jsonb_array_elements(history) h)) FROM goniec.sender_states ORDER BY name`))
}

package closing_test

import (
	"context"
	"encoding"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/money"
	"goniec/eventstore"
	"goniec/internal/pause"
)

// forecastFacts are an account whose senders were activated two months before m, with
// terms that change with the month after the next one. GONIEC has 3.00 of traffic in m.
func (p *plant) forecastFacts(m calendar.Month) {
	p.t.Helper()
	two := eventstore.Partitioner{N: 2}
	began := m.Add(-2).Begins(zone)
	installation, regulations := two.Of([]byte(account.Installation)), account.RegulationsStream
	minimum := func(country, amount, scope string) account.Minimum {
		return account.Minimum{Country: country, Currency: "PLN", Unit: account.UnitAmount, Amount: amount, Mode: account.TrueUp, Scope: scope}
	}
	counted := minimum("DE", "20.00", account.PerCountry)
	counted.Unit, counted.Messages, counted.Mode = account.UnitMessages, 5000, account.FullMinimum
	foreign := minimum("AT", "25.00", account.PerCountry)
	foreign.Currency = "EUR"
	p.write(eventstore.Accounts, installation, regulations, began, account.RegulationsPublished{ValidFrom: began, Minimums: []account.Minimum{
		foreign, minimum("PL", "10.00", account.PerCountry), minimum("CZ", "15.00", account.HighestOfSender), minimum("SK", "30.00", account.HighestOfSender), counted,
	}})
	p.write(eventstore.Accounts, installation, regulations, began, account.RegulationsPublished{ValidFrom: m.Add(2).Begins(zone), Minimums: []account.Minimum{
		minimum("PL", "20.00", account.PerCountry),
	}})
	p.write(eventstore.Accounts, p.home, account.AccountStream(owner), began, account.AccountCreated{Name: "Demo", Currency: "PLN"})
	for _, s := range []struct{ name, country string }{{"GONIEC", "PL"}, {"DUO", "CZ"}, {"DUO", "SK"}, {"ENDS", "PL"}, {"COUNTED", "DE"}, {"FREE", "FR"}, {"FOREIGN", "AT"}} {
		stream := account.SenderStream(account.SenderID(owner, s.name, s.country))
		p.write(eventstore.Accounts, p.home, stream, began, account.SenderCreated{Account: owner, Name: s.name, Company: "Demo", Country: s.country})
		p.write(eventstore.Accounts, p.home, stream, began, account.SenderApproved{ServiceID: 7, ActiveOn: began})
	}
	ends := account.SenderStream(account.SenderID(owner, "ENDS", "PL"))
	p.write(eventstore.Accounts, p.home, ends, began, account.SenderNoticeGiven{Reason: "x", Month: m.Add(1), Effect: m.Add(1).Ends(zone)})
	off := calendar.Date{Year: m.Year, Month: time.January, Day: 1}
	goniec := account.SenderStream(account.SenderID(owner, "GONIEC", "PL"))
	p.write(eventstore.Accounts, p.home, goniec, began, account.SenderDisabled{Reason: "x", On: off, At: began})
	p.write(eventstore.Accounts, p.home, goniec, began, account.SenderEnabled{On: off, At: began})
	p.charge(0, "1.000000", m, "")
	p.charge(1, "2.000000", m, "")
}

// told waits until the account's forecast holds the traffic.
func (p *plant) told(at time.Time) map[string]billing.SenderForecast {
	p.t.Helper()
	var f billing.Forecast
	require.Eventually(p.t, func() bool {
		var err error
		f, err = p.Forecast(p.t.Context(), owner, at)
		return err == nil && len(f.Senders) == 7 && slices.ContainsFunc(f.Senders, func(s billing.SenderForecast) bool { return s.Now.Messages == 2 })
	}, time.Minute, 10*time.Millisecond)
	require.Equal(p.t, calendar.DateOf(at, zone), f.Today)
	out := map[string]billing.SenderForecast{}
	for _, s := range f.Senders {
		out[s.Sender+" "+s.Country] = s
	}
	return out
}

// rules.md F3, F5, F6: what to expect at the month's end, what it lacks, and until
// when a sender can be ended; and what it costs to wait.
func TestForecast(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.forecastFacts(october)
	day := func(d int) time.Time { return time.Date(2026, time.October, d, 23, 59, 59, 0, zone) }
	november := october.Add(1)

	in := p.told(day(10))
	goniec := in["GONIEC PL"]
	require.Equal(t, billing.Traffic{Messages: 2, Amount: 3_00}, goniec.Now)
	require.Equal(t, billing.Traffic{Messages: 6, Amount: 9_30}, goniec.Expected, "as much on every day: 3.00 × 31 / 10")
	require.Equal(t, billing.Traffic{Amount: 70}, goniec.Missing)
	require.Equal(t, money.Cents(70), goniec.TopUp)
	require.Equal(t, []any{october, calendar.Date{Year: 2026, Month: 10, Day: 25}, money.Cents(10_00), 1, 1}, []any{goniec.NoticeFor, goniec.NoticeBy, goniec.WaitingCosts, goniec.Offs, goniec.Ons})
	require.Equal(t, "no_minimum", in["FREE FR"].Free)
	require.Zero(t, in["FREE FR"].WaitingCosts)
	require.Equal(t, "other_currency", in["FOREIGN AT"].Free, "the others' forecasts stay")
	require.Zero(t, in["FOREIGN AT"].WaitingCosts)
	require.Equal(t, november, in["ENDS PL"].Ends)
	require.Zero(t, in["ENDS PL"].WaitingCosts, "notice was given")
	require.Equal(t, billing.Traffic{Messages: 5000}, in["COUNTED DE"].Missing)
	require.Equal(t, money.Cents(20_00), in["COUNTED DE"].TopUp)
	for _, country := range []string{"CZ", "SK"} {
		duo := in["DUO "+country]
		require.Equal(t, []string{"CZ", "SK"}, duo.Countries)
		require.Equal(t, money.Cents(30_00), duo.TopUp, "the highest of the name's")
	}
	require.Equal(t, money.Cents(15_00), in["DUO CZ"].WaitingCosts)

	last := p.told(day(25))["GONIEC PL"]
	require.Equal(t, october, last.NoticeFor, "until 23:59:59")
	late := p.told(day(26))["GONIEC PL"]
	require.Equal(t, november, late.NoticeFor)
	require.Equal(t, calendar.Date{Year: 2026, Month: 11, Day: 24}, late.NoticeBy)
	require.Equal(t, money.Cents(20_00), late.WaitingCosts, "of December, by the terms that begin then")
}

const forecastRow = `SELECT concat_ws('|', name, country, coalesce(free, ''), messages, amount, expected_messages, expected_amount,
	coalesce(missing_messages, 0), coalesce(missing_amount, 0.00), top_up, coalesce(ends, ''), coalesce(notice_for, ''), coalesce(notice_by::text, ''),
	offs_left, ons_left, waiting_costs) FROM goniec.forecast ORDER BY name, country`

func forecastWords(t *testing.T, s billing.SenderForecast) string {
	t.Helper()
	var cells []string
	for _, cell := range []any{
		s.Sender, s.Country, s.Free, s.Now.Messages, s.Now.Amount, s.Expected.Messages, s.Expected.Amount, s.Missing.Messages, s.Missing.Amount, s.TopUp,
		s.Ends, s.NoticeFor, s.NoticeBy, s.Offs, s.Ons, s.WaitingCosts,
	} {
		if m, ok := cell.(encoding.TextMarshaler); ok {
			text, err := m.MarshalText()
			require.NoError(t, err)
			cell = string(text)
		}
		cells = append(cells, fmt.Sprint(cell))
	}
	return strings.Join(cells, "|")
}

// rules.md A4, G3: the view says what the forecast says.
func TestTheViewForecastsTheSame(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.forecastFacts(calendar.MonthOf(time.Now(), zone))
	conn, err := pgx.Connect(t.Context(), p.link)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	var view, want []string
	same := func() bool { // the read models follow the journal, and a day may begin
		rows, err := conn.Query(t.Context(), forecastRow)
		require.NoError(t, err)
		view, err = pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		want = nil
		for _, s := range p.told(time.Now()) {
			want = append(want, forecastWords(t, s))
		}
		slices.Sort(want)
		return slices.Equal(want, view)
	}
	for until := time.Now().Add(time.Minute); !same() && time.Now().Before(until); {
		require.NoError(t, pause.For(t.Context(), 100*time.Millisecond))
	}
	require.Equal(t, want, view)
}

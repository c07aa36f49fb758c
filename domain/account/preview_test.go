package account_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
)

const rich = "2d9f2fd0-31ab-4c0a-9d0f-1f3f6c3f0f11" // an account in another currency

func price(country string, ch domain.Channel, cat domain.Category, content domain.Content, amount string) account.Price {
	return account.Price{Country: country, Channel: ch, Category: cat, Content: content, Amount: amount}
}

// F8: what a version would change is told before it is published, for each account by its own list and currency.
func TestPricesArePreviewed(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	j.do(account.AccountStream(acc), account.Create{Name: "Demo"})
	j.do(account.AccountStream(end), account.Create{Name: "Own prices"})
	j.do(account.AccountStream(rich), account.Create{Name: "In euro", Currency: "EUR"})
	sms, text := price("PL", domain.SMS, "", "", "0.10"), price("PL", domain.Viber, domain.Transactional, domain.PlainText, "0.05")
	j.do(account.PricesStream(account.DefaultPrices), account.PublishPrices{Currency: "PLN", Prices: []account.Price{sms, text}})
	j.do(account.PricesStream(end), account.PublishPrices{Currency: "PLN", Prices: []account.Price{price("PL", domain.SMS, "", "", "0.08")}})

	next := account.PublishPrices{Currency: "PLN", Prices: []account.Price{
		price("PL", domain.SMS, "", "", "0.12"), price("PL", domain.SMS, domain.Promotional, "", "0.10"), price("DE", domain.SMS, "", "", "0.30"),
	}}
	changes, whom, err := j.view.PreviewPrices(account.DefaultPrices, next, now)
	require.NoError(t, err)
	require.Equal(t, []account.PriceChange{
		{Country: "DE", Channel: domain.SMS, After: "0.30"},
		{Country: "PL", Channel: domain.SMS, Before: "0.10", After: "0.12"},
		{Country: "PL", Channel: domain.SMS, Category: domain.Promotional, After: "0.10"},
		{Country: "PL", Channel: domain.Viber, Category: domain.Transactional, Content: domain.PlainText, Before: "0.05"},
	}, changes)
	require.Equal(t, []account.PriceEffect{
		{Account: acc, Name: "Demo", Changed: 6 + 4 + 1, Lost: 1},   // DE; PL but for promotional, which stays; Viber
		{Account: end, Name: "Own prices", Changed: 6 + 1, Lost: 1}, // its own SMS price stays
	}, whom)
	require.Len(t, j.view.PriceVersions(account.DefaultPrices), 1, "nothing was published")

	changes, whom, err = j.view.PreviewPrices(end, account.PublishPrices{Currency: "PLN", Prices: []account.Price{sms}}, now)
	require.NoError(t, err)
	require.Len(t, changes, 1)
	require.Equal(t, []account.PriceEffect{{Account: end, Name: "Own prices", Changed: 6}}, whom)

	same := sms
	same.Amount = "0.1000"
	changes, whom, err = j.view.PreviewPrices(account.DefaultPrices, account.PublishPrices{Currency: "PLN", Prices: []account.Price{same, text}}, now)
	require.NoError(t, err)
	require.Empty(t, changes)
	require.Empty(t, whom)

	for code, c := range map[string]account.PublishPrices{
		"invalid_value": {Currency: "EUR", Prices: next.Prices},
		"backdated":     {Currency: "PLN", ValidFrom: now.Add(-time.Hour), Prices: next.Prices},
		"invalid_price": {Currency: "PLN", Prices: []account.Price{sms, sms}},
	} {
		_, _, err := j.view.PreviewPrices(account.DefaultPrices, c, now)
		require.Equal(t, code, domain.CodeOf(err))
	}
}

func TestPriceVersionsAreListed(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	require.Empty(t, j.view.PriceVersions(account.DefaultPrices))
	rows := []account.Price{price("PL", domain.SMS, "", "", "0.10"), price("DE", domain.SMS, "", "", "0.30")}
	j.do(account.PricesStream(account.DefaultPrices), account.PublishPrices{Currency: "PLN", ValidFrom: now.Add(time.Hour), Prices: rows})
	j.do(account.PricesStream(account.DefaultPrices), account.PublishPrices{Currency: "PLN", Prices: rows[:1]})
	require.Equal(t, []account.PriceVersion{
		{Version: "default@2", Currency: "PLN", ValidFrom: now, Prices: rows[:1]},
		{Version: "default@1", Currency: "PLN", ValidFrom: now.Add(time.Hour), Prices: []account.Price{rows[1], rows[0]}},
	}, j.view.PriceVersions(account.DefaultPrices))
}

// F3, B12: which minimums a version of the regulations would change, and whose.
func TestMinimumsArePreviewed(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	j.do(account.AccountStream(acc), account.Create{Name: "Demo"})
	j.do(goniecStream(), goniec())
	minimum := func(country, amount string) account.Minimum {
		return account.Minimum{Country: country, Currency: "PLN", Amount: amount}
	}
	day := now.AddDate(0, 2, 0)
	changes, whom, err := j.view.PreviewMinimums(day, []account.Minimum{minimum("PL", "250"), minimum("DE", "100")})
	require.NoError(t, err)
	require.Len(t, changes, 2)
	require.Equal(t, "DE", changes[0].Country)
	require.Nil(t, changes[0].Before)
	require.Equal(t, "250.00", changes[1].After.Amount)
	require.Equal(t, []account.MinimumEffect{{Account: acc, Sender: goniec().Name, Country: "PL", State: account.SenderNew}}, whom)

	j.view.Apply(account.RegulationsStream, 1, account.RegulationsPublished{ValidFrom: day, Minimums: []account.Minimum{
		{Country: "PL", Currency: "PLN", Unit: account.UnitAmount, Amount: "250.00", Mode: account.TrueUp, Scope: account.PerCountry},
	}}, now)
	changes, whom, err = j.view.PreviewMinimums(day.AddDate(0, 1, 0), []account.Minimum{minimum("PL", "250")})
	require.NoError(t, err)
	require.Empty(t, changes)
	require.Empty(t, whom)
	changes, _, err = j.view.PreviewMinimums(day.AddDate(0, 1, 0), nil)
	require.NoError(t, err)
	require.Equal(t, "PL", changes[0].Country)
	require.Nil(t, changes[0].After)
	require.Equal(t, "250.00", changes[0].Before.Amount)

	_, _, err = j.view.PreviewMinimums(day, []account.Minimum{minimum("PL", "0")})
	require.Equal(t, "invalid_value", domain.CodeOf(err))
}

package cli

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/domain"
	"goniec/domain/account"
)

func TestPricesPublished(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("POST /v1/prices", 201, httpapi.PricesBody{Version: "default@2"})
	f.says("POST /v1/prices/preview", 200, httpapi.PricesPreview{
		Changes:  []account.PriceChange{{Country: "PL", Channel: domain.SMS, Before: "0.10", After: "0.12"}},
		Accounts: []account.PriceEffect{{Account: "a-1", Name: "Sowa", Changed: 6, Lost: 1}},
	})
	list := file(t, "p.csv", "country;channel;category;content;amount\nPL;sms;;;0.120\nPL;viber;promotional;rich;0.07\n")
	preview := "COUNTRY  CHANNEL  CATEGORY  CONTENT  BEFORE  AFTER\nPL       sms      any       any      0.10    0.12\n" +
		"for Sowa (a-1): 6 prices, 1 of them lost: such messages are refused\n"
	require.Equal(t, result{0, preview + "Nothing was published: repeat with --yes to publish the list.\n", ""}, f.do("prices", "publish", "--file", list))
	require.Equal(t, result{0, preview + "published as default@2\n", ""},
		f.do("prices", "publish", "--file", list, "--valid-from", "2026-12-01T00:00:00+01:00", "--yes"))
	posts := f.got("POST")
	require.Len(t, posts, 3)
	sent := decode[httpapi.PricesRequest](t, posts[2].body)
	require.Equal(t, []account.Price{
		{Country: "PL", Channel: domain.SMS, Amount: "0.120"},
		{Country: "PL", Channel: domain.Viber, Category: domain.Promotional, Content: domain.Rich, Amount: "0.07"},
	}, sent.Prices)
	require.Equal(t, "2026-11-30T23:00:00Z", sent.ValidFrom.UTC().Format(time.RFC3339))

	for _, args := range [][]string{{"--file", file(t, "p.txt", "")}, {"--file", file(t, "q.csv", "price\n")}, {"--file", list, "--valid-from", "tomorrow"}, {"--file", "none.csv"}} {
		require.Equal(t, ExitUsage, f.do(append([]string{"prices", "publish"}, args...)...).code)
	}
	require.Len(t, f.got("POST"), 3)
}

func TestPricesShown(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("GET /v1/prices", 200, httpapi.PriceVersions{})
	require.Equal(t, result{0, "the list has no version\n", ""}, f.do("prices", "show"))
	f.says("GET /v1/prices", 200, httpapi.PriceVersions{Versions: []account.PriceVersion{{
		Version: "default@1", Currency: "PLN", ValidFrom: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Prices: []account.Price{{Country: "PL", Channel: domain.SMS, Amount: "0.10"}},
	}}})
	require.Equal(t, result{0, "default@1, from 2026-11-01T00:00:00Z, PLN\nCOUNTRY  CHANNEL  CATEGORY  CONTENT  PRICE\nPL       sms      any       any      0.10\n", ""}, f.do("prices", "show"))
}

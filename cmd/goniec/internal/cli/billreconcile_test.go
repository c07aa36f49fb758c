package cli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/adapters/closing"
)

// rules.md F9: a carrier's counts are read as they are written, and whatever is not
// documented is refused with its line and column.
func TestACarriersFile(t *testing.T) {
	t.Parallel()
	parts := int64(12)
	got, err := readCarrier(file(t, "carrier.csv", "month;sender;country;channel;count;parts\n2026-11;GONIEC;PL;viber;5;\n2026-11;GONIEC;PL;sms;7;12\n"), "2026-11")
	require.NoError(t, err)
	require.Equal(t, map[closing.CarrierKey]closing.CarrierCount{
		{Sender: "GONIEC", Country: "PL", Channel: "viber"}: {Count: 5},
		{Sender: "GONIEC", Country: "PL", Channel: "sms"}:   {Count: 7, Parts: &parts},
	}, got)
	const good = "2026-11,GONIEC,PL,viber,5\n"
	for rows, want := range map[string]string{
		"2026-10,GONIEC,PL,viber,5\n":                  "line 2, month: must be 2026-11",
		good + "2026-11,,PL,viber,5\n":                 "line 3, sender: is required",
		good + "2026-11,GONIEC,XX,viber,5\n":           "line 3, country: must be a country's code such as PL",
		good + "2026-11,GONIEC,PL,mail,5\n":            "line 3, channel: must be viber or sms",
		good + "2026-11,GONIEC,PL,sms,\n":              "line 3, count: must be a whole number from 0 to 1000000000000",
		good + "2026-11,GONIEC,PL,sms,-1\n":            "line 3, count: must be a whole number",
		good + "2026-11,GONIEC,PL,sms,1.5\n":           "line 3, count: must be a whole number",
		good + "2026-11,GONIEC,PL,sms,1000000000001\n": "line 3, count: must be a whole number",
		good + good: "line 3, sender: stands with this country and channel in an earlier line",
	} {
		_, err := readCarrier(file(t, "carrier.csv", "month,sender,country,channel,count\n"+rows), "2026-11")
		require.ErrorContains(t, err, "--carrier: "+want)
	}
	_, err = readCarrier(file(t, "carrier.csv", "month,sender,price\n"), "2026-11")
	require.ErrorContains(t, err, "has a column that is not known, its number 3")
	f := newFake(t)
	r := f.do("billing", "reconcile", "2026-11", "--carrier", file(t, "carrier.csv", "month,sender,country,channel,count\n2026-11,X,PL,viber,x\n"))
	require.Equal(t, ExitUsage, r.code)
	require.Contains(t, r.err, "line 2, count")
}

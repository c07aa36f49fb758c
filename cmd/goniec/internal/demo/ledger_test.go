package demo

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
	"goniec/projections/query"
)

var prices = map[string][]account.Price{"default@1": {
	{Country: "PL", Channel: domain.Viber, Category: domain.Transactional, Content: domain.PlainText, Amount: "0.05"},
	{Country: "PL", Channel: domain.SMS, Amount: "0.09"},
}}

func TestChargesAddUp(t *testing.T) {
	t.Parallel()
	messages := []*Message{newTale(t).shown().message(), newTale(t).shown().message(), newTale(t).fellBack().message()}
	lines, faults := addUp(messages, prices)
	require.Empty(t, faults)
	require.Len(t, lines, 2)
	require.Equal(t, "sms", lines[0].Channel)
	require.Equal(t, "0.090000", lines[0].Amount)
	require.Equal(t, "0.100000", lines[1].Amount)
	require.Equal(t, int64(2), lines[1].Count)
	require.Equal(t, []string{"2026-11"}, months(lines))
	require.Equal(t, []Total{
		{Month: "2026-11", Channel: "sms", Count: 1, Parts: 1, Amount: "0.090000", Currency: "PLN"},
		{Month: "2026-11", Channel: "viber", Count: 2, Parts: 2, Amount: "0.100000", Currency: "PLN"},
	}, totals(lines))
}

func TestChargesThatAreNotThePrice(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(*message.Charged){
		"message m1: 2 parts at 0.090000 are charged as 0.090000": func(c *message.Charged) { c.Parts = 2 },
		`message m1: 0.080000 is not the price of list "default@1"`: func(c *message.Charged) {
			c.UnitPrice, c.Amount = "0.080000", "0.080000"
		},
		`message m1: 0.090000 is not the price of list "default@7"`:               func(c *message.Charged) { c.PriceVersion = "default@7" },
		`message m1: a charge of "0.000000" (unit "0.090000", waived "no_price")`: func(c *message.Charged) { c.Amount, c.Waived = "0.000000", "no_price" },
		`message m1: a charge of "free" (unit "0.090000", waived "")`:             func(c *message.Charged) { c.Amount = "free" },
		`message m1: 0.090000 is not the price of list "default@1"`:               func(c *message.Charged) { c.Channel = domain.Viber },
	} {
		c := charged(domain.SMS, onSMS, "0.09")
		spoil(&c)
		_, faults := addUp([]*Message{newTale(t).add(c).message()}, prices)
		require.Equal(t, []string{what}, faults)
	}
}

func TestLinesAreComparedToTheGrosz(t *testing.T) {
	t.Parallel()
	own, _ := addUp([]*Message{newTale(t).shown().message()}, prices)
	right := query.BillingLine{
		Month: "2026-11", Sender: "GONIEC", Channel: "viber", Category: "transactional", Content: "text", Country: "PL", Currency: "PLN",
		PriceVersion: "default@1", Count: 1, Parts: 1, Amount: "0.050000", LineAmount: "0.05",
	}
	require.Empty(t, compareLines(own, []query.BillingLine{right}))
	wrong := right
	wrong.Amount = "0.050001"
	require.Equal(t, []string{"2026-11 GONIEC on viber: 1, 1 parts, 0.050001 (0.05) in the read model; the journal adds up to 1, 1 parts, 0.050000 (0.05)"},
		compareLines(own, []query.BillingLine{wrong}))
	require.Equal(t, []string{"2026-11 GONIEC on viber: the read model has no such line"}, compareLines(own, nil))
	require.Equal(t, []string{"2026-11 GONIEC on viber: the journal has no such charge"}, compareLines(nil, []query.BillingLine{right}))
}

func TestCentsRoundHalfUp(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"0": "0.00", "0.004999": "0.00", "0.005": "0.01", "1.015": "1.02", "12.344999": "12.34", "99.995": "100.00"} {
		r, ok := new(big.Rat).SetString(in)
		require.True(t, ok)
		require.Equal(t, want, cents(r), in)
	}
}

package projtest

import (
	"time"

	"goniec/domain/billing"
	"goniec/domain/calendar"
)

// BillMonth is the month that BillFacts are of.
var BillMonth = calendar.Month{Year: 2026, Month: time.October}

// BillFacts are a month of Account that is closed with one line.
func BillFacts(t0 time.Time) []Fact {
	s := billing.Statement{
		Account: Account, Month: BillMonth, Currency: "PLN", Total: -500,
		Lines: []billing.Line{{Kind: billing.KindCredit, Rule: "F9", Credit: ID("credit", 1), Exact: -5_000_000, Amount: -500}},
	}
	return []Fact{
		{t0, billing.CreditRequested{Credit: ID("credit", 1), Amount: 500, Reason: "a fault", By: "key:1"}},
		{t0.Add(time.Minute), billing.CreditApproved{Credit: ID("credit", 1), By: "key:2"}},
		{t0.Add(2 * time.Minute), billing.MonthClosed{Statement: s, Digest: "d"}},
	}
}

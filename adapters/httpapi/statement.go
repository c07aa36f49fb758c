package httpapi

import (
	"time"

	"goniec/domain/account"
	bill "goniec/domain/billing"
)

// statementBody shows a statement; at is zero while the month is open.
func statementBody(owner account.Account, s bill.Statement, at time.Time) StatementBody {
	out := StatementBody{
		Account: s.Account, Name: owner.Name, Month: s.Month.String(), State: MonthOpen, Party: partyBody(s.Party), Currency: s.Currency, Total: s.Total.String(),
		Lines: []StatementLine{}, Obligations: []ObligationBody{},
	}
	if !at.IsZero() {
		out.State, out.ClosedAt = MonthClosed, &at
	}
	for _, l := range s.Lines {
		out.Lines = append(out.Lines, statementLine(l))
	}
	for _, o := range s.Obligations {
		out.Obligations = append(out.Obligations, obligationBody(o))
	}
	return out
}

func statementLine(l bill.Line) StatementLine {
	adjusts, _ := l.Adjusts.MarshalText() // never fails
	return StatementLine{
		Kind: l.Kind, Rule: l.Rule, Sender: l.Sender, Country: l.Country, Channel: string(l.Channel), Category: string(l.Category),
		Content: string(l.Content), PriceVersion: l.PriceVersion, Adjusts: string(adjusts), TermsVersion: l.TermsVersion, Credit: l.Credit,
		Count: l.Count, Parts: l.Parts, Waived: l.Waived, Exact: l.Exact.String(), Amount: l.Amount.String(), Note: l.Note.Words,
	}
}

func obligationBody(o bill.Obligation) ObligationBody {
	out := ObligationBody{
		Month: o.Month.String(), Sender: o.Sender, Countries: o.Countries, TermsVersion: o.TermsVersion, Messages: o.Minimum.Messages,
		Traffic: o.Traffic.String(), Charged: o.Charged.String(), Reason: o.Reason,
	}
	if o.Country != "" {
		out.Countries = []string{o.Country}
	}
	if o.Minimum.Unit != "" {
		out.Minimum = o.Minimum.Amount.Cents()
	}
	return out
}

// closedTotals adds up the months that have a total.
func closedTotals(list []ClosedBody) ([]BillingTotal, error) {
	var lines []BillingLine
	for _, x := range list {
		if x.Total != "" {
			lines = append(lines, BillingLine{Amount: x.Total, Currency: x.Currency})
		}
	}
	return totals(lines)
}

// Package billing is what a month of an account costs and how it is closed
// (rules.md F2 to F4, F8, F9). A statement is computed from facts by a pure
// function, in whole micros, and adds up line by line as the client sees it.
package billing

import (
	"fmt"
	"slices"

	"goniec/domain"
	"goniec/domain/calendar"
	"goniec/domain/money"
)

// Statement is a month of an account: lines in a fixed order, what they come to,
// and what later months need to know of its minimums.
type Statement struct {
	Account     string         `json:"account"`               // uuid of the account whose month it is
	Month       calendar.Month `json:"month"`                 // the month that is closed, in the billing zone
	Currency    string         `json:"currency"`              // the account's, ISO 4217: of all amounts here
	Party       *Party         `json:"party,omitempty"`       // whom it is invoiced to, as it was at the close; absent when nobody was named
	Lines       []Line         `json:"lines,omitempty"`       // in their order: usage and adjustments, minimums, minimum credits, credits
	Obligations []Obligation   `json:"obligations,omitempty"` // the month's, and those of earlier months that it changed
	Total       money.Cents    `json:"total"`                 // the sum of the lines' amounts
}

// Line is one position, rounded once (F8). What reduces the total is negative.
type Line struct {
	// "usage" (F1), "adjustment" (late facts of a closed month: F4), "minimum" (F3),
	// "minimum_credit" (what late facts take off a closed month's minimum: F4) or "credit"
	// (F9)
	Kind string `json:"kind"`
	Rule string `json:"rule"` // of rules.md, behind the kind: "F1", "F3", "F4" or "F9"
	Key
	TermsVersion string       `json:"terms_version,omitempty"` // of stream regulations/viber, a number as text, that the minimum is of; absent on other lines
	Credit       string       `json:"credit,omitempty"`        // uuid of the credit; absent on other lines
	Count        int64        `json:"count,omitempty"`         // of charges: on Viber of messages, the waived ones included; absent when 0
	Parts        int64        `json:"parts,omitempty"`         // parts that were charged: on Viber as many as messages; absent when 0
	Waived       int64        `json:"waived,omitempty"`        // of count: charges of 0.000000 that name why; absent when 0
	Exact        money.Amount `json:"exact"`                   // sum before rounding; what reduces the total is negative
	Amount       money.Cents  `json:"amount"`                  // exact, rounded half away from zero, once; what reduces the total is negative
	Note         Note         `json:"note,omitzero"`           // what the numbers do not say; absent when there is nothing
}

// Note says of a line what its numbers do not.
type Note struct {
	// "waived" (some charges cost nothing), "late" (of a month that was closed before),
	// "below_minimum", "traffic_raised" (the closed month's, by late facts) or "granted" (a
	// credit)
	Code  string `json:"code"`
	Words string `json:"words"` // the same for people, in English; of a credit its reason
}

// The kinds of lines, in their order.
const (
	KindUsage         = "usage"          // F1
	KindAdjustment    = "adjustment"     // F4: late facts of a closed month
	KindMinimum       = "minimum"        // F3
	KindMinimumCredit = "minimum_credit" // F4: what late facts take off a closed month's minimum
	KindCredit        = "credit"         // F9
)

// The codes of notes.
const (
	NoteWaived  = "waived"         // some messages cost nothing
	NoteLate    = "late"           // the charges belong to a month that was closed before they came
	NoteBelow   = "below_minimum"  // the traffic and the minimum
	NoteRaised  = "traffic_raised" // the closed month's traffic, as it is known now
	NoteGranted = "granted"        // a credit's reason
)

// Obligation is what a month came to for one configuration or, where the highest
// minimum of a sender name holds, for the name. Charged is net of what was
// credited since, so that nothing is credited twice.
type Obligation struct {
	Month        calendar.Month `json:"month"`                   // the month that is owed for, in the billing zone
	SenderID     string         `json:"sender_id,omitempty"`     // uuid of the configuration, of stream sender/<uuid>; absent for a sender name
	Sender       string         `json:"sender"`                  // the sender's name
	Country      string         `json:"country,omitempty"`       // destination, ISO 3166-1 alpha-2; absent for a sender name
	Countries    []string       `json:"countries,omitempty"`     // of a sender name: those whose traffic counts, ISO 3166-1 alpha-2
	TermsVersion string         `json:"terms_version,omitempty"` // of stream regulations/viber, a number as text: "3"; absent when there were no terms
	Minimum      Minimum        `json:"minimum,omitzero"`        // as it was applied; absent when there is none
	Traffic      money.Cents    `json:"traffic"`                 // on Viber: the sum of the lines' amounts, in the account's currency
	Messages     int64          `json:"messages,omitempty"`      // charged on Viber, the waived ones included
	Charged      money.Cents    `json:"charged"`                 // for the minimum, net of what was credited since, in the account's currency
	// why it was charged, or was not: "charged", "reached", "activation_month" (F2),
	// "waived" (F3), "no_minimum" (the terms have none for the country) or "other_currency"
	// (they have it in other currencies than the account's only)
	Reason string `json:"reason"`
}

// Why an obligation was charged, or was not.
const (
	ReasonReached         = "reached"
	ReasonActivationMonth = "activation_month" // F2
	ReasonWaived          = "waived"           // F3
	ReasonNoMinimum       = "no_minimum"       // the terms have none for the country
	ReasonOtherCurrency   = "other_currency"   // the terms have the country's in other currencies than the account's only
	ReasonCharged         = "charged"
)

// Compute makes the statement. It fails with a *domain.Error: inputs that do not
// fit together, CodeCurrencyMismatch, or CodeOverflow.
func Compute(in Inputs) (Statement, error) {
	in, err := in.normal()
	if err != nil {
		return Statement{}, err
	}
	return compute(in)
}

// compute is Compute of inputs that are normal already.
func compute(in Inputs) (Statement, error) {
	s := Statement{Account: in.Account, Month: in.Month, Currency: in.Currency, Party: in.Party}
	var traffic traffics
	var err error
	if s.Lines, traffic, err = usageLines(in); err != nil {
		return Statement{}, err
	}
	due, err := obligations(in, traffic)
	if err != nil {
		return Statement{}, err
	}
	late, credits, err := recomputed(in, traffic)
	if err != nil {
		return Statement{}, err
	}
	s.Lines = append(s.Lines, minimumLines(due)...)
	s.Lines = append(s.Lines, credits...)
	for _, c := range in.Credits {
		s.Lines = append(s.Lines, creditLine(c))
	}
	s.Obligations = inOrder(slices.Concat(due, late))
	s.Total, err = total(s.Lines)
	return s, err
}

// usageLines are the lines of what was used, and what they sum up to for minimums.
func usageLines(in Inputs) (lines []Line, sums traffics, err error) {
	sums = traffics{}
	for _, u := range in.Usage {
		line := usageLine(u)
		lines = append(lines, line)
		if err := sums.add(in.Month, line); err != nil {
			return nil, nil, err
		}
	}
	return lines, sums, nil
}

func usageLine(u Usage) Line {
	line := Line{
		Kind: KindUsage, Rule: "F1", Key: u.Key, Count: u.Count, Parts: u.Parts, Waived: u.Waived,
		Exact: u.Amount, Amount: u.Amount.Round(),
	}
	if u.Waived > 0 {
		line.Note = note(NoteWaived, "%d of them cost nothing", u.Waived)
	}
	if u.Adjusts != (calendar.Month{}) {
		line.Kind, line.Rule = KindAdjustment, "F4"
		line.Note = note(NoteLate, "of %s, which was closed before", u.Adjusts)
	}
	return line
}

func creditLine(c Credit) Line {
	exact, _ := c.Amount.Exact() // at most MaxSum
	return Line{Kind: KindCredit, Rule: "F9", Credit: c.ID, Exact: -exact, Amount: -c.Amount, Note: note(NoteGranted, "%s", c.Reason)}
}

func note(code, words string, args ...any) Note {
	return Note{Code: code, Words: fmt.Sprintf(words, args...)}
}

func total(lines []Line) (sum money.Cents, err error) {
	for _, l := range lines {
		if sum, err = sum.Plus(l.Amount); err != nil {
			return 0, overflow()
		}
	}
	return sum, nil
}

func overflow() error {
	return domain.Refuse(CodeOverflow, "the sums are too large to be exact")
}

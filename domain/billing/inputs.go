package billing

import (
	"goniec/domain"
	"goniec/domain/calendar"
	"goniec/domain/money"
)

// Inputs is all that a month's statement is computed from. The order of its
// lists does not matter, nor whether usage of one key comes in one row or several.
type Inputs struct {
	Account  string         `json:"account"`           // uuid of the account whose month it is
	Month    calendar.Month `json:"month"`             // the month that is closed, in the billing zone
	Currency string         `json:"currency"`          // the account's, ISO 4217
	Party    *Party         `json:"party,omitempty"`   // never in an event: the statement names it
	Usage    []Usage        `json:"usage,omitempty"`   // never in an event: the statement's usage and adjustment lines hold it
	Senders  []SenderMonth  `json:"senders,omitempty"` // every configuration that was active in the month, for however short
	Terms    Terms          `json:"terms,omitzero"`    // of the regulations in force on the month's first day; absent when there were none
	Waivers  []Waiver       `json:"waivers,omitempty"` // the month's, of minimums
	Credits  []Credit       `json:"credits,omitempty"` // the month's approved ones
	Closed   []Obligation   `json:"closed,omitempty"`  // obligations of earlier months that late traffic adjusts, as they stood before
}

// Key is what one line of usage is of (rules.md F8). Adjusts names the closed
// month that late facts belong to; zero for the month's own (F4).
type Key struct {
	Sender       string          `json:"sender,omitempty"`        // the sender's name; absent of a credit
	Country      string          `json:"country,omitempty"`       // destination, ISO 3166-1 alpha-2; absent of a credit, and of a minimum that is a sender name's
	Channel      domain.Channel  `json:"channel,omitempty"`       // channel that was charged; absent but on usage and adjustments
	Category     domain.Category `json:"category,omitempty"`      // the priced category (D2); absent but on usage and adjustments
	Content      domain.Content  `json:"content,omitempty"`       // price class of the content; absent but on usage and adjustments
	PriceVersion string          `json:"price_version,omitempty"` // price list that priced it, "<list>@<version>", as in charged; absent when nothing was priced
	Adjusts      calendar.Month  `json:"adjusts,omitzero"`        // the closed month that late facts belong to (F4), in the billing zone; absent for the month's own
}

// Usage is what the ledger has of one key.
type Usage struct {
	Key
	Currency string       `json:"currency,omitempty"` // ISO 4217; absent = the account's
	Count    int64        `json:"count"`              // of charges: on Viber of messages, the waived ones included
	Parts    int64        `json:"parts"`              // parts that were charged: on Viber as many as messages
	Waived   int64        `json:"waived,omitempty"`   // of count: charges of 0.000000 that name why
	Amount   money.Amount `json:"amount"`             // the charges' exact sum, in the account's currency
}

// SenderMonth is a configuration that was active in the month.
type SenderMonth struct {
	ID                  string        `json:"id"`                              // uuid of the configuration, of stream sender/<uuid>
	Name                string        `json:"name"`                            // sender name as shown on Viber
	Country             string        `json:"country"`                         // its destination, ISO 3166-1 alpha-2
	Activated           calendar.Date `json:"activated"`                       // day of its first activation, in the billing zone; in that month no minimum is owed (F2)
	SuspendedWholeMonth bool          `json:"suspended_whole_month,omitempty"` // a waiver holds for such a one only (F3)
}

// Terms is one version of the regulations, as far as they say what is owed.
type Terms struct {
	Version  string    `json:"version"`            // of stream regulations/viber, a number as text: "3"
	Minimums []Minimum `json:"minimums,omitempty"` // of all countries and currencies that have one
}

// Minimum is the minimum traffic in a country and what is owed below it (F3). It
// holds for accounts in its currency.
type Minimum struct {
	Country  string       `json:"country"`            // destination, ISO 3166-1 alpha-2
	Unit     string       `json:"unit"`               // what has to be reached: "amount", of charged Viber messages, or "messages", their number
	Amount   money.Amount `json:"amount"`             // the minimum amount
	Messages int64        `json:"messages,omitempty"` // with unit messages: how many are enough
	// what is charged below it: "true_up", the difference to the amount, or "full", the
	// whole amount on top
	Mode string `json:"mode"`
	// what it holds for: "per_country", each configuration, or "highest_of_sender", each
	// sender name once, by the highest of its countries
	Scope    string `json:"scope"`
	Currency string `json:"currency"` // of the amount, ISO 4217: the minimum holds for accounts in this currency
}

// What a minimum counts, what is charged below it, and for whom it holds (F3).
const (
	UnitAmount   = "amount"   // charged Viber messages' amount
	UnitMessages = "messages" // charged Viber messages

	TrueUp = "true_up" // the difference to the amount
	Full   = "full"    // the whole amount on top

	PerCountry      = "per_country"       // each configuration
	HighestOfSender = "highest_of_sender" // each sender name, once, by the highest of its countries
)

// Waiver frees a configuration from the month's minimum (F3).
type Waiver struct {
	SenderID string `json:"sender_id"` // uuid of the configuration that owes no minimum, of stream sender/<uuid>
	Reason   string `json:"reason"`    // as in minimum_waived
	By       string `json:"by"`        // actor, as in minimum_waived
}

// Credit is a sum taken off the month, asked for by one person and approved by
// another (F9).
type Credit struct {
	ID          string      `json:"id"`           // uuid of the credit, as in credit_requested
	Amount      money.Cents `json:"amount"`       // above 0, in the account's currency
	Reason      string      `json:"reason"`       // as in credit_requested
	RequestedBy string      `json:"requested_by"` // actor, as in credit_requested
	ApprovedBy  string      `json:"approved_by"`  // actor, as in credit_approved: another one
}

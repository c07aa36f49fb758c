package billing

import (
	"goniec/domain"
	"goniec/domain/calendar"
	"goniec/domain/money"
)

// Inputs is all that a month's statement is computed from. The order of its
// lists does not matter, nor whether usage of one key comes in one row or several.
type Inputs struct {
	Account  string         `json:"account"`
	Month    calendar.Month `json:"month"`
	Currency string         `json:"currency"` // the account's, ISO 4217
	Party    *Party         `json:"party,omitempty"`
	Usage    []Usage        `json:"usage,omitempty"`
	Senders  []SenderMonth  `json:"senders,omitempty"` // every configuration that was active in the month, for however short
	Terms    Terms          `json:"terms,omitzero"`    // in force on the month's first day; zero = none
	Waivers  []Waiver       `json:"waivers,omitempty"`
	Credits  []Credit       `json:"credits,omitempty"` // the approved ones
	Closed   []Obligation   `json:"closed,omitempty"`  // of earlier months, as they stand; those that nothing adjusts are not looked at
}

// Key is what one line of usage is of (rules.md F8). Adjusts names the closed
// month that late facts belong to; zero for the month's own (F4).
type Key struct {
	Sender       string          `json:"sender,omitempty"` // its name
	Country      string          `json:"country,omitempty"`
	Channel      domain.Channel  `json:"channel,omitempty"`
	Category     domain.Category `json:"category,omitempty"` // the priced one
	Content      domain.Content  `json:"content,omitempty"`
	PriceVersion string          `json:"price_version,omitempty"`
	Adjusts      calendar.Month  `json:"adjusts,omitzero"`
}

// Usage is what the ledger has of one key.
type Usage struct {
	Key
	Currency string       `json:"currency,omitempty"` // "" = the account's
	Count    int64        `json:"count"`              // of charges: on Viber of messages, the waived ones included
	Parts    int64        `json:"parts"`
	Waived   int64        `json:"waived,omitempty"` // of Count
	Amount   money.Amount `json:"amount"`
}

// SenderMonth is a configuration that was active in the month.
type SenderMonth struct {
	ID                  string        `json:"id"`
	Name                string        `json:"name"`
	Country             string        `json:"country"`
	Activated           calendar.Date `json:"activated"`                       // for the first time
	SuspendedWholeMonth bool          `json:"suspended_whole_month,omitempty"` // a waiver holds for such a one only (F3)
}

// Terms is one version of the regulations, as far as they say what is owed.
type Terms struct {
	Version  string    `json:"version"`
	Minimums []Minimum `json:"minimums,omitempty"`
}

// Minimum is the minimum traffic in a country and what is owed below it (F3). It
// holds for accounts in its currency.
type Minimum struct {
	Country  string       `json:"country"`
	Unit     string       `json:"unit"`   // what is counted: UnitAmount or UnitMessages
	Amount   money.Amount `json:"amount"` // owed below it, and with UnitAmount what is to be reached
	Messages int64        `json:"messages,omitempty"`
	Mode     string       `json:"mode"`  // TrueUp or Full
	Scope    string       `json:"scope"` // PerCountry or HighestOfSender
	Currency string       `json:"currency"`
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
	SenderID string `json:"sender_id"`
	Reason   string `json:"reason"`
	By       string `json:"by"`
}

// Credit is a sum taken off the month, asked for by one person and approved by
// another (F9).
type Credit struct {
	ID          string      `json:"id"`
	Amount      money.Cents `json:"amount"` // > 0
	Reason      string      `json:"reason"`
	RequestedBy string      `json:"requested_by"`
	ApprovedBy  string      `json:"approved_by"`
}

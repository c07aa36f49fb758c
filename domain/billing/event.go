package billing

import (
	"goniec/domain"
	"goniec/domain/money"
)

// Event is a fact of one month of an account, in the accounts journal.
type Event interface {
	domain.Event
	billing()
}

// CreditRequested: somebody asks for a sum to be taken off the month (F9).
type CreditRequested struct {
	Credit string      `json:"credit"` // uuid of the credit
	Amount money.Cents `json:"amount"` // above 0, in the account's currency
	Reason string      `json:"reason"` // in the words of whoever asks, at most 500 characters
	By     string      `json:"by"`     // actor: key:<uuid of the API key>
}

// CreditApproved: a second person agrees, and it stands on the statement.
type CreditApproved struct {
	Credit string `json:"credit"` // uuid of the credit, as in credit_requested
	By     string `json:"by"`     // actor: key:<uuid of the API key>, another one than asked
}

// CreditRejected: it was turned down, or taken back.
type CreditRejected struct {
	Credit string `json:"credit"` // uuid of the credit, as in credit_requested
	Reason string `json:"reason"` // in the words of whoever rejects, at most 500 characters
	By     string `json:"by"`     // actor: key:<uuid of the API key>; also the one that asked
}

// MinimumWaived: a configuration that was suspended the whole month without the
// client's fault owes no minimum (F3).
type MinimumWaived struct {
	Sender string `json:"sender"` // uuid of the configuration, of stream sender/<uuid>
	Reason string `json:"reason"` // in the words of whoever waives, at most 500 characters
	By     string `json:"by"`     // actor: key:<uuid of the API key>
}

// MonthClosed: the month has its statement (F4). It stands here with all that it
// was computed from, so that anybody can compute it again; nothing is added to the
// month from now on.
type MonthClosed struct {
	// without usage, which is the statement's first lines, and the party, which it names; of
	// earlier months only what was adjusted
	Inputs    Inputs    `json:"inputs"`
	Statement Statement `json:"statement"` // lines in order, obligations, total
	Positions Positions `json:"positions"` // up to where the journal was read: the month's seals, the ends of accounts, the versions in force
	Digest    string    `json:"digest"`    // of the whole inputs, in their normal form: SHA-256, 64 hex digits
}

// Positions say up to where the journal was read for a close.
type Positions struct {
	Seals    []Position `json:"seals,omitempty"`    // the month's seals in the partitions of the topic messages
	Accounts []Position `json:"accounts,omitempty"` // the ends of the partitions of the topic accounts
	Used     []Used     `json:"used,omitempty"`     // versions that were in force: of the account, its senders, the regulations, price lists
}

// Position is an offset in a partition.
type Position struct {
	Partition int   `json:"partition"` // number of the partition
	Offset    int64 `json:"offset"`    // of seals the event's own, of accounts the next that would be written
}

// Used is a stream at a version.
type Used struct {
	Stream  string `json:"stream"`  // its name: "account/<uuid>", "sender/<uuid>", "regulations/viber" or "prices/<list>"
	Version int64  `json:"version"` // of the stream: its first event is version 1
}

// The types.
const (
	TypeCreditRequested = "goniec.billing.credit_requested.v1"
	TypeCreditApproved  = "goniec.billing.credit_approved.v1"
	TypeCreditRejected  = "goniec.billing.credit_rejected.v1"
	TypeMinimumWaived   = "goniec.billing.minimum_waived.v1"
	TypeMonthClosed     = "goniec.billing.month_closed.v1"
)

func (CreditRequested) EventType() string { return TypeCreditRequested }
func (CreditApproved) EventType() string  { return TypeCreditApproved }
func (CreditRejected) EventType() string  { return TypeCreditRejected }
func (MinimumWaived) EventType() string   { return TypeMinimumWaived }
func (MonthClosed) EventType() string     { return TypeMonthClosed }

func (CreditRequested) billing() {}
func (CreditApproved) billing()  {}
func (CreditRejected) billing()  {}
func (MinimumWaived) billing()   {}
func (MonthClosed) billing()     {}

// Whole gives the inputs with their usage and the party: Compute makes the statement of them.
func (e MonthClosed) Whole() Inputs {
	in := e.Inputs
	in.Party = e.Statement.Party
	for _, l := range e.Statement.Lines {
		if l.Kind == KindUsage || l.Kind == KindAdjustment {
			in.Usage = append(in.Usage, Usage{Key: l.Key, Count: l.Count, Parts: l.Parts, Waived: l.Waived, Amount: l.Exact})
		}
	}
	return in
}

package billing

import (
	"encoding/json"

	"goniec/domain"
)

// Command asks one month of an account for a decision. The interface is sealed.
// That the account exists is the edge's to see.
type Command interface {
	// CommandType returns the type as it stands in the inbox.
	CommandType() string
	command()
}

// CloseMonth ends the month (F4). The statement is computed by the decision; the
// waivers and credits of the inputs are those of the month's own stream, whatever
// stands here. Repeating it with equal inputs changes nothing. Months of an
// account are closed one after another, so that each knows what the one before it
// has credited.
type CloseMonth struct {
	Inputs    Inputs    `json:"inputs"`
	Positions Positions `json:"positions"`
}

// RequestCredit asks for a sum off the month; it counts when a second person has
// approved it before the close (F9). Repeating it unchanged changes nothing.
type RequestCredit struct {
	Credit string `json:"credit"` // uuid
	Amount string `json:"amount"` // decimal of at most 2 places, > 0, in the account's currency
	Reason string `json:"reason"`
}

// ApproveCredit agrees to a credit that somebody else asked for.
type ApproveCredit struct {
	Credit string `json:"credit"`
}

// RejectCredit turns a credit down; whoever asked for it may take it back so.
type RejectCredit struct {
	Credit string `json:"credit"`
	Reason string `json:"reason"`
}

// WaiveMinimum frees a configuration that was suspended the whole month without
// the client's fault (F3). Repeating it changes nothing, and the first reason stands.
type WaiveMinimum struct {
	Sender              string `json:"sender"` // uuid of the configuration
	Reason              string `json:"reason"`
	SuspendedWholeMonth bool   `json:"suspended_whole_month"` // as the edge knows it
}

// Command types as they stand in the inbox.
const (
	CommandCloseMonth    = "billing.close_month.v1"
	CommandRequestCredit = "billing.request_credit.v1"
	CommandApproveCredit = "billing.approve_credit.v1"
	CommandRejectCredit  = "billing.reject_credit.v1"
	CommandWaiveMinimum  = "billing.waive_minimum.v1"
)

func (CloseMonth) CommandType() string    { return CommandCloseMonth }
func (RequestCredit) CommandType() string { return CommandRequestCredit }
func (ApproveCredit) CommandType() string { return CommandApproveCredit }
func (RejectCredit) CommandType() string  { return CommandRejectCredit }
func (WaiveMinimum) CommandType() string  { return CommandWaiveMinimum }

func (CloseMonth) command()    {}
func (RequestCredit) command() {}
func (ApproveCredit) command() {}
func (RejectCredit) command()  {}
func (WaiveMinimum) command()  {}

// ErrUnknownCommand says that a command type is not one of this package's.
type ErrUnknownCommand = domain.ErrUnknownCommand

// DecodeCommand reads the JSON form of a command; unknown fields are ignored.
// It fails with *ErrUnknownCommand, or with the JSON error.
func DecodeCommand(typ string, data []byte) (Command, error) { return decoders.Decode(typ, data) }

// IsCommand says whether the type is one of this package's.
func IsCommand(typ string) bool { return decoders.Has(typ) }

// The table is built once and never written again.
var decoders = domain.Commands[Command]{
	CommandCloseMonth:    as[CloseMonth],
	CommandRequestCredit: as[RequestCredit],
	CommandApproveCredit: as[ApproveCredit],
	CommandRejectCredit:  as[RejectCredit],
	CommandWaiveMinimum:  as[WaiveMinimum],
}

func as[T Command](data []byte) (Command, error) {
	var c T
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, err
	}
	return c, nil
}

// Refusal codes of this package. They are stable: clients match on them.
const (
	CodeRequired         = "required"
	CodeInvalidValue     = "invalid_value"
	CodeTooLong          = "too_long"
	CodeTooMany          = "too_many"
	CodeAlreadyExists    = "already_exists"
	CodeNotFound         = "not_found"
	CodeWrongStream      = "wrong_stream"
	CodeCurrencyMismatch = "currency_mismatch" // something is not in the account's currency
	CodeOverflow         = "overflow"          // a sum would not be exact
	CodeMonthOpen        = "month_open"        // the month has not ended
	CodeMonthClosed      = "month_closed"      // it goes into the next month
	CodeAlreadyClosed    = "already_closed"    // with other inputs
	CodeSamePerson       = "same_person"       // a credit needs the approval of somebody else
	CodeCreditState      = "credit_state"      // the credit is approved or rejected already
	CodeNotSuspended     = "not_suspended"     // the sender was not suspended the whole month
	CodeNotSealed        = "month_not_sealed"  // partitions have not sealed the month
	CodeBehind           = "projection_behind" // what is read from has not seen the whole month
	CodeEarlierOpen      = "earlier_month_open"
)

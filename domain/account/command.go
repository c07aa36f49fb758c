package account

import (
	"encoding/json"
	"time"

	"goniec/domain"
)

// Command asks one stream of the accounts journal for a decision. The interface
// is sealed. The JSON form of a command is the value of an inbox record; the
// stream it is addressed to stands in the record's envelope.
type Command interface {
	// CommandType returns the type as it stands in the inbox.
	CommandType() string
	command()
}

// Create opens the account that its stream names. Without Settings it gets
// DefaultSettings. Repeating it unchanged changes nothing.
type Create struct {
	Name     string    `json:"name"`
	Currency string    `json:"currency"` // ISO 4217; "" = PLN
	Settings *Settings `json:"settings,omitempty"`
}

// ChangeSettings replaces the settings as a whole.
type ChangeSettings struct {
	Settings Settings `json:"settings"`
}

// IssueKey records an API key by its hash. Repeating it unchanged changes nothing.
type IssueKey struct {
	Key   string `json:"key"`  // uuid
	Hash  string `json:"hash"` // HashKey of the secret
	Role  string `json:"role"` // one of Roles, or RoleClient
	Label string `json:"label"`
}

// RevokeKey ends a key; a revoked key stays revoked.
type RevokeKey struct {
	Key string `json:"key"`
}

// CreateSender makes a configuration. Its stream is SenderStream(account, name,
// country), so that two of one account cannot share name and country (B9).
type CreateSender struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	Company string `json:"company"`
	Country string `json:"country"`
	TwoWay  bool   `json:"two_way"`
}

// SaveSender saves what it names of the form (B3, B4); saving what is there
// already changes nothing.
type SaveSender struct {
	Changes   SenderDraftSaved `json:"changes"`
	IfVersion int64            `json:"if_version,omitempty"` // of the stream, or refused with CodeVersionConflict; 0 = any
}

// SubmitSender freezes the configuration for verification (B6). A form that lacks
// something is refused with CodeFormIncomplete, unless the operator says that it
// is filled elsewhere: so a sender can be registered whose papers went another way.
type SubmitSender struct {
	Elsewhere bool  `json:"elsewhere,omitempty"`  // an operator's word only; the edge sees to that
	IfVersion int64 `json:"if_version,omitempty"` // as SaveSender's
}

// PassSender records that the submission was handed to Viber (B7): from then on
// it cannot be withdrawn. A zero On means now.
type PassSender struct {
	On        time.Time `json:"on"`
	Reference string    `json:"reference"`            // Viber's; "" = none yet
	IfVersion int64     `json:"if_version,omitempty"` // as SaveSender's
}

// WithdrawSender takes the submission back for changes (B10).
type WithdrawSender struct {
	IfVersion int64 `json:"if_version,omitempty"` // as SaveSender's
}

// ApproveSender makes it Active (B8). A zero ActiveOn means now.
type ApproveSender struct {
	ServiceID int64     `json:"service_id"` // of a new version of an Active sender: 0 = as before (B11)
	ActiveOn  time.Time `json:"active_on"`
	IfVersion int64     `json:"if_version,omitempty"` // as SaveSender's: it is approved what was looked at
}

// ReturnSender sends it back for changes, with at least one reason (B8).
type ReturnSender struct {
	Reasons   []string `json:"reasons"`
	IfVersion int64    `json:"if_version,omitempty"` // as SaveSender's
}

// PublishPrices adds a version to a price list. A zero ValidFrom means now.
type PublishPrices struct {
	Currency  string    `json:"currency"`
	ValidFrom time.Time `json:"valid_from"`
	Prices    []Price   `json:"prices"`
}

// AddEndpoint registers a webhook. Whether the URL may be called is judged at
// the edge, which knows the network; here only its form is.
type AddEndpoint struct {
	Endpoint string   `json:"endpoint"`
	URL      string   `json:"url"`
	Events   []string `json:"events"`
	Secret   string   `json:"secret"`
}

// RemoveEndpoint ends it; a removed endpoint stays removed.
type RemoveEndpoint struct {
	Endpoint string `json:"endpoint"`
}

// Command types as they stand in the inbox.
const (
	CommandCreate          = "account.create.v1"
	CommandChangeSettings  = "account.change_settings.v1"
	CommandIssueKey        = "account.issue_key.v1"
	CommandRevokeKey       = "account.revoke_key.v1"
	CommandCreateSender    = "sender.create.v1"
	CommandSaveSender      = "sender.save.v1"
	CommandSubmitSender    = "sender.submit.v1"
	CommandPassSender      = "sender.pass.v1"
	CommandWithdrawSender  = "sender.withdraw.v1"
	CommandApproveSender   = "sender.approve.v1"
	CommandReturnSender    = "sender.return.v1"
	CommandDisableSender   = "sender.disable.v1"
	CommandEnableSender    = "sender.enable.v1"
	CommandWithdrawDisable = "sender.withdraw_disable.v1"
	CommandWithdrawEnable  = "sender.withdraw_enable.v1"
	CommandConfirmSender   = "sender.confirm.v1"
	CommandSuspendSender   = "sender.suspend.v1"
	CommandRefuseSender    = "sender.refuse.v1"
	CommandLiftSuspension  = "sender.lift_suspension.v1"
	CommandPublishPrices   = "prices.publish.v1"
	CommandAddEndpoint     = "endpoint.add.v1"
	CommandRemoveEndpoint  = "endpoint.remove.v1"
)

func (Create) CommandType() string          { return CommandCreate }
func (ChangeSettings) CommandType() string  { return CommandChangeSettings }
func (IssueKey) CommandType() string        { return CommandIssueKey }
func (RevokeKey) CommandType() string       { return CommandRevokeKey }
func (CreateSender) CommandType() string    { return CommandCreateSender }
func (SaveSender) CommandType() string      { return CommandSaveSender }
func (SubmitSender) CommandType() string    { return CommandSubmitSender }
func (PassSender) CommandType() string      { return CommandPassSender }
func (WithdrawSender) CommandType() string  { return CommandWithdrawSender }
func (ApproveSender) CommandType() string   { return CommandApproveSender }
func (ReturnSender) CommandType() string    { return CommandReturnSender }
func (DisableSender) CommandType() string   { return CommandDisableSender }
func (EnableSender) CommandType() string    { return CommandEnableSender }
func (WithdrawDisable) CommandType() string { return CommandWithdrawDisable }
func (WithdrawEnable) CommandType() string  { return CommandWithdrawEnable }
func (ConfirmSender) CommandType() string   { return CommandConfirmSender }
func (SuspendSender) CommandType() string   { return CommandSuspendSender }
func (RefuseSender) CommandType() string    { return CommandRefuseSender }
func (LiftSuspension) CommandType() string  { return CommandLiftSuspension }
func (PublishPrices) CommandType() string   { return CommandPublishPrices }
func (AddEndpoint) CommandType() string     { return CommandAddEndpoint }
func (RemoveEndpoint) CommandType() string  { return CommandRemoveEndpoint }

func (Create) command()          {}
func (ChangeSettings) command()  {}
func (IssueKey) command()        {}
func (RevokeKey) command()       {}
func (CreateSender) command()    {}
func (SaveSender) command()      {}
func (SubmitSender) command()    {}
func (PassSender) command()      {}
func (WithdrawSender) command()  {}
func (ApproveSender) command()   {}
func (ReturnSender) command()    {}
func (DisableSender) command()   {}
func (EnableSender) command()    {}
func (WithdrawDisable) command() {}
func (WithdrawEnable) command()  {}
func (ConfirmSender) command()   {}
func (SuspendSender) command()   {}
func (RefuseSender) command()    {}
func (LiftSuspension) command()  {}
func (PublishPrices) command()   {}
func (AddEndpoint) command()     {}
func (RemoveEndpoint) command()  {}

// ErrUnknownCommand says that a command type is not one of this package's.
type ErrUnknownCommand = domain.ErrUnknownCommand

// DecodeCommand reads the JSON form of a command; unknown fields are ignored.
// It fails with *ErrUnknownCommand, or with the JSON error.
func DecodeCommand(typ string, data []byte) (Command, error) { return decoders.Decode(typ, data) }

// IsCommand says whether the type is one of this package's.
func IsCommand(typ string) bool { return decoders.Has(typ) }

// The table is built once and never written again.
var decoders = domain.Commands[Command]{
	CommandCreate:             as[Create],
	CommandChangeSettings:     as[ChangeSettings],
	CommandIssueKey:           as[IssueKey],
	CommandRevokeKey:          as[RevokeKey],
	CommandCreateSender:       as[CreateSender],
	CommandSaveSender:         as[SaveSender],
	CommandSubmitSender:       as[SubmitSender],
	CommandPassSender:         as[PassSender],
	CommandWithdrawSender:     as[WithdrawSender],
	CommandApproveSender:      as[ApproveSender],
	CommandReturnSender:       as[ReturnSender],
	CommandDisableSender:      as[DisableSender],
	CommandEnableSender:       as[EnableSender],
	CommandWithdrawDisable:    as[WithdrawDisable],
	CommandWithdrawEnable:     as[WithdrawEnable],
	CommandConfirmSender:      as[ConfirmSender],
	CommandSuspendSender:      as[SuspendSender],
	CommandRefuseSender:       as[RefuseSender],
	CommandLiftSuspension:     as[LiftSuspension],
	CommandPublishPrices:      as[PublishPrices],
	CommandAddEndpoint:        as[AddEndpoint],
	CommandRemoveEndpoint:     as[RemoveEndpoint],
	CommandPause:              as[Pause],
	CommandResume:             as[Resume],
	CommandPublishRegulations: as[PublishRegulations],
	CommandAcceptRegulations:  as[AcceptRegulations],
	CommandSetParty:           as[SetParty],
	CommandNoteAccess:         as[NoteAccess],
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
	CodeRequired        = "required"
	CodeInvalidValue    = "invalid_value"
	CodeTooLong         = "too_long"
	CodeInvalidName     = "invalid_name"
	CodeInvalidCountry  = "invalid_country"
	CodeInvalidPrice    = "invalid_price"
	CodeInvalidURL      = "invalid_url"
	CodeInvalidLogo     = "invalid_logo"
	CodeAlreadyExists   = "already_exists"
	CodeNotFound        = "not_found"
	CodeSenderState     = "sender_state"     // the step is not allowed in the sender's state
	CodeFormIncomplete  = "form_incomplete"  // the form lacks something; see Missing
	CodePassedOn        = "passed_on"        // the submission is with Viber already
	CodeVersionConflict = "version_conflict" // it has changed since the version that was named
	CodeWrongStream     = "wrong_stream"     // the command does not fit the stream it was sent to
	CodeNoticeTooLate   = "notice_too_late"  // for the end of that month; the refusal names the next (F5)
	CodeNoNotice        = "no_notice"        // there is none to be withdrawn
	CodeToggledTwice    = "toggled_twice"    // in that year; the refusal names the day from which it is possible (F6)
	CodeSenderClosed    = "sender_closed"    // for good
	CodeEnabling        = "enabling"         // it is about to be enabled
	CodeNotEnabling     = "not_enabling"     // nobody asked for it
	CodeNoTask          = "no_task"          // there is none to be confirmed
	CodeNotSuspended    = "not_suspended"    // there is nothing to be lifted
	CodeNoChange        = "no_change"        // of an active sender: nothing to be submitted
	CodeMonthSealed     = "month_sealed"     // nothing is dated into it any more (F4)
	CodeTooMany         = "too_many"
	CodeBackdated       = "backdated"
)

func required(field string) error {
	return domain.RefuseField(CodeRequired, field, "is required")
}

// Package account holds the reference data of an installation: accounts with
// their settings and API keys, sender configurations, price lists and webhook
// endpoints. Every change is an event in the `accounts` journal; every process
// that decides or answers keeps the whole of it as a View.
package account

import (
	"time"

	"goniec/domain"
	"goniec/domain/calendar"
)

// Event is a fact of the accounts journal. Streams: "account/<uuid>" (account,
// keys, endpoints), "sender/<uuid>", "prices/<account uuid or default>",
// "pause/<switch>", "regulations/viber".
type Event interface {
	domain.Event
	account()
}

// Settings of an account: rules.md's [d] values. Durations are in milliseconds.
type Settings struct {
	DefaultCategory domain.Category `json:"default_category,omitempty"` // of messages that name none (D2); absent = each has to
	// whether a Viber delivery after the deadline is charged: "bill_both", or "waive_viber":
	// it is not (D3)
	LatePolicy     string `json:"late_policy"`
	FallbackAtOnce bool   `json:"fallback_at_once"` // whether the SMS goes as soon as Viber can never deliver, and not at the deadline (D4)
	// milliseconds from the release to the deadline on Viber, of messages that name none: 15
	// s to 24 h (D3)
	DefaultValidity int64  `json:"default_validity_ms"`
	SMSValidity     int64  `json:"sms_validity_ms"`    // milliseconds for which an SMS is retried: 1 s to 72 h (D3b)
	ReportWait      int64  `json:"report_wait_ms"`     // milliseconds that a report of the SMS is awaited for after that: 1 s to 72 h (D3b)
	SMSName         string `json:"sms_name,omitempty"` // SMS sender, at most 11 letters and digits (D8); absent = the sender's company name
	PolishLetters   string `json:"polish_letters"`     // in an SMS: "keep", or "strip": written as plain letters, as they always are in promotional ones (D8)
	SMSMaxParts     int    `json:"sms_max_parts"`      // parts that an SMS may take, 1 to 10; a request for a longer one is refused (D8)
	// days that text and number are kept after the last moment of sending, 0 to 3650; of
	// one-time codes 0 (D2)
	RetentionDays  int `json:"retention_days"`
	RequestsPerSec int `json:"requests_per_s"` // requests a second to the API, up to 100000; 0 = the installation's limit

	// how the 7 days of notice are counted (F5): "dates", or "full_days": that many whole
	// days between; absent = "dates"
	NoticeCount calendar.NoticeCount `json:"notice_count,omitempty"`

	ManagerName  string `json:"manager_name,omitempty"`  // of the account manager, who notifies the client (B8), at most 100 characters
	ManagerEmail string `json:"manager_email,omitempty"` // e-mail address of the account manager: answers to notices go there
}

// AccountCreated opens an account. Its stream's version 1.
type AccountCreated struct {
	Name     string   `json:"name"`     // of the client, at most 100 characters
	Currency string   `json:"currency"` // of its prices and bills, ISO 4217; never changes
	Settings Settings `json:"settings"` // as they are in force from now on
}

// SettingsChanged replaces the settings as a whole.
type SettingsChanged struct {
	Settings Settings `json:"settings"` // as they are in force from now on, all of them
}

// KeyIssued records an API key: its hash, never itself.
type KeyIssued struct {
	Key  string `json:"key"`  // uuid of the key; it names whoever uses it: key:<uuid> in ce_actor
	Hash string `json:"hash"` // SHA-256 of the secret, 64 hex digits
	// of the account: "client-admin" or "client-viewer"; of the installation: "operator",
	// "billing" or "auditor"; in old events "client", which is "client-admin"
	Role  string `json:"role"`
	Label string `json:"label"` // name that people know it by, at most 100 characters
}

// KeyRevoked ends a key.
type KeyRevoked struct {
	Key string `json:"key"` // uuid of the key, as in key_issued
}

// SenderCreated makes a configuration in state New.
type SenderCreated struct {
	Account string `json:"account"` // uuid of the account that it belongs to
	Name    string `json:"name"`    // sender name as shown on Viber, at most 20 characters (B3); never changes
	Company string `json:"company"` // company name, at most 11 letters A-Z, a-z and digits: the default SMS sender (B1)
	Country string `json:"country"` // destination: ISO 3166-1 alpha-2 of the numbers that it may send to; never changes
	TwoWay  bool   `json:"two_way"` // whether recipients' replies are taken (D9)
}

// SenderDraftSaved: a part of the form was saved, in state New. It holds only
// what changed; what is empty was taken away again.
type SenderDraftSaved struct {
	Company       *string   `json:"company,omitempty"`       // company name, at most 11 letters A-Z, a-z and digits (B1)
	RegisteredIn  *string   `json:"registered_in,omitempty"` // country of the entity's registration, ISO 3166-1 alpha-2 (B3)
	Type          *string   `json:"type,omitempty"`          // description of the notification type, at most 500 characters (B4)
	Kind          *string   `json:"kind,omitempty"`          // description of the notification kind, at most 500 characters (B4)
	Communication *string   `json:"communication,omitempty"` // "1way", "2way" or "both" (B4)
	Samples       *[]string `json:"samples,omitempty"`       // sample messages, all of them: 1 to 10 of at most 1000 characters (B4)
	NoticeEmail   *string   `json:"notice_email,omitempty"`  // e-mail address that notices about the sender go to (B6)
	Logo          *Logo     `json:"logo,omitempty"`          // the logo's description (B3); all empty: it was taken away
}

// SenderSubmitted: New → Submitted. At bounds the date of activation (B8).
type SenderSubmitted struct {
	At        time.Time `json:"at"`                  // when it was submitted, UTC
	Number    int       `json:"number,omitempty"`    // of the submission: 1, 2, … within the configuration
	Form      *Form     `json:"form,omitempty"`      // the whole form, as frozen
	Elsewhere bool      `json:"elsewhere,omitempty"` // it lacks something, and an operator said that the form is filled elsewhere (B6)
}

// SenderPassed: the submission was handed to Viber (B7).
type SenderPassed struct {
	On        time.Time `json:"on"`                  // when it was handed over, as the operator named it, UTC
	Reference string    `json:"reference,omitempty"` // Viber's, of the submission; at most 100 characters

	// when Viber's verification should be over, UTC: the end of the 14th working day after
	// that, in the billing zone
	VerifiedBy time.Time `json:"verified_by,omitzero"`
	PrefixBy   time.Time `json:"prefix_by,omitzero"` // when the prefix should be active, UTC: the end of the 28th day after that, in the billing zone
}

// SenderWithdrawn: Submitted → New, by the client (B10).
type SenderWithdrawn struct{}

// SenderApproved: Submitted → Active.
type SenderApproved struct {
	ServiceID int64 `json:"service_id"` // Viber's service id, under which it sends
	// when it became active, UTC; its month in the billing zone owes no minimum (F2)
	ActiveOn time.Time `json:"active_on"`
}

// SenderReturned: Submitted → New, with reasons.
type SenderReturned struct {
	Reasons []string `json:"reasons"` // in the operator's words: 1 to 20 of at most 500 characters
}

// Price is one row of a price list.
type Price struct {
	Country  string          `json:"country"`  // of the number, ISO 3166-1 alpha-2
	Channel  domain.Channel  `json:"channel"`  // that the price is of
	Category domain.Category `json:"category"` // the priced category (D2); "" on SMS = any; else "transactional", "promotional" or "one_time_code"
	Content  domain.Content  `json:"content"`  // price class of the content; "" on SMS = any; else "text" or "rich"
	// in the list's currency, of a message on Viber, of a part on SMS: a decimal string, at
	// most 6 digits before and after the point
	Amount string `json:"amount"`
}

// PricesPublished is one version of a price list. Version = stream version, named "<list>@<n>".
type PricesPublished struct {
	Currency  string    `json:"currency"`   // of all the list's versions, ISO 4217
	ValidFrom time.Time `json:"valid_from"` // from when on it is in force, UTC
	Prices    []Price   `json:"prices"`     // the whole list; what an account's own lacks is looked up in the list default
}

// EndpointAdded registers a webhook. The signing secret is sealed with the installation's key.
type EndpointAdded struct {
	Endpoint string   `json:"endpoint"` // uuid of the endpoint
	URL      string   `json:"url"`      // http or https, without credentials; what is sent goes there by POST
	Events   []string `json:"events"`   // types of webhooks that it gets, such as "message.delivered" (docs/webhooks.md); empty = all
	Secret   string   `json:"secret"`   // for signatures; sealed with the installation's key, base64
}

// EndpointRemoved ends it.
type EndpointRemoved struct {
	Endpoint string `json:"endpoint"` // uuid of the endpoint, as in endpoint_added
}

// The types.
const (
	TypeAccountCreated        = "goniec.account.created.v1"
	TypeSettingsChanged       = "goniec.account.settings_changed.v1"
	TypeKeyIssued             = "goniec.account.key_issued.v1"
	TypeKeyRevoked            = "goniec.account.key_revoked.v1"
	TypeSenderCreated         = "goniec.sender.created.v1"
	TypeSenderDraftSaved      = "goniec.sender.draft_saved.v1"
	TypeSenderSubmitted       = "goniec.sender.submitted.v1"
	TypeSenderPassed          = "goniec.sender.passed.v1"
	TypeSenderWithdrawn       = "goniec.sender.withdrawn.v1"
	TypeSenderApproved        = "goniec.sender.approved.v1"
	TypeSenderReturned        = "goniec.sender.returned.v1"
	TypeSenderDisabled        = "goniec.sender.disabled.v1"
	TypeSenderEnabled         = "goniec.sender.enabled.v1"
	TypeSenderChangeSaved     = "goniec.sender.change_saved.v1"
	TypeSenderChangeSubmitted = "goniec.sender.change_submitted.v1"
	TypeSenderChangeWithdrawn = "goniec.sender.change_withdrawn.v1"
	TypeSenderChangeReturned  = "goniec.sender.change_returned.v1"
	TypeSenderChangeApproved  = "goniec.sender.change_approved.v1"
	TypeSenderNoticeGiven     = "goniec.sender.notice_given.v1"
	TypeSenderNoticeWithdrawn = "goniec.sender.notice_withdrawn.v1"
	TypeSenderClosed          = "goniec.sender.closed.v1"
	TypeSenderEnableAsked     = "goniec.sender.enable_asked.v1"
	TypeSenderEnableWithdrawn = "goniec.sender.enable_withdrawn.v1"
	TypeSenderTaskDone        = "goniec.sender.task_done.v1"
	TypeSenderReminded        = "goniec.sender.reminded.v1"
	TypeSenderRefused         = "goniec.sender.refused_by_carrier.v1"
	TypeSenderSuspended       = "goniec.sender.suspended.v1"
	TypeSenderReinstated      = "goniec.sender.reinstated.v1"
	TypePricesPublished       = "goniec.prices.published.v1"
	TypeEndpointAdded         = "goniec.account.endpoint_added.v1"
	TypeEndpointRemoved       = "goniec.account.endpoint_removed.v1"
)

func (AccountCreated) EventType() string        { return TypeAccountCreated }
func (SettingsChanged) EventType() string       { return TypeSettingsChanged }
func (KeyIssued) EventType() string             { return TypeKeyIssued }
func (KeyRevoked) EventType() string            { return TypeKeyRevoked }
func (SenderCreated) EventType() string         { return TypeSenderCreated }
func (SenderDraftSaved) EventType() string      { return TypeSenderDraftSaved }
func (SenderSubmitted) EventType() string       { return TypeSenderSubmitted }
func (SenderPassed) EventType() string          { return TypeSenderPassed }
func (SenderWithdrawn) EventType() string       { return TypeSenderWithdrawn }
func (SenderApproved) EventType() string        { return TypeSenderApproved }
func (SenderReturned) EventType() string        { return TypeSenderReturned }
func (SenderDisabled) EventType() string        { return TypeSenderDisabled }
func (SenderEnabled) EventType() string         { return TypeSenderEnabled }
func (SenderChangeSaved) EventType() string     { return TypeSenderChangeSaved }
func (SenderChangeSubmitted) EventType() string { return TypeSenderChangeSubmitted }
func (SenderChangeWithdrawn) EventType() string { return TypeSenderChangeWithdrawn }
func (SenderChangeReturned) EventType() string  { return TypeSenderChangeReturned }
func (SenderChangeApproved) EventType() string  { return TypeSenderChangeApproved }
func (SenderNoticeGiven) EventType() string     { return TypeSenderNoticeGiven }
func (SenderNoticeWithdrawn) EventType() string { return TypeSenderNoticeWithdrawn }
func (SenderClosed) EventType() string          { return TypeSenderClosed }
func (SenderEnableAsked) EventType() string     { return TypeSenderEnableAsked }
func (SenderEnableWithdrawn) EventType() string { return TypeSenderEnableWithdrawn }
func (SenderTaskDone) EventType() string        { return TypeSenderTaskDone }
func (SenderReminded) EventType() string        { return TypeSenderReminded }
func (SenderRefused) EventType() string         { return TypeSenderRefused }
func (SenderSuspended) EventType() string       { return TypeSenderSuspended }
func (SenderReinstated) EventType() string      { return TypeSenderReinstated }
func (PricesPublished) EventType() string       { return TypePricesPublished }
func (EndpointAdded) EventType() string         { return TypeEndpointAdded }
func (EndpointRemoved) EventType() string       { return TypeEndpointRemoved }

func (AccountCreated) account()        {}
func (SettingsChanged) account()       {}
func (KeyIssued) account()             {}
func (KeyRevoked) account()            {}
func (SenderCreated) account()         {}
func (SenderDraftSaved) account()      {}
func (SenderSubmitted) account()       {}
func (SenderPassed) account()          {}
func (SenderWithdrawn) account()       {}
func (SenderApproved) account()        {}
func (SenderReturned) account()        {}
func (SenderDisabled) account()        {}
func (SenderEnabled) account()         {}
func (SenderChangeSaved) account()     {}
func (SenderChangeSubmitted) account() {}
func (SenderChangeWithdrawn) account() {}
func (SenderChangeReturned) account()  {}
func (SenderChangeApproved) account()  {}
func (SenderNoticeGiven) account()     {}
func (SenderNoticeWithdrawn) account() {}
func (SenderClosed) account()          {}
func (SenderEnableAsked) account()     {}
func (SenderEnableWithdrawn) account() {}
func (SenderTaskDone) account()        {}
func (SenderReminded) account()        {}
func (SenderRefused) account()         {}
func (SenderSuspended) account()       {}
func (SenderReinstated) account()      {}
func (PricesPublished) account()       {}
func (EndpointAdded) account()         {}
func (EndpointRemoved) account()       {}

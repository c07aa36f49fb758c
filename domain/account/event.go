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
	DefaultCategory domain.Category `json:"default_category,omitempty"`
	LatePolicy      string          `json:"late_policy"`         // "bill_both" | "waive_viber" (D3)
	FallbackAtOnce  bool            `json:"fallback_at_once"`    // D4
	DefaultValidity int64           `json:"default_validity_ms"` // D3
	SMSValidity     int64           `json:"sms_validity_ms"`     // D3b
	ReportWait      int64           `json:"report_wait_ms"`      // D3b
	SMSName         string          `json:"sms_name,omitempty"`  // D8; else the sender's company name
	PolishLetters   string          `json:"polish_letters"`      // "keep" | "strip" (D8)
	SMSMaxParts     int             `json:"sms_max_parts"`       // D8
	RetentionDays   int             `json:"retention_days"`      // of texts; 0 = none
	RequestsPerSec  int             `json:"requests_per_s"`      // API limit; 0 = installation's

	NoticeCount calendar.NoticeCount `json:"notice_count,omitempty"` // how days of notice are counted (F5); "" = dates

	ManagerName  string `json:"manager_name,omitempty"`  // the account manager, who notifies the client (B8)
	ManagerEmail string `json:"manager_email,omitempty"` // answers to notices go there
}

// AccountCreated opens an account. Its stream's version 1.
type AccountCreated struct {
	Name     string   `json:"name"`
	Currency string   `json:"currency"`
	Settings Settings `json:"settings"`
}

// SettingsChanged replaces the settings as a whole.
type SettingsChanged struct {
	Settings Settings `json:"settings"`
}

// KeyIssued records an API key: its hash, never itself.
type KeyIssued struct {
	Key   string `json:"key"`  // uuid, shown in lists
	Hash  string `json:"hash"` // SHA-256 of the secret, hex
	Role  string `json:"role"` // "client-admin" | "client-viewer" | "operator" | "billing" | "auditor"; old events: "client" = "client-admin"
	Label string `json:"label"`
}

// KeyRevoked ends a key.
type KeyRevoked struct {
	Key string `json:"key"`
}

// SenderCreated makes a configuration in state New.
type SenderCreated struct {
	Account string `json:"account"`
	Name    string `json:"name"`    // ≤ 20, shown on Viber
	Company string `json:"company"` // ≤ 11, default SMS sender
	Country string `json:"country"` // destination
	TwoWay  bool   `json:"two_way"`
}

// SenderDraftSaved: a part of the form was saved, in state New. It holds only
// what changed; what is empty was taken away again.
type SenderDraftSaved struct {
	Company       *string   `json:"company,omitempty"`       // ≤ 11 (B1)
	RegisteredIn  *string   `json:"registered_in,omitempty"` // country of the entity's registration (B3)
	Type          *string   `json:"type,omitempty"`          // ≤ 500, description of the notification type (B4)
	Kind          *string   `json:"kind,omitempty"`          // ≤ 500, description of the notification kind (B4)
	Communication *string   `json:"communication,omitempty"` // "1way", "2way" or "both" (B4)
	Samples       *[]string `json:"samples,omitempty"`       // 1 to 10 of ≤ 1000, all of them (B4)
	NoticeEmail   *string   `json:"notice_email,omitempty"`  // B6
	Logo          *Logo     `json:"logo,omitempty"`          // digest, type, width, height (B3); all empty: taken away
}

// SenderSubmitted: New → Submitted. At bounds the date of activation (B8).
type SenderSubmitted struct {
	At        time.Time `json:"at"`
	Number    int       `json:"number,omitempty"`    // 1, 2, … within the configuration
	Form      *Form     `json:"form,omitempty"`      // the whole, as frozen
	Elsewhere bool      `json:"elsewhere,omitempty"` // it lacks something, and an operator said that the form is filled elsewhere
}

// SenderPassed: the submission was handed to Viber (B7).
type SenderPassed struct {
	On        time.Time `json:"on"`
	Reference string    `json:"reference,omitempty"` // Viber's

	VerifiedBy time.Time `json:"verified_by,omitzero"` // when its verification should be over: 14 working days
	PrefixBy   time.Time `json:"prefix_by,omitzero"`   // when the prefix should be active: 4 weeks
}

// SenderWithdrawn: Submitted → New, by the client (B10).
type SenderWithdrawn struct{}

// SenderApproved: Submitted → Active.
type SenderApproved struct {
	ServiceID int64     `json:"service_id"`
	ActiveOn  time.Time `json:"active_on"`
}

// SenderReturned: Submitted → New, with reasons.
type SenderReturned struct {
	Reasons []string `json:"reasons"`
}

// Price is one row of a price list.
type Price struct {
	Country  string          `json:"country"`
	Channel  domain.Channel  `json:"channel"`
	Category domain.Category `json:"category"` // the priced category; "" on SMS = any
	Content  domain.Content  `json:"content"`  // "" on SMS = any
	Amount   string          `json:"amount"`   // decimal, ≤ 6 places, per message on Viber, per part on SMS
}

// PricesPublished is one version of a price list. Version = stream version, named "<list>@<n>".
type PricesPublished struct {
	Currency  string    `json:"currency"`
	ValidFrom time.Time `json:"valid_from"`
	Prices    []Price   `json:"prices"`
}

// EndpointAdded registers a webhook. The signing secret is sealed with the installation's key.
type EndpointAdded struct {
	Endpoint string   `json:"endpoint"` // uuid
	URL      string   `json:"url"`
	Events   []string `json:"events"` // "message.delivered", …; empty = all
	Secret   string   `json:"secret"` // sealed, base64
}

// EndpointRemoved ends it.
type EndpointRemoved struct {
	Endpoint string `json:"endpoint"`
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

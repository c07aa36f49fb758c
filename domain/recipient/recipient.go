// Package recipient holds what is known of one recipient of one account
// ("recipient/<uuid>": opt-outs, rules.md E2) and of one number over all
// accounts ("number/<keyed hash>": not on Viber, E6; carrier reports that match no attempt yet).
package recipient

import (
	"time"

	"goniec/domain"
)

// Event is a fact of a recipient's or a number's stream.
type Event interface {
	domain.Event
	recipient()
}

// OptOutRecorded: what it stops is written out, so that history does not
// change when the table of E2 does.
type OptOutRecorded struct {
	Account string  `json:"account"`
	Number  string  `json:"number"`
	Origin  string  `json:"origin"` // an Origin constant
	Stops   []Scope `json:"stops"`
	Message string  `json:"message,omitempty"` // the message that carried it, if known
	Sender  string  `json:"sender,omitempty"`
}

// OptOutLifted opens the scopes again.
type OptOutLifted struct {
	Account string  `json:"account"`
	Number  string  `json:"number"`
	Origin  string  `json:"origin"` // an Origin constant: viber_subscribe, api or import
	Opens   []Scope `json:"opens"`
}

// ReplyReceived: a recipient wrote back; its text lies sealed in `contents` under ID.
type ReplyReceived struct {
	ID      string         `json:"id"`
	Account string         `json:"account,omitempty"`
	Channel domain.Channel `json:"channel"`
	Sender  string         `json:"sender,omitempty"`
	Message string         `json:"message,omitempty"` // the last message of that sender within 72 h (D9)
	Digest  string         `json:"digest"`
	Length  int            `json:"length"`
	Keyword string         `json:"keyword,omitempty"` // "stop"
	TwoWay  bool           `json:"two_way"`
}

// NotOnViber: the carrier said so; until then messages go straight to SMS (E6).
type NotOnViber struct {
	Until   time.Time `json:"until"`
	Message string    `json:"message"`
}

// ReportStored: a report that fits no attempt yet. Pending says that one is in
// flight that it may belong to.
type ReportStored struct {
	StoredReport
	Pending bool   `json:"pending"`
	Why     string `json:"why,omitempty"` // a Why constant; "" = written before that was kept
}

// Why a report fitted no attempt when it came.
const (
	WhyInFlight = "in_flight"       // an attempt to the number was under way
	WhySeveral  = "several_unknown" // several attempts to the number had an unknown outcome
	WhyNone     = "no_attempt"      // no attempt has its id, and none to the number is in doubt on its route and service
)

// ReportMatched: a stored report found its attempt.
type ReportMatched struct {
	ID       string `json:"id"`
	Message  string `json:"message"`
	Attempt  string `json:"attempt"`
	Inferred bool   `json:"inferred"`
}

// StoredReport is a carrier report waiting for its attempt.
type StoredReport struct {
	ID        string         `json:"id"` // id of the command that brought it
	Route     string         `json:"route"`
	Channel   domain.Channel `json:"channel"`
	ServiceID int64          `json:"service_id,omitempty"`
	CarrierID string         `json:"carrier_id"`
	Status    string         `json:"status"`
	Code      string         `json:"code,omitempty"`
	At        time.Time      `json:"at"`
	Received  time.Time      `json:"received"`
}

// Scope is one cell of E2's table: a channel for a category.
type Scope struct {
	Channel  domain.Channel  `json:"channel"`
	Category domain.Category `json:"category"`
}

// Origins of an opt-out, and of its end.
const (
	OriginViberUnsubscribe = "viber_unsubscribe"
	OriginViberBlock       = "viber_block" // submit status 8
	OriginViberStop        = "viber_stop"  // STOP as a reply on Viber
	OriginSMSStop          = "sms_stop"
	OriginAPI              = "api"
	OriginImport           = "import"
	OriginViberSubscribe   = "viber_subscribe" // lifts
)

// The types.
const (
	TypeOptOutRecorded = "goniec.recipient.opted_out.v1"
	TypeOptOutLifted   = "goniec.recipient.opt_out_lifted.v1"
	TypeReplyReceived  = "goniec.recipient.replied.v1"
	TypeNotOnViber     = "goniec.number.not_on_viber.v1"
	TypeReportStored   = "goniec.number.report_stored.v1"
	TypeReportMatched  = "goniec.number.report_matched.v1"
)

func (OptOutRecorded) EventType() string { return TypeOptOutRecorded }
func (OptOutLifted) EventType() string   { return TypeOptOutLifted }
func (ReplyReceived) EventType() string  { return TypeReplyReceived }
func (NotOnViber) EventType() string     { return TypeNotOnViber }
func (ReportStored) EventType() string   { return TypeReportStored }
func (ReportMatched) EventType() string  { return TypeReportMatched }

func (OptOutRecorded) recipient() {}
func (OptOutLifted) recipient()   {}
func (ReplyReceived) recipient()  {}
func (NotOnViber) recipient()     {}
func (ReportStored) recipient()   {}
func (ReportMatched) recipient()  {}

// Commands as they stand in the inbox. Those of a carrier are addressed to the
// number's stream; opt-outs by the API to the recipient's.
const (
	CommandOptOut       = "recipient.opt_out.v1"
	CommandLift         = "recipient.lift.v1"
	CommandReport       = "carrier.report.v1"
	CommandSubscription = "carrier.subscription.v1"
	CommandReply        = "carrier.reply.v1"
)

// OptOut asks for an opt-out. Scopes are what was told (API, import); for every
// other origin the table of E2 decides and Scopes is not regarded.
type OptOut struct {
	Number string    `json:"number"`
	Origin string    `json:"origin"`
	Scopes []Scope   `json:"scopes"`
	At     time.Time `json:"at,omitzero"` // when it was said; zero = now
}

// Lift asks for the end of an opt-out, on behalf of a consent given at At. It
// has the JSON form of OptOut. No Scopes = all.
type Lift OptOut

// Report is a carrier's report as received, not yet matched.
type Report struct {
	Number    string         `json:"number"`
	Route     string         `json:"route"`
	Channel   domain.Channel `json:"channel"`
	ServiceID int64          `json:"service_id,omitempty"`
	CarrierID string         `json:"carrier_id"` // as received; compared after Normalise
	Status    string         `json:"status"`     // a message.ReportStatus
	Code      string         `json:"code,omitempty"`
	At        time.Time      `json:"at"`
	Received  time.Time      `json:"received"`
}

// Subscription is Viber's subscribe or unsubscribe event.
type Subscription struct {
	Number     string    `json:"number"`
	Route      string    `json:"route"`
	ServiceID  int64     `json:"service_id"`
	Recipient  string    `json:"recipient,omitempty"` // of the account that has the service id, if the edge knew it
	Subscribed bool      `json:"subscribed"`
	At         time.Time `json:"at"`
}

// Reply is a text that a recipient sent us. Its text lies in `contents` under ID.
type Reply struct {
	ID        string         `json:"id"`
	Number    string         `json:"number"`
	Route     string         `json:"route"`
	Channel   domain.Channel `json:"channel"`
	ServiceID int64          `json:"service_id,omitempty"` // Viber
	To        string         `json:"to,omitempty"`         // SMS: the address written to
	Recipient string         `json:"recipient,omitempty"`  // of the account that has the service id, if the edge knew it
	Digest    string         `json:"digest"`
	Length    int            `json:"length"`
	Keyword   string         `json:"keyword,omitempty"`
	At        time.Time      `json:"at"`
}

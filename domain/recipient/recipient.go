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
	Account string `json:"account"` // uuid of the account that may not send any more
	Number  string `json:"number"`  // keyed hash of the E.164 number, 32 hex digits
	// where it was said: "viber_unsubscribe" (an event), "viber_block" (status 8),
	// "viber_stop" or "sms_stop" (a reply), "api" or "import"
	Origin string  `json:"origin"`
	Stops  []Scope `json:"stops"` // channels and categories that are closed from now on
	// uuid of the message whose answer said it, or that it came upon: the last one of that
	// sender; absent when none is known
	Message string `json:"message,omitempty"`
	Sender  string `json:"sender,omitempty"` // name of the sender that it was said to; absent when none is known
}

// OptOutLifted opens the scopes again.
type OptOutLifted struct {
	Account string  `json:"account"` // uuid of the account that may send again
	Number  string  `json:"number"`  // keyed hash of the E.164 number, 32 hex digits
	Origin  string  `json:"origin"`  // what ended it: "viber_subscribe" (an event), "api" or "import"
	Opens   []Scope `json:"opens"`   // channels and categories that are open again
}

// ReplyReceived: a recipient wrote back; its text lies sealed in `contents` under ID.
type ReplyReceived struct {
	ID      string         `json:"id"`                // uuid of the reply, and key of its sealed text in the topic contents
	Account string         `json:"account,omitempty"` // uuid of the account that it is written to; absent when none is known
	Channel domain.Channel `json:"channel"`           // that it came by
	Sender  string         `json:"sender,omitempty"`  // name of the sender that it is written to; absent when no message to the recipient is known
	Message string         `json:"message,omitempty"` // uuid of the last message of that sender within 72 h (D9); absent when there is none
	Digest  string         `json:"digest"`            // HMAC-SHA256 of its text (and its media's address, if it has any), 64 hex digits
	Length  int            `json:"length"`            // of its text, in Unicode code points
	Keyword string         `json:"keyword,omitempty"` // "stop" when the text is a word that opts out (E2); else absent
	TwoWay  bool           `json:"two_way"`           // whether the sender takes replies; one to a sender that takes none is kept all the same (D9)
}

// NotOnViber: the carrier said so; until then messages go straight to SMS (E6).
type NotOnViber struct {
	Until   time.Time `json:"until"`   // UTC: 7 days from the carrier's word
	Message string    `json:"message"` // uuid of the message whose attempt was refused with Viber's status 9
}

// ReportStored: a report that fits no attempt yet. Pending says that one is in
// flight that it may belong to.
type ReportStored struct {
	StoredReport
	Pending bool `json:"pending"` // whether an attempt is in flight that it may belong to
	// it fits none: "in_flight" (an attempt to the number was under way), "several_unknown"
	// (several had an unknown outcome) or "no_attempt" (none has its id, and none to the
	// number is in doubt on its route and service); absent in early events, and when its
	// message is parked
	Why string `json:"why,omitempty"`
}

// Why a report fitted no attempt when it came.
const (
	WhyInFlight = "in_flight"       // an attempt to the number was under way
	WhySeveral  = "several_unknown" // several attempts to the number had an unknown outcome
	WhyNone     = "no_attempt"      // no attempt has its id, and none to the number is in doubt on its route and service
)

// ReportMatched: a stored report found its attempt.
type ReportMatched struct {
	ID       string `json:"id"`       // of the report, as in report_stored
	Message  string `json:"message"`  // uuid of the message that it belongs to
	Attempt  string `json:"attempt"`  // uuid of the attempt that it belongs to
	Inferred bool   `json:"inferred"` // matched without the carrier's id: the attempt was the only one that it could be of
}

// StoredReport is a carrier report waiting for its attempt.
type StoredReport struct {
	ID        string         `json:"id"`                   // uuid of the command that brought it, derived from what the carrier said: a repeat has the same
	Route     string         `json:"route"`                // name of the carrier's route: "viber" or "sms"
	Channel   domain.Channel `json:"channel"`              // that it speaks of
	ServiceID int64          `json:"service_id,omitempty"` // Viber's service id that it was sent under; absent on SMS
	CarrierID string         `json:"carrier_id"`           // the carrier's id of the message or part, as it wrote it; "" when it named none
	// the carrier's word: "delivered", "read", "expired", "undelivered", "rejected",
	// "deleted" or "accepted"
	Status   string    `json:"status"`
	Code     string    `json:"code,omitempty"` // the carrier's own: Viber's message_status as "0", SMPP's err as "000"
	At       time.Time `json:"at"`             // the carrier's time, UTC; received where it told none
	Received time.Time `json:"received"`       // when it reached goniec, UTC
}

// Scope is one cell of E2's table: a channel for a category.
type Scope struct {
	Channel  domain.Channel  `json:"channel"`  // that is closed (stops) or open again (opens)
	Category domain.Category `json:"category"` // of the messages that may not go there any more (stops), or may again (opens)
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

package message

import (
	"time"

	"goniec/domain"
)

// Event is a fact of one message's stream ("message/<uuid>"). The interface is
// sealed: Evolve knows every one.
type Event interface {
	domain.Event
	message()
}

// Facts used by a decision, kept with it so that it can be re-derived: which
// versions of the reference data were seen, and how far the view had read.
type UsedFacts struct {
	SenderID      string `json:"sender_id,omitempty"`
	SenderVersion int    `json:"sender_version,omitempty"`
	PolicyVersion int    `json:"policy_version,omitempty"`
	PriceVersion  string `json:"price_version,omitempty"`
	ViewOffset    int64  `json:"view_offset,omitempty"`
}

// Accepted starts a message's life. It holds no number and no text: the keyed
// number, country, length and a keyed digest of the content stand for them.
type Accepted struct {
	Account        string          `json:"account"`
	Recipient      string          `json:"recipient"` // uuid, keyed by (account, number)
	Number         string          `json:"number"`    // keyed hash of the E.164 number, 32 hex digits
	Country        string          `json:"country"`   // ISO 3166-1 alpha-2
	Sender         string          `json:"sender"`    // sender name as shown on Viber
	Category       domain.Category `json:"category"`
	PricedCategory domain.Category `json:"priced_category"` // rules.md D2
	Content        domain.Content  `json:"content"`
	Digest         string          `json:"digest"`      // keyed digest of the content, hex
	BodyDigest     string          `json:"body_digest"` // keyed digest of the whole request, to know a repeat with another body
	TextLength     int             `json:"text_length"` // Unicode code points after NFC
	SMSParts       int             `json:"sms_parts"`
	SMSEncoding    string          `json:"sms_encoding"` // "gsm7" or "ucs2"
	ServiceID      int64           `json:"service_id"`   // Viber's service id of the sender
	SMSFrom        string          `json:"sms_from"`     // alphanumeric SMS sender
	Fallback       bool            `json:"fallback"`
	FallbackAtOnce bool            `json:"fallback_at_once"` // rules.md D4
	LatePolicy     string          `json:"late_policy"`      // "bill_both" or "waive_viber" (D3)
	ValidityMS     int64           `json:"validity_ms"`
	SMSValidityMS  int64           `json:"sms_validity_ms"` // D3b
	ReportWaitMS   int64           `json:"report_wait_ms"`  // how long after sms_validity a report is awaited (D3b)
	SendAt         *time.Time      `json:"send_at,omitempty"`
	ClientRef      string          `json:"client_ref,omitempty"`
	Tags           []string        `json:"tags,omitempty"`
	Test           bool            `json:"test,omitempty"` // validated and recorded, never sent or charged
	Basis          string          `json:"basis"`          // why it may be sent: "declaration" until consents are kept (E1)
	Facts          UsedFacts       `json:"facts"`
}

// Refused is what the decider says to a request that the edge let through
// (the reference data changed in between). State: failed.
type Refused struct {
	Account   string    `json:"account"`
	Recipient string    `json:"recipient"`
	Number    string    `json:"number"`
	Country   string    `json:"country"`
	Sender    string    `json:"sender"`
	Category  string    `json:"category"`
	ClientRef string    `json:"client_ref,omitempty"`
	Tags      []string  `json:"tags,omitempty"`
	Reason    string    `json:"reason"` // an Error code, such as "sender_not_active"
	Facts     UsedFacts `json:"facts"`
}

// Waiting: nothing is tried before Until.
type Waiting struct {
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"` // "scheduled"
}

// Paused: the next attempt, on Channel, waits until the switch is turned off
// (rules.md D17). The validity period goes on.
type Paused struct {
	Channel domain.Channel `json:"channel"`
	Switch  string         `json:"switch"` // "all", "account/<uuid>", "sender/<uuid>" or "route/<name>": who and why stands in stream "pause/<switch>"
	Facts   UsedFacts      `json:"facts"`
}

// Resumed: no switch holds the message any more. Until is the end of the current
// step: a validity period goes on as it was, an SMS that was never handed to a
// carrier has its whole time from now.
type Resumed struct {
	Channel domain.Channel `json:"channel"`
	Until   time.Time      `json:"until"`
	Facts   UsedFacts      `json:"facts"`
}

// Released starts the validity period; Deadline is its end (D3).
type Released struct {
	Deadline time.Time `json:"deadline"`
}

// AttemptStarted is written in the transaction that writes the send
// instruction: no carrier is called without it.
type AttemptStarted struct {
	Attempt   string         `json:"attempt"` // uuid
	Number    int            `json:"number"`  // 1, 2, … over all channels
	Channel   domain.Channel `json:"channel"`
	Route     string         `json:"route"`
	ServiceID int64          `json:"service_id,omitempty"` // Viber
	From      string         `json:"from,omitempty"`       // SMS
	NotAfter  time.Time      `json:"not_after"`            // a later call is not made (too_late)
	TTLSec    int            `json:"ttl_s"`                // given to the carrier; may exceed our deadline (D3)
	Facts     UsedFacts      `json:"facts"`
}

// AttemptAccepted: the carrier took it. CarrierIDs has one id per SMS part.
type AttemptAccepted struct {
	Attempt    string    `json:"attempt"`
	CarrierIDs []string  `json:"carrier_ids"`
	Parts      int       `json:"parts"` // accepted parts; 1 on Viber
	At         time.Time `json:"at"`
}

// AttemptRefused: the carrier said no and certainly did not take it.
type AttemptRefused struct {
	Attempt   string     `json:"attempt"`
	Code      string     `json:"code"`   // the carrier's own code, such as "9", "http_500", "0x00000058"
	Reason    string     `json:"reason"` // one of the Reason constants
	Permanent bool       `json:"permanent"`
	RetryAt   *time.Time `json:"retry_at,omitempty"` // set when it will be tried again on this channel (D3a)

	AgainstSender *AgainstSender `json:"against_sender,omitempty"` // set when the carrier refuses the sender, whatever it sends: it counts for a suspension (B13)
}

// AgainstSender names whom the carrier refuses, and for which recipient.
type AgainstSender struct {
	SenderID  string `json:"sender_id"`
	Recipient string `json:"recipient"` // uuid, as in accepted
}

// AttemptUnknown: nobody knows whether the carrier took it. Never sent again on that channel.
type AttemptUnknown struct {
	Attempt string `json:"attempt"`
	Code    string `json:"code,omitempty"`
	Reason  string `json:"reason"` // "timeout", "connection_cut", "unreadable_answer", "carrier_timeout", "already_sent", "claimed_before_crash", "no_answer"
}

// AttemptNotSent: the dispatcher made no call.
type AttemptNotSent struct {
	Attempt string     `json:"attempt"`
	Reason  string     `json:"reason"`             // "too_late", "revoked", "route_down", "erased", "throttled", "paused", "not_sent" (said by an operator)
	RetryAt *time.Time `json:"retry_at,omitempty"` // after "throttled", and on SMS after "route_down" (D3a); after "paused" when the pause has ended meanwhile
}

// AttemptResolved: a report showed what became of an attempt of unknown
// outcome, or of one still in flight: it was taken. Inferred: matched without the
// carrier's id. A late answer that says so resolves it as well.
type AttemptResolved struct {
	Attempt    string   `json:"attempt"`
	CarrierIDs []string `json:"carrier_ids"`
	Parts      int      `json:"parts"`
	Inferred   bool     `json:"inferred"`
}

// OutcomeDecided: an operator said what became of an attempt whose outcome nobody
// knew (rules.md D18). What follows from it is events of its own.
type OutcomeDecided struct {
	Attempt string         `json:"attempt"`
	Channel domain.Channel `json:"channel"`
	As      Resolution     `json:"as"` // "sent", "not_sent" or "send_sms"
	Reason  string         `json:"reason"`
	By      string         `json:"by"` // actor
}

// PartReported: one part of a long SMS was reported; the message's own state
// follows when all parts are.
type PartReported struct {
	Attempt   string `json:"attempt"`
	CarrierID string `json:"carrier_id"`
	Status    string `json:"status"`
	Code      string `json:"code,omitempty"`
}

// Delivered: first delivery on a channel. Each (message, channel) has at most one.
// The envelope's time is the carrier's, clamped to [attempt started, received].
type Delivered struct {
	Attempt     string         `json:"attempt"`
	Channel     domain.Channel `json:"channel"`
	CarrierTime time.Time      `json:"carrier_time"` // raw
	Late        bool           `json:"late"`         // after the deadline (D3c); Viber only
	Double      bool           `json:"double"`       // the other channel had delivered already (D3c)
	Inferred    bool           `json:"inferred"`     // matched without the carrier's id
	ByRead      bool           `json:"by_read"`      // implied by a read report
	Revokes     []string       `json:"revokes,omitempty"`
}

// Read: the recipient opened it (Viber). At most one per message.
type Read struct {
	Attempt     string    `json:"attempt"`
	CarrierTime time.Time `json:"carrier_time"`
	Inferred    bool      `json:"inferred"`
}

// Undelivered: the carrier gave the attempt up.
type Undelivered struct {
	Attempt     string         `json:"attempt"`
	Channel     domain.Channel `json:"channel"`
	Reason      string         `json:"reason"` // "expired", "undelivered", "rejected", "deleted", "incomplete" (parts were never taken)
	Code        string         `json:"code,omitempty"`
	CarrierTime time.Time      `json:"carrier_time"`
	Inferred    bool           `json:"inferred"`
}

// FellBack: the one step from Viber to SMS, with the answer to "why did this go as SMS?".
type FellBack struct {
	From     domain.Channel `json:"from"`
	To       domain.Channel `json:"to"`
	Reason   string         `json:"reason"` // a Reason constant: "deadline", "expired", "not_on_viber", "route_down", …
	Rule     string         `json:"rule"`   // the rule that decided: "D3", "D4", "D12", "B13", "E2", "E6"
	Code     string         `json:"code,omitempty"`
	Deadline time.Time      `json:"deadline"` // of the SMS: when retries stop
	Revokes  []string       `json:"revokes,omitempty"`
	Facts    UsedFacts      `json:"facts"`
}

// Charged: one charge; at most one per (message, channel). Amount is a decimal
// string with 6 places. Month is the billing month it counts in; Adjusts names
// an earlier, sealed month that it belongs to.
type Charged struct {
	Channel        domain.Channel  `json:"channel"`
	Attempt        string          `json:"attempt"`
	Parts          int             `json:"parts"`
	UnitPrice      string          `json:"unit_price"`
	Amount         string          `json:"amount"`
	Currency       string          `json:"currency"`
	PriceVersion   string          `json:"price_version"`
	PricedCategory domain.Category `json:"priced_category"`
	Content        domain.Content  `json:"content"`
	Country        string          `json:"country"`
	Sender         string          `json:"sender"`
	Account        string          `json:"account"`
	At             time.Time       `json:"at"`    // what dates the charge (F1)
	Month          string          `json:"month"` // "2026-11", in the billing zone
	Adjusts        string          `json:"adjusts,omitempty"`
	Waived         string          `json:"waived,omitempty"` // reason; the amount is then "0.000000" ("late_policy", "no_price")
}

// CancelRequested: nothing new goes out any more.
type CancelRequested struct {
	By      string   `json:"by"` // actor
	Revokes []string `json:"revokes,omitempty"`
}

// OptedOut: the recipient opted out while this message still waited (E2).
// Channels are those now closed to it.
type OptedOut struct {
	Channels []domain.Channel `json:"channels"`
	Origin   string           `json:"origin"`
	Revokes  []string         `json:"revokes,omitempty"`
}

// Failed: the message is over, undelivered, and that is certain.
type Failed struct {
	Reason string `json:"reason"`
	Code   string `json:"code,omitempty"`
}

// Unknown: the message is over and nobody can say whether it arrived.
type Unknown struct {
	Reason string `json:"reason"` // "no_report", "outcome_unknown"
}

// Cancelled: the message is over because the client cancelled it in time.
type Cancelled struct{}

// The types, one constant each; v is the version of the data's shape.
const (
	TypeAccepted        = "goniec.message.accepted.v1"
	TypeRefused         = "goniec.message.refused.v1"
	TypeWaiting         = "goniec.message.waiting.v1"
	TypePaused          = "goniec.message.paused.v1"
	TypeResumed         = "goniec.message.resumed.v1"
	TypeReleased        = "goniec.message.released.v1"
	TypeAttemptStarted  = "goniec.message.attempt_started.v1"
	TypeAttemptAccepted = "goniec.message.attempt_accepted.v1"
	TypeAttemptRefused  = "goniec.message.attempt_refused.v1"
	TypeAttemptUnknown  = "goniec.message.attempt_unknown.v1"
	TypeAttemptNotSent  = "goniec.message.attempt_not_sent.v1"
	TypeAttemptResolved = "goniec.message.attempt_resolved.v1"
	TypeOutcomeDecided  = "goniec.message.outcome_decided.v1"
	TypePartReported    = "goniec.message.part_reported.v1"
	TypeDelivered       = "goniec.message.delivered.v1"
	TypeRead            = "goniec.message.read.v1"
	TypeUndelivered     = "goniec.message.undelivered.v1"
	TypeFellBack        = "goniec.message.fell_back.v1"
	TypeCharged         = "goniec.message.charged.v1"
	TypeCancelRequested = "goniec.message.cancel_requested.v1"
	TypeOptedOut        = "goniec.message.opted_out.v1"
	TypeFailed          = "goniec.message.failed.v1"
	TypeUnknown         = "goniec.message.unknown.v1"
	TypeCancelled       = "goniec.message.cancelled.v1"
)

func (Accepted) EventType() string        { return TypeAccepted }
func (Refused) EventType() string         { return TypeRefused }
func (Waiting) EventType() string         { return TypeWaiting }
func (Paused) EventType() string          { return TypePaused }
func (Resumed) EventType() string         { return TypeResumed }
func (Released) EventType() string        { return TypeReleased }
func (AttemptStarted) EventType() string  { return TypeAttemptStarted }
func (AttemptAccepted) EventType() string { return TypeAttemptAccepted }
func (AttemptRefused) EventType() string  { return TypeAttemptRefused }
func (AttemptUnknown) EventType() string  { return TypeAttemptUnknown }
func (AttemptNotSent) EventType() string  { return TypeAttemptNotSent }
func (AttemptResolved) EventType() string { return TypeAttemptResolved }
func (OutcomeDecided) EventType() string  { return TypeOutcomeDecided }
func (PartReported) EventType() string    { return TypePartReported }
func (Delivered) EventType() string       { return TypeDelivered }
func (Read) EventType() string            { return TypeRead }
func (Undelivered) EventType() string     { return TypeUndelivered }
func (FellBack) EventType() string        { return TypeFellBack }
func (Charged) EventType() string         { return TypeCharged }
func (CancelRequested) EventType() string { return TypeCancelRequested }
func (OptedOut) EventType() string        { return TypeOptedOut }
func (Failed) EventType() string          { return TypeFailed }
func (Unknown) EventType() string         { return TypeUnknown }
func (Cancelled) EventType() string       { return TypeCancelled }

func (Accepted) message()        {}
func (Refused) message()         {}
func (Waiting) message()         {}
func (Paused) message()          {}
func (Resumed) message()         {}
func (Released) message()        {}
func (AttemptStarted) message()  {}
func (AttemptAccepted) message() {}
func (AttemptRefused) message()  {}
func (AttemptUnknown) message()  {}
func (AttemptNotSent) message()  {}
func (AttemptResolved) message() {}
func (OutcomeDecided) message()  {}
func (PartReported) message()    {}
func (Delivered) message()       {}
func (Read) message()            {}
func (Undelivered) message()     {}
func (FellBack) message()        {}
func (Charged) message()         {}
func (CancelRequested) message() {}
func (OptedOut) message()        {}
func (Failed) message()          {}
func (Unknown) message()         {}
func (Cancelled) message()       {}

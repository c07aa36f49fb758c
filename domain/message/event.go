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
	SenderID      string `json:"sender_id,omitempty"`      // uuid of the sender's configuration, of stream sender/<uuid>; absent when none fits name and country
	SenderVersion int    `json:"sender_version,omitempty"` // version of that stream, up to which the decision knew it
	PolicyVersion int    `json:"policy_version,omitempty"` // version of stream account/<uuid>, which holds the account's settings
	PriceVersion  string `json:"price_version,omitempty"`  // never set: no decision names a price list here; a charge does, in price_version of charged
	ViewOffset    int64  `json:"view_offset,omitempty"`    // how far the decider had read the topic accounts: its next offsets, summed over all partitions
}

// Accepted starts a message's life. It holds no number and no text: the keyed
// number, country, length and a keyed digest of the content stand for them.
type Accepted struct {
	Account        string          `json:"account"`         // uuid of the account that sends it
	Recipient      string          `json:"recipient"`       // uuid of the recipient: HMAC of (account, number), so another one for each account
	Number         string          `json:"number"`          // keyed hash of the E.164 number, 32 hex digits; the same for all accounts
	Country        string          `json:"country"`         // of the number, ISO 3166-1 alpha-2
	Sender         string          `json:"sender"`          // name as shown on Viber, at most 20 characters
	Category       domain.Category `json:"category"`        // what the client says it is, or else the account's default (rules.md D2)
	PricedCategory domain.Category `json:"priced_category"` // what it is priced and labelled as: "promotional" with rich content, else the category (D2)
	Content        domain.Content  `json:"content"`         // price class of what Viber shows: "text", or "rich" with an image or a button
	Digest         string          `json:"digest"`          // HMAC-SHA256 of text, image URL, button text, button URL and SMS text, 64 hex digits
	// keyed digest of the whole request, 32 hex digits: tells a repeat under the same
	// idempotency key from one with another body
	BodyDigest  string `json:"body_digest"`
	TextLength  int    `json:"text_length"`  // of the text for Viber, in Unicode code points after NFC
	SMSParts    int    `json:"sms_parts"`    // parts that the SMS takes; 0 without fallback
	SMSEncoding string `json:"sms_encoding"` // of the SMS: "gsm7" or "ucs2"; "" without fallback
	ServiceID   int64  `json:"service_id"`   // Viber's service id of the sender's configuration
	SMSFrom     string `json:"sms_from"`     // SMS sender: the account's SMS name, else the sender's company name; at most 11 letters and digits
	Fallback    bool   `json:"fallback"`     // whether it goes as SMS when Viber does not deliver
	// the account's setting: whether the SMS goes as soon as Viber can never deliver, and
	// not at the deadline (D4)
	FallbackAtOnce bool `json:"fallback_at_once"`
	// whether a Viber delivery after the deadline is charged: "bill_both", or "waive_viber":
	// it is not (D3)
	LatePolicy    string     `json:"late_policy"`
	ValidityMS    int64      `json:"validity_ms"`          // milliseconds from the release to the deadline on Viber, 15 s to 24 h (D3)
	SMSValidityMS int64      `json:"sms_validity_ms"`      // milliseconds for which the SMS is retried (D3b)
	ReportWaitMS  int64      `json:"report_wait_ms"`       // milliseconds that a report of the SMS is awaited for after sms_validity (D3b)
	SendAt        *time.Time `json:"send_at,omitempty"`    // when the client wants it sent, UTC; absent = at once
	ClientRef     string     `json:"client_ref,omitempty"` // the client's own reference, at most 100 characters; need not be unique
	Tags          []string   `json:"tags,omitempty"`       // the client's own, at most 10 of at most 64 characters
	Test          bool       `json:"test,omitempty"`       // validated and recorded, never sent or charged
	Basis         string     `json:"basis"`                // why it may be sent: "declaration", the account's (until consents are kept: E1)
	Facts         UsedFacts  `json:"facts"`                // what the decision regarded of other streams
}

// Refused is what the decider says to a request that the edge let through
// (the reference data changed in between). State: failed.
type Refused struct {
	Account   string   `json:"account"`              // uuid of the account that asked for it
	Recipient string   `json:"recipient"`            // uuid of the recipient, as in accepted
	Number    string   `json:"number"`               // keyed hash of the E.164 number, 32 hex digits
	Country   string   `json:"country"`              // of the number, ISO 3166-1 alpha-2
	Sender    string   `json:"sender"`               // the sender's name that was asked for
	Category  string   `json:"category"`             // as asked for: "transactional", "promotional" or "one_time_code", or what "invalid_category" refuses
	ClientRef string   `json:"client_ref,omitempty"` // the client's own reference, at most 100 characters
	Tags      []string `json:"tags,omitempty"`       // the client's own, at most 10 of at most 64 characters
	// code of the refusal: "account_unknown", "account_not_active",
	// "regulations_not_accepted" (B12), "sender_unknown", "sender_not_in_country" (D13),
	// "sender_suspended" (B13), "sender_not_active" (D12), "no_price" (F8), "opted_out"
	// (E2), "invalid_category", "invalid_content", "invalid_validity", "invalid_send_at" or
	// "invalid_sms"
	Reason string    `json:"reason"`
	Facts  UsedFacts `json:"facts"` // what the decision regarded of other streams
}

// Waiting: nothing is tried before Until.
type Waiting struct {
	Until  time.Time `json:"until"`  // when it is released, UTC: its send_at
	Reason string    `json:"reason"` // "scheduled"
}

// Paused: the next attempt, on Channel, waits until the switch is turned off
// (rules.md D17). The validity period goes on.
type Paused struct {
	Channel domain.Channel `json:"channel"` // of the attempt that waits
	// "all", "account/<uuid>", "sender/<uuid>" (of a configuration or, over all countries,
	// of a name) or "route/<name>": who and why stands in stream "pause/<switch>"
	Switch string    `json:"switch"`
	Facts  UsedFacts `json:"facts"` // what the decision regarded of other streams
}

// Resumed: no switch holds the message any more. Until is the end of the current
// step: a validity period goes on as it was, an SMS that was never handed to a
// carrier has its whole time from now.
type Resumed struct {
	Channel domain.Channel `json:"channel"` // of the attempt that goes on
	Until   time.Time      `json:"until"`   // end of the current step, UTC: on Viber the deadline, on SMS when retries stop
	Facts   UsedFacts      `json:"facts"`   // what the decision regarded of other streams
}

// Released starts the validity period; Deadline is its end (D3).
type Released struct {
	Deadline time.Time `json:"deadline"` // end of the validity period on Viber, UTC: the release plus validity_ms
}

// AttemptStarted is written in the transaction that writes the send
// instruction: no carrier is called without it.
type AttemptStarted struct {
	Attempt   string         `json:"attempt"`              // uuid of the attempt
	Number    int            `json:"number"`               // 1, 2, … over all channels of the message
	Channel   domain.Channel `json:"channel"`              // that the call is made on
	Route     string         `json:"route"`                // name of the carrier's route: "viber" or "sms"
	ServiceID int64          `json:"service_id,omitempty"` // Viber's service id of the sender; absent on SMS
	From      string         `json:"from,omitempty"`       // SMS sender, at most 11 letters and digits; absent on Viber
	NotAfter  time.Time      `json:"not_after"`            // UTC; a later call is not made ("too_late")
	// seconds that the carrier is given to deliver; on Viber at least 30, so it may end
	// after the deadline (D3)
	TTLSec int       `json:"ttl_s"`
	Facts  UsedFacts `json:"facts"` // what the decision regarded of other streams
}

// AttemptAccepted: the carrier took it. CarrierIDs has one id per SMS part.
type AttemptAccepted struct {
	Attempt string `json:"attempt"` // uuid of the attempt
	// the carrier's ids, as it wrote them: one on Viber, one of each accepted part on SMS;
	// empty when it named none
	CarrierIDs []string  `json:"carrier_ids"`
	Parts      int       `json:"parts"` // that the carrier accepted: 1 on Viber; on SMS fewer than sms_parts when it refused some
	At         time.Time `json:"at"`    // when the answer came, UTC, not before the attempt started
}

// AttemptRefused: the carrier said no and certainly did not take it.
type AttemptRefused struct {
	Attempt string `json:"attempt"` // uuid of the attempt
	// the carrier's own: Viber's status such as "9", "http_500", or SMPP's command_status
	// such as "0x00000058"; of a call that was not made, a word such as "not_reached",
	// "invalid" or "too_many_parts"
	Code string `json:"code"`
	// what the code means. On Viber (rules.md D16): "carrier_failure", "bad_service",
	// "bad_data", "type_blocked", "bad_type", "bad_parameters", "user_blocked",
	// "not_on_viber", "no_suitable_device", "not_authorised", "not_permitted",
	// "billing_failure", "no_more_messages", "bad_label", "bad_ttl", "awaits_user",
	// "invalid_number", "bad_file", "bad_template", "bad_list", "service_blocked",
	// "unknown_status", "route_fault" or "throttled". On SMS: "system_error", "queue_full",
	// "throttled", "temporary", "bind", "credentials", "invalid_number", "rejected",
	// "undeliverable", "invalid_sender", "not_permitted", "submit_failed", "bad_request",
	// "too_many_parts" or "other"
	Reason    string     `json:"reason"`
	Permanent bool       `json:"permanent"`          // whether a repeat cannot help; false = temporary, retried by D3a while there is time
	RetryAt   *time.Time `json:"retry_at,omitempty"` // when it is tried again on this channel, UTC (D3a); absent when it is not

	AgainstSender *AgainstSender `json:"against_sender,omitempty"` // set when the carrier refuses the sender, whatever it sends: it counts for a suspension (B13)
}

// AgainstSender names whom the carrier refuses, and for which recipient.
type AgainstSender struct {
	SenderID  string `json:"sender_id"` // uuid of the sender's configuration, of stream sender/<uuid>
	Recipient string `json:"recipient"` // uuid, as in accepted
}

// AttemptUnknown: nobody knows whether the carrier took it. Never sent again on that channel.
type AttemptUnknown struct {
	Attempt string `json:"attempt"` // uuid of the attempt
	// the carrier's own, such as Viber's "7" or "12", else the reason's word; absent with
	// "claimed_before_crash" and "no_answer"
	Code string `json:"code,omitempty"`
	// "timeout" (no answer in time), "connection_cut", "unreadable_answer",
	// "carrier_timeout" (Viber's status 7), "already_sent" (12), "claimed_before_crash" (the
	// dispatcher ended between claim and answer) or "no_answer" (no dispatcher ever
	// answered)
	Reason string `json:"reason"`
}

// AttemptNotSent: the dispatcher made no call.
type AttemptNotSent struct {
	Attempt string `json:"attempt"` // uuid of the attempt
	// "too_late" (not_after had passed), "revoked", "route_down" (no connection, or the
	// breaker is open: B13), "erased", "throttled" (the route's limit), "paused" (D17) or
	// "not_sent" (an operator's word: D18)
	Reason string `json:"reason"`
	// when it is tried again on this channel, UTC: after "throttled", on SMS after
	// "route_down" (D3a), after "paused" when the pause has ended meanwhile; absent when it
	// is not
	RetryAt *time.Time `json:"retry_at,omitempty"`
}

// AttemptResolved: a report showed what became of an attempt of unknown
// outcome, or of one still in flight: it was taken. Inferred: matched without the
// carrier's id. A late answer that says so resolves it as well.
type AttemptResolved struct {
	Attempt    string   `json:"attempt"`     // uuid of the attempt
	CarrierIDs []string `json:"carrier_ids"` // the one that the report named, or all that a late answer named; empty by an operator's word
	Parts      int      `json:"parts"`       // that count as accepted: 1 on Viber; on SMS all of the message's, or as many as a late answer says
	Inferred   bool     `json:"inferred"`    // by a report without the carrier's known id: the attempt was the only one that it could be of
}

// OutcomeDecided: an operator said what became of an attempt whose outcome nobody
// knew (rules.md D18). What follows from it is events of its own.
type OutcomeDecided struct {
	Attempt string         `json:"attempt"` // uuid of the attempt
	Channel domain.Channel `json:"channel"` // of the attempt
	As      Resolution     `json:"as"`      // what the operator says: "sent", "not_sent", or "send_sms": still unknown, but the SMS goes now
	Reason  string         `json:"reason"`  // in the operator's words, at most 500 characters
	By      string         `json:"by"`      // actor: key:<uuid of the operator's API key>
}

// PartReported: one part of a long SMS was reported; the message's own state
// follows when all parts are.
type PartReported struct {
	Attempt   string `json:"attempt"`        // uuid of the attempt
	CarrierID string `json:"carrier_id"`     // the part's, as in the report
	Status    string `json:"status"`         // the report's word on the part: "delivered", "expired", "undelivered", "rejected" or "deleted"
	Code      string `json:"code,omitempty"` // the carrier's own, such as "000"
}

// Delivered: first delivery on a channel. Each (message, channel) has at most one.
// The envelope's time is the carrier's, clamped to [attempt started, received].
type Delivered struct {
	Attempt     string         `json:"attempt"`           // uuid of the attempt
	Channel     domain.Channel `json:"channel"`           // that it arrived on
	CarrierTime time.Time      `json:"carrier_time"`      // as the carrier told it, UTC, not clamped; the receipt's where it told none
	Late        bool           `json:"late"`              // after the deadline (D3c); Viber only
	Double      bool           `json:"double"`            // whether the other channel had delivered already (D3c)
	Inferred    bool           `json:"inferred"`          // matched without the carrier's id: the attempt was the only one that the report could be of
	ByRead      bool           `json:"by_read"`           // implied by a read report, before any of the delivery came
	Revokes     []string       `json:"revokes,omitempty"` // uuids of the attempts whose call is not to be made any more
}

// Read: the recipient opened it (Viber). At most one per message.
type Read struct {
	Attempt     string    `json:"attempt"`      // uuid of the attempt
	CarrierTime time.Time `json:"carrier_time"` // as Viber told it, UTC, not clamped; the receipt's where it told none
	Inferred    bool      `json:"inferred"`     // matched without the carrier's id: the attempt was the only one that the report could be of
}

// Undelivered: the carrier gave the attempt up.
type Undelivered struct {
	Attempt string         `json:"attempt"` // uuid of the attempt
	Channel domain.Channel `json:"channel"` // of the attempt
	// the report's word: "expired", "undelivered", "rejected" or "deleted"; or "incomplete":
	// some parts of a long SMS were never taken
	Reason      string    `json:"reason"`
	Code        string    `json:"code,omitempty"` // the carrier's own: Viber's message_status as "2", SMPP's err as "000"
	CarrierTime time.Time `json:"carrier_time"`   // as the carrier told it, UTC, not clamped; the receipt's where it told none
	Inferred    bool      `json:"inferred"`       // matched without the carrier's id: the attempt was the only one that the report could be of
}

// FellBack: the one step from Viber to SMS, with the answer to "why did this go as SMS?".
type FellBack struct {
	From domain.Channel `json:"from"` // "viber"
	To   domain.Channel `json:"to"`   // "sms"
	// "deadline" (not delivered in time), "expired" (Viber's report), "opted_out",
	// "sender_disabled", "sender_suspended", "not_on_viber" (by the answer, or remembered),
	// "route_down", "outcome_unknown" (an operator's word: D18), or another reason of
	// attempt_refused
	Reason   string    `json:"reason"`
	Rule     string    `json:"rule"`              // that decided, of rules.md: "D3", "D4", "D12", "D18", "B13", "E2" or "E6"
	Code     string    `json:"code,omitempty"`    // the carrier's own, of the refusal or report behind it; with "deadline", of the last refusal
	Deadline time.Time `json:"deadline"`          // of the SMS, UTC: when its retries stop
	Revokes  []string  `json:"revokes,omitempty"` // uuids of the attempts on Viber whose call is not to be made any more
	Facts    UsedFacts `json:"facts"`             // what the decision regarded of other streams
}

// Charged: one charge; at most one per (message, channel). Amount is a decimal
// string with 6 places. Month is the billing month it counts in; Adjusts names
// an earlier, sealed month that it belongs to.
type Charged struct {
	Channel   domain.Channel `json:"channel"`    // that is charged: Viber when it delivers, SMS when the carrier takes it (F1)
	Attempt   string         `json:"attempt"`    // uuid of the attempt that is charged
	Parts     int            `json:"parts"`      // that are charged: 1 on Viber, on SMS those that the carrier accepted
	UnitPrice string         `json:"unit_price"` // of a message on Viber, of a part on SMS: a decimal string with 6 places; "0.000000" with "no_price"
	Amount    string         `json:"amount"`     // unit_price × parts, a decimal string with 6 places; "0.000000" when it is waived
	Currency  string         `json:"currency"`   // the account's, ISO 4217
	// "<list>@<version>", the list being "default" or the account's uuid: such as
	// "default@3"; "" with "no_price"
	PriceVersion   string          `json:"price_version"`
	PricedCategory domain.Category `json:"priced_category"`   // that it was priced as (D2)
	Content        domain.Content  `json:"content"`           // that it was priced as: "text" or "rich"
	Country        string          `json:"country"`           // of the number, ISO 3166-1 alpha-2
	Sender         string          `json:"sender"`            // the sender's name
	Account        string          `json:"account"`           // uuid of the account that pays
	At             time.Time       `json:"at"`                // what dates the charge (F1), UTC: the delivery on Viber, the answer to the submission of an SMS
	Month          string          `json:"month"`             // the billing month that it counts in, in the billing zone, such as "2026-11"
	Adjusts        string          `json:"adjusts,omitempty"` // the month that it is dated into, such as "2026-10", when that was sealed before (F4)
	// why nothing is owed: "late_policy" (late on Viber, and the account's is waive_viber),
	// "no_price" (the price list has lost the price); absent when it is owed
	Waived string `json:"waived,omitempty"`
}

// CancelRequested: nothing new goes out any more.
type CancelRequested struct {
	By      string   `json:"by"`                // actor: key:<uuid of the API key>
	Revokes []string `json:"revokes,omitempty"` // uuids of the attempts whose call is not to be made any more
}

// OptedOut: the recipient opted out while this message still waited (E2).
// Channels are those now closed to it.
type OptedOut struct {
	Channels []domain.Channel `json:"channels"` // of its plan that are closed to the message now and were not before
	// where the opt-out was said: "viber_unsubscribe", "viber_block", "viber_stop",
	// "sms_stop", "api" or "import"; or "recorded": an earlier one, found before an attempt
	Origin  string   `json:"origin"`
	Revokes []string `json:"revokes,omitempty"` // uuids of the attempts on these channels whose call is not to be made any more
}

// Failed: the message is over, undelivered, and that is certain.
type Failed struct {
	// "expired" (nothing came of it in time), "opted_out", "erased" (its content is gone),
	// "sender_disabled", "sender_suspended", "route_down", "not_sent" (an operator's word:
	// D18), a report's word as in undelivered, or a refusal's as in attempt_refused
	Reason string `json:"reason"`
	Code   string `json:"code,omitempty"` // the carrier's own, of the last refusal or report, if there was one
}

// Unknown: the message is over and nobody can say whether it arrived.
type Unknown struct {
	Reason string `json:"reason"` // "no_report" (the SMS's is overdue), or "outcome_unknown": of an attempt (D3b)
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

package message

import (
	"time"

	"goniec/domain"
	"goniec/domain/calendar"
)

// Command asks one message for a decision. The interface is sealed. The JSON
// form of a command is the value of an inbox record.
type Command interface{ command() }

// Request asks for a new message. The number and the text are not in it: they
// lie sealed in the topic `contents`, written before this command.
type Request struct {
	Recipient   string          `json:"recipient"`
	Number      string          `json:"number"`
	Country     string          `json:"country"`
	Sender      string          `json:"sender"`
	Category    domain.Category `json:"category"`
	Content     domain.Content  `json:"content"`
	Digest      string          `json:"digest"`
	BodyDigest  string          `json:"body_digest"`
	TextLength  int             `json:"text_length"`
	SMSParts    int             `json:"sms_parts"`
	SMSEncoding string          `json:"sms_encoding"`
	Fallback    bool            `json:"fallback"`
	ValidityMS  int64           `json:"validity_ms"`
	SendAt      *time.Time      `json:"send_at,omitempty"`
	ClientRef   string          `json:"client_ref,omitempty"`
	Tags        []string        `json:"tags,omitempty"`
	Test        bool            `json:"test,omitempty"`
}

// Cancel asks that nothing new goes out. By is who asks, an opaque id.
type Cancel struct {
	By string `json:"by,omitempty"`
}

// Outcome of a call to a carrier.
type Outcome string

// The outcomes a dispatcher reports.
const (
	OutcomeAccepted Outcome = "accepted"
	OutcomeRefused  Outcome = "refused"  // certainly not taken
	OutcomeUnknown  Outcome = "unknown"  // may have been taken
	OutcomeNotSent  Outcome = "not_sent" // no call was made
)

// Answer is what a dispatcher says of an attempt. For Refused and Unknown, Code
// is the carrier's own; Verdict says what follows from it (rules.md D16 for
// Viber, the SMPP command_status table for SMS).
type Answer struct {
	Attempt    string    `json:"attempt"`
	Outcome    Outcome   `json:"outcome"`
	CarrierIDs []string  `json:"carrier_ids,omitempty"`
	Parts      int       `json:"parts,omitempty"` // accepted parts
	Code       string    `json:"code,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	Verdict    Verdict   `json:"verdict"`
	At         time.Time `json:"at"` // when the answer came
}

// Verdict is what a refusal means for the message: carrier errors are values.
type Verdict struct {
	Retry     bool `json:"retry,omitempty"`      // temporary: D3a
	AtOnce    bool `json:"at_once,omitempty"`    // this channel can never deliver: next step now (D4)
	Final     bool `json:"final,omitempty"`      // no channel can deliver (Viber status 27): failed
	OptOut    bool `json:"opt_out,omitempty"`    // the recipient blocked the sender (status 8)
	NotOnApp  bool `json:"not_on_app,omitempty"` // remembered per number (status 9, E6)
	BadSender bool `json:"bad_sender,omitempty"` // counts for suspension (2, 43; B13)
	Alarm     bool `json:"alarm,omitempty"`      // a person should look
}

// ReportStatus is a carrier's word on an attempt.
type ReportStatus string

// The statuses of a report.
const (
	ReportDelivered   ReportStatus = "delivered"
	ReportRead        ReportStatus = "read"
	ReportExpired     ReportStatus = "expired"
	ReportUndelivered ReportStatus = "undelivered"
	ReportRejected    ReportStatus = "rejected"
	ReportDeleted     ReportStatus = "deleted"
	ReportAccepted    ReportStatus = "accepted" // SMPP ACCEPTD, ENROUTE: changes nothing, but proves submission
)

// Report is a matched report of an attempt.
type Report struct {
	Attempt   string       `json:"attempt"`
	CarrierID string       `json:"carrier_id"`
	Status    ReportStatus `json:"status"`
	Code      string       `json:"code,omitempty"`
	At        time.Time    `json:"at"`       // the carrier's time, raw
	Received  time.Time    `json:"received"` // ours
	Inferred  bool         `json:"inferred,omitempty"`
}

// OptOut tells a live message that its recipient may no longer be reached on Channels.
type OptOut struct {
	Channels []domain.Channel `json:"channels"`
	Origin   string           `json:"origin"`
}

// Erase tells a message that its content was destroyed: nothing more can be sent of it.
type Erase struct{}

// Fire says that a timer of the message is due. A stale one changes nothing.
type Fire struct {
	Timer domain.TimerName `json:"timer"`
	Due   time.Time        `json:"due"`
}

func (Request) command() {}
func (Cancel) command()  {}
func (Answer) command()  {}
func (Report) command()  {}
func (OptOut) command()  {}
func (Erase) command()   {}
func (Fire) command()    {}
func (Resolve) command() {}

// Command types as they stand in the inbox.
const (
	CommandRequest = "message.request.v1"
	CommandCancel  = "message.cancel.v1"
	CommandAnswer  = "message.answer.v1"
	CommandResolve = "message.resolve.v1"
)

// The timers of a message.
const (
	TimerRelease  domain.TimerName = "release"   // send_at has come
	TimerRetry    domain.TimerName = "retry"     // try again on the current channel (D3a)
	TimerDeadline domain.TimerName = "deadline"  // the validity period is over (D3)
	TimerNoReport domain.TimerName = "no_report" // the SMS's report is overdue (D3b), or a dispatcher's answer

	// TimerResume has no due time of its own: a paused message waits for the
	// reference view to say that its switch is off (D17). It is fired with
	// State.HeldAt as its due time, and is none of Timers.
	TimerResume domain.TimerName = "resume"
)

// SendInstruction is what the outbox holds for one attempt. The content and
// the number are not in it: the dispatcher opens them from `contents`.
type SendInstruction struct {
	Message   string          `json:"message"`
	Content   string          `json:"content"` // key of its record in `contents`
	Attempt   string          `json:"attempt"`
	Channel   domain.Channel  `json:"channel"`
	Route     string          `json:"route"`
	ServiceID int64           `json:"service_id,omitempty"`
	From      string          `json:"from,omitempty"`
	Label     domain.Category `json:"label"` // the priced category, which is the label Viber is told
	NotAfter  time.Time       `json:"not_after"`
	TTLSec    int             `json:"ttl_s"`
	Urgent    bool            `json:"urgent"`
	Account   string          `json:"account"`
	Sender    string          `json:"sender,omitempty"`  // name, and
	Country   string          `json:"country,omitempty"` // … country of its configuration, for pauses (D17)
	Started   time.Time       `json:"started"`
	// Requested is when the request came in, if the attempt follows from it at once; else zero. It is only measured.
	Requested time.Time `json:"requested,omitzero"`
}

// RevokeInstruction asks the dispatcher not to make a call it has not made yet.
type RevokeInstruction struct {
	Message string `json:"message"`
	Attempt string `json:"attempt"`
}

// Facts are everything besides the message's own state that a decision may
// regard. They are looked up by the decider runtime from the reference view,
// the recipient and the number; Now is domain time.
type Facts struct {
	Now     time.Time
	NewID   func(i int) string // deterministic ids of this decision (attempt ids): same command, same ids
	Used    UsedFacts
	Account AccountFacts
	// AccountID is the account that a Request belongs to, from the command's envelope.
	AccountID string
	Sender    SenderFacts
	Prices    PriceFinder
	Allowed   func(domain.Channel, domain.Category) bool // recipient's opt-outs (E2), by category of the message
	NotOnApp  bool                                       // the number is remembered as not on Viber (E6)
	Sealed    func(calendar.Month) bool                  // is the billing month sealed in this partition?
	Month     func(time.Time) calendar.Month             // billing month of a time, in the billing zone
	Jitter    func(attempt int) float64                  // in [-0.2, 0.2], deterministic from the command
	Pauses    Pauses                                     // the switches that are on for this message (D17)

	// CancelledBy is set for a Request whose cancel came first and was remembered
	// outside of the stream: who cancelled. A CancelRequested that is the first event of
	// the stream says the same. Such a message is recorded and never sent.
	CancelledBy *string
}

// Pauses are the switches that hold a message back now, by name; "" = none
// (rules.md D17).
type Pauses struct {
	All   string // everything, the message's account or its sender is paused
	Viber string // … the route to Viber
	SMS   string
}

// Of returns the switch that holds attempts on ch back, or "".
func (p Pauses) Of(ch domain.Channel) string {
	if ch == domain.SMS {
		return orElse(p.All, p.SMS)
	}
	return orElse(p.All, p.Viber)
}

// AccountFacts are the account's settings in force.
type AccountFacts struct {
	Known          bool
	Active         bool
	Unaccepted     int64 // version of the regulations in force that the account has not accepted; 0 = none (B12)
	Currency       string
	FallbackAtOnce bool
	LatePolicy     string
	SMSValidity    time.Duration
	ReportWait     time.Duration
	ViberRoute     string
	SMSRoute       string
}

// SenderFacts are the sender configuration that matches name and country.
type SenderFacts struct {
	Known     bool // a configuration with that name exists in the account
	InCountry bool // … for the number's country (D13)
	Active    bool // D12
	Suspended bool // B13: why it is not active
	ID        string
	Version   int
	ServiceID int64
	SMSFrom   string
}

// PriceFinder answers the price in force at t (F8); ok is false when none is.
type PriceFinder func(t time.Time, country string, ch domain.Channel, cat domain.Category, content domain.Content) (unit string, version string, ok bool)

package simulator

import (
	"time"

	"goniec/domain"
)

// Kind of a log entry.
type Kind string

// The kinds, in the order of a message's life.
const (
	KindStart  Kind = "start"   // a Simulator opened the log
	KindSubmit Kind = "submit"  // a message came in
	KindAnswer Kind = "answer"  // what it was answered
	KindAction Kind = "action"  // the recipient did something on the page
	KindReport Kind = "report"  // a report was due and goes out from now on
	KindAcked  Kind = "acked"   // … and was acknowledged
	KindGaveUp Kind = "gave_up" // … or was never, for as long as it is tried
)

// Entry is a line of the log. Seq counts from 1 without gaps.
type Entry struct {
	Seq     int64          `json:"seq"`
	At      time.Time      `json:"at"` // domain time
	Kind    Kind           `json:"kind"`
	Channel domain.Channel `json:"channel,omitempty"`
	ID      string         `json:"id,omitempty"`     // the carrier's: message_token or message_id, also of what was not taken
	Number  string         `json:"number,omitempty"` // E.164, with +

	Submit *Submit `json:"submit,omitempty"` // of submit and action
	Answer string  `json:"answer,omitempty"` // a status ("0", "9", "0x00000000") or a Fault

	// Of report, acked and gave_up:
	Report   Report    `json:"report,omitempty"`
	N        int       `json:"n,omitempty"`       // which of the plan
	Happened time.Time `json:"happened,omitzero"` // the time that the report states
	Tries    int       `json:"tries,omitempty"`   // of acked and gave_up
}

// Fault is a way not to answer properly.
type Fault string

// The faults of an answer.
const (
	FaultNone     Fault = ""
	FaultInternal Fault = "http_500"   // Viber only
	FaultSilent   Fault = "none"       // no answer at all
	FaultCut      Fault = "cut"        // the connection ends in the middle of the answer
	FaultGarbled  Fault = "unreadable" // an answer that is none
)

// Submit is a message as it came in, and what will become of it.
type Submit struct {
	// Viber
	Service  int64  `json:"service,omitempty"`
	Seq      int64  `json:"client_seq,omitempty"`
	Tag      string `json:"tag,omitempty"` // the client's attempt id
	Type     int    `json:"type,omitempty"`
	Label    string `json:"label,omitempty"`
	TTL      int    `json:"ttl,omitempty"`
	Image    string `json:"image,omitempty"`
	Caption  string `json:"caption,omitempty"`
	Action   string `json:"action,omitempty"`
	Tracking string `json:"tracking,omitempty"`
	// SMS
	SystemID  string `json:"system_id,omitempty"`
	From      string `json:"from,omitempty"`
	PartRef   int    `json:"part_ref,omitempty"`
	PartTotal int    `json:"part_total,omitempty"`
	PartSeq   int    `json:"part_seq,omitempty"`
	NoReceipt bool   `json:"no_receipt,omitempty"` // the client wants none

	Text  string    `json:"text,omitempty"`
	Try   int       `json:"try,omitempty"` // of the same message to the same number, from 0; only where the script counts
	Taken bool      `json:"taken"`         // the carrier has it, whatever it answers
	Plan  []Planned `json:"plan,omitempty"`
}

// Planned is a report to come.
type Planned struct {
	N    int       `json:"n"`
	Do   Report    `json:"do"`
	At   time.Time `json:"at,omitzero"`  // the time it will state
	Due  time.Time `json:"due,omitzero"` // when it goes out
	Text string    `json:"text,omitempty"`

	// Instead of dates: Wait after an SMS reaches the number, counted from NotBefore at the earliest.
	WithSMS   bool          `json:"with_sms,omitempty"`
	NotBefore time.Time     `json:"not_before,omitzero"`
	Wait      time.Duration `json:"wait_ns,omitempty"`
}

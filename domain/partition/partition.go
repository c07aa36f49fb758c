// Package partition holds the facts of a partition itself ("partition/<n>": who
// owned it when) and of what could not be processed there and was put aside
// ("parked/<uuid>": one stream for each parked thing, so that thousands of them
// cost the others nothing).
package partition

import (
	"time"

	"goniec/domain"
)

// Event is a fact of a partition's stream, or of a parked thing's.
type Event interface {
	domain.Event
	partition()
}

// Owned: a process became the owner; from here on events carry Epoch.
type Owned struct {
	Epoch   int64  `json:"epoch"`   // +1 with every owner of the partition; ce_epoch of all that it writes
	Process string `json:"process"` // the process that owns it: <host>/<process id>/<8 random hex digits>
}

// Parked: a command or a timer could not be processed, or the rules failed on a
// message while something else was decided. A command's bytes are kept, sealed, so
// that it can be retried; later commands of the same stream are parked behind it.
type Parked struct {
	// id of the command that was decided, uuid; of a timer one that is derived; "" when the
	// record could not be read
	Command string `json:"command"`
	// of the command, such as "message.request.v1"; "timer/" and its name for a timer; ""
	// when the record could not be read
	Type   string `json:"type"`
	Stream string `json:"stream"` // of the message that waits with it, "message/<uuid>"; "" = it stands alone
	// "unreadable_record", "unreadable_data", "wrong_stream", "decision_failed" (the rules
	// failed), "too_large" (what follows from it), "behind_parked" (another of its stream is
	// parked before it), "answer_without_message" or "timer_without_effect"
	Reason string `json:"reason"`
	Detail string `json:"detail"` // what kind of error it was, for people; without personal data
	// topic that holds the command: "inbox.urgent" or "inbox.bulk"; "" when no record is
	// parked: a timer, or a message on which another's command failed
	Lane     string    `json:"lane"`
	Offset   int64     `json:"offset"`   // of the record in that topic, in this partition; 0 when no record is parked
	Received time.Time `json:"received"` // when the record came into the inbox, UTC; when it was parked, if no record is
	// the record, sealed under a day key of the account, or of the installation; "" when
	// no record is parked
	Sealed   []byte `json:"sealed"`
	Position int    `json:"position,omitempty"` // in the line of its stream, from 0 (absent): the lowest that is parked is the next
	Account  string `json:"account,omitempty"`  // uuid of the account of the command; absent when it has none, and of a timer
}

// Why something is parked.
const (
	ReasonUnreadableRecord = "unreadable_record"
	ReasonUnreadableData   = "unreadable_data"
	ReasonWrongStream      = "wrong_stream"
	ReasonDecisionFailed   = "decision_failed"
	ReasonTooLarge         = "too_large"
	ReasonBehindParked     = "behind_parked" // another thing of its stream is parked before it
	ReasonContentGone      = "content_gone"  // the key of its bytes was destroyed, or they were too many to be kept
)

// Retried: an operator had it decided again, and it was; what followed stands
// before this event, under the command's own id. For one that waited in line, By
// is whoever set the line going.
type Retried struct {
	By      string `json:"by"`                // actor: key:<uuid of the operator's API key>
	Refused string `json:"refused,omitempty"` // the rules' refusal code, if they refused it
}

// RetryFailed: it could not be decided again either, and stays parked.
type RetryFailed struct {
	By string `json:"by"` // actor: key:<uuid of the operator's API key>
	// as in parked; also "content_gone": the key of its bytes was destroyed, or they were
	// too many to be kept
	Reason string `json:"reason"`
	Detail string `json:"detail"` // what kind of error it was, for people; without personal data
}

// Dropped: an operator gave it up; it is never decided.
type Dropped struct {
	By     string `json:"by"`     // actor: key:<uuid of the operator's API key>
	Reason string `json:"reason"` // in the operator's words, without personal data, at most 500 characters
}

// ContentRead: an operator was shown what the parked command holds (rules.md D11).
type ContentRead struct {
	By string `json:"by"` // actor: key:<uuid of the operator's API key>
}

// The types.
const (
	TypeOwned       = "goniec.partition.owned.v1"
	TypeParked      = "goniec.partition.parked.v1"
	TypeRetried     = "goniec.partition.retried.v1"
	TypeRetryFailed = "goniec.partition.retry_failed.v1"
	TypeDropped     = "goniec.partition.dropped.v1"
	TypeContentRead = "goniec.partition.content_read.v1"
)

func (Owned) EventType() string       { return TypeOwned }
func (Parked) EventType() string      { return TypeParked }
func (Retried) EventType() string     { return TypeRetried }
func (RetryFailed) EventType() string { return TypeRetryFailed }
func (Dropped) EventType() string     { return TypeDropped }
func (ContentRead) EventType() string { return TypeContentRead }

func (Owned) partition()       {}
func (Parked) partition()      {}
func (Retried) partition()     {}
func (RetryFailed) partition() {}
func (Dropped) partition()     {}
func (ContentRead) partition() {}

// State of a partition.
type State struct {
	Epoch         int64  `json:"epoch,omitempty"`          // of its last owner
	SealedThrough string `json:"sealed_through,omitempty"` // the last month that is sealed (F4); "" = none is
}

// Evolve folds one event in. A Parked here is an early build's, which kept
// everything in one stream; it holds nothing back.
func Evolve(s State, e Event) State {
	switch e := e.(type) {
	case Owned:
		s.Epoch = e.Epoch
	case PeriodSealed:
		s.SealedThrough = max(s.SealedThrough, e.Month)
	}
	return s
}

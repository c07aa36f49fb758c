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
	Epoch   int64  `json:"epoch"`
	Process string `json:"process"`
}

// Parked: a command or a timer could not be processed, or the rules failed on a
// message while something else was decided. A command's bytes are kept, sealed, so
// that it can be retried; later commands of the same stream are parked behind it.
type Parked struct {
	Command  string    `json:"command"` // its id; "" when the record could not be read
	Type     string    `json:"type"`    // of the command; "timer/" and its name for a timer
	Stream   string    `json:"stream"`  // the message that waits with it; "" = it stands alone
	Reason   string    `json:"reason"`  // a Reason code
	Detail   string    `json:"detail"`  // for people; without personal data
	Lane     string    `json:"lane"`    // "" when no record is parked: a timer, or a message on which another's command failed
	Offset   int64     `json:"offset"`
	Received time.Time `json:"received"`
	Sealed   []byte    `json:"sealed"`             // under a day key of the account, or of the installation
	Position int       `json:"position,omitempty"` // in the line of its stream: the lowest that is parked is the next
	Account  string    `json:"account,omitempty"`
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
	By      string `json:"by"`
	Refused string `json:"refused,omitempty"` // the rules' refusal code, if they refused it
}

// RetryFailed: it could not be decided again either, and stays parked.
type RetryFailed struct {
	By     string `json:"by"`
	Reason string `json:"reason"` // a Reason code
	Detail string `json:"detail"` // for people; without personal data
}

// Dropped: an operator gave it up; it is never decided.
type Dropped struct {
	By     string `json:"by"`
	Reason string `json:"reason"` // in the operator's words, without personal data
}

// ContentRead: an operator was shown what the parked command holds (rules.md D11).
type ContentRead struct {
	By string `json:"by"`
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

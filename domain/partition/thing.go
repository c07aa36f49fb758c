package partition

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"goniec/domain"
)

// StreamPrefix begins the stream of a parked thing; its id, a UUID that carries
// the partition, follows.
const StreamPrefix = "parked/"

// timerPrefix begins the type of a parked timer.
const timerPrefix = "timer/"

// Status says what became of a parked thing.
type Status string

// The states of a thing.
const (
	StatusParked  Status = "parked"
	StatusRetried Status = "retried" // decided again
	StatusDropped Status = "dropped" // given up
)

// Thing is the state of one parked thing. The zero value is none. It may be
// parked again when it is over: a timer that fails once more, a record that is
// read once more after the inbox's offset was set back.
type Thing struct {
	Status Status  `json:"status,omitempty"`
	What   *Parked `json:"what,omitempty"` // while it is parked
}

// EvolveThing folds one event in; the given state is not changed.
func EvolveThing(t Thing, e Event) Thing {
	switch e := e.(type) {
	case Parked:
		return Thing{StatusParked, &e}
	case RetryFailed:
		if t.What != nil {
			what := *t.What
			what.Reason, what.Detail = e.Reason, e.Detail
			t.What = &what
		}
	case Retried:
		return Thing{Status: StatusRetried}
	case Dropped:
		return Thing{Status: StatusDropped}
	case Owned, Evicted, ContentRead, PeriodSealed, KeysDestroyed:
	}
	return t
}

// Parked says whether it waits for an operator.
func (t Thing) Parked() bool { return t.Status == StatusParked }

// Timer is the name of the timer that is parked.
func (p Parked) Timer() (name string, ok bool) { return strings.CutPrefix(p.Type, timerPrefix) }

// TimerType is the Type of a parked timer.
func TimerType(name string) string { return timerPrefix + name }

// HoldsCommand says whether a record of the inbox is parked. What holds none is a
// timer, or a message on which the rules failed while something else was decided.
func (p Parked) HoldsCommand() bool { return len(p.Sealed) > 0 }

// Commands of operators, addressed to the thing's stream.
const (
	CommandRetry = "parked.retry.v1"
	CommandDrop  = "parked.drop.v1"
	CommandRead  = "parked.read.v1"
)

// Retry asks for the thing to be decided again, and what waits behind it after it.
type Retry struct{}

// Drop gives the thing up; what waits behind it is decided.
type Drop struct {
	Reason string `json:"reason"`
}

// Read says that an operator is shown the thing's content.
type Read struct{}

// Refusal codes. They are stable: clients match on them.
const (
	CodeParked      = "parked"       // answers a command that was put aside
	CodeNotFound    = "not_found"    // nothing of that name was ever parked
	CodeNotParked   = "not_parked"   // it was retried or dropped before
	CodeWaitsInLine = "waits_behind" // something of its stream is parked before it
	CodeContentGone = ReasonContentGone
	CodeRequired    = "required"
	CodeTooLong     = "too_long"
	CodeInvalid     = "invalid_value"
)

// MaxReason bounds an operator's reason, in code points.
const MaxReason = 500

// Refused is what the sender of a command that was parked is answered. It says
// nothing of what the command held.
func Refused() *domain.Error {
	return domain.Refuse(CodeParked, "this could not be decided and was put aside; it is kept, and an operator decides it again: do not repeat it")
}

// CanRetry refuses to retry what is not parked, or not the first of its line:
// nothing overtakes.
func (t Thing) CanRetry(first bool) error {
	if err := t.isParked(); err != nil {
		return err
	}
	if !first {
		return domain.Refuse(CodeWaitsInLine, "it waits behind another one, which has to be retried or dropped first")
	}
	return nil
}

// CanDrop refuses to drop what is not parked, and a reason that is none.
func (t Thing) CanDrop(d Drop) error {
	if err := t.isParked(); err != nil {
		return err
	}
	return CheckReason(d.Reason)
}

// CanRead refuses to show what is not parked or has no content.
func (t Thing) CanRead() error {
	if err := t.isParked(); err != nil {
		return err
	}
	if !t.What.HoldsCommand() {
		return domain.Refuse(CodeContentGone, "it holds no command")
	}
	return nil
}

// CheckReason refuses a reason that is missing, too long, or not one line of text.
func CheckReason(reason string) error {
	switch {
	case strings.TrimSpace(reason) == "":
		return domain.RefuseField(CodeRequired, "reason", "is required")
	case utf8.RuneCountInString(reason) > MaxReason:
		return domain.RefuseField(CodeTooLong, "reason", "may have %d characters", MaxReason)
	case strings.ContainsFunc(reason, unicode.IsControl):
		return domain.RefuseField(CodeInvalid, "reason", "must be one line of text")
	}
	return nil
}

func (t Thing) isParked() error {
	switch t.Status {
	case StatusParked:
		return nil
	case StatusRetried, StatusDropped:
		return domain.Refuse(CodeNotParked, "it is not parked any more: it was %s", t.Status)
	}
	return domain.Refuse(CodeNotFound, "nothing of that name is parked")
}

// Index keys under which what is parked is found.
const (
	// AllKey leads to everything that is parked.
	AllKey = "parked"
	// HeldPrefix begins the keys of what holds a stream.
	HeldPrefix = "held/"
)

// LinePrefix begins the keys of what holds stream; ten digits of its position follow.
func LinePrefix(stream string) string { return HeldPrefix + stream + "\x00" }

// IndexKeys returns the keys under which t must be found, sorted; none when it is over.
func (t Thing) IndexKeys() []string {
	switch {
	case !t.Parked():
		return nil
	case t.What.Stream == "":
		return []string{AllKey}
	}
	return []string{LinePrefix(t.What.Stream) + fmt.Sprintf("%010d", t.What.Position), AllKey}
}

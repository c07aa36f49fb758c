// Package domain holds the rules of goniec: pure functions over values, with
// time passed in. It imports the standard library and uuid, nothing else, and
// it starts no goroutine, reads no clock and talks to nobody.
package domain

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Event is a fact that has happened. Its type is a constant such as
// "goniec.message.read.v1"; the JSON form of the value is what the journal holds.
type Event interface {
	// EventType returns the versioned CloudEvents type.
	EventType() string
}

// Timer is something that a stream waits for: the owner of its partition fires it
// when Due has come. Timers are derived from the stream's state alone, at most one
// of each name.
type Timer struct {
	Name TimerName
	Due  time.Time // domain time
}

// HasTimer says whether t is in the list.
func HasTimer(list []Timer, t Timer) bool {
	return slices.ContainsFunc(list, func(x Timer) bool { return x.Name == t.Name && x.Due.Equal(t.Due) })
}

// TimerName names a timer of one kind of stream.
type TimerName string

// Clock tells domain time: ce_time, due times, validity periods. It is settable
// in trials (a virtual clock); time-outs of calls and sessions never use it.
type Clock interface {
	Now() time.Time
}

// ClockFunc adapts a function to Clock.
type ClockFunc func() time.Time

// Now implements Clock.
func (f ClockFunc) Now() time.Time { return f() }

// SystemClock is the machine's clock in UTC, cut to microseconds, which is what
// the journal and Postgres keep.
var SystemClock Clock = ClockFunc(func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) })

// Error is a refusal that a caller can act on: a stable code for machines, a
// sentence for people, and the input field at fault when there is one. Neither
// ever holds a phone number, a text, a key or a token.
type Error struct {
	Code    string `json:"code"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

func (e *Error) Error() string {
	if e.Field != "" {
		return fmt.Sprintf("%s: %s: %s", e.Code, e.Field, e.Message)
	}
	return e.Code + ": " + e.Message
}

// Refuse builds an *Error without a field.
func Refuse(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// RefuseField builds an *Error that names the input field at fault.
func RefuseField(code, field, format string, args ...any) *Error {
	return &Error{Code: code, Field: field, Message: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of the first *Error in err's chain, or "".
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Channel is a way to a phone. A message's plan is a list of channels.
type Channel string

// The channels.
const (
	Viber Channel = "viber"
	SMS   Channel = "sms"
)

// Category is what the client says a message is (rules.md D2).
type Category string

// The categories.
const (
	Transactional Category = "transactional"
	Promotional   Category = "promotional"
	OneTimeCode   Category = "one_time_code"
)

// Valid says whether c is one of the three categories.
func (c Category) Valid() bool {
	return c == Transactional || c == Promotional || c == OneTimeCode
}

// Content is the price class of what is shown: plain text or anything richer.
type Content string

// The price classes of content.
const (
	PlainText Content = "text"
	Rich      Content = "rich" // an image or a button
)

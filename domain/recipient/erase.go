package recipient

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"goniec/domain"
)

// Erased: the sealed texts and numbers of a recipient were destroyed. In a number's
// stream, of what belongs to no account. The history keeps what it had, which nobody
// can read them out of; opt-outs stay.
type Erased struct {
	Account  string `json:"account,omitempty"` // uuid of the account; absent in a number's stream
	Number   string `json:"number"`            // keyed hash of the E.164 number, 32 hex digits
	By       string `json:"by"`                // actor: key:<uuid of the API key>
	Reason   string `json:"reason"`            // in the words of whoever erased, at most 500 characters
	Contents int    `json:"contents"`          // how many were destroyed, of messages and replies
	Ended    int    `json:"ended"`             // messages that were still to be sent, and ended with it
}

// TypeErased is the type of Erased.
const TypeErased = "goniec.recipient.erased.v1"

func (Erased) EventType() string { return TypeErased }

func (Erased) recipient() {}

// CommandErase is the type of Erase in the inbox, addressed to the recipient's or the
// number's stream.
const CommandErase = "recipient.erase.v1"

// Bounds of an erasure.
const (
	MaxErased      = 500 // contents that one command names
	MaxEraseReason = 500 // characters
	maxContentKey  = 128 // bytes
)

// Erase asks for the destruction of the contents that it names, by their keys in the
// topic `contents`, and of those of messages that are still to be sent.
type Erase struct {
	Number   string   `json:"number"`
	Reason   string   `json:"reason"`
	Contents []string `json:"contents"`
}

// Validate refuses a reason that is missing, too long or no line of text, and contents
// that are too many or have no names.
func (c Erase) Validate() error {
	if err := CheckEraseReason(c.Reason); err != nil {
		return err
	}
	if len(c.Contents) > MaxErased {
		return domain.RefuseField(CodeTooMany, "contents", "may be %d", MaxErased)
	}
	for _, key := range c.Contents {
		if key == "" || len(key) > maxContentKey {
			return domain.RefuseField(CodeInvalidValue, "contents", "must be keys of contents")
		}
	}
	return nil
}

// Codes of refusals of an erasure.
const (
	CodeRequired     = "required"
	CodeInvalidValue = "invalid_value"
	CodeTooMany      = "too_many"
)

// CheckEraseReason refuses a reason that is missing, too long or no line of text.
func CheckEraseReason(reason string) error {
	switch {
	case strings.TrimSpace(reason) == "":
		return domain.RefuseField(CodeRequired, "reason", "is required")
	case !utf8.ValidString(reason) || strings.ContainsFunc(reason, unicode.IsControl) || utf8.RuneCountInString(reason) > MaxEraseReason:
		return domain.RefuseField(CodeInvalidValue, "reason", "must be text of at most %d characters, without control characters", MaxEraseReason)
	}
	return nil
}

// DecideErase answers an erasure by an actor that destroys so many contents and has
// ended so many messages. Where there is nothing left to destroy it changes nothing.
func DecideErase(c Erase, now time.Time, account, by string, contents, ended int) []Stamped {
	if contents == 0 && ended == 0 {
		return nil
	}
	e := Erased{Account: account, Number: c.Number, By: by, Reason: c.Reason, Contents: contents, Ended: ended}
	return []Stamped{{Event: e, At: when(now, now)}}
}

package viber

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"goniec/domain"
)

// MaxCallback bounds a callback's body in bytes.
const MaxCallback = 64 << 10

// Kind is what a callback tells.
type Kind string

// The kinds of callbacks.
const (
	Delivered   Kind = "delivered"
	Seen        Kind = "seen"
	Expired     Kind = "expired"
	Subscribe   Kind = "subscribe"
	Unsubscribe Kind = "unsubscribe"
	Reply       Kind = "reply"
)

// kinds maps message_status; 3 is not used by Viber.
var kinds = map[int]Kind{0: Delivered, 1: Seen, 2: Expired, 4: Subscribe, 5: Unsubscribe}

// Codes of the errors of ParseCallback.
const (
	CodeBadCallback   = "bad_callback"   // cannot be read
	CodeUnknownStatus = "unknown_status" // well formed, of a kind this version does not know
)

// Callback is one notice from Viber. Number and Text are personal data: they
// must not reach logs, metrics or errors.
type Callback struct {
	Kind      Kind
	Token     string    // Viber's id: of the message reported, or of the reply itself
	Number    string    // E.164, with +
	ServiceID int64     // 0 if Viber did not say
	Time      time.Time // Viber's time in UTC, to the millisecond; zero if Viber did not say
	Status    int       // message_status as received; -1 for a reply
	Text      string    // of a reply
	Media     string    // address of what a reply holds instead of a text
	Tracking  string    // tracking data of the message replied to
}

// wireCallback holds both shapes. A report is
//
//	{"message_token":"53…","message_status":0,"message_time":1764590400123,"phone_number":"48…","service_id":4711}
//
// and a reply has a message instead of a status:
//
//	{"message_token":"53…","phone_number":"48…","time":1764590400123,"service_id":4711,"message":{"text":"TAK","tracking_data":"…"}}
type wireCallback struct {
	Token   token      `json:"message_token"`
	Status  *int       `json:"message_status"`
	MTime   millis     `json:"message_time"`
	Time    millis     `json:"time"`
	Number  phone      `json:"phone_number"`
	Service serviceID  `json:"service_id"`
	Message *wireReply `json:"message"`
}

type wireReply struct {
	Text     string `json:"text"`
	Media    string `json:"media"`
	Tracking string `json:"tracking_data"`
}

// ParseCallback reads one callback body. It accepts tokens, numbers, times and
// service ids both as strings and as numbers. Errors are *domain.Error with
// CodeBadCallback or CodeUnknownStatus; they show nothing of the body.
func ParseCallback(body []byte) (Callback, error) {
	if len(body) > MaxCallback {
		return Callback{}, domain.Refuse(CodeBadCallback, "the body exceeds %d bytes", MaxCallback)
	}
	var w wireCallback
	if err := json.Unmarshal(body, &w); err != nil {
		return Callback{}, unreadable(err)
	}
	cb := Callback{Token: string(w.Token), Number: string(w.Number), ServiceID: int64(w.Service)}
	if err := cb.validate(); err != nil {
		return Callback{}, err
	}
	return w.fill(cb)
}

func (cb Callback) validate() error {
	if cb.Token == "" {
		return domain.RefuseField(CodeBadCallback, "message_token", "is missing")
	}
	if cb.Number == "" {
		return domain.RefuseField(CodeBadCallback, "phone_number", "is missing")
	}
	return nil
}

func (w wireCallback) fill(cb Callback) (Callback, error) {
	cb.Time = firstTime(w.MTime, w.Time)
	if w.Message != nil {
		return w.fillReply(cb)
	}
	if w.Status == nil {
		return Callback{}, domain.RefuseField(CodeBadCallback, "message_status", "is missing")
	}
	kind, ok := kinds[*w.Status]
	if !ok {
		return Callback{}, domain.RefuseField(CodeUnknownStatus, "message_status", "is not a status this version knows")
	}
	cb.Kind, cb.Status = kind, *w.Status
	return cb, nil
}

func (w wireCallback) fillReply(cb Callback) (Callback, error) {
	if w.Message.Text == "" && w.Message.Media == "" {
		return Callback{}, domain.RefuseField(CodeBadCallback, "message", "has neither text nor media")
	}
	cb.Kind, cb.Status = Reply, -1
	cb.Text, cb.Media, cb.Tracking = w.Message.Text, w.Message.Media, w.Message.Tracking
	return cb, nil
}

func firstTime(ts ...millis) time.Time {
	for _, t := range ts {
		if t != 0 {
			return time.UnixMilli(int64(t)).UTC()
		}
	}
	return time.Time{}
}

// fieldError carries the field at fault out of encoding/json.
type fieldError struct{ field, message string }

func (e *fieldError) Error() string { return e.field + ": " + e.message }

// unreadable keeps of a JSON error only the field, since its text may quote the body.
func unreadable(err error) error {
	var fe *fieldError
	if errors.As(err, &fe) {
		return domain.RefuseField(CodeBadCallback, fe.field, "%s", fe.message)
	}
	var te *json.UnmarshalTypeError
	if errors.As(err, &te) {
		return domain.RefuseField(CodeBadCallback, te.Field, "has the wrong type")
	}
	return domain.Refuse(CodeBadCallback, "the body is not the JSON object expected")
}

// phone is a number in digits, with or without +; kept as E.164.
type phone string

// UnmarshalJSON implements json.Unmarshaler.
func (p *phone) UnmarshalJSON(raw []byte) error {
	digits := strings.TrimPrefix(strings.Trim(string(raw), `"`), "+")
	if !validE164("+" + digits) {
		return &fieldError{"phone_number", "must be 7 to 15 digits"}
	}
	*p = phone("+" + digits)
	return nil
}

// millis is a time in ms since 1970, between 2000 and 2100; 0 = not said.
type millis int64

const minMillis, maxMillis = 946_684_800_000, 4_102_444_800_000

// UnmarshalJSON implements json.Unmarshaler.
func (m *millis) UnmarshalJSON(raw []byte) error {
	n, ok := wholeNumber(raw)
	if !ok || (n != 0 && (n < minMillis || n > maxMillis)) {
		return &fieldError{"message_time", "must be milliseconds since 1970, of this century"}
	}
	*m = millis(n)
	return nil
}

type serviceID int64

// UnmarshalJSON implements json.Unmarshaler.
func (s *serviceID) UnmarshalJSON(raw []byte) error {
	n, ok := wholeNumber(raw)
	if !ok {
		return &fieldError{"service_id", "must be a whole number"}
	}
	*s = serviceID(n)
	return nil
}

// wholeNumber reads at most 18 digits, quoted or not; null reads as 0.
func wholeNumber(raw []byte) (int64, bool) {
	s := strings.Trim(string(raw), `"`)
	if s == "null" {
		return 0, true
	}
	if len(s) == 0 || len(s) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

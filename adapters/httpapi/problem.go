package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"goniec/adapters/phone"
	"goniec/domain"
	"goniec/domain/account"
	bill "goniec/domain/billing"
	"goniec/domain/message"
	"goniec/domain/partition"
)

// Codes of problems that are found here; they are stable, as those of the
// domain and of adapters/phone are.
const (
	CodeUnauthorized        = "unauthorized"
	CodeWrongRole           = "wrong_role"
	CodeNotFound            = message.CodeNotFound
	CodeMethodNotAllowed    = "method_not_allowed"
	CodeTooLarge            = "too_large"
	CodeUnsupportedMedia    = "unsupported_media_type"
	CodeInvalidJSON         = "invalid_json"
	CodeInvalidEncoding     = "invalid_encoding"
	CodeUnknownField        = "unknown_field"
	CodeDuplicateField      = "duplicate_field"
	CodeInvalidType         = "invalid_type"
	CodeRequired            = account.CodeRequired
	CodeTooLong             = account.CodeTooLong
	CodeTooMany             = account.CodeTooMany
	CodeInvalidValue        = account.CodeInvalidValue
	CodeInvalidURL          = account.CodeInvalidURL
	CodeInvalidNumber       = phone.CodeInvalid
	CodeSMSTooLong          = "sms_too_long"
	CodeDuplicateInBatch    = "duplicate_in_batch"
	CodeIdempotencyConflict = "idempotency_conflict"
	CodeTooManyRequests     = "too_many_requests"
	CodeUnavailable         = "unavailable"
	CodeInternal            = "internal"
)

// Problem is the body of every answer that is not a success: RFC 9457 with a
// stable code and the fields at fault. It implements huma.StatusError.
type Problem struct {
	Type   string       `json:"type" doc:"Leads to the code's explanation." example:"/docs#invalid_number"`
	Title  string       `json:"title" example:"Unprocessable Entity"`
	Status int          `json:"status" example:"422"`
	Code   string       `json:"code" doc:"Stable, for machines." example:"invalid_number"`
	Detail string       `json:"detail" doc:"For people."`
	Errors []FieldError `json:"errors,omitempty" doc:"Every fault found, with its field."`

	retryAfter time.Duration
}

// FieldError is one fault. Field is a path such as button.url or tags[2].
type FieldError struct {
	Field   string `json:"field,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", seconds(p.retryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="goniec"`)
	}
	return h
}

var (
	_ huma.StatusError  = (*Problem)(nil)
	_ huma.HeadersError = (*Problem)(nil)
)

// seconds rounds up: whoever waits that long must not be too early.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

func problem(status int, code, detail string) *Problem {
	return &Problem{Type: "/docs#" + code, Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// unavailable is what is answered while something needed is not there. What was
// sent may have been accepted all the same.
func unavailable(detail string) *Problem {
	p := problem(http.StatusServiceUnavailable, CodeUnavailable, detail)
	p.retryAfter = time.Second
	return p
}

// refusals turns the faults of one request into a problem. Faults of the
// request go before conflicts with what is so now.
func refusals(faults []*domain.Error) *Problem {
	first := faults[0]
	for _, f := range faults {
		if statusOf(first.Code) != http.StatusUnprocessableEntity && statusOf(f.Code) == http.StatusUnprocessableEntity {
			first = f
		}
	}
	p := problem(statusOf(first.Code), first.Code, detailOf(first.Field, first.Message))
	p.Errors = fieldErrors(faults)
	return p
}

func detailOf(field, message string) string {
	if field == "" {
		return message
	}
	return field + ": " + message
}

func fieldErrors(faults []*domain.Error) []FieldError {
	out := make([]FieldError, 0, len(faults))
	for _, f := range faults {
		out = append(out, FieldError{Field: f.Field, Code: f.Code, Message: f.Message})
	}
	return out
}

// statusOf gives the HTTP status of a code; 422 unless it is listed.
func statusOf(code string) int {
	switch code {
	case CodeInvalidJSON, CodeInvalidEncoding, CodeUnknownField, CodeDuplicateField, CodeInvalidType:
		return http.StatusBadRequest
	case account.CodeVersionConflict:
		return http.StatusPreconditionFailed
	case CodeNotFound, message.CodeAccountUnknown:
		return http.StatusNotFound
	case message.CodeAccountNotActive, message.CodePaused, message.CodeNotAccepted, message.CodeSenderNotActive, message.CodeSenderSuspended, message.CodeAlreadyEnded,
		message.CodeNothingOpen, message.CodeSeveralOpen, message.CodeNoSMS,
		account.CodeAlreadyExists, account.CodeSenderState, account.CodeFormIncomplete, account.CodePassedOn, partition.CodeParked, partition.CodeNotParked, partition.CodeWaitsInLine,
		partition.CodeContentGone,
		account.CodeNoticeTooLate, account.CodeNoNotice, account.CodeToggledTwice, account.CodeSenderClosed, account.CodeEnabling, account.CodeNotEnabling,
		account.CodeNoTask, account.CodeNotSuspended, account.CodeNoChange, account.CodeMonthSealed,
		bill.CodeMonthOpen, bill.CodeMonthClosed, bill.CodeAlreadyClosed, bill.CodeSamePerson, bill.CodeCreditState,
		bill.CodeNotSealed, bill.CodeBehind, bill.CodeEarlierOpen:
		return http.StatusConflict
	}
	return http.StatusUnprocessableEntity
}

// problemOf turns an error of the other side into a problem; see ports.go.
func problemOf(err error) *Problem {
	var p *Problem
	var refusal *domain.Error
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &refusal):
		return refusals([]*domain.Error{refusal})
	case errors.Is(err, ErrNotFound):
		return problem(http.StatusNotFound, CodeNotFound, "there is nothing of that name here")
	}
	return unavailable("the service cannot take this now; try again, with the same Idempotency-Key if there was one")
}

// write sends the problem outside of huma: from middleware.
func (p *Problem) write(w http.ResponseWriter) {
	for k, v := range p.GetHeaders() {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client may be gone
}

package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"goniec/adapters/httpapi"
)

// ErrUnavailable says that no answer came. What was sent may have been taken in.
var ErrUnavailable = errors.New("goniec cannot be reached")

// Error is a problem that the API answered with. It never holds what was sent.
type Error struct {
	Status     int
	Code       string // stable
	Detail     string
	Fields     []httpapi.FieldError
	RetryAfter time.Duration
}

// Error says every fault with its field.
func (e *Error) Error() string {
	if len(e.Fields) == 0 {
		return e.Detail + " (" + e.Code + ")"
	}
	return Faults(e.Fields)
}

// Unavailable says that the request was not judged: it may be repeated later.
func (e *Error) Unavailable() bool {
	return e.Status >= http.StatusInternalServerError || e.Status == http.StatusTooManyRequests
}

// Faults tells faults in one line: "validity: must be … (invalid_validity); to: …".
func Faults(fields []httpapi.FieldError) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = fmt.Sprintf("%s (%s)", f.Message, f.Code)
		if f.Field != "" {
			parts[i] = f.Field + ": " + parts[i]
		}
	}
	return strings.Join(parts, "; ")
}

// problem reads an answer that is no success. One that is not of goniec's kind,
// a proxy's say, is told by its status alone.
func problem(resp *http.Response) error {
	e := &Error{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header)}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	var p httpapi.Problem
	if err == nil && json.Unmarshal(body, &p) == nil && p.Code != "" {
		e.Code, e.Detail, e.Fields = p.Code, p.Detail, p.Errors
		return e
	}
	e.Code = "http_" + fmt.Sprint(resp.StatusCode)
	e.Detail = "the server answered " + strings.TrimSpace(fmt.Sprint(resp.StatusCode)+" "+http.StatusText(resp.StatusCode))
	return e
}

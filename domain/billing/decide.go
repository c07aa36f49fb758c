package billing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"goniec/domain"
	"goniec/domain/calendar"
	"goniec/domain/money"
)

// MaxReason bounds a reason, in characters.
const MaxReason = 500

// MaxClosing bounds the event of a close, in bytes of JSON: a record of the
// journal holds it with its headers.
const MaxClosing = 900 << 10

// Facts are what a decision needs besides the state: domain time, the billing
// zone (F4), and who asks, as the command's envelope says it.
type Facts struct {
	Now   time.Time
	Zone  *time.Location
	Actor string
}

// Decide answers what a command does to a month: events, none when it changes
// nothing (a repeat), or a *domain.Error. It is pure. State is the zero value with
// Stream set for a stream without events.
func Decide(s State, f Facts, c Command) ([]Event, error) {
	account, month, ok := ParseStream(s.Stream)
	if !ok {
		return nil, domain.Refuse(CodeWrongStream, "%s belongs to a month of an account", c.CommandType())
	}
	if f.Actor == "" {
		return nil, domain.Refuse(CodeRequired, "nobody stands for the command")
	}
	if c, ok := c.(CloseMonth); ok {
		return closeMonth(s, f, account, month, c)
	}
	events, err := decideOpen(s, f, c)
	if s.Digest != "" && (err != nil || len(events) > 0) {
		return nil, domain.Refuse(CodeMonthClosed, "%s is closed: this goes into the next month, %s or later", month, month.Add(1))
	}
	return events, err
}

func decideOpen(s State, f Facts, c Command) ([]Event, error) {
	switch c := c.(type) {
	case RequestCredit:
		return requestCredit(s, f, c)
	case ApproveCredit:
		return approveCredit(s, f, c)
	case RejectCredit:
		return rejectCredit(s, f, c)
	case WaiveMinimum:
		return waiveMinimum(s, f, c)
	}
	return nil, &ErrUnknownCommand{Type: c.CommandType()}
}

func closeMonth(s State, f Facts, account string, month calendar.Month, c CloseMonth) ([]Event, error) {
	in := c.Inputs
	if in.Account != account || in.Month != month {
		return nil, domain.Refuse(CodeWrongStream, "the inputs are of another account or month")
	}
	if f.Now.Before(month.Ends(f.Zone)) {
		return nil, domain.Refuse(CodeMonthOpen, "%s can be closed from %s on", month, month.Add(1).First())
	}
	in, err := s.Fill(in).normal()
	if err != nil {
		return nil, err
	}
	digest, err := digestOf(in)
	switch {
	case err != nil:
		return nil, err
	case s.Digest == digest:
		return nil, nil
	case s.Digest != "":
		return nil, domain.Refuse(CodeAlreadyClosed, "%s is closed, with other inputs: look at its statement; what it lacks is a credit or an adjustment of %s or later", month, month.Add(1))
	}
	statement, err := compute(in)
	if err != nil {
		return nil, err
	}
	in.Usage, in.Party = nil, nil // the statement has them: see Whole
	e := MonthClosed{Inputs: in, Statement: statement, Positions: c.Positions, Digest: digest}
	if err := checkSize(e); err != nil {
		return nil, err
	}
	return []Event{e}, nil
}

// digestOf stands for inputs in their normal form.
func digestOf(in Inputs) (string, error) {
	data, err := json.Marshal(in)
	if err != nil {
		return "", fmt.Errorf("digest of a month: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

func checkSize(e MonthClosed) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("size of a close: %w", err)
	}
	if len(data) > MaxClosing {
		return domain.RefuseField(CodeTooMany, "inputs", "make a statement of %d bytes; at most %d fit", len(data), MaxClosing)
	}
	return nil
}

func requestCredit(s State, f Facts, c RequestCredit) ([]Event, error) {
	if err := checkUUID("credit", c.Credit); err != nil {
		return nil, err
	}
	amount, err := money.ParseCents(c.Amount)
	if err != nil || amount <= 0 || amount > MaxSum {
		return nil, domain.RefuseField(CodeInvalidValue, "amount", "must be a decimal of at most 2 places, more than 0 and at most %s", MaxSum)
	}
	if err := checkReason(c.Reason); err != nil {
		return nil, err
	}
	if have, ok := s.Credits[c.Credit]; ok {
		if have.Amount == amount && have.Reason == c.Reason && have.RequestedBy == f.Actor {
			return nil, nil
		}
		return nil, domain.Refuse(CodeAlreadyExists, "the credit exists already, with other properties")
	}
	if len(s.Credits) >= MaxCredits {
		return nil, domain.Refuse(CodeTooMany, "a month may have %d credits", MaxCredits)
	}
	return []Event{CreditRequested{Credit: c.Credit, Amount: amount, Reason: c.Reason, By: f.Actor}}, nil
}

func approveCredit(s State, f Facts, c ApproveCredit) ([]Event, error) {
	have, err := credit(s, c.Credit)
	switch {
	case err != nil:
		return nil, err
	case have.RequestedBy == f.Actor:
		return nil, domain.RefuseField(CodeSamePerson, "credit", "must be approved by somebody else than who asked for it, with a key of their own")
	case have.Status == CreditGranted:
		return nil, nil
	case have.Status == CreditRefused:
		return nil, domain.Refuse(CodeCreditState, "the credit was rejected; ask for a new one")
	}
	return []Event{CreditApproved{Credit: c.Credit, By: f.Actor}}, nil
}

func rejectCredit(s State, f Facts, c RejectCredit) ([]Event, error) {
	have, err := credit(s, c.Credit)
	switch {
	case err != nil:
		return nil, err
	case have.Status == CreditRefused:
		return nil, nil
	case have.Status == CreditGranted:
		return nil, domain.Refuse(CodeCreditState, "the credit was approved already")
	}
	if err := checkReason(c.Reason); err != nil {
		return nil, err
	}
	return []Event{CreditRejected{Credit: c.Credit, Reason: c.Reason, By: f.Actor}}, nil
}

func credit(s State, id string) (CreditState, error) {
	have, ok := s.Credits[id]
	if !ok {
		return have, domain.RefuseField(CodeNotFound, "credit", "the month has no such credit")
	}
	return have, nil
}

func waiveMinimum(s State, f Facts, c WaiveMinimum) ([]Event, error) {
	if err := checkUUID("sender", c.Sender); err != nil {
		return nil, err
	}
	if err := checkReason(c.Reason); err != nil {
		return nil, err
	}
	if _, ok := s.Waivers[c.Sender]; ok {
		return nil, nil
	}
	if !c.SuspendedWholeMonth {
		return nil, domain.RefuseField(CodeNotSuspended, "sender", "was not suspended the whole month without the client's fault")
	}
	if len(s.Waivers) >= MaxSenders {
		return nil, domain.Refuse(CodeTooMany, "a month may have %d waivers", MaxSenders)
	}
	return []Event{MinimumWaived{Sender: c.Sender, Reason: c.Reason, By: f.Actor}}, nil
}

func checkReason(s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return domain.RefuseField(CodeRequired, "reason", "is required")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return domain.RefuseField(CodeInvalidValue, "reason", "must be UTF-8 text without control characters")
	case utf8.RuneCountInString(s) > MaxReason:
		return domain.RefuseField(CodeTooLong, "reason", "must be at most %d characters", MaxReason)
	}
	return nil
}

package messages

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/projections"
)

// Step is one line of a message's timeline: what happened, when, where and why.
type Step struct {
	At       time.Time      `json:"at"`
	Type     string         `json:"type"` // the event's type without prefix and version, such as "attempt_refused"
	Channel  domain.Channel `json:"channel,omitempty"`
	Code     string         `json:"code,omitempty"` // the carrier's own
	Reason   string         `json:"reason,omitempty"`
	Rule     string         `json:"rule,omitempty"`  // of a fallback
	Until    *time.Time     `json:"until,omitempty"` // the deadline, the release or the next try that the step sets
	Parts    int            `json:"parts,omitempty"`
	Late     bool           `json:"late,omitempty"`
	Double   bool           `json:"double,omitempty"`
	Inferred bool           `json:"inferred,omitempty"`
}

// Charge is one charge of a message.
type Charge struct {
	Channel      domain.Channel `json:"channel"`
	Parts        int            `json:"parts"`
	Amount       string         `json:"amount"` // decimal, 6 places
	Currency     string         `json:"currency"`
	UnitPrice    string         `json:"unit_price"`
	PriceVersion string         `json:"price_version"`
	Month        string         `json:"month"`
	At           time.Time      `json:"at"`
	Waived       string         `json:"waived,omitempty"`
}

func charge(f message.Charged) Charge {
	return Charge{
		Channel: f.Channel, Parts: f.Parts, Amount: f.Amount, Currency: f.Currency, UnitPrice: f.UnitPrice,
		PriceVersion: f.PriceVersion, Month: f.Month, At: f.At, Waived: f.Waived,
	}
}

// parseCharges reads the charges of a row; paid are those that are not waived.
func parseCharges(text string) (charged bool, paid []Charge, err error) {
	if text == "" {
		return false, nil, nil
	}
	if err := json.Unmarshal([]byte("["+text+"]"), &paid); err != nil {
		return false, nil, fmt.Errorf("charges: %w", err)
	}
	return true, slices.DeleteFunc(paid, Charge.free), nil
}

func (c Charge) free() bool { return c.Waived != "" }

// pay adds the batch's charges to those that were paid before.
func (r *row) pay() {
	for _, c := range r.charges {
		if !c.free() {
			r.paid = append(r.paid, c)
		}
	}
}

// step tells an event as a line; s is the state after it.
func step(s message.State, fact message.Event, e projections.Event) Step {
	out := Step{At: e.Time, Type: shortType(e.Type)}
	if at := answerStep(s, fact, &out); at {
		return out
	}
	switch f := fact.(type) {
	case message.Refused:
		out.Reason = f.Reason
	case message.Waiting:
		out.Reason, out.Until = f.Reason, &f.Until
	case message.Paused:
		out.Channel, out.Reason = f.Channel, f.Switch
	case message.Resumed:
		out.Channel, out.Until = f.Channel, &f.Until
	case message.OutcomeDecided:
		out.Channel, out.Reason = f.Channel, string(f.As) // the operator's own words are not the client's
	case message.Released:
		out.Until = &f.Deadline
	case message.Delivered:
		out.Channel, out.Late, out.Double, out.Inferred = f.Channel, f.Late, f.Double, f.Inferred
	case message.Read:
		out.Channel, out.Inferred = channel(s, f.Attempt), f.Inferred
	case message.FellBack:
		out.Channel, out.Reason, out.Rule, out.Code, out.Until = f.To, f.Reason, f.Rule, f.Code, &f.Deadline
	case message.Charged:
		out.Channel, out.Parts, out.Reason = f.Channel, f.Parts, f.Waived
	case message.OptedOut:
		out.Reason = f.Origin
	case message.Failed:
		out.Reason, out.Code = f.Reason, f.Code
	case message.Unknown:
		out.Reason = f.Reason
	}
	return out
}

// answerStep fills in what became of an attempt.
func answerStep(s message.State, fact message.Event, out *Step) bool {
	switch f := fact.(type) {
	case message.AttemptStarted:
		out.Channel = f.Channel
	case message.AttemptAccepted:
		out.Channel, out.Parts = channel(s, f.Attempt), f.Parts
	case message.AttemptRefused:
		out.Channel, out.Code, out.Reason, out.Until = channel(s, f.Attempt), f.Code, f.Reason, f.RetryAt
	case message.AttemptUnknown:
		out.Channel, out.Code, out.Reason = channel(s, f.Attempt), f.Code, f.Reason
	case message.AttemptNotSent:
		out.Channel, out.Reason, out.Until = channel(s, f.Attempt), f.Reason, f.RetryAt
	case message.AttemptResolved:
		out.Channel, out.Parts, out.Inferred = channel(s, f.Attempt), f.Parts, f.Inferred
	case message.PartReported:
		out.Channel, out.Code, out.Reason = channel(s, f.Attempt), f.Code, f.Status
	case message.Undelivered:
		out.Channel, out.Code, out.Reason, out.Inferred = f.Channel, f.Code, f.Reason, f.Inferred
	default:
		return false
	}
	return true
}

func channel(s message.State, attempt string) domain.Channel {
	a, _ := s.Attempt(attempt)
	return a.Channel
}

// shortType cuts "goniec.message." and ".v1" off.
func shortType(t string) string {
	t = strings.TrimPrefix(t, "goniec.message.")
	if i := strings.LastIndexByte(t, '.'); i > 0 {
		t = t[:i]
	}
	return t
}

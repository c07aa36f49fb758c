package message

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"goniec/domain"
)

// Resolution is what an operator says of an attempt of unknown outcome (D18).
type Resolution string

// The resolutions.
const (
	AsSent    Resolution = "sent"     // treated as accepted by the carrier
	AsNotSent Resolution = "not_sent" // closed, without a charge
	AsSMS     Resolution = "send_sms" // still unknown, but the SMS goes now
)

// Codes of an operator's word that does not say enough.
const (
	CodeRequired     = "required"
	CodeInvalidValue = "invalid_value"
)

// MaxResolveReason bounds an operator's reason, in characters.
const MaxResolveReason = 500

// Resolve is an operator's word on an attempt of unknown outcome (rules.md D18).
// Saying the same again changes nothing.
type Resolve struct {
	Attempt string     `json:"attempt,omitempty"` // "" = the only unresolved one of the message
	As      Resolution `json:"as"`
	Reason  string     `json:"reason"`
	By      string     `json:"by"`
}

// Validate refuses with a *domain.Error what does not say enough.
func (c Resolve) Validate() error {
	switch {
	case c.As == "":
		return domain.RefuseField(CodeRequired, "as", "is required")
	case c.As != AsSent && c.As != AsNotSent && c.As != AsSMS:
		return domain.RefuseField(CodeInvalidValue, "as", "must be sent, not_sent or send_sms")
	case strings.TrimSpace(c.Reason) == "":
		return domain.RefuseField(CodeRequired, "reason", "is required")
	case !utf8.ValidString(c.Reason) || strings.ContainsFunc(c.Reason, unicode.IsControl) || utf8.RuneCountInString(c.Reason) > MaxResolveReason:
		return domain.RefuseField(CodeInvalidValue, "reason", "must be text of at most %d characters, without control characters", MaxResolveReason)
	}
	return nil
}

// Unresolved returns the ids of the attempts that wait for an operator's word, or
// for a report (D18): nobody knows whether the carrier took them, and it matters
// for the message's state or, of an SMS, for its charge.
func (s State) Unresolved() []string {
	arrived := len(s.Delivered) > 0
	return s.with(func(a Attempt) bool {
		return a.Status == AttemptLost && a.Settled == "" && (!arrived || policies[a.Channel].onSubmission)
	})
}

// doubtful says that a report without a known id may belong to a: nobody knows
// what became of it, or only an operator has said so.
func (a Attempt) doubtful() bool {
	said := a.Settled != "" && len(a.CarrierIDs) == 0 && (a.Status == AttemptTaken || a.Status == AttemptUnsent)
	return a.Status == AttemptLost || said
}

// settleOutcome takes an operator's word.
func (d *decision) settleOutcome(c Resolve) error {
	if err := c.Validate(); err != nil {
		return err
	}
	a, err := d.inDoubt(c)
	if err != nil || a.Settled == c.As {
		return err
	}
	if c.As == AsSMS {
		d.look()
		if _, next := d.s.next(); !next || d.s.over() || !d.current(a) {
			return domain.Refuse(CodeNoSMS, "no SMS can follow: the message has ended, is cancelled, has none, its SMS has begun, or the recipient has opted out")
		}
	}
	d.emit(OutcomeDecided{Attempt: a.ID, Channel: a.Channel, As: c.As, Reason: c.Reason, By: c.By})
	switch c.As {
	case AsSent:
		d.taken(a, nil, false)
		d.settle()
	case AsNotSent:
		d.emit(AttemptNotSent{Attempt: a.ID, Reason: ReasonNotSent})
		d.settle()
		d.raise()
	case AsSMS:
		d.fallBack(move{why: ReasonOutcomeUnknown, rule: "D18"})
	}
	return nil
}

// inDoubt finds the attempt that is spoken of: one whose outcome is unknown, or of
// which the same was said before.
func (d *decision) inDoubt(c Resolve) (Attempt, error) {
	if d.s.Status == none {
		return Attempt{}, domain.Refuse(CodeNotFound, "no such message")
	}
	id := c.Attempt
	if id == "" {
		open := d.s.Unresolved()
		if len(open) == 0 {
			open = d.s.with(func(a Attempt) bool { return a.Settled == c.As })
		} else if len(open) > 1 {
			return Attempt{}, domain.Refuse(CodeSeveralOpen, "%d attempts of the message have an unknown outcome: name one of %s", len(open), strings.Join(open, ", "))
		}
		id = append(slices.Clone(open), "")[0]
	}
	a, ok := d.s.Attempt(id)
	if !ok || a.Status != AttemptLost && a.Settled != c.As {
		return a, domain.Refuse(CodeNothingOpen, "no outcome is unknown here")
	}
	return a, nil
}

// taken: it is known now that the carrier took the attempt. One word proves one
// part of a long SMS; the others went the same way, so all are counted.
func (d *decision) taken(a Attempt, carrierIDs []string, inferred bool) {
	parts := 1
	if policies[a.Channel].onSubmission {
		parts = max(1, d.s.Accepted.SMSParts)
	}
	d.emit(AttemptResolved{Attempt: a.ID, CarrierIDs: named(carrierIDs), Parts: parts, Inferred: inferred})
	d.chargeSubmission(a, parts, a.Started)
}

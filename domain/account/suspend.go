package account

import (
	"fmt"
	"slices"
	"time"

	"goniec/domain"
)

// Who suspends a sender (B13).
const (
	ByOperator = "operator"
	ByCarrier  = "carrier"
)

// SuspendSender stops an Active sender at once (B13). It is no toggle. Repeating it
// changes nothing.
type SuspendSender struct {
	Reason    string `json:"reason"`
	By        string `json:"by"`                   // ByOperator or ByCarrier
	IfVersion int64  `json:"if_version,omitempty"` // as SaveSender's
}

// LiftSuspension lets it go on; an operator's word (B13).
type LiftSuspension struct {
	Reason    string `json:"reason"`
	IfVersion int64  `json:"if_version,omitempty"` // as SaveSender's
}

// SenderSuspended: it sends nothing until the suspension is lifted (B13).
type SenderSuspended struct {
	// in the operator's words, at most 500 characters; of the carrier's suspension the count
	// and the last status
	Reason string `json:"reason"`
	By     string `json:"by"` // who suspends: "operator", or "carrier": its refusals
}

// SenderReinstated: the suspension was lifted.
type SenderReinstated struct {
	Reason string `json:"reason"` // in the operator's words, at most 500 characters
}

// When the carrier's word suspends a sender (B13).
const (
	RefusalRecipients = 3 // different ones
	RefusalWindow     = 60 * time.Second
)

// maxRefusals bounds what is remembered: more than the window holds, since refusals may
// be read in another order than they happened.
const maxRefusals = 32

// RefuseSender says that the carrier refused the sender itself, and not the message,
// for a recipient (B13). It may come late, repeated and in any order: At counts.
type RefuseSender struct {
	Recipient string    `json:"recipient"` // uuid
	Code      string    `json:"code"`      // the carrier's own
	At        time.Time `json:"at"`        // ce_time of the refusal
}

// SenderRefused: the carrier refused the sender itself for a recipient. Three within
// 60 s suspend it (B13).
type SenderRefused struct {
	Recipient string    `json:"recipient"` // uuid of the recipient whose message was refused, as in accepted
	Code      string    `json:"code"`      // the carrier's own, such as "2", "43"
	At        time.Time `json:"at"`        // when it was refused, UTC: the ce_time of attempt_refused
}

// Refusal is one that counts until the next suspension.
type Refusal struct {
	Recipient string    `json:"rc"`
	At        time.Time `json:"at"`
}

// refuseSender notes a refusal; the one that makes three recipients within the window
// suspends the sender in the same decision. What was refused before the last
// suspension was lifted does not count.
func refuseSender(s SenderState, c RefuseSender) ([]Event, error) {
	if err := checkRefusal(c); err != nil {
		return nil, err
	}
	r := Refusal{Recipient: c.Recipient, At: c.At}
	if s.Suspension != nil || !c.At.After(s.reinstated()) || slices.Contains(s.Refusals, r) || s.forgotten(r) {
		return nil, nil
	}
	out := []Event{SenderRefused(c)}
	if suspends(refused(s.Refusals, r)) {
		out = append(out, SenderSuspended{By: ByCarrier, Reason: fmt.Sprintf(
			"refused by the carrier (last with status %s) for %d recipients within %d s", c.Code, RefusalRecipients, int(RefusalWindow.Seconds()),
		)})
	}
	return out, nil
}

func checkRefusal(c RefuseSender) error {
	if err := checkUUID("recipient", c.Recipient); err != nil {
		return err
	}
	if err := checkText("code", c.Code, maxCode); err != nil {
		return err
	}
	if c.At.IsZero() {
		return required("at")
	}
	return nil
}

const maxCode = 32

// reinstated is when the last suspension was lifted.
func (s SenderState) reinstated() time.Time {
	if len(s.Suspended) == 0 {
		return time.Time{}
	}
	return s.Suspended[len(s.Suspended)-1].To
}

// forgotten says that r is older than all that is remembered, and no more fits.
func (s SenderState) forgotten(r Refusal) bool {
	return len(s.Refusals) == maxRefusals && !r.At.After(s.Refusals[0].At)
}

// refused puts one more into the list, which is ordered by time; the oldest is forgotten.
func refused(list []Refusal, r Refusal) []Refusal {
	at, _ := slices.BinarySearchFunc(list, r, func(a, b Refusal) int { return a.At.Compare(b.At) })
	out := slices.Insert(slices.Clone(list), at, r)
	return out[max(0, len(out)-maxRefusals):]
}

// suspends says whether some window of the list has enough recipients.
func suspends(list []Refusal) bool {
	for i, first := range list {
		recipients := map[string]bool{}
		for _, r := range list[i:] {
			if r.At.Sub(first.At) <= RefusalWindow {
				recipients[r.Recipient] = true
			}
		}
		if len(recipients) >= RefusalRecipients {
			return true
		}
	}
	return false
}

func suspendSender(s SenderState, c SuspendSender) ([]Event, error) {
	if err := checkText("reason", c.Reason, MaxReason); err != nil {
		return nil, err
	}
	if c.By != ByOperator && c.By != ByCarrier {
		return nil, domain.RefuseField(CodeInvalidValue, "by", "must be operator or carrier")
	}
	if s.Suspension != nil {
		return nil, nil
	}
	return []Event{SenderSuspended{Reason: c.Reason, By: c.By}}, nil
}

func liftSuspension(s SenderState, c LiftSuspension) ([]Event, error) {
	if err := checkText("reason", c.Reason, MaxReason); err != nil {
		return nil, err
	}
	if s.Suspension == nil {
		return nil, domain.Refuse(CodeNotSuspended, "the sender is not suspended")
	}
	return []Event{SenderReinstated{Reason: c.Reason}}, nil
}

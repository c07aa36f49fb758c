package account

import "goniec/domain"

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
	Reason string `json:"reason"`
	By     string `json:"by"` // "operator" | "carrier"
}

// SenderReinstated: the suspension was lifted.
type SenderReinstated struct {
	Reason string `json:"reason"`
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

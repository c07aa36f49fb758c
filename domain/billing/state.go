package billing

import (
	"maps"

	"goniec/domain/money"
)

// State is what one month of an account has come to. Its JSON form is the
// owner's cache.
type State struct {
	Stream  string                   `json:"stream"`
	Version int64                    `json:"version"`           // events evolved so far
	Digest  string                   `json:"digest,omitempty"`  // of the inputs that it was closed with; "" = open
	Credits map[string]CreditState   `json:"credits,omitempty"` // by id
	Waivers map[string]MinimumWaived `json:"waivers,omitempty"` // by configuration
}

// CreditState is a credit and what was said to it.
type CreditState struct {
	Amount      money.Cents  `json:"amount"`
	Reason      string       `json:"reason"`
	RequestedBy string       `json:"requested_by"`
	Status      CreditStatus `json:"status"`
	DecidedBy   string       `json:"decided_by,omitempty"`
	Answer      string       `json:"answer,omitempty"` // why it was rejected
}

// CreditStatus is where a credit stands.
type CreditStatus string

// The three.
const (
	CreditAsked   CreditStatus = "requested"
	CreditGranted CreditStatus = "approved"
	CreditRefused CreditStatus = "rejected"
)

// Evolve folds one event of the stream into its state. The given state is not
// changed: maps are copied before they are written.
func Evolve(s State, e Event) State {
	s.Version++
	switch e := e.(type) {
	case CreditRequested:
		s.Credits = with(s.Credits, e.Credit, CreditState{Amount: e.Amount, Reason: e.Reason, RequestedBy: e.By, Status: CreditAsked})
	case CreditApproved:
		c := s.Credits[e.Credit]
		c.Status, c.DecidedBy = CreditGranted, e.By
		s.Credits = with(s.Credits, e.Credit, c)
	case CreditRejected:
		c := s.Credits[e.Credit]
		c.Status, c.DecidedBy, c.Answer = CreditRefused, e.By, e.Reason
		s.Credits = with(s.Credits, e.Credit, c)
	case MinimumWaived:
		s.Waivers = with(s.Waivers, e.Sender, e)
	case MonthClosed:
		s.Digest = e.Digest
	}
	return s
}

func with[V any](m map[string]V, key string, v V) map[string]V {
	out := maps.Clone(m)
	if out == nil {
		out = make(map[string]V, 1)
	}
	out[key] = v
	return out
}

// Fill puts the month's own waivers and credits into the inputs.
func (s State) Fill(in Inputs) Inputs {
	in.Waivers, in.Credits = s.waived(), s.granted()
	return in
}

// granted lists the credits that count.
func (s State) granted() []Credit {
	var out []Credit
	for id, c := range s.Credits {
		if c.Status == CreditGranted {
			out = append(out, Credit{ID: id, Amount: c.Amount, Reason: c.Reason, RequestedBy: c.RequestedBy, ApprovedBy: c.DecidedBy})
		}
	}
	return out
}

func (s State) waived() []Waiver {
	var out []Waiver
	for _, w := range s.Waivers {
		out = append(out, Waiver{SenderID: w.Sender, Reason: w.Reason, By: w.By})
	}
	return out
}

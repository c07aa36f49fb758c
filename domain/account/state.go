package account

import (
	"maps"
	"slices"
	"time"

	"goniec/domain"
)

// State is what one stream of the accounts journal has come to. Exactly one of
// these parts is in use, by Stream's kind. Its JSON form is the owner's cache.
type State struct {
	Stream  string        `json:"stream"`
	Version int64         `json:"version"` // events evolved so far
	Account *AccountState `json:"account,omitempty"`
	Sender  *SenderState  `json:"sender,omitempty"`
	Prices  *PricesState  `json:"prices,omitempty"`
	Paused  bool          `json:"paused,omitempty"` // of a switch: it is on

	Regulations *RegulationsPublished `json:"regulations,omitempty"` // the last version
}

// AccountState is an account with its keys and endpoints.
type AccountState struct {
	Name      string                   `json:"name"`
	Currency  string                   `json:"currency"`
	Settings  Settings                 `json:"settings"`
	Keys      map[string]KeyState      `json:"keys,omitempty"`      // by key id
	Endpoints map[string]EndpointState `json:"endpoints,omitempty"` // by endpoint id
	Accepted  []int64                  `json:"accepted,omitempty"`  // versions of the regulations
}

// KeyState is a key as issued and whether it was revoked.
type KeyState struct {
	Hash    string `json:"hash"`
	Role    string `json:"role"`
	Label   string `json:"label"`
	Revoked bool   `json:"revoked,omitempty"`
}

// EndpointState is a webhook as added and whether it was removed.
type EndpointState struct {
	URL     string   `json:"url"`
	Events  []string `json:"events,omitempty"`
	Removed bool     `json:"removed,omitempty"`
}

// SenderState is a configuration.
type SenderState struct {
	Account     string       `json:"account"`
	Name        string       `json:"name"`
	Company     string       `json:"company"`
	Country     string       `json:"country"`
	TwoWay      bool         `json:"two_way,omitempty"`
	Status      SenderStatus `json:"status"`
	SubmittedAt time.Time    `json:"submitted_at,omitzero"`
	ServiceID   int64        `json:"service_id,omitempty"`
	Form        Form         `json:"form,omitzero"`         // what was saved of it; Filled has the rest
	Submissions int          `json:"submissions,omitempty"` // how often it was submitted
	PassedOn    time.Time    `json:"passed_on,omitzero"`    // of the submission under review
	Reference   string       `json:"reference,omitempty"`   // Viber's, with PassedOn
}

// Filled is the form as it stands, with what the configuration was created by
// and what holds unless the form says otherwise.
func (s SenderState) Filled() Form {
	return filled(s.Form, s.Name, s.Company, s.Country, s.TwoWay)
}

func filled(f Form, name, company, country string, twoWay bool) Form {
	f.Name, f.Company, f.Country = name, company, country
	if f.RegisteredIn == "" {
		f.RegisteredIn = DefaultCountry
	}
	if f.Communication == "" && twoWay {
		f.Communication = TwoWay
	}
	return f
}

// PricesState is what the next version of a list is judged by.
type PricesState struct {
	Currency string `json:"currency"`
	Versions int    `json:"versions"`
}

// Decide answers what a command does to a stream: events, none when it changes
// nothing (a repeat), or a *domain.Error. It is pure; now is domain time. State
// is the zero value with Stream set for a stream without events.
func Decide(s State, now time.Time, c Command) ([]Event, error) {
	switch c := c.(type) {
	case Create, ChangeSettings, IssueKey, RevokeKey, AddEndpoint, RemoveEndpoint, AcceptRegulations:
		return decideAccount(s, c)
	case CreateSender, SaveSender, SubmitSender, PassSender, WithdrawSender, ApproveSender, ReturnSender, DisableSender, EnableSender:
		return decideSender(s, now, c)
	case PublishPrices:
		return decidePrices(s, now, c)
	case PublishRegulations:
		return decideRegulations(s, now, c)
	case Pause, Resume:
		return decidePause(s, c)
	}
	return nil, &ErrUnknownCommand{Type: c.CommandType()}
}

// Evolve folds one event of the stream into its state. The given state is not
// changed: maps are copied before they are written.
func Evolve(s State, e Event) State {
	s.Version++
	switch e := e.(type) {
	case AccountCreated, SettingsChanged, KeyIssued, KeyRevoked, EndpointAdded, EndpointRemoved, RegulationsAccepted:
		s.Account = evolveAccount(s.Account, e)
	case SenderCreated, SenderDraftSaved, SenderSubmitted, SenderPassed, SenderWithdrawn, SenderApproved, SenderReturned, SenderDisabled, SenderEnabled:
		s.Sender = evolveSender(s.Sender, e)
	case PricesPublished:
		s.Prices = &PricesState{Currency: e.Currency, Versions: int(s.Version)}
	case RegulationsPublished:
		s.Regulations = &e
	case PauseBegun:
		s.Paused = true
	case PauseEnded:
		s.Paused = false
	}
	return s
}

func evolveAccount(old *AccountState, e Event) *AccountState {
	var s AccountState
	if old != nil {
		s = *old
	}
	switch e := e.(type) {
	case AccountCreated:
		s.Name, s.Currency, s.Settings = e.Name, e.Currency, e.Settings
	case SettingsChanged:
		s.Settings = e.Settings
	case KeyIssued:
		s.Keys = with(s.Keys, e.Key, KeyState{Hash: e.Hash, Role: e.Role, Label: e.Label})
	case KeyRevoked:
		k := s.Keys[e.Key]
		k.Revoked = true
		s.Keys = with(s.Keys, e.Key, k)
	case EndpointAdded:
		s.Endpoints = with(s.Endpoints, e.Endpoint, EndpointState{URL: e.URL, Events: e.Events})
	case EndpointRemoved:
		x := s.Endpoints[e.Endpoint]
		x.Removed = true
		s.Endpoints = with(s.Endpoints, e.Endpoint, x)
	case RegulationsAccepted:
		s.Accepted = append(slices.Clip(s.Accepted), e.Version)
	}
	return &s
}

func evolveSender(old *SenderState, e Event) *SenderState {
	var s SenderState
	if old != nil {
		s = *old
	}
	switch e := e.(type) {
	case SenderCreated:
		s.Account, s.Name, s.Company, s.Country, s.TwoWay = e.Account, e.Name, e.Company, e.Country, e.TwoWay
		s.Status = SenderNew
	case SenderDraftSaved:
		s.Form = s.Form.with(e)
		s.Company, s.TwoWay = s.Form.basics(s.Company, s.TwoWay)
	case SenderSubmitted:
		s.Status, s.SubmittedAt = SenderInReview, e.At
		s.Submissions++
		s.PassedOn, s.Reference = time.Time{}, ""
	case SenderPassed:
		s.PassedOn, s.Reference = e.On, e.Reference
	case SenderWithdrawn:
		s.Status = SenderNew
	case SenderApproved:
		s.Status, s.ServiceID = SenderActive, e.ServiceID
	case SenderReturned:
		s.Status = SenderNew
	case SenderDisabled:
		s.Status = SenderOff
	case SenderEnabled:
		s.Status = SenderActive
	}
	return &s
}

func with[V any](m map[string]V, key string, v V) map[string]V {
	out := maps.Clone(m)
	if out == nil {
		out = make(map[string]V, 1)
	}
	out[key] = v
	return out
}

func wrongStream(s State, c Command) error {
	return domain.Refuse(CodeWrongStream, "%s cannot be sent to a stream such as this one (%d events)", c.CommandType(), s.Version)
}

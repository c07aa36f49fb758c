package account

import (
	"maps"
	"slices"
	"time"

	"goniec/domain"
	"goniec/domain/billing"
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
	Party     billing.Party            `json:"party,omitzero"`      // zero = none was named yet
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

// PricesState is what the next version of a list is judged by.
type PricesState struct {
	Currency string `json:"currency"`
	Versions int    `json:"versions"`
}

// Decide answers what a command does to a stream: events, none when it changes
// nothing (a repeat), or a *domain.Error. It is pure. State
// is the zero value with Stream set for a stream without events.
func Decide(s State, f Facts, c Command) ([]Event, error) {
	switch c := c.(type) {
	case Create, ChangeSettings, IssueKey, RevokeKey, AddEndpoint, RemoveEndpoint, AcceptRegulations, SetParty:
		return decideAccount(s, c)
	case CreateSender, SaveSender, SubmitSender, PassSender, WithdrawSender, ApproveSender, ReturnSender, DisableSender, WithdrawDisable,
		EnableSender, WithdrawEnable, ConfirmSender, SuspendSender, RefuseSender, LiftSuspension:
		return decideSender(s, f, c)
	case Fire:
		return fire(s, f, c), nil
	case PublishPrices:
		return decidePrices(s, f.Now, c)
	case PublishRegulations:
		return decideRegulations(s, f.Now, c)
	case Pause, Resume:
		return decidePause(s, c)
	case NoteAccess:
		return noteAccess(s, c)
	}
	return nil, &ErrUnknownCommand{Type: c.CommandType()}
}

// Evolve folds one event of the stream into its state; at is its ce_time. The given
// state is not changed: maps are copied before they are written.
func Evolve(s State, e Event, at time.Time) State {
	s.Version++
	switch e := e.(type) {
	case AccountCreated, SettingsChanged, KeyIssued, KeyRevoked, EndpointAdded, EndpointRemoved, RegulationsAccepted, PartySet:
		s.Account = evolveAccount(s.Account, e)
	case PricesPublished:
		s.Prices = &PricesState{Currency: e.Currency, Versions: int(s.Version)}
	case RegulationsPublished:
		s.Regulations = &e
	case PauseBegun:
		s.Paused = true
	case PauseEnded:
		s.Paused = false
	case AccessNoted: // nothing is decided by it
	default:
		s.Sender = evolveSender(s.Sender, e, at)
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
	case PartySet:
		s.Party = e.Party
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

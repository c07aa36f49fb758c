package account

import (
	"slices"
	"strings"

	"goniec/domain"
)

// Bounds per account; revoked keys and removed endpoints do not count.
const (
	MaxKeys      = 100
	MaxEndpoints = 20
)

func decideAccount(s State, c Command) ([]Event, error) {
	if !strings.HasPrefix(s.Stream, accountPrefix) {
		return nil, wrongStream(s, c)
	}
	if create, ok := c.(Create); ok {
		return createAccount(s, create)
	}
	if s.Account == nil {
		return nil, domain.Refuse(CodeNotFound, "there is no such account")
	}
	switch c := c.(type) {
	case ChangeSettings:
		return changeSettings(*s.Account, c)
	case IssueKey:
		return issueKey(s, c)
	case RevokeKey:
		return revokeKey(*s.Account, c)
	case AddEndpoint:
		return addEndpoint(*s.Account, c)
	case RemoveEndpoint:
		return removeEndpoint(*s.Account, c)
	case AcceptRegulations:
		return acceptRegulations(s, c)
	case SetParty:
		return setParty(s, c)
	}
	return nil, wrongStream(s, c)
}

func createAccount(s State, c Create) ([]Event, error) {
	if err := checkUUID("id", StreamID(s.Stream)); err != nil {
		return nil, err
	}
	if err := checkText("name", c.Name, MaxAccountName); err != nil {
		return nil, err
	}
	e := AccountCreated{Name: c.Name, Currency: c.Currency, Settings: DefaultSettings()}
	if e.Currency == "" {
		e.Currency = "PLN"
	}
	if c.Settings != nil {
		e.Settings = *c.Settings
	}
	if err := checkCurrency("currency", e.Currency); err != nil {
		return nil, err
	}
	if err := e.Settings.Validate(); err != nil {
		return nil, err
	}
	if s.Account != nil {
		return nil, repeat(s.Account.Name == e.Name && s.Account.Currency == e.Currency,
			domain.RefuseField(CodeAlreadyExists, "id", "names an account that exists already, with another name or currency: choose another id"))
	}
	return []Event{e}, nil
}

// repeat refuses a second, different object of one id; the same one again is no fault.
func repeat(same bool, other *domain.Error) error {
	if same {
		return nil
	}
	return other
}

func changeSettings(a AccountState, c ChangeSettings) ([]Event, error) {
	if err := c.Settings.Validate(); err != nil {
		return nil, err
	}
	if a.Settings == c.Settings {
		return nil, nil
	}
	return []Event{SettingsChanged(c)}, nil
}

func issueKey(s State, c IssueKey) ([]Event, error) {
	if err := checkKey(s, c); err != nil {
		return nil, err
	}
	c.Role = RoleNow(c.Role)
	if k, ok := s.Account.Keys[c.Key]; ok {
		return nil, repeat(k.Hash == c.Hash && RoleNow(k.Role) == c.Role && k.Label == c.Label,
			domain.RefuseField(CodeAlreadyExists, "key", "names a key that exists already, with another role or label: choose another id"))
	}
	live := 0
	for _, k := range s.Account.Keys {
		if !k.Revoked {
			live++
		}
	}
	if live >= MaxKeys {
		return nil, domain.Refuse(CodeTooMany, "an account may have %d keys; revoke one first", MaxKeys)
	}
	return []Event{KeyIssued(c)}, nil
}

func checkKey(s State, c IssueKey) error {
	if err := checkUUID("key", c.Key); err != nil {
		return err
	}
	if !isHash(c.Hash) {
		return domain.RefuseField(CodeInvalidValue, "hash", "must be a SHA-256 in lower-case hex")
	}
	if err := checkText("label", c.Label, MaxLabel); err != nil {
		return err
	}
	return CheckRole(StreamID(s.Stream), c.Role)
}

func revokeKey(a AccountState, c RevokeKey) ([]Event, error) {
	k, ok := a.Keys[c.Key]
	switch {
	case !ok:
		return nil, domain.RefuseField(CodeNotFound, "key", "the account has no such key")
	case k.Revoked:
		return nil, nil
	}
	return []Event{KeyRevoked(c)}, nil
}

func addEndpoint(a AccountState, c AddEndpoint) ([]Event, error) {
	if err := checkEndpoint(c); err != nil {
		return nil, err
	}
	if x, ok := a.Endpoints[c.Endpoint]; ok {
		return nil, repeat(!x.Removed && x.URL == c.URL && slices.Equal(x.Events, c.Events),
			domain.RefuseField(CodeAlreadyExists, "endpoint", "names an endpoint that exists already, with another address or other events: choose another id"))
	}
	live := 0
	for _, x := range a.Endpoints {
		if !x.Removed {
			live++
		}
	}
	if live >= MaxEndpoints {
		return nil, domain.Refuse(CodeTooMany, "an account may have %d webhook endpoints; remove one first", MaxEndpoints)
	}
	e := EndpointAdded(c)
	if e.Events == nil {
		e.Events = []string{}
	}
	return []Event{e}, nil
}

func checkEndpoint(c AddEndpoint) error {
	if err := checkUUID("endpoint", c.Endpoint); err != nil {
		return err
	}
	if err := checkEndpointURL("url", c.URL); err != nil {
		return err
	}
	if c.Secret == "" || len(c.Secret) > MaxSecret {
		return domain.RefuseField(CodeInvalidValue, "secret", "must be a sealed secret of at most %d characters", MaxSecret)
	}
	return checkEventNames(c.Events)
}

func checkEventNames(names []string) error {
	if len(names) > MaxEventTypes {
		return domain.RefuseField(CodeTooMany, "events", "must be at most %d names", MaxEventTypes)
	}
	seen := make(map[string]bool, len(names))
	for _, n := range names {
		if n == "" || len(n) > 64 || strings.Trim(n, "abcdefghijklmnopqrstuvwxyz_.") != "" || seen[n] {
			return domain.RefuseField(CodeInvalidValue, "events", "must be different names such as message.delivered")
		}
		seen[n] = true
	}
	return nil
}

func removeEndpoint(a AccountState, c RemoveEndpoint) ([]Event, error) {
	x, ok := a.Endpoints[c.Endpoint]
	switch {
	case !ok:
		return nil, domain.RefuseField(CodeNotFound, "endpoint", "the account has no such endpoint")
	case x.Removed:
		return nil, nil
	}
	return []Event{EndpointRemoved(c)}, nil
}

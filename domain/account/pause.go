package account

import "goniec/domain"

// The scopes of a switch (rules.md D17).
const (
	ScopeAll     = "all"
	ScopeAccount = "account"
	ScopeSender  = "sender"
	ScopeRoute   = "route"
)

// MaxBy bounds the name of whoever pauses or resumes.
const MaxBy = 100

// Switch names what a pause stops (rules.md D17): everything, an account, a
// sender, or a route. A sender is one configuration by its id or, with Account, a
// sender name of that account in every country.
type Switch struct {
	Scope   string `json:"scope"`             // what is paused: "all", "account", "sender" or "route"
	Account string `json:"account,omitempty"` // uuid of the account; of scope account, and of a sender that is named by its name
	Sender  string `json:"sender,omitempty"`  // of scope sender: uuid of one configuration or, with account, a sender name in every country
	Route   string `json:"route,omitempty"`   // of scope route: "viber" or "sms"
}

// Name is what the switch is called in events and answers: "all",
// "account/<uuid>", "sender/<uuid>" or "route/viber". A sender name's uuid is
// SenderID of no country.
func (s Switch) Name() string {
	switch s.Scope {
	case ScopeAccount:
		return ScopeAccount + "/" + s.Account
	case ScopeSender:
		return ScopeSender + "/" + s.senderID()
	case ScopeRoute:
		return ScopeRoute + "/" + s.Route
	}
	return ScopeAll
}

func (s Switch) senderID() string {
	if s.Account == "" {
		return s.Sender
	}
	return SenderID(s.Account, s.Sender, "")
}

// Stream names the switch's stream. All of them lie with account Installation.
func (s Switch) Stream() string { return pausePrefix + s.Name() }

// Validate refuses a switch whose parts do not fit its scope, with the field.
func (s Switch) Validate() error {
	switch s.Scope {
	case ScopeAll, ScopeAccount, ScopeSender, ScopeRoute:
	case "":
		return required("scope")
	default:
		return domain.RefuseField(CodeInvalidValue, "scope", "must be account, sender, route or all")
	}
	for _, part := range []struct {
		field, value string
		wanted, may  bool
	}{
		{"account", s.Account, s.Scope == ScopeAccount, s.Scope == ScopeSender},
		{"sender", s.Sender, s.Scope == ScopeSender, false},
		{"route", s.Route, s.Scope == ScopeRoute, false},
	} {
		switch {
		case part.wanted && part.value == "":
			return required(part.field)
		case part.value != "" && !part.wanted && !part.may:
			return domain.RefuseField(CodeInvalidValue, part.field, "does not belong to the scope %s", s.Scope)
		}
	}
	return s.check()
}

// check looks at the values; which of them there are has been looked at.
func (s Switch) check() error {
	switch {
	case s.Scope == ScopeRoute && s.Route != string(domain.Viber) && s.Route != string(domain.SMS):
		return domain.RefuseField(CodeInvalidValue, "route", "must be viber or sms")
	case s.Scope == ScopeSender && s.Account == "":
		return checkUUID("sender", s.Sender)
	case s.Scope == ScopeSender:
		if err := checkSenderName("sender", s.Sender); err != nil {
			return err
		}
	}
	if s.Account == "" {
		return nil
	}
	return checkUUID("account", s.Account)
}

// Pause turns a switch on: nothing new of what it names is handed to a carrier.
// Repeating it changes nothing, and the first reason stands. By is who asks.
type Pause struct {
	Switch Switch `json:"switch"`
	Reason string `json:"reason"`
	By     string `json:"by"`
}

// Resume turns a switch off. One that is off stays off.
type Resume struct {
	Switch Switch `json:"switch"`
	Reason string `json:"reason"`
	By     string `json:"by"`
}

// PauseBegun: a switch was turned on; who and why.
type PauseBegun struct {
	Switch Switch `json:"switch"` // what is paused
	Reason string `json:"reason"` // in the operator's words, at most 500 characters
	By     string `json:"by"`     // actor: key:<uuid of the operator's API key>
}

// PauseEnded: a switch was turned off; who and why.
type PauseEnded struct {
	Switch Switch `json:"switch"` // what goes on
	Reason string `json:"reason"` // in the operator's words, at most 500 characters
	By     string `json:"by"`     // actor: key:<uuid of the operator's API key>
}

// The types of a switch.
const (
	CommandPause  = "pause.begin.v1"
	CommandResume = "pause.end.v1"

	TypePauseBegun = "goniec.pause.begun.v1"
	TypePauseEnded = "goniec.pause.ended.v1"
)

func (Pause) CommandType() string    { return CommandPause }
func (Resume) CommandType() string   { return CommandResume }
func (Pause) command()               {}
func (Resume) command()              {}
func (PauseBegun) EventType() string { return TypePauseBegun }
func (PauseEnded) EventType() string { return TypePauseEnded }
func (PauseBegun) account()          {}
func (PauseEnded) account()          {}

func decidePause(s State, c Command) ([]Event, error) {
	var sw Switch
	var reason, by string
	switch c := c.(type) {
	case Pause:
		sw, reason, by = c.Switch, c.Reason, c.By
	case Resume:
		sw, reason, by = c.Switch, c.Reason, c.By
	}
	if err := sw.Validate(); err != nil {
		return nil, err
	}
	if s.Stream != sw.Stream() {
		return nil, wrongStream(s, c)
	}
	if err := checkText("reason", reason, MaxReason); err != nil {
		return nil, err
	}
	if err := checkText("by", by, MaxBy); err != nil {
		return nil, err
	}
	_, pause := c.(Pause)
	switch {
	case pause == s.Paused:
		return nil, nil
	case pause:
		return []Event{PauseBegun{Switch: sw, Reason: reason, By: by}}, nil
	}
	return []Event{PauseEnded{Switch: sw, Reason: reason, By: by}}, nil
}

package account

import (
	"slices"
	"strings"
	"time"

	"goniec/domain/message"
)

// ActivePause is a switch that is on.
type ActivePause struct {
	Switch Switch
	Reason string
	By     string
	Since  time.Time
}

func (v *View) applyPause(e Event, at time.Time) {
	switch e := e.(type) {
	case PauseBegun:
		v.pauses[e.Switch.Name()] = ActivePause{Switch: e.Switch, Reason: e.Reason, By: e.By, Since: at}
	case PauseEnded:
		delete(v.pauses, e.Switch.Name())
	}
}

// Pauses returns the switches that are on, the oldest first.
func (v *View) Pauses() []ActivePause {
	v.mu.RLock()
	defer v.mu.RUnlock()
	out := make([]ActivePause, 0, len(v.pauses))
	for _, p := range v.pauses {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b ActivePause) int {
		if c := a.Since.Compare(b.Since); c != 0 {
			return c
		}
		return strings.Compare(a.Switch.Name(), b.Switch.Name())
	})
	return out
}

// Paused says whether the switch of that name is on.
func (v *View) Paused(name string) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	_, on := v.pauses[name]
	return on
}

// PauseFacts gives the switches that hold back messages of a sender to a country
// on these routes (rules.md D17).
func (v *View) PauseFacts(account, sender, country, viberRoute, smsRoute string) message.Pauses {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if len(v.pauses) == 0 {
		return message.Pauses{}
	}
	return message.Pauses{
		All:   v.on(ScopeAll, ScopeAccount+"/"+account, ScopeSender+"/"+SenderID(account, sender, ""), ScopeSender+"/"+SenderID(account, sender, country)),
		Viber: v.on(ScopeRoute + "/" + viberRoute),
		SMS:   v.on(ScopeRoute + "/" + smsRoute),
	}
}

// on returns the first of the names whose switch is on, or "". The caller holds mu.
func (v *View) on(names ...string) string {
	for _, name := range names {
		if _, on := v.pauses[name]; on {
			return name
		}
	}
	return ""
}

// Holds says whether a call for this instruction must not be made now.
func (v *View) Holds(in message.SendInstruction) bool {
	return v.PauseFacts(in.Account, in.Sender, in.Country, in.Route, in.Route).Of(in.Channel) != ""
}

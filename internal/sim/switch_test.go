package sim

import (
	"slices"
	"strings"
	"time"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
	"goniec/eventstore"
)

// The operator's switches. The last holds no message that there is.
var switches = []account.Switch{
	{Scope: account.ScopeAll},
	{Scope: account.ScopeAccount, Account: accountID},
	{Scope: account.ScopeSender, Sender: account.SenderID(accountID, "GONIEC", "PL")},
	{Scope: account.ScopeSender, Account: accountID, Sender: "GONIEC"},
	{Scope: account.ScopeRoute, Route: viberRoute},
	{Scope: account.ScopeRoute, Route: smsRoute},
	{Scope: account.ScopeSender, Account: accountID, Sender: "OTHER"},
}

// viewSeen is how far a reference view has read in which no switch was turned.
const viewSeen = 7

// turned is an event of a switch.
type turned struct {
	*eventstore.Event
	fact account.Event
	sw   account.Switch
	on   bool
}

// turn is the operator at work: what is on goes off, what is off goes on, and now
// and then nothing changes.
func (w *world) turn() {
	w.turned++
	sw := pickOf(w.scheduler, switches...)
	if on := w.check.onAt(len(w.check.switches)); len(on) > 0 && w.chance(2) {
		sw = pickOf(w.scheduler, on...)
	}
	w.press(sw, !w.check.isOn(sw) != w.chance(8))
}

func (w *world) press(sw account.Switch, on bool) {
	var c account.Command = account.Resume{Switch: sw, Reason: "mended", By: "key:1"}
	if on {
		c = account.Pause{Switch: sw, Reason: "broken", By: "key:1"}
	}
	w.put(eventstore.InboxUrgent, "operator", c.CommandType(), eventstore.Command{
		ID: w.id("switch"), Type: c.CommandType(), Stream: sw.Stream(), Account: account.Installation, Actor: "key/1",
	}, c)
}

// mend resumes, when the bad days are over, what is paused. It says whether it did.
func (w *world) mend() bool {
	if !w.healthy || w.mended == len(w.check.switches) {
		return false
	}
	sw := w.toResume()
	if sw == nil {
		return false
	}
	w.mended = len(w.check.switches)
	w.press(*sw, false)
	return true
}

// toResume is a switch that is on and has to go off, or nil: a message goes round a
// route to Viber that stays paused.
func (w *world) toResume() *account.Switch {
	for _, sw := range w.check.onAt(len(w.check.switches)) {
		if sw.Route != viberRoute || !w.plan.viberOff {
			return &sw
		}
	}
	return nil
}

// show gives a process that starts the reference view and the day keys: they are read to
// their end first.
func (w *world) show(n *node) {
	n.keys = eventstore.NewKeyring(seal, &cluster{w, n}, eventstore.Topics{}, eventstore.Partitioner{N: 1})
	w.handKeys(n)
	n.view = theView
	if w.plan.switches > 0 {
		n.view = newView()
		for range w.check.switches {
			w.learns(n)
		}
	}
}

// inform tells a process of day keys that were made, and of a switch that was turned,
// sooner or later.
func (w *world) inform(n *node, now time.Time) {
	if made := w.kafka.topic(eventstore.Keys).end(); n.keysTo < made && !w.brokerAway(now) && (w.healthy || w.chance(4)) {
		w.handKeys(n)
	}
	if int(n.knows.Load()) < len(w.check.switches) && !w.brokerAway(now) && (w.healthy || w.chance(30)) {
		w.learns(n)
		w.note(n.name, "learns of switches that are on: %v", w.check.onAt(int(n.knows.Load())))
	}
}

func (w *world) learns(n *node) {
	t := w.check.switches[n.knows.Load()]
	n.view.Apply(t.Stream, t.Version, t.fact, t.Time)
	n.knows.Add(1)
}

// resumable says whether a message waits for a switch that is off.
func (w *world) resumable() bool {
	if len(w.check.switches) == 0 {
		return false
	}
	for _, s := range w.check.states {
		if s.Hold != "" && w.check.held(len(w.check.switches), s.Channel()) == "" {
			return true
		}
	}
	return false
}

// switched: a switch goes on and off by turns.
func (c *checker) switched(t turned) {
	if c.isOn(t.sw) == t.on {
		c.w.fail("%s comes to %s, which is so already", t.Type, t.Stream)
	}
	c.switches = append(c.switches, t)
}

// onAt are the switches that are on after the first n events.
func (c *checker) onAt(n int) (on []account.Switch) {
	for _, t := range c.switches[:n] {
		if on = slices.DeleteFunc(on, func(sw account.Switch) bool { return sw == t.sw }); t.on {
			on = append(on, t.sw)
		}
	}
	return on
}

func (c *checker) isOn(sw account.Switch) bool {
	return slices.Contains(c.onAt(len(c.switches)), sw)
}

// held is a switch that holds the messages' calls on a channel back, for whoever
// knows of the first n events, or "".
func (c *checker) held(n int, ch domain.Channel) string {
	for _, sw := range c.onAt(n) {
		if sw.Sender != "OTHER" && (sw.Route == "" || sw.Route == string(ch)) {
			return sw.Name()
		}
	}
	return ""
}

// mayGoOn: an owner starts nothing that is paused as far as it knows.
func (c *checker) mayGoOn(s message.State, ch domain.Channel, used message.UsedFacts) {
	if sw := c.held(int(used.ViewOffset-viewSeen), ch); sw != "" {
		c.w.fail("message %s goes on, and its owner knows that %s is paused", s.ID, sw)
	}
}

// mayWait: a message waits for a switch that is on, and holds it.
func (c *checker) mayWait(s message.State, e message.Paused) {
	on := slices.ContainsFunc(c.onAt(int(e.Facts.ViewOffset-viewSeen)), func(sw account.Switch) bool { return sw.Name() == e.Switch })
	if route, is := strings.CutPrefix(e.Switch, "route/"); !on || is && route != string(e.Channel) {
		c.w.fail("message %s waits on %s for %s", s.ID, e.Channel, e.Switch)
	}
}

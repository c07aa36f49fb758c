package decider

import (
	"encoding/json"
	"errors"

	"goniec/domain"
	"goniec/domain/partition"
	"goniec/eventstore"
)

// maxFreed bounds how much of one line an operator's command decides: all of it
// is one transaction. What is left has a new first.
const maxFreed = 1000

// retry has a parked thing decided again, and then what waits behind it, in order,
// up to the next that fails.
func (g *group) retry(c *eventstore.Command, _ partition.Retry) error {
	t, err := g.thing(c.Stream)
	if err != nil {
		return err
	}
	line, err := g.lineOf(c.Stream, t)
	if err != nil {
		return err
	}
	if err := t.CanRetry(len(line) > 0 && line[0] == c.Stream); err != nil {
		return err
	}
	return g.advanceLine(t.What.Stream, line, true)
}

// drop gives a parked thing up, and has what waits behind it decided if it was the first.
func (g *group) drop(c *eventstore.Command, d partition.Drop) error {
	t, err := g.thing(c.Stream)
	if err != nil {
		return err
	}
	if err := t.CanDrop(d); err != nil {
		return err
	}
	line, err := g.lineOf(c.Stream, t)
	if err != nil {
		return err
	}
	if err := g.tell(c.Stream, t.What.Account, partition.Dropped{By: c.Actor, Reason: d.Reason}); err != nil || line[0] != c.Stream {
		return err
	}
	_, timer := t.What.Timer()
	return g.advanceLine(t.What.Stream, line[1:], timer || t.What.HoldsCommand()) // else the telling itself was dropped
}

// readContent records that an operator is shown what a parked command holds.
func (g *group) readContent(c *eventstore.Command, _ partition.Read) error {
	t, err := g.thing(c.Stream)
	if err != nil {
		return err
	}
	if err := t.CanRead(); err != nil {
		return err
	}
	return g.tell(c.Stream, t.What.Account, partition.ContentRead{By: c.Actor})
}

// lineOf is the line that a parked thing stands in: of its stream, or its own.
func (g *group) lineOf(stream string, t partition.Thing) ([]string, error) {
	switch {
	case !t.Parked():
		return nil, nil
	case t.What.Stream == "":
		return []string{stream}, nil
	}
	return g.line(t.What.Stream)
}

// advanceLine decides the things of a line in order, up to the first that fails.
// When nothing holds the stream any more, it takes up what passed it by, and its
// timers may fire. Opt-outs that passed it by come first of all (rules.md E2): what
// is decided again may ask for another attempt. With catchUp false none of it is told.
func (g *group) advanceLine(stream string, line []string, catchUp bool) error {
	for _, thing := range line[:min(len(line), maxFreed)] {
		if ok, err := g.decideAgain(thing, catchUp); err != nil || !ok {
			return err
		}
	}
	if stream == "" {
		return nil
	}
	if held, err := g.isParked(stream); err != nil || held {
		return err
	}
	if catchUp {
		if err := g.onMessage(stream, func() error { return g.catchUp(stream) }); err != nil {
			return err
		}
	}
	return g.wakeTimers(stream)
}

// decideAgain decides one parked thing, once its message knows the opt-outs of its
// recipient (unless tellFirst is false); ok is false when it stays parked.
func (g *group) decideAgain(stream string, tellFirst bool) (ok bool, err error) {
	t, err := g.thing(stream)
	if err != nil {
		return false, err
	}
	var refused *domain.Error
	failed, err := g.attempt(stream, func() error {
		g.retrying = t.What.Stream
		defer func() { g.retrying = "" }()
		if tellFirst && t.What.Stream != "" {
			if err := g.tellOptOuts(t.What.Stream); err != nil {
				return err
			}
		}
		if err := g.again(stream, *t.What); !errors.As(err, &refused) {
			return err
		}
		return nil
	})
	switch {
	case err != nil:
		return false, err
	case failed != nil:
		return false, g.tell(stream, t.What.Account, partition.RetryFailed{By: g.cmd.Actor, Reason: failed.reason, Detail: detail(failed.err)})
	}
	done := partition.Retried{By: g.cmd.Actor}
	if refused != nil {
		done.Refused = refused.Code
	}
	return true, g.tell(stream, t.What.Account, done)
}

// again does what could not be done when the thing was parked.
func (g *group) again(stream string, p partition.Parked) error {
	if name, ok := p.Timer(); ok {
		return g.fireAgain(p.Stream, name)
	}
	if !p.HoldsCommand() {
		g.resuming = p.Stream
		defer func() { g.resuming = "" }()
		return g.catchUp(p.Stream)
	}
	c, err := g.reopen(stream, p)
	if err != nil {
		return err
	}
	held, err := g.isParked(c.Stream)
	if err != nil {
		return err
	}
	if held { // it could not be read when it was parked, so it did not wait in this line
		return poison(partition.ReasonBehindParked, errBehind)
	}
	return g.as(c, func() error { return g.dispatch(c) })
}

// reopen reads a parked command's bytes.
func (g *group) reopen(stream string, p partition.Parked) (*eventstore.Command, error) {
	plain, err := g.o.cfg.Keyring.Open(p.Sealed, stream)
	if err != nil {
		return nil, poison(partition.ReasonContentGone, err)
	}
	var r eventstore.Record
	if err := json.Unmarshal(plain, &r); err != nil {
		return nil, poison(partition.ReasonUnreadableRecord, err)
	}
	if r.Key == nil && r.Value == nil && r.Headers == nil {
		return nil, poison(partition.ReasonContentGone, errors.New("it was too large to be kept"))
	}
	c, err := eventstore.ParseCommand(&r)
	if err != nil {
		return nil, poison(partition.ReasonUnreadableRecord, err)
	}
	return c, nil
}

// as decides c within the command that is being decided.
func (g *group) as(c *eventstore.Command, fn func() error) error {
	cmd, index, ids, seed := g.cmd, g.index, g.ids, g.seed
	defer func() { g.cmd, g.index, g.ids, g.seed = cmd, index, ids, seed }()
	g.begin(c)
	return fn()
}

// fireAgain fires the timer of a message, if it still stands and is due.
func (g *group) fireAgain(stream, name string) error {
	e, err := g.load(stream)
	if err != nil {
		return err
	}
	for _, t := range e.timers {
		if string(t.Name) != name || t.Due.After(g.now) {
			continue
		}
		return g.as(g.timerCommandOf(stream, name, t.Due, e.version), func() error { return g.fire(stream, e, t) })
	}
	return nil
}

// catchUp tells a message what passed it by while it was parked: the opt-outs of
// its recipient, and the reports that wait with its number.
func (g *group) catchUp(stream string) error {
	s, err := g.message(stream)
	if err != nil || s.Status == "" {
		return err
	}
	if err := g.tellOptOuts(stream); err != nil {
		return err
	}
	return g.retryStored(s.Accepted.Number)
}

// tellOptOuts tells a message the opt-outs of its recipient that it does not know.
func (g *group) tellOptOuts(stream string) error {
	s, err := g.message(stream)
	if err != nil || s.Status == "" {
		return err
	}
	r, err := g.recipient(s.Accepted.Recipient)
	if err != nil {
		return err
	}
	for _, out := range r.OptOuts() {
		if err := g.tellOptOut(stream, out); err != nil {
			return err
		}
	}
	return nil
}

// wakeTimers lets the timers of a stream that is free again be looked at: the
// lower bound of those that are due may have passed them.
func (g *group) wakeTimers(stream string) error {
	e, err := g.load(stream)
	if err != nil {
		return err
	}
	for _, t := range e.timers {
		g.fresh = append(g.fresh, dueTimer{due: t.Due})
	}
	return nil
}

package decider

import (
	"time"

	"goniec/domain"
	"goniec/domain/billing"
	"goniec/domain/partition"
	"goniec/eventstore"
)

type billingState struct{ billing.State }

func (b billingState) evolve(e domain.Event, _ time.Time) (aggregate, error) {
	ev, ok := e.(billing.Event)
	if !ok {
		return nil, errForeignEvent
	}
	return billingState{billing.Evolve(b.State, ev)}, nil
}
func (billingState) timers() []domain.Timer { return nil }
func (billingState) index() []string        { return nil }

// bill decides a command of a month of an account. Who asks is in its envelope.
func (g *group) bill(c *eventstore.Command) error {
	cmd, err := billing.DecodeCommand(c.Type, c.Data)
	if err != nil {
		return poison(partition.ReasonUnreadableData, err)
	}
	e, err := g.load(c.Stream)
	if err != nil {
		return err
	}
	st, ok := e.agg.(billingState)
	if !ok {
		return domain.Refuse(billing.CodeWrongStream, "bills belong to months of accounts")
	}
	events, err := billing.Decide(st.State, billing.Facts{Now: g.now, Zone: g.o.cfg.Zone, Actor: c.Actor}, cmd)
	if err != nil {
		return err
	}
	return emitNow(g, c.Stream, c.Account, events)
}

package demo

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"goniec/adapters/closing"
	"goniec/adapters/httpapi"
	"goniec/domain/calendar"
	"goniec/eventstore"
)

// check reads what the months came to, and asks whether all of it is as it must be.
func (m *month) check(ctx context.Context) error {
	for _, ask := range []func(context.Context) error{m.checkMessages, m.checkStatements, m.checkSenders, m.checkRecomputed, m.checkRebuild} {
		if err := ask(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (m *month) note(name, detail string, faults []string) {
	m.report.Checks = append(m.report.Checks, newCheck(name, detail, faults))
}

// checkMessages: none is left without an end.
func (m *month) checkMessages(context.Context) error {
	c, err := m.book.Count()
	if err != nil {
		return err
	}
	var faults []string
	if c.Messages != m.accepted || c.Ended != c.Messages {
		faults = []string{fmt.Sprintf("%d messages were accepted; the journal has %d, of which %d have ended", m.accepted, c.Messages, c.Ended)}
	}
	m.note("every message has ended", fmt.Sprintf("%d messages", c.Messages), faults)
	return nil
}

// checkStatements: each month came to what was worked out by hand.
func (m *month) checkStatements(ctx context.Context) error {
	var faults []string
	for _, want := range monthTotals() {
		p := m.cast.party(want.account)
		s, err := p.api.Statement(ctx, p.id, want.month)
		if err != nil {
			return fmt.Errorf("statement of %s, %s: %w", want.account, want.month, err)
		}
		if s.State != httpapi.MonthClosed || s.Total != want.amount {
			faults = append(faults, fmt.Sprintf("%s of %s is %s and came to %s; it has to be closed with %s", want.month, want.account, s.State, s.Total, want.amount))
		}
		m.report.Statements = append(m.report.Statements, s)
	}
	m.note("each month came to what it has to", fmt.Sprintf("%d statements", len(m.report.Statements)), faults)
	return nil
}

// checkSenders: each stands where the story has led it.
func (m *month) checkSenders(ctx context.Context) error {
	list, err := m.operator.Senders(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(list.Senders, func(a, b httpapi.SenderBody) int { return cmp.Compare(a.Name, b.Name) })
	m.report.Senders = list.Senders
	wants, faults := standing(), []string{}
	for _, s := range list.Senders {
		state := s.State
		if s.Closed {
			state = "closed"
		}
		if wants[s.Name] != state {
			faults = append(faults, fmt.Sprintf("%s is %s, and has to be %s", s.Name, state, wants[s.Name]))
		}
	}
	if len(list.Senders) != len(wants) {
		faults = append(faults, fmt.Sprintf("there are %d senders, not %d", len(list.Senders), len(wants)))
	}
	m.note("each sender stands where it has to", fmt.Sprintf("%d senders", len(list.Senders)), faults)
	return nil
}

// checkRecomputed: the journal alone makes the same statements.
func (m *month) checkRecomputed(ctx context.Context) error {
	source := closing.Source{
		Records: eventstore.NewCluster(eventstore.KafkaConfig{}, m.target.client), Topics: m.target.topics(), Installation: m.target.installation, Partitions: m.target.running.Partitions, Zone: m.zone,
	}
	var faults []string
	for _, name := range closedMonths() {
		at, err := calendar.ParseMonth(name)
		if err != nil {
			return err
		}
		list, err := closing.Recompute(ctx, source, at, "")
		if err != nil {
			return fmt.Errorf("recompute %s: %w", name, err)
		}
		for _, v := range list {
			if !v.Agrees {
				faults = append(faults, fmt.Sprintf("%s of %s: %s was decided, the journal makes %s; %v", v.Month, v.Account, v.Written, v.Computed, v.Differences))
			}
		}
		m.report.Recomputed = append(m.report.Recomputed, list...)
	}
	if have, want := len(m.report.Recomputed), len(monthTotals()); have != want {
		faults = append(faults, fmt.Sprintf("%d months of accounts are closed, not %d", have, want))
	}
	m.note("the journal alone makes the same statements, to the grosz", fmt.Sprintf("%d recomputed", len(m.report.Recomputed)), faults)
	return nil
}

// closedMonths lists the months of totals once each, in their order.
func closedMonths() (list []string) {
	for _, t := range monthTotals() {
		list = append(list, t.month)
	}
	return slices.Compact(list)
}

// checkRebuild: the read models made anew from the journal are equal.
func (m *month) checkRebuild(ctx context.Context) error {
	rows, faults, err := m.target.rebuild(ctx, m.models, func(string) {})
	m.note("read models rebuilt from nothing are equal", fmt.Sprintf("%d rows", rows), faults)
	return err
}

package demo

import (
	"context"
	"fmt"
	"time"

	"goniec/eventstore"
	"goniec/internal/pause"
)

const (
	// stepBudget is how long an installation may take, in real time, to do all that
	// is due at one instant: on a busy machine ownerships start over.
	stepBudget = time.Minute
	stepGlance = 5 * time.Millisecond
)

// until moves the clock to an instant, by way of every instant at which something
// is due; at each it waits until all of that has been done. So what happens when
// depends on no machine's speed.
func (m *month) until(ctx context.Context, to time.Time) error {
	for {
		next, err := m.settle(ctx)
		now := m.clock.Now()
		if err != nil || !now.Before(to) {
			return err
		}
		if next.IsZero() || next.After(to) {
			next = to
		}
		m.report.Steps++
		if err := m.clock.Step(next); err != nil {
			return err
		}
	}
}

// settle waits until everything that is due has been reported, decided, called and
// projected, and says when the next thing is due.
func (m *month) settle(ctx context.Context) (next time.Time, err error) {
	for began := time.Now(); ; {
		next, waits, err := m.look(ctx)
		if err != nil || waits == "" {
			return next, err
		}
		if time.Since(began) > stepBudget {
			return next, fmt.Errorf("%s: not done after %v: %s", m.clock.Now().In(m.zone).Format(time.DateTime), stepBudget, waits)
		}
		if err := pause.For(ctx, stepGlance); err != nil {
			return next, err
		}
	}
}

// look says what is not done yet, in the order in which one thing leads to another:
// carriers report, the inbox is decided, timers fire, attempts are answered, read
// models follow. Nothing is left when none of it is.
func (m *month) look(ctx context.Context) (next time.Time, waits string, err error) {
	select {
	case err := <-m.host.failed():
		return next, "", fmt.Errorf("goniec ended by itself: %w", err)
	default:
	}
	carriers, err := carrierStats(ctx, m.target.carriers)
	switch {
	case err != nil:
		return next, "", fmt.Errorf("carriers: %w", err)
	case carriers.Due > 0:
		return next, "reports of the carriers", nil
	}
	next, waits, err = m.decided()
	if err != nil || waits != "" {
		return next, waits, err
	}
	if n := m.book.Open(); n > 0 {
		return next, "answers to attempts", nil
	}
	lag, err := m.target.behind(ctx, m.models)
	if err != nil || lag > 0 {
		return next, "read models", err
	}
	return earliest(next, carriers.Next), "", nil
}

// decided says whether the deciders have decided all of the inbox and fired what is
// due, the journal of which the book has then read.
func (m *month) decided() (next time.Time, waits string, err error) {
	now := m.clock.Now()
	for p := range m.target.running.Partitions {
		urgent, err := m.end(eventstore.InboxUrgent, p)
		if err != nil {
			return next, "", err
		}
		bulk, err := m.end(eventstore.InboxBulk, p)
		if err != nil {
			return next, "", err
		}
		at, owned := m.host.up.Progress()[p]
		switch {
		case !owned || at.Urgent < urgent || at.Bulk < bulk:
			return next, "the inbox", nil
		case at.Clear.Before(now):
			return next, "timers", nil
		}
		next = earliest(next, at.Next)
		if journal, err := m.end(eventstore.Messages, p); err != nil || m.book.Position(p) < journal {
			return next, "the journal", err
		}
	}
	return next, "", nil
}

func (m *month) end(topic string, p int32) (int64, error) {
	return eventstore.EndOffset(m.target.client, m.target.topics().Name(topic), p)
}

// earliest of two instants; zero is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

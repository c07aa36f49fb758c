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
	var last stand
	for began := time.Now(); ; {
		now, waits, err := m.look(ctx)
		switch {
		case err != nil:
			return next, err
		case waits == "" && now == last:
			return now.next, m.host.up.CaughtUp(ctx)
		case time.Since(began) > stepBudget:
			return next, fmt.Errorf("%s: not done after %v: %s", m.clock.Now().In(m.zone).Format(time.DateTime), stepBudget, waits)
		}
		last = now
		if err := pause.For(ctx, stepGlance); err != nil {
			return next, err
		}
	}
}

// stand is how far all has come in a look at which nothing was left to do. While
// one looks, something may come back that was looked at before: only if two looks
// find the same stand has nothing moved.
type stand struct {
	entries, events int64 // of the carriers' log and the messages journal
	next            time.Time
}

// look says what is not done yet, in the order in which one thing leads to another:
// carriers report, the inbox is decided, timers fire, attempts are answered, read
// models follow.
func (m *month) look(ctx context.Context) (now stand, waits string, err error) {
	select {
	case err := <-m.host.failed():
		return now, "", fmt.Errorf("goniec ended by itself: %w", err)
	default:
	}
	carriers, err := carrierStats(ctx, m.target.carriers)
	switch {
	case err != nil:
		return now, "", fmt.Errorf("carriers: %w", err)
	case carriers.Due > 0:
		return now, "reports of the carriers", nil
	}
	next, waits, err := m.decided()
	if err != nil || waits != "" {
		return now, waits, err
	}
	if m.book.Open() > 0 {
		return now, "answers to attempts", nil
	}
	if lag, err := m.target.behind(ctx, m.models); err != nil || lag > 0 {
		return now, "read models", err
	}
	count, err := m.book.Count()
	return stand{entries: carriers.Entries, events: count.Events, next: earliest(next, carriers.Next)}, "", err
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

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"goniec/domain/calendar"
	"goniec/eventstore/audit"
)

// monthOf reads a month that a flag or argument gives.
func monthOf(name, text string) (calendar.Month, error) {
	m, err := calendar.ParseMonth(text)
	if err != nil {
		return m, failWith(ExitUsage, fmt.Errorf("%s: must be a month, such as 2026-11", name))
	}
	return m, nil
}

// billingZone is the zone in which a month begins and ends.
func (a *app) billingZone() (*time.Location, error) {
	where, err := a.cluster()
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(where.Zone)
	if err != nil {
		return nil, failWith(ExitUsage, errors.New("zone: is not a time zone"))
	}
	return zone, nil
}

// monthJournal is the journal opened for a month of the billing zone.
type monthJournal struct {
	audit.Config
	from, to time.Time
	zone     *time.Location
	close    func()
}

// journalOf opens the journal for a month; close it.
func (a *app) journalOf(m calendar.Month) (monthJournal, error) {
	zone, err := a.billingZone()
	if err != nil {
		return monthJournal{}, err
	}
	cfg, closed, err := a.journal()
	return monthJournal{cfg, m.Begins(zone), m.Ends(zone), zone, closed}, err
}

// unread gives an error of reading the journal its exit code: broken, not to be
// reached, or interrupted.
func unread(ctx context.Context, err error) error {
	if broken := (*audit.BrokenError)(nil); errors.As(err, &broken) {
		return failWith(ExitFailed, err)
	}
	return interrupted(ctx, unavailable(err))
}

package sim

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/eventstore"
)

const (
	monthLayout = "2006-01"
	calendarDay = 24 * time.Hour
)

// monthOf is the month of t, n months later, as the journal writes it.
func monthOf(t time.Time, n int) string {
	return time.Date(t.Year(), t.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC).Format(monthLayout)
}

// nextSeal is the month that has to be sealed next at now, and when; zero = none ever.
func (c *checker) nextSeal(now time.Time) (month string, due time.Time) {
	if c.w.plan.sealGrace == 0 {
		return "", time.Time{}
	}
	month = monthOf(now.Add(-c.w.plan.sealGrace), -1)
	if last, err := time.Parse(monthLayout, c.sealed); err == nil {
		month = monthOf(last, 1)
	}
	begins, _ := time.Parse(monthLayout, month) // ours
	return month, begins.AddDate(0, 1, 0).Add(c.w.plan.sealGrace)
}

// seal: each month is sealed once, one after the other, when its time has come and
// what came before that is decided.
func (c *checker) seal(x *txn, e partition.PeriodSealed, at time.Time) {
	month, due := c.nextSeal(at)
	if e.Month != month || at.Before(due) || at.After(c.w.latest) {
		c.w.fail("%s is sealed, and it is %s that is next, at %s", e.Month, month, due)
	}
	i := slices.IndexFunc(x.offsets, func(o eventstore.Offset) bool { return o.Topic == eventstore.InboxUrgent })
	for _, r := range c.reports {
		if i >= 0 && r.offset >= x.offsets[i].Next && r.latest.Before(due) {
			c.w.fail("%s is sealed, and a report lay in the inbox at %d before it was due", e.Month, r.offset)
		}
	}
	c.sealed = e.Month
}

// period: a charge counts in the month that it is dated into or, when that is
// sealed, in the one after the last that is, and says which it adjusts.
func (c *checker) period(e message.Charged) {
	month, adjusts := monthOf(e.At, 0), ""
	if last, err := time.Parse(monthLayout, c.sealed); err == nil && month <= c.sealed {
		month, adjusts = monthOf(last, 1), month
	}
	if e.Month != month || e.Adjusts != adjusts {
		c.w.fail("a charge of %s counts in %q and adjusts %q, and %q is sealed", e.At, e.Month, e.Adjusts, c.sealed)
	}
}

// soonSealed is when a month is to be sealed that should be before the end: its
// time has come, or is about to.
func (w *world) soonSealed() time.Time {
	if _, due := w.check.nextSeal(w.Now()); due.Sub(w.Now()) < time.Minute {
		return due
	}
	return time.Time{}
}

// sealedThrough is the last month that is sealed in a store's state of the partition.
func sealedThrough(state []byte) string {
	var s partition.State
	_ = json.Unmarshal(state[bytes.IndexByte(state, '{'):], &s) // ours; the version stands before it
	return s.SealedThrough
}

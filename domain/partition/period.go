package partition

import (
	"time"

	"goniec/domain/calendar"
)

// PeriodSealed: a billing month is over in this partition, and the months before
// it. From here on a charge that is dated into one of them counts in the next open
// month and names its own (rules.md F4).
type PeriodSealed struct {
	Month   string `json:"month"`    // "2026-11", in the billing zone
	GraceMS int64  `json:"grace_ms"` // milliseconds after the month's end in which it could not be sealed yet
}

// TypePeriodSealed is the type of PeriodSealed.
const TypePeriodSealed = "goniec.partition.period_sealed.v1"

func (PeriodSealed) EventType() string { return TypePeriodSealed }

func (PeriodSealed) partition() {}

// Sealed says whether charges dated into m count in a later month.
func (s State) Sealed(m calendar.Month) bool { return m.String() <= s.SealedThrough }

// NextSeal is the month that is sealed next, and when: grace after its end in the
// zone. Where no month was sealed yet it is the latest whose time has come at now.
func (s State) NextSeal(now time.Time, grace time.Duration, zone *time.Location) (m calendar.Month, due time.Time) {
	m = calendar.MonthOf(now.Add(-grace), zone).Add(-1)
	if last, err := calendar.ParseMonth(s.SealedThrough); err == nil {
		m = last.Add(1)
	}
	return m, m.Ends(zone).Add(grace)
}

package domain

import "time"

// Stamped is a decided event with the time it happened, which becomes its
// ce_time. At is UTC, cut to microseconds, and never after the decision's now;
// it is before it only for facts that carry an earlier time of their own, such
// as a carrier's report.
type Stamped[E Event] struct {
	Event E
	At    time.Time
}

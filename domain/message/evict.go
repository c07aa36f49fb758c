package message

import "time"

const (
	// KeptFor is how long a message is kept after its end: the horizon of late
	// reports, cancels and repeated requests. A request with the same idempotency
	// key after it is a new message.
	KeptFor = 35 * 24 * time.Hour
	// CancelKept is how long a cancel waits for its request.
	CancelKept = 7 * 24 * time.Hour
)

// EvictAt is when an owner may forget s; zero = not while it is as it is.
func EvictAt(s State) time.Time {
	switch {
	case !s.EndedAt.IsZero():
		return s.EndedAt.Add(KeptFor)
	case s.Status == none && !s.CancelAt.IsZero():
		return s.CancelAt.Add(CancelKept)
	}
	return time.Time{}
}

package message

import (
	"time"

	"goniec/domain"
)

// Timers returns the timers that s has set, at most one of each name, derived
// from the state alone. When none is left, nothing is in flight and no switch is
// waited for (TimerResume), the message has ended. Every timer, fired when it is due, changes the state so that it is
// not due again.
func Timers(s State) []domain.Timer {
	var out []domain.Timer
	add := func(name domain.TimerName, due time.Time) { out = append(out, domain.Timer{Name: name, Due: due}) }
	flying := s.flying()
	if due := overdueAt(s); !due.IsZero() {
		add(TimerNoReport, due)
	}
	if s.Status == "" || s.over() {
		return out
	}
	if !s.Release.IsZero() {
		add(TimerRelease, s.Release)
		return out
	}
	if !s.RetryAt.IsZero() {
		add(TimerRetry, s.RetryAt)
	}
	_, next := s.next()
	// Without another step nothing is decided at the deadline while the answer of
	// an attempt is awaited: the timer is set again when it has come.
	if policies[s.Channel()].validity && !s.Deadline.IsZero() && (next || len(flying) == 0) {
		add(TimerDeadline, s.Deadline)
	}
	return out
}

// Wait is what a message that has not ended waits for.
type Wait string

// What a message may wait for.
const (
	WaitNothing  Wait = ""         // it has ended
	WaitRelease  Wait = "release"  // its time to go (send_at)
	WaitAnswer   Wait = "answer"   // a carrier's, to an attempt in flight
	WaitResume   Wait = "resume"   // an operator's word: what it needs is paused (D17)
	WaitRetry    Wait = "retry"    // the next attempt
	WaitReport   Wait = "report"   // a carrier's, on an attempt that it has or may have
	WaitDeadline Wait = "deadline" // the fallback, since Viber will not deliver
)

// Waits says what s waits for next. A cancelled message waits for a carrier's
// answer or report, and for nothing else.
func (s State) Waits() Wait {
	switch {
	case s.Status == none || s.Ended():
		return WaitNothing
	case len(s.flying()) > 0:
		return WaitAnswer
	case s.Hold != "":
		return WaitResume
	case s.Status == StatusWaiting:
		return WaitRelease
	case !s.RetryAt.IsZero():
		return WaitRetry
	case s.has(s.Channel(), AttemptTaken, AttemptLost):
		return WaitReport
	}
	return WaitDeadline
}

// overdueAt is when the earliest thing awaited is given up: the answer to an
// attempt in flight, which cannot come long after its not_after, or the SMS's
// report (rules.md D3b). Zero when nothing is awaited.
func overdueAt(s State) time.Time {
	var due time.Time
	for _, a := range s.Attempts {
		if at := answerDue(s, a); !at.IsZero() && (due.IsZero() || at.Before(due)) {
			due = at
		}
	}
	if due.IsZero() && !s.over() {
		return s.NoReport
	}
	return due
}

func answerDue(s State, a Attempt) time.Time {
	if a.Status != AttemptInFlight {
		return time.Time{}
	}
	return s.until(a.Channel).Add(s.reportWait())
}

// isDue says whether c names a timer that s has set and whose time has come.
func isDue(s State, c Fire, now time.Time) bool {
	if c.Timer == TimerResume {
		return s.Hold != "" && s.HeldAt.Equal(c.Due)
	}
	return !now.Before(c.Due) && domain.HasTimer(Timers(s), domain.Timer{Name: c.Timer, Due: c.Due})
}

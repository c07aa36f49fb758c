package account

import (
	"slices"
	"time"

	"goniec/domain"
)

// The timers of a sender.
const (
	TimerNotice       domain.TimerName = "notice"       // the month of notice is over (F5)
	TimerEnable       domain.TimerName = "enable"       // the day has come from which it is to be on (F7)
	TimerVerification domain.TimerName = "verification" // Viber's verification should be over (B7)
	TimerPrefix       domain.TimerName = "prefix"       // the prefix should be active (B7)
	TimerTask         domain.TimerName = "task"         // the operator's task is overdue (F5)
)

// Fire says that a timer of the stream is due. A stale one changes nothing. It comes
// from the owner alone, never from the inbox.
type Fire struct {
	Timer domain.TimerName `json:"timer"`
	Due   time.Time        `json:"due"`
}

// SenderReminded: an operator was reminded of what is overdue: the end of Viber's
// verification or of the activation of the prefix (B7), or a task (F5).
type SenderReminded struct {
	Of  domain.TimerName `json:"of"`  // what is overdue: "verification" (Viber's), "prefix" (its activation) or "task" (the operator's)
	Due time.Time        `json:"due"` // when it became overdue, UTC
}

// CommandFire names Fire where commands are told apart; the inbox never holds one.
const CommandFire = "sender.fire.v1"

// CommandType implements Command.
func (Fire) CommandType() string { return CommandFire }
func (Fire) command()            {}

// Timers returns the timers that a stream has set, at most one of each name,
// derived from its state alone. Every timer, fired when it is due, changes the
// state so that it is not due again.
func Timers(s State) []domain.Timer {
	if s.Sender == nil {
		return nil
	}
	var out []domain.Timer
	add := func(name domain.TimerName, due time.Time) {
		if !due.IsZero() && !slices.Contains(s.Sender.Reminded, name) {
			out = append(out, domain.Timer{Name: name, Due: due})
		}
	}
	x := s.Sender
	add(TimerVerification, x.VerifiedBy)
	add(TimerPrefix, x.PrefixBy)
	if x.Notice != nil {
		add(TimerNotice, x.Notice.Effect)
	}
	if x.Task != nil && !x.Task.Done && !x.Task.Overdue {
		add(TimerTask, x.Task.Due)
	}
	if x.Enabling != nil && x.Task.done() {
		add(TimerEnable, x.Enabling.At)
	}
	return out
}

func fire(s State, f Facts, c Fire) []Event {
	switch {
	case f.Now.Before(c.Due) || !domain.HasTimer(Timers(s), domain.Timer{Name: c.Timer, Due: c.Due}):
		return nil
	case c.Timer == TimerNotice:
		return noticeTakesEffect(*s.Sender.Notice, f)
	case c.Timer == TimerEnable:
		return []Event{enabledFrom(s.Sender.Enabling.From, s.Sender.Enabling.At)}
	}
	return []Event{SenderReminded{Of: c.Timer, Due: c.Due}}
}

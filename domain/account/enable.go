package account

import (
	"time"

	"goniec/domain"
	"goniec/domain/calendar"
)

// EnableSender asks for the sender to be switched on again (F7): from the first day
// of Month, or, if it is zero, of the next month; or as soon as possible. It is
// Active when the operator has confirmed it, and not before that day. Repeating it
// unchanged changes nothing.
type EnableSender struct {
	Month            calendar.Month `json:"month,omitzero"`
	AsSoonAsPossible bool           `json:"as_soon_as_possible,omitempty"` // the whole month's minimum applies
	IfVersion        int64          `json:"if_version,omitempty"`          // as SaveSender's
}

// WithdrawEnable takes that back, before the sender is on.
type WithdrawEnable struct {
	IfVersion int64 `json:"if_version,omitempty"` // as SaveSender's
}

// ConfirmSender says that an operator did at Viber what the sender's task asks for:
// switched it off (F5), or on (F7). Repeating it changes nothing.
type ConfirmSender struct {
	IfVersion int64 `json:"if_version,omitempty"` // as SaveSender's
}

// SenderEnableAsked: the sender is to be on from a day. The operator has until
// TaskDue to switch it on at Viber.
type SenderEnableAsked struct {
	From calendar.Date `json:"from"` // day from which it is to be on, in the billing zone
	At   time.Time     `json:"at"`   // when it can be on, UTC: when that day begins, or the request if that is later
	// asked for from that day on, and not from the first of a month; the whole month's
	// minimum applies (F7)
	AsSoonAsPossible bool      `json:"as_soon_as_possible,omitempty"`
	TaskDue          time.Time `json:"task_due"` // by when the operator is to switch it on at Viber, UTC: the end of the 2nd working day after that day
}

// SenderEnableWithdrawn: it stays off.
type SenderEnableWithdrawn struct{}

// SenderTaskDone: an operator did at Viber what was asked for.
type SenderTaskDone struct {
	Task TaskKind `json:"task"` // what was done: "switch_off" (F5) or "switch_on" (F7)
}

// SenderEnabled: Disabled → Active.
type SenderEnabled struct {
	On calendar.Date `json:"on,omitzero"` // the day on which it began, in the billing zone; absent in early events, which count as no toggle
	At time.Time     `json:"at,omitzero"` // when it began, UTC; absent in early events, which began at their ce_time
}

// enableSender is F6 and F7.
func enableSender(s SenderState, f Facts, c EnableSender) ([]Event, error) {
	if s.Closed {
		return nil, domain.Refuse(CodeSenderClosed, "the sender was closed for good; create another one")
	}
	from, err := firstDay(f, c)
	if err != nil {
		return nil, err
	}
	asked := SenderEnableAsked{From: from, At: later(from.Begins(f.zone()), f.Now).UTC(), AsSoonAsPossible: c.AsSoonAsPossible, TaskDue: f.endOfWorkingDay(from, SwitchDays).UTC()}
	if s.Enabling != nil {
		return nil, repeat(s.Enabling.From == from && s.Enabling.AsSoonAsPossible == c.AsSoonAsPossible,
			domain.RefuseField(CodeAlreadyExists, "month", "the sender is about to be enabled from %s on already: take that back first (POST …/enable/withdraw, or goniec sender enable ID --withdraw), then ask anew", s.Enabling.From))
	}
	if ok, first := calendar.MayToggle(s.Ons, from); !ok {
		return nil, domain.RefuseField(CodeToggledTwice, "month",
			"the sender was switched on twice in %d: it can be on again from %s; ask for month %s", from.Year, first, first.InMonth())
	}
	return []Event{asked}, nil
}

// firstDay is the day from which the sender is to be on.
func firstDay(f Facts, c EnableSender) (calendar.Date, error) {
	today, next := f.today(), f.today().InMonth().Add(1)
	switch {
	case c.AsSoonAsPossible && c.Month != (calendar.Month{}):
		return today, domain.RefuseField(CodeInvalidValue, "month", "must not be given together with as_soon_as_possible")
	case c.AsSoonAsPossible:
		return today, nil
	case c.Month == (calendar.Month{}):
		return next.First(), nil
	case c.Month.Before(next):
		return today, domain.RefuseField(CodeBackdated, "month", "must be %s or later; or ask for as_soon_as_possible", next)
	case next.Add(maxNoticeMonths).Before(c.Month):
		return today, domain.RefuseField(CodeInvalidValue, "month", "must be at most %d months ahead", maxNoticeMonths)
	}
	return c.Month.First(), nil
}

func withdrawEnable(s SenderState) ([]Event, error) {
	if s.Enabling == nil {
		return nil, domain.Refuse(CodeNotEnabling, "nobody asked for the sender to be enabled")
	}
	return []Event{SenderEnableWithdrawn{}}, nil
}

// confirmSender is the operator's word on the open task. A sender whose day has
// come is on at once, else when it comes.
func confirmSender(s SenderState, f Facts) ([]Event, error) {
	switch {
	case s.Task == nil:
		return nil, domain.Refuse(CodeNoTask, "the sender has no task to confirm")
	case s.Task.Done:
		return nil, nil
	}
	done := []Event{SenderTaskDone{Task: s.Task.Kind}}
	if s.Enabling != nil && !f.Now.Before(s.Enabling.At) {
		return append(done, enabledFrom(f.today(), f.Now)), nil
	}
	return done, nil
}

func enabledFrom(day calendar.Date, at time.Time) SenderEnabled {
	return SenderEnabled{On: day, At: at.UTC()}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

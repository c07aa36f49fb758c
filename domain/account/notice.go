package account

import (
	"time"

	"goniec/domain"
	"goniec/domain/calendar"
)

// SwitchDays is how many working days an operator has to switch a sender off, or
// on, at Viber (F5).
const SwitchDays = 2

// DisableSender asks for the sender's end at the end of a month (F5): of Month, or,
// if it is zero, of the current one as long as there is time. A later month is never
// taken by itself: the client names it. Close asks for its end for good (F6).
// Repeating it unchanged changes nothing.
type DisableSender struct {
	Reason    string         `json:"reason"`
	Month     calendar.Month `json:"month,omitzero"`
	Close     bool           `json:"close,omitempty"`
	IfVersion int64          `json:"if_version,omitempty"` // as SaveSender's
}

// WithdrawDisable takes the notice back, before it takes effect (F5).
type WithdrawDisable struct {
	IfVersion int64 `json:"if_version,omitempty"` // as SaveSender's
}

// SenderNoticeGiven: the sender ends with Month. Until then it works (F5).
type SenderNoticeGiven struct {
	Reason string         `json:"reason"`          // in the words of whoever gave notice, at most 500 characters
	Month  calendar.Month `json:"month"`           // the last one in which it works and whose minimum applies, in the billing zone
	Effect time.Time      `json:"effect"`          // the first instant after that month, UTC
	Close  bool           `json:"close,omitempty"` // whether it ends for good (F6)
}

// SenderNoticeWithdrawn: it goes on.
type SenderNoticeWithdrawn struct{}

// SenderDisabled: Active → Disabled, at the end of the month of notice. The operator
// has until TaskDue to switch it off at Viber (F5).
type SenderDisabled struct {
	Reason string `json:"reason"` // that of the notice
	// the first day on which it is off, in the billing zone; absent in early events, which
	// count as no toggle
	On calendar.Date `json:"on,omitzero"`
	At time.Time     `json:"at,omitzero"` // when that day began, UTC; absent in early events, which took effect at their ce_time
	// by when the operator is to switch it off at Viber, UTC: the end of the 2nd working day
	// after that day (F5)
	TaskDue time.Time `json:"task_due,omitzero"`
}

// SenderClosed: Disabled, for good (F6).
type SenderClosed struct {
	Reason string `json:"reason"` // that of the notice, or of whoever closed what was disabled already; at most 500 characters
}

// disableSender is F5 and F6.
func disableSender(s SenderState, f Facts, c DisableSender) ([]Event, error) {
	if err := checkText("reason", c.Reason, MaxReason); err != nil {
		return nil, err
	}
	if s.Status == SenderOff {
		return closeDisabled(s, c)
	}
	month, err := lastMonth(f, c)
	if err != nil {
		return nil, err
	}
	given := SenderNoticeGiven{Reason: c.Reason, Month: month, Effect: month.Ends(f.zone()).UTC(), Close: c.Close}
	if s.Notice != nil {
		return nil, repeat(*s.Notice == Notice(given),
			domain.RefuseField(CodeAlreadyExists, "month", "notice was given already, for the end of %s: take it back first (POST …/disable/withdraw, or goniec sender disable ID --withdraw), then give another one", s.Notice.Month))
	}
	if on := month.Add(1).First(); !c.Close {
		if ok, from := calendar.MayToggle(s.Offs, on); !ok {
			return nil, domain.RefuseField(CodeToggledTwice, "month",
				"the sender was switched off twice in %d: it can be off from %s, with notice for the end of %s or later; or close it for good", on.Year, from, from.InMonth().Add(-1))
		}
	}
	return []Event{given}, nil
}

// closeDisabled closes for good what is off already: no minimum is owed, so that no
// notice is needed.
func closeDisabled(s SenderState, c DisableSender) ([]Event, error) {
	switch {
	case s.Closed:
		return nil, repeat(c.Close, domain.Refuse(CodeSenderClosed, "the sender was closed for good; create another one"))
	case !c.Close:
		return nil, domain.Refuse(CodeSenderState, "the sender is disabled already; it can be enabled, or closed for good")
	case s.Enabling != nil:
		return nil, domain.Refuse(CodeEnabling, "the sender is about to be enabled: withdraw that first")
	}
	return []Event{SenderClosed{Reason: c.Reason}}, nil
}

// lastMonth is the month with whose end the sender ends.
func lastMonth(f Facts, c DisableSender) (calendar.Month, error) {
	earliest := f.Notice.Earliest(f.Now, f.zone())
	this := calendar.MonthOf(f.Now, f.zone())
	switch {
	case c.Month == (calendar.Month{}) && earliest == this:
		return this, nil
	case c.Month == (calendar.Month{}):
		return this, domain.RefuseField(CodeNoticeTooLate, "month",
			"notice for the end of %s had to be given by %s; confirm the end of %s by naming it: its minimum applies", this, f.Notice.LastDay(this), earliest)
	case c.Month.Before(earliest):
		return this, domain.RefuseField(CodeNoticeTooLate, "month",
			"notice for the end of %s had to be given by %s; the earliest end now is that of %s", c.Month, f.Notice.LastDay(c.Month), earliest)
	case this.Add(maxNoticeMonths).Before(c.Month):
		return this, domain.RefuseField(CodeInvalidValue, "month", "must be at most %d months ahead", maxNoticeMonths)
	}
	return c.Month, nil
}

// maxNoticeMonths bounds how far ahead an end, or a beginning, may be asked for.
const maxNoticeMonths = 24

func withdrawDisable(s SenderState) ([]Event, error) {
	if s.Notice == nil {
		return nil, domain.Refuse(CodeNoNotice, "no notice was given")
	}
	return []Event{SenderNoticeWithdrawn{}}, nil
}

// noticeTakesEffect is the timer's work at the end of the month of notice.
func noticeTakesEffect(n Notice, f Facts) []Event {
	on := n.Month.Add(1).First()
	out := []Event{SenderDisabled{Reason: n.Reason, On: on, At: n.Effect, TaskDue: f.endOfWorkingDay(on, SwitchDays).UTC()}}
	if n.Close {
		out = append(out, SenderClosed{Reason: n.Reason})
	}
	return out
}

package account

import (
	"slices"
	"strings"
	"time"

	"goniec/domain"
	"goniec/domain/calendar"
)

// SenderState is a configuration, folded from its events.
type SenderState struct {
	Account    string             `json:"account"`
	Name       string             `json:"name"`
	Company    string             `json:"company"`
	Country    string             `json:"country"`
	TwoWay     bool               `json:"two_way,omitempty"`
	Status     SenderStatus       `json:"status"`
	ServiceID  int64              `json:"service_id,omitempty"` // 0 before the approval
	ActiveOn   time.Time          `json:"active_on,omitzero"`   // of the first activation, whose month owes no minimum (F2)
	Form       Form               `json:"form,omitzero"`        // what was saved of it; Filled has the rest
	Submission Submission         `json:"submission,omitzero"`  // the last
	PassedOn   time.Time          `json:"passed_on,omitzero"`   // of the submission under review
	Reference  string             `json:"reference,omitempty"`  // Viber's, with PassedOn
	VerifiedBy time.Time          `json:"verified_by,omitzero"` // when the operator is reminded of the verification (B7)
	PrefixBy   time.Time          `json:"prefix_by,omitzero"`   // and of the activation of the prefix
	Reminded   []domain.TimerName `json:"reminded,omitempty"`   // of these two, which the operator was
	Reasons    []string           `json:"reasons,omitempty"`    // of the last return, until the next submission
	Change     *Change            `json:"change,omitempty"`     // the next version of an Active one (B11)
	Notice     *Notice            `json:"notice,omitempty"`     // its end was asked for (F5)
	Enabling   *Enabling          `json:"enabling,omitempty"`   // its beginning was asked for (F7)
	Task       *Task              `json:"task,omitempty"`       // the operator's last one
	Suspension *Suspension        `json:"suspension,omitempty"` // B13
	Closed     bool               `json:"closed,omitempty"`     // for good (F6)
	Offs       []calendar.Date    `json:"offs,omitempty"`       // the days on which it was switched off (F6); a closing is none
	Ons        []calendar.Date    `json:"ons,omitempty"`        // and on
	Active     []Spell            `json:"active,omitempty"`     // when it was
	Suspended  []Spell            `json:"suspended,omitempty"`  // when it was
	Refusals   []Refusal          `json:"refusals,omitempty"`   // by the carrier, by time, since the last suspension
}

// Submission is one of a form for verification.
type Submission struct {
	Number int       `json:"number"` // 1, 2, …; 0 = there was none
	At     time.Time `json:"at"`
	Form   *Form     `json:"form,omitempty"` // as frozen; nil before forms were kept
}

// Notice is the end that was asked for.
type Notice SenderNoticeGiven

// Enabling is the beginning that was asked for.
type Enabling struct {
	From             calendar.Date `json:"from"`
	At               time.Time     `json:"at"`
	AsSoonAsPossible bool          `json:"as_soon_as_possible,omitempty"`
}

// TaskKind is what an operator has to do at Viber.
type TaskKind string

// The kinds of tasks.
const (
	SwitchOff      TaskKind = "switch_off"      // F5
	SwitchOn       TaskKind = "switch_on"       // F7
	PassOn         TaskKind = "pass"            // hand a submission to Viber (B7)
	Verify         TaskKind = "verify"          // approve or return it, when Viber has answered
	ActivatePrefix TaskKind = "activate_prefix" // see to it that the prefix is active
)

// Task is an operator's.
type Task struct {
	Kind    TaskKind  `json:"kind"`
	Due     time.Time `json:"due"` // the first instant at which it is overdue
	Overdue bool      `json:"overdue,omitempty"`
	Done    bool      `json:"done,omitempty"`
}

// OpenTasks are what an operator has to do for the sender.
func (s SenderState) OpenTasks() []Task {
	var out []Task
	switch reviewed := s.Status == SenderInReview || s.underReview(); {
	case reviewed && s.PassedOn.IsZero():
		out = append(out, Task{Kind: PassOn})
	case reviewed:
		out = append(out, Task{Kind: Verify, Due: s.VerifiedBy, Overdue: slices.Contains(s.Reminded, TimerVerification)})
		if slices.Contains(s.Reminded, TimerPrefix) {
			out = append(out, Task{Kind: ActivatePrefix, Due: s.PrefixBy, Overdue: true})
		}
	}
	if s.Task != nil && !s.Task.Done {
		out = append(out, *s.Task)
	}
	return out
}

func (t *Task) done() bool { return t != nil && t.Done }

// Suspension is one that is not lifted yet.
type Suspension struct {
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"`
	By     string    `json:"by"` // ByOperator or ByCarrier
}

// Spell is a time from From until before To; a zero To has not come yet.
type Spell struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to,omitzero"`
}

// Filled is the form as it stands, with what the configuration was created by
// and what holds unless the form says otherwise.
func (s SenderState) Filled() Form { return s.filled(s.Form) }

// Draft is the form as the next submission would hold it.
func (s SenderState) Draft() Form {
	if s.Change == nil {
		return s.Filled()
	}
	return s.filled(s.Change.Form)
}

func (s SenderState) filled(f Form) Form {
	if f.Company == "" {
		f.Company = s.Company
	}
	f.Name, f.Country = s.Name, s.Country
	if f.RegisteredIn == "" {
		f.RegisteredIn = DefaultCountry
	}
	if f.Communication == "" && s.TwoWay {
		f.Communication = TwoWay
	}
	return f
}

// OfSender says whether an event is one of a configuration's stream.
func OfSender(e Event) bool { return strings.HasPrefix(e.EventType(), "goniec.sender.") }

// ReasonsOf are the reasons that an event of a configuration gives, if any.
func ReasonsOf(e Event) []string {
	switch e := e.(type) {
	case SenderReturned:
		return e.Reasons
	case SenderChangeReturned:
		return e.Reasons
	case SenderNoticeGiven:
		return []string{e.Reason}
	case SenderDisabled:
		return []string{e.Reason}
	case SenderClosed:
		return []string{e.Reason}
	case SenderSuspended:
		return []string{e.Reason}
	case SenderReinstated:
		return []string{e.Reason}
	}
	return nil
}

func (s SenderState) underReview() bool { return s.Change != nil && s.Change.UnderReview }

// ActiveIn says whether the sender was Active in the month, for however short (F3);
// a spell that ended as it began is none.
func (s SenderState) ActiveIn(m calendar.Month, zone *time.Location) bool {
	begins, ends := m.Begins(zone), m.Ends(zone)
	return slices.ContainsFunc(s.Active, func(x Spell) bool {
		return x.From.Before(ends) && (x.To.IsZero() || x.To.After(later(x.From, begins)))
	})
}

// SuspendedThroughout says whether it was suspended during the whole month (F3).
func (s SenderState) SuspendedThroughout(m calendar.Month, zone *time.Location) bool {
	begins, ends := m.Begins(zone), m.Ends(zone)
	return slices.ContainsFunc(s.Suspended, func(x Spell) bool {
		return !x.From.After(begins) && (x.To.IsZero() || !x.To.Before(ends))
	})
}

func opened(list []Spell, at time.Time) []Spell { return append(slices.Clip(list), Spell{From: at}) }

// ended ends the spell that goes on.
func ended(list []Spell, at time.Time) []Spell {
	if len(list) == 0 {
		return list
	}
	out := slices.Clone(list)
	out[len(out)-1].To = at
	return out
}

// evolveSender folds one event in; at is its ce_time.
func evolveSender(old *SenderState, e Event, at time.Time) *SenderState {
	var s SenderState
	if old != nil {
		s = *old
	}
	switch e := e.(type) {
	case SenderCreated:
		s.Account, s.Name, s.Company, s.Country, s.TwoWay = e.Account, e.Name, e.Company, e.Country, e.TwoWay
		s.Status = SenderNew
	case SenderDraftSaved:
		s.take(s.Form.with(e))
	case SenderSubmitted:
		s.Status = SenderInReview
		s.submitted(e.At, e.Form)
	case SenderPassed:
		s.PassedOn, s.Reference, s.VerifiedBy, s.PrefixBy, s.Reminded = e.On, e.Reference, e.VerifiedBy, e.PrefixBy, nil
	case SenderWithdrawn:
		s.Status = SenderNew
	case SenderReturned:
		s.Status, s.Reasons = SenderNew, e.Reasons
		s.notReminded()
	case SenderApproved:
		s.Status, s.ServiceID, s.ActiveOn = SenderActive, e.ServiceID, e.ActiveOn
		s.Active = opened(s.Active, e.ActiveOn)
		s.notReminded()
	case SenderReminded:
		s.reminded(e)
	default:
		s.evolveActive(e, at)
	}
	return &s
}

// evolveActive folds what happens to a sender once it was approved.
func (s *SenderState) evolveActive(e Event, at time.Time) {
	switch e := e.(type) {
	case SenderChangeSaved, SenderChangeSubmitted, SenderChangeWithdrawn, SenderChangeReturned, SenderChangeApproved:
		s.evolveChange(e)
	case SenderNoticeGiven:
		s.Notice = (*Notice)(&e)
	case SenderNoticeWithdrawn:
		s.Notice = nil
	case SenderDisabled:
		s.disabled(e, at)
	case SenderClosed:
		s.Closed = true
	case SenderEnableAsked:
		s.Enabling = &Enabling{From: e.From, At: e.At, AsSoonAsPossible: e.AsSoonAsPossible}
		s.Task = &Task{Kind: SwitchOn, Due: e.TaskDue}
	case SenderEnableWithdrawn:
		s.Enabling, s.Task = nil, nil
	case SenderTaskDone:
		done := *s.Task
		done.Done = true
		s.Task = &done
	case SenderEnabled:
		s.enabled(e, at)
	case SenderRefused:
		s.Refusals = refused(s.Refusals, Refusal{Recipient: e.Recipient, At: e.At})
	case SenderSuspended:
		s.Refusals = nil
		s.Suspension = &Suspension{Since: at, Reason: e.Reason, By: e.By}
		s.Suspended = opened(s.Suspended, at)
	case SenderReinstated:
		s.Suspension = nil
		s.Suspended = ended(s.Suspended, at)
	}
}

func (s *SenderState) evolveChange(e Event) {
	next := Change{Form: s.Form}
	if s.Change != nil {
		next = *s.Change
	}
	switch e := e.(type) {
	case SenderChangeSaved:
		next.Form = next.Form.with(e.SenderDraftSaved)
	case SenderChangeSubmitted:
		next.UnderReview, next.Reasons = true, nil
		s.submitted(e.At, &e.Form)
	case SenderChangeWithdrawn:
		next.UnderReview = false
	case SenderChangeReturned:
		next.UnderReview, next.Reasons = false, e.Reasons
		s.notReminded()
	case SenderChangeApproved:
		next.Form.NoticeEmail = s.Form.NoticeEmail // which never waits for a review
		s.take(next.Form)
		if e.ServiceID != 0 {
			s.ServiceID = e.ServiceID
		}
		s.notReminded()
		s.Change = nil
		return
	}
	s.Change = &next
}

// take makes a form the one that holds.
func (s *SenderState) take(f Form) {
	s.Form = f
	s.Company, s.TwoWay = f.basics(s.Company, s.TwoWay)
}

func (s *SenderState) submitted(at time.Time, form *Form) {
	s.Submission = Submission{Number: s.Submission.Number + 1, At: at, Form: form}
	s.PassedOn, s.Reference, s.Reasons = time.Time{}, "", nil
	s.notReminded()
}

func (s *SenderState) notReminded() {
	s.VerifiedBy, s.PrefixBy, s.Reminded = time.Time{}, time.Time{}, nil
}

func (s *SenderState) reminded(e SenderReminded) {
	if e.Of != TimerTask {
		s.Reminded = append(slices.Clip(s.Reminded), e.Of)
		return
	}
	if s.Task != nil {
		late := *s.Task
		late.Overdue = true
		s.Task = &late
	}
}

func (s *SenderState) disabled(e SenderDisabled, at time.Time) {
	s.Status, s.Notice, s.Change = SenderOff, nil, nil
	if e.On == (calendar.Date{}) { // an early event: at once, and no toggle
		s.Active = ended(s.Active, at)
		return
	}
	s.Active = ended(s.Active, e.At)
	s.Task = &Task{Kind: SwitchOff, Due: e.TaskDue}
	s.Offs = append(slices.Clip(s.Offs), e.On)
}

func (s *SenderState) enabled(e SenderEnabled, at time.Time) {
	s.Status, s.Enabling = SenderActive, nil
	if e.On == (calendar.Date{}) { // an early event
		s.Active = opened(s.Active, at)
		return
	}
	s.Active = opened(s.Active, e.At)
	s.Ons = append(slices.Clip(s.Ons), e.On)
}

package account

import (
	"strings"
	"time"

	"goniec/domain"
	"goniec/domain/calendar"
)

func decideSender(s State, f Facts, c Command) ([]Event, error) {
	if !strings.HasPrefix(s.Stream, senderPrefix) {
		return nil, wrongStream(s, c)
	}
	if create, ok := c.(CreateSender); ok {
		return createSender(s, create)
	}
	if s.Sender == nil {
		return nil, domain.Refuse(CodeNotFound, "there is no such sender")
	}
	if _, ok := next(s.Sender.Status, c.CommandType()); !ok {
		if _, save := c.(SaveSender); save && s.Sender.Status == SenderInReview {
			return nil, frozen(*s.Sender)
		}
		return nil, domain.Refuse(CodeSenderState, "%s", notNow(s.Sender.Status, c.CommandType()))
	}
	if v := ifVersion(c); v != 0 && v != s.Version {
		return nil, domain.Refuse(CodeVersionConflict, "the sender is at version %d, not %d: look at it again", s.Version, v)
	}
	if s.Sender.Status == SenderActive {
		return decideActive(*s.Sender, f, c)
	}
	switch c := c.(type) {
	case SaveSender:
		return saveSender(*s.Sender, c)
	case SubmitSender:
		return submitSender(*s.Sender, f, c)
	case PassSender:
		return passSender(*s.Sender, f, c)
	case WithdrawSender:
		if err := withMe(*s.Sender); err != nil {
			return nil, err
		}
		return []Event{SenderWithdrawn{}}, nil
	case ApproveSender:
		return approveSender(*s.Sender, f, c)
	case ReturnSender:
		if err := checkReasons(c.Reasons); err != nil {
			return nil, err
		}
		return []Event{SenderReturned{Reasons: c.Reasons}}, nil
	}
	return decideSwitches(*s.Sender, f, c)
}

// decideActive is what is said to an Active sender: of its form it is the next
// version that is meant (B11).
func decideActive(s SenderState, f Facts, c Command) ([]Event, error) {
	switch c := c.(type) {
	case SaveSender:
		return saveChange(s, c)
	case SubmitSender:
		return submitChange(s, f)
	case PassSender, WithdrawSender, ApproveSender, ReturnSender:
		return reviewChange(s, f, c)
	}
	return decideSwitches(s, f, c)
}

// decideSwitches is what turns a sender off and on.
func decideSwitches(s SenderState, f Facts, c Command) ([]Event, error) {
	switch c := c.(type) {
	case DisableSender:
		return disableSender(s, f, c)
	case WithdrawDisable:
		return withdrawDisable(s)
	case EnableSender:
		return enableSender(s, f, c)
	case WithdrawEnable:
		return withdrawEnable(s)
	case ConfirmSender:
		return confirmSender(s, f)
	case SuspendSender:
		return suspendSender(s, c)
	case RefuseSender:
		return refuseSender(s, c)
	case LiftSuspension:
		return liftSuspension(s, c)
	}
	return nil, wrongStream(State{}, c)
}

func createSender(s State, c CreateSender) ([]Event, error) {
	for _, err := range []error{
		checkUUID("account", c.Account),
		checkSenderName("name", c.Name),
		checkCompany("company", c.Company),
		checkCountry("country", c.Country),
	} {
		if err != nil {
			return nil, err
		}
	}
	if c.Account == Installation {
		return nil, domain.RefuseField(CodeInvalidValue, "account", "the installation has no senders")
	}
	if StreamID(s.Stream) != SenderID(c.Account, c.Name, c.Country) {
		return nil, wrongStream(s, c)
	}
	if s.Sender != nil {
		return nil, repeat(s.Sender.Company == c.Company && s.Sender.TwoWay == c.TwoWay,
			domain.RefuseField(CodeAlreadyExists, "name", "names a sender that exists already in this country, with another company name or way of communication: "+
				"change that one's form (PATCH /v1/senders/%s), or choose another name", StreamID(s.Stream)))
	}
	return []Event{SenderCreated(c)}, nil
}

func ifVersion(c Command) int64 {
	switch c := c.(type) {
	case SaveSender:
		return c.IfVersion
	case SubmitSender:
		return c.IfVersion
	case PassSender:
		return c.IfVersion
	case WithdrawSender:
		return c.IfVersion
	case ApproveSender:
		return c.IfVersion
	case ReturnSender:
		return c.IfVersion
	case DisableSender:
		return c.IfVersion
	case WithdrawDisable:
		return c.IfVersion
	case EnableSender:
		return c.IfVersion
	case WithdrawEnable:
		return c.IfVersion
	case ConfirmSender:
		return c.IfVersion
	case SuspendSender:
		return c.IfVersion
	case LiftSuspension:
		return c.IfVersion
	}
	return 0
}

func saveSender(s SenderState, c SaveSender) ([]Event, error) {
	if err := c.Changes.check(); err != nil {
		return nil, err
	}
	changes := c.Changes.changing(s.Filled())
	if changes == (SenderDraftSaved{}) {
		return nil, nil
	}
	return []Event{changes}, nil
}

func submitSender(s SenderState, f Facts, c SubmitSender) ([]Event, error) {
	form := s.Filled()
	missing := Missing(form)
	if len(missing) > 0 && !c.Elsewhere {
		return nil, incomplete(missing)
	}
	return []Event{SenderSubmitted{At: f.Now, Number: s.Submission.Number + 1, Form: &form, Elsewhere: len(missing) > 0}}, nil
}

func passSender(s SenderState, f Facts, c PassSender) ([]Event, error) {
	if c.Reference != "" {
		if err := checkText("reference", c.Reference, MaxReference); err != nil {
			return nil, err
		}
	}
	on, err := sinceSubmission("on", c.On, s, f)
	if err != nil {
		return nil, err
	}
	day := calendar.DateOf(on, f.zone())
	return []Event{SenderPassed{
		On: on, Reference: c.Reference, VerifiedBy: f.endOfWorkingDay(day, VerificationDays).UTC(), PrefixBy: day.Add(PrefixDays + 1).Begins(f.zone()).UTC(),
	}}, nil
}

// sinceSubmission is the day that an operator names of a step after the
// submission; zero means now.
func sinceSubmission(field string, on time.Time, s SenderState, f Facts) (time.Time, error) {
	if on.IsZero() {
		on = f.Now
	}
	if on.After(f.Now) {
		return on, domain.RefuseField(CodeInvalidValue, field, "must not lie in the future")
	}
	if dayBefore(on, s.Submission.At) {
		return on, domain.RefuseField(CodeBackdated, field, "must not lie before the day of submission")
	}
	return on.UTC(), nil
}

// withMe refuses to take a submission back that Viber has (B10).
func withMe(s SenderState) error {
	if !s.PassedOn.IsZero() {
		return domain.Refuse(CodePassedOn, "the submission was passed to Viber already; ask the operator to return it")
	}
	return nil
}

func approveSender(s SenderState, f Facts, c ApproveSender) ([]Event, error) {
	if c.ServiceID <= 0 {
		return nil, domain.RefuseField(CodeRequired, "service_id", "must be Viber's service id, above 0")
	}
	on, err := sinceSubmission("active_on", c.ActiveOn, s, f)
	if err != nil {
		return nil, err
	}
	if m := calendar.MonthOf(on, f.zone()); f.sealed(m) {
		return nil, domain.RefuseField(CodeMonthSealed, "active_on", "must not lie in %s, which is sealed: nothing is dated into it any more", m)
	}
	return []Event{SenderApproved{ServiceID: c.ServiceID, ActiveOn: on}}, nil
}

// dayBefore compares dates in the zone in which the operator gave his.
func dayBefore(on, submitted time.Time) bool {
	y, m, d := submitted.In(on.Location()).Date()
	return on.Before(time.Date(y, m, d, 0, 0, 0, 0, on.Location()))
}

func checkReasons(reasons []string) error {
	if len(reasons) == 0 {
		return required("reasons")
	}
	if len(reasons) > MaxReasons {
		return domain.RefuseField(CodeTooMany, "reasons", "must be at most %d reasons, each of at most %d characters", MaxReasons, MaxReason)
	}
	for _, r := range reasons {
		if err := checkText("reasons", r, MaxReason); err != nil {
			return err
		}
	}
	return nil
}

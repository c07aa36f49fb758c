package account

import (
	"strings"
	"time"

	"goniec/domain"
)

func decideSender(s State, now time.Time, c Command) ([]Event, error) {
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
		return nil, domain.Refuse(CodeSenderState, "%s", notNow(s.Sender.Status, c.CommandType()))
	}
	if v := ifVersion(c); v != 0 && v != s.Version {
		return nil, domain.Refuse(CodeVersionConflict, "it is at version %d by now: look at it again", s.Version)
	}
	switch c := c.(type) {
	case SaveSender:
		return saveSender(*s.Sender, c)
	case SubmitSender:
		return submitSender(*s.Sender, now, c)
	case PassSender:
		return passSender(*s.Sender, now, c)
	case WithdrawSender:
		return withdrawSender(*s.Sender)
	case ApproveSender:
		return approveSender(*s.Sender, now, c)
	case ReturnSender:
		return returnSender(c)
	case DisableSender:
		return disableSender(c)
	case EnableSender:
		return []Event{SenderEnabled{}}, nil
	}
	return nil, wrongStream(s, c)
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
		return nil, repeat(s.Sender.Company == c.Company && s.Sender.TwoWay == c.TwoWay, "a sender of this name and country")
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

func submitSender(s SenderState, now time.Time, c SubmitSender) ([]Event, error) {
	form := s.Filled()
	missing := Missing(form)
	if len(missing) > 0 && !c.Elsewhere {
		return nil, incomplete(missing)
	}
	return []Event{SenderSubmitted{At: now, Number: s.Submissions + 1, Form: &form, Elsewhere: len(missing) > 0}}, nil
}

func passSender(s SenderState, now time.Time, c PassSender) ([]Event, error) {
	if c.Reference != "" {
		if err := checkText("reference", c.Reference, MaxReference); err != nil {
			return nil, err
		}
	}
	on, err := sinceSubmission("on", c.On, s, now)
	if err != nil {
		return nil, err
	}
	return []Event{SenderPassed{On: on, Reference: c.Reference}}, nil
}

// sinceSubmission is the day that an operator names of a step after the
// submission; zero means now.
func sinceSubmission(field string, on time.Time, s SenderState, now time.Time) (time.Time, error) {
	if on.IsZero() {
		on = now
	}
	if on.After(now) {
		return on, domain.RefuseField(CodeInvalidValue, field, "must not lie in the future")
	}
	if dayBefore(on, s.SubmittedAt) {
		return on, domain.RefuseField(CodeBackdated, field, "must not lie before the day of submission")
	}
	return on, nil
}

func withdrawSender(s SenderState) ([]Event, error) {
	if !s.PassedOn.IsZero() {
		return nil, domain.Refuse(CodePassedOn, "the submission was passed to Viber already; ask the operator to return it")
	}
	return []Event{SenderWithdrawn{}}, nil
}

func approveSender(s SenderState, now time.Time, c ApproveSender) ([]Event, error) {
	if c.ServiceID <= 0 {
		return nil, domain.RefuseField(CodeRequired, "service_id", "must be Viber's service id, above 0")
	}
	on, err := sinceSubmission("active_on", c.ActiveOn, s, now)
	if err != nil {
		return nil, err
	}
	return []Event{SenderApproved{ServiceID: c.ServiceID, ActiveOn: on}}, nil
}

// dayBefore compares dates in the zone in which the operator gave his.
func dayBefore(on, submitted time.Time) bool {
	y, m, d := submitted.In(on.Location()).Date()
	return on.Before(time.Date(y, m, d, 0, 0, 0, 0, on.Location()))
}

func returnSender(c ReturnSender) ([]Event, error) {
	if len(c.Reasons) == 0 {
		return nil, required("reasons")
	}
	if len(c.Reasons) > MaxReasons {
		return nil, domain.RefuseField(CodeTooMany, "reasons", "must be at most %d", MaxReasons)
	}
	for _, r := range c.Reasons {
		if err := checkText("reasons", r, MaxReason); err != nil {
			return nil, err
		}
	}
	return []Event{SenderReturned{Reasons: c.Reasons}}, nil
}

func disableSender(c DisableSender) ([]Event, error) {
	if err := checkText("reason", c.Reason, MaxReason); err != nil {
		return nil, err
	}
	return []Event{SenderDisabled(c)}, nil
}

package account

import (
	"time"

	"goniec/domain"
)

// Change is a new version of an Active sender's form (B11): while it is written and
// reviewed the old one works.
type Change struct {
	Form        Form     `json:"form"`
	UnderReview bool     `json:"under_review,omitempty"`
	Reasons     []string `json:"reasons,omitempty"` // of its last return, until it is submitted again
}

// SenderChangeSaved: a part of an Active sender's next version was saved (B11). It
// holds only what changed; what is empty was taken away again.
type SenderChangeSaved struct {
	SenderDraftSaved
}

// SenderChangeSubmitted: the next version is under review; it is frozen.
type SenderChangeSubmitted struct {
	At     time.Time `json:"at"`     // when it was submitted, UTC
	Number int       `json:"number"` // of the submission: goes on counting the configuration's, 1, 2, …
	Form   Form      `json:"form"`   // the whole form of the next version, as frozen
}

// SenderChangeWithdrawn: it can be changed again, by the client's wish (B10).
type SenderChangeWithdrawn struct{}

// SenderChangeReturned: it can be changed again, for these reasons (B8).
type SenderChangeReturned struct {
	Reasons []string `json:"reasons"` // in the operator's words: 1 to 20 of at most 500 characters
}

// SenderChangeApproved: the next version is the one that works.
type SenderChangeApproved struct {
	ServiceID int64 `json:"service_id,omitempty"` // Viber's service id, another one than before; absent = as before
}

// frozen says what helps whoever would change a form that is under review (B6).
func frozen(s SenderState) error {
	if !s.PassedOn.IsZero() {
		return domain.Refuse(CodeSenderState, "the form is frozen while Viber reviews it: ask the operator to return it, then change it")
	}
	return domain.Refuse(CodeSenderState, "the form is frozen while it is under review: withdraw it, change it and submit it again")
}

// saveChange saves what an Active sender may change: its address for notices at
// once, the rest as a new version (B11).
func saveChange(s SenderState, c SaveSender) ([]Event, error) {
	if s.underReview() {
		return nil, frozen(s)
	}
	if err := c.Changes.check(); err != nil {
		return nil, err
	}
	var out []Event
	atOnce := SenderDraftSaved{NoticeEmail: c.Changes.NoticeEmail}.changing(s.Filled())
	if atOnce != (SenderDraftSaved{}) {
		if *atOnce.NoticeEmail == "" {
			return nil, required("notice_email")
		}
		out = append(out, atOnce)
	}
	rest := c.Changes
	rest.NoticeEmail = nil
	if rest = rest.changing(s.Draft()); rest != (SenderDraftSaved{}) {
		out = append(out, SenderChangeSaved{rest})
	}
	return out, nil
}

func submitChange(s SenderState, f Facts) ([]Event, error) {
	switch {
	case s.underReview():
		return nil, domain.Refuse(CodeSenderState, "the new version is under review already")
	case s.Change == nil || len(Differences(s.Filled(), s.Draft())) == 0:
		return nil, domain.Refuse(CodeNoChange, "nothing was changed: save a change first")
	}
	form := s.Draft()
	if missing := Missing(form); len(missing) > 0 {
		return nil, incomplete(missing)
	}
	return []Event{SenderChangeSubmitted{At: f.Now, Number: s.Submission.Number + 1, Form: form}}, nil
}

// reviewChange is a step of the review of an Active sender's next version.
func reviewChange(s SenderState, f Facts, c Command) ([]Event, error) {
	if !s.underReview() {
		return nil, domain.Refuse(CodeSenderState, "the sender is active, and no new version of it is under review")
	}
	switch c := c.(type) {
	case PassSender:
		return passSender(s, f, c)
	case WithdrawSender:
		if err := withMe(s); err != nil {
			return nil, err
		}
		return []Event{SenderChangeWithdrawn{}}, nil
	case ReturnSender:
		if err := checkReasons(c.Reasons); err != nil {
			return nil, err
		}
		return []Event{SenderChangeReturned{Reasons: c.Reasons}}, nil
	case ApproveSender:
		if c.ServiceID < 0 {
			return nil, domain.RefuseField(CodeInvalidValue, "service_id", "must be Viber's service id; leave it out if it stays")
		}
		return []Event{SenderChangeApproved{ServiceID: c.ServiceID}}, nil
	}
	return nil, wrongStream(State{}, c)
}

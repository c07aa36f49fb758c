package message

import (
	"slices"
	"time"

	"goniec/domain"
)

// Evolve returns s after e, whose ce_time is at. It uses nothing but its
// arguments, never fails and never changes what s refers to: an event that the
// transition table does not know in s's status leaves the status.
func Evolve(s State, e Event, at time.Time) State {
	s.Status = nextStatus(s.Status, e)
	s = apply(s, e, at)
	if s.EndedAt.IsZero() && s.Ended() {
		s.EndedAt = at
	}
	return s
}

func apply(s State, e Event, at time.Time) State {
	switch ev := e.(type) {
	case Accepted:
		s.Accepted, s.CancelAt = terms(ev), time.Time{}
	case Refused:
		s.Accepted, s.Why = refusedTerms(ev), ev.Reason
	case Waiting:
		s.Release = ev.Until
	case Released:
		s.Deadline, s.Release = ev.Deadline, time.Time{}
	case Paused:
		s.Hold, s.HeldAt, s.RetryAt = ev.Switch, at, time.Time{}
	case Resumed:
		s = s.unheld()
		if !policies[s.Channel()].validity {
			s.SMSUntil = ev.Until
		}
	case AttemptStarted:
		s = started(s, ev, at)
	case Delivered:
		s = arrived(s, ev, at)
	case Read:
		s.ReadSeen = true
	case FellBack:
		s = s.unheld()
		s.Step = max(slices.Index(s.Plan(), ev.To), 0)
		s.SMSUntil, s.FallbackReason, s.RetryAt = ev.Deadline, ev.Reason, time.Time{}
		s.Why, s.WhyCode = "", ""
	case Charged:
		s.Charged = append(slices.Clone(s.Charged), ev.Channel)
	case CancelRequested:
		s = s.unheld()
		s.CancelAsked, s.RetryAt = true, time.Time{}
		if s.Status == none {
			s.CancelAt = at
		}
	case OptedOut:
		s.Closed = append(slices.Clone(s.Closed), ev.Channels...)
		if s.closed(s.Channel()) {
			s = s.unheld()
			s.RetryAt = time.Time{}
		}
	case Failed, Unknown, Cancelled:
		s = s.unheld()
		s.RetryAt, s.NoReport = time.Time{}, time.Time{}
	case AttemptAccepted, AttemptRefused, AttemptUnknown, AttemptNotSent, AttemptResolved, OutcomeDecided, PartReported, Undelivered:
		s = answered(s, e, at)
	}
	return s
}

// refusedTerms are what was asked for, unchecked.
func refusedTerms(ev Refused) Terms {
	return Terms{
		Account: ev.Account, Recipient: ev.Recipient, Number: ev.Number, Country: ev.Country,
		Sender: ev.Sender, Category: domain.Category(ev.Category),
	}
}

func terms(ev Accepted) Terms {
	t := Terms{
		Account: ev.Account, Recipient: ev.Recipient, Number: ev.Number, Country: ev.Country, Sender: ev.Sender,
		Category: ev.Category, Content: ev.Content, BodyDigest: ev.BodyDigest, SMSParts: ev.SMSParts,
		ServiceID: ev.ServiceID, SMSFrom: ev.SMSFrom, Fallback: ev.Fallback, FallbackAtOnce: ev.FallbackAtOnce,
		LatePolicy: ev.LatePolicy, ValidityMS: ev.ValidityMS, SMSValidityMS: ev.SMSValidityMS,
		ReportWaitMS: ev.ReportWaitMS, Test: ev.Test,
	}
	if ev.PricedCategory != ev.Category {
		t.PricedCategory = ev.PricedCategory
	}
	return t
}

// started adds an attempt and forgets the refused and unsent ones before it on
// its channel, so that a day of retries does not make the state grow.
func started(s State, ev AttemptStarted, at time.Time) State {
	a := Attempt{
		ID: ev.Attempt, Channel: ev.Channel, Route: ev.Route, ServiceID: ev.ServiceID, From: ev.From,
		Status: AttemptInFlight, Started: at, Try: 1,
	}
	var list []Attempt
	for _, old := range s.Attempts {
		if old.Channel == ev.Channel {
			a.Try = max(a.Try, old.Try+1)
		}
		if old.Channel != ev.Channel || old.Status != AttemptRejected && old.Status != AttemptUnsent {
			list = append(list, old)
		}
	}
	s.Attempts, s.Count, s.RetryAt = append(list, a), ev.Number, time.Time{}
	return s
}

// answered applies the events that speak of one attempt.
func answered(s State, e Event, at time.Time) State {
	switch ev := e.(type) {
	case AttemptAccepted:
		s = taken(s, ev.Attempt, e, ev.CarrierIDs, ev.Parts, ev.At)
	case AttemptResolved:
		s = taken(s, ev.Attempt, e, ev.CarrierIDs, ev.Parts, at)
	case AttemptRefused:
		s = s.edit(ev.Attempt, e, nil)
		s = s.retry(ev.RetryAt).because(ev.Attempt, whyRefused(s, ev), ev.Code)
	case AttemptNotSent:
		s = s.edit(ev.Attempt, e, nil)
		s = s.retry(ev.RetryAt).because(ev.Attempt, whyUnsent(ev), "")
	case AttemptUnknown:
		s = s.edit(ev.Attempt, e, nil)
	case OutcomeDecided:
		s = s.edit(ev.Attempt, e, func(a *Attempt) { a.Settled = ev.As })
	case Undelivered:
		s = s.edit(ev.Attempt, e, nil).because(ev.Attempt, ev.Reason, ev.Code)
		if ev.Channel == s.Channel() {
			s.NoReport = time.Time{}
		}
	case PartReported:
		s = s.edit(ev.Attempt, e, func(a *Attempt) { a.part(ev) })
	}
	return s
}

// edit returns s with the attempt's status moved by e and changed by change.
func (s State) edit(id string, e Event, change func(*Attempt)) State {
	i := slices.IndexFunc(s.Attempts, func(a Attempt) bool { return a.ID == id })
	if i < 0 {
		return s
	}
	s.Attempts = slices.Clone(s.Attempts)
	a := &s.Attempts[i]
	a.Status = nextAttempt(a.Status, e)
	if change != nil {
		change(a)
	}
	return s
}

// unheld returns s without the switch that it waited for.
func (s State) unheld() State {
	s.Hold, s.HeldAt = "", time.Time{}
	return s
}

func (s State) retry(at *time.Time) State {
	if at != nil {
		s.RetryAt = *at
	}
	return s
}

// because keeps why the attempt came to nothing, if it is one of the current step.
func (s State) because(attempt, why, code string) State {
	if a, ok := s.Attempt(attempt); ok && a.Channel == s.Channel() {
		s.Why, s.WhyCode = why, code
	}
	return s
}

func taken(s State, id string, e Event, carrierIDs []string, parts int, at time.Time) State {
	s = s.edit(id, e, func(a *Attempt) {
		a.Parts = parts
		if len(carrierIDs) > 0 {
			a.CarrierIDs = slices.Clone(carrierIDs)
		}
	})
	a, _ := s.Attempt(id)
	if a.Channel == s.Channel() {
		s = s.unheld()
		s.RetryAt = time.Time{}
	}
	if policies[a.Channel].awaitsReport && !s.over() {
		s.NoReport = at.Add(s.smsValidity() + s.reportWait())
	}
	return s
}

func whyRefused(s State, ev AttemptRefused) string {
	a, _ := s.Attempt(ev.Attempt)
	switch {
	case !ev.Permanent:
		return ReasonExpired // if nothing better comes: it was tried until the end
	case policies[a.Channel].awaitsReport:
		return ReasonRejected
	}
	return ev.Reason
}

func whyUnsent(ev AttemptNotSent) string {
	switch ev.Reason {
	case ReasonTooLate, ReasonThrottled, ReasonRouteDown, ReasonPaused:
		return ReasonExpired
	}
	return ev.Reason
}

// part notes the word on one part; a part given up may still be delivered.
func (a *Attempt) part(ev PartReported) {
	id := NormaliseCarrierID(ev.CarrierID)
	if ReportStatus(ev.Status) != ReportDelivered {
		a.PartsDead = append(slices.Clone(a.PartsDead), id)
		return
	}
	a.PartsDone = append(slices.Clone(a.PartsDone), id)
	a.PartsDead = slices.DeleteFunc(slices.Clone(a.PartsDead), func(d string) bool { return d == id })
	if len(a.PartsDead) == 0 {
		a.PartsDead = nil
	}
}

func arrived(s State, ev Delivered, at time.Time) State {
	s = s.edit(ev.Attempt, ev, nil)
	s.Delivered = append(slices.Clone(s.Delivered), ev.Channel)
	if s.FirstChannel == "" || at.Before(s.FirstAt) {
		s.FirstChannel, s.FirstAt = ev.Channel, at
	}
	s.RetryAt, s.NoReport = time.Time{}, time.Time{}
	return s.unheld()
}

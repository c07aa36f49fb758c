package whatif

import (
	"time"

	"goniec/domain"
	"goniec/domain/message"
)

// start puts on the agenda what is said of an attempt: what was said of the real
// one, as long after its start, or what is assumed of one that never was.
func (r *replay) start(ev message.AttemptStarted) {
	list, n := r.life.tries[ev.Channel], r.begun[ev.Channel]
	r.begun[ev.Channel]++
	switch {
	case n < len(list):
		r.follow(ev, list[n], list[n].words)
	case ev.Channel == domain.SMS:
		r.invent(ev)
	default:
		r.assumed[AssumeTries] = true
		r.again(ev, list)
	}
}

// follow repeats the words on a real attempt.
func (r *replay) follow(ev message.AttemptStarted, t *try, words []input) {
	shift := r.now.Sub(t.started)
	if shift != 0 && ev.Channel == domain.SMS {
		r.assumed[AssumeMoved] = true
	}
	ttl := time.Duration(ev.TTLSec) * time.Second
	for _, w := range words {
		if w, ok := r.within(t, ttl, w); ok {
			w.at = w.at.Add(shift)
			w.command = about(ev.Attempt, w.command, shift)
			if w.retryAt != nil {
				at := w.retryAt.Add(shift)
				w.retryAt = &at
			}
			r.agenda = append(r.agenda, w)
		}
	}
}

// again repeats how the last try on Viber ended; where there was none, none is made.
func (r *replay) again(ev message.AttemptStarted, list []*try) {
	if len(list) > 0 {
		last := list[len(list)-1]
		for _, w := range last.words {
			if _, answer := w.command.(message.Answer); answer {
				r.follow(ev, last, []input{{moment: w.moment, command: w.command}})
				return
			}
		}
	}
	r.say(message.Answer{Attempt: ev.Attempt, Outcome: message.OutcomeNotSent, Reason: message.ReasonTooLate, At: r.now})
}

// invent is an SMS that never was: taken and, mostly, delivered at once.
func (r *replay) invent(ev message.AttemptStarted) {
	r.assumed[AssumeSMS] = true
	r.taken(ev.Attempt)
}

func (r *replay) taken(attempt string) {
	status := message.ReportDelivered
	if r.smsDies {
		status = message.ReportUndelivered
	}
	r.say(message.Answer{Attempt: attempt, Outcome: message.OutcomeAccepted, CarrierIDs: []string{attempt}, Parts: r.terms.SMSParts, At: r.now})
	r.say(message.Report{Attempt: attempt, CarrierID: attempt, Status: status, At: r.now, Received: r.now})
}

func (r *replay) say(c message.Command) {
	r.agenda = append(r.agenda, input{moment: moment{r.now, never}, command: c})
}

// about is a word on another attempt, at another time.
func about(attempt string, c message.Command, shift time.Duration) message.Command {
	switch c := c.(type) {
	case message.Answer:
		c.Attempt, c.At = attempt, c.At.Add(shift)
		return c
	case message.Report:
		c.Attempt, c.At = attempt, c.At.Add(shift)
		return c
	case message.Resolve:
		c.Attempt = attempt
		return c
	}
	return c
}

// grain is how exact the carriers' times are.
const grain = time.Second

// within moves a report of Viber that follows from the time that it was given; ok
// is false for one that would not have come.
func (r *replay) within(t *try, ttl time.Duration, w input) (_ input, ok bool) {
	report, isReport := w.command.(message.Report)
	if !isReport || t.channel != domain.Viber || ttl == t.ttl {
		return w, true
	}
	age, move := report.At.Sub(t.started), time.Duration(0)
	switch report.Status {
	case message.ReportDelivered, message.ReportRead:
		if age > ttl && age <= t.ttl+grain && report.Status == message.ReportDelivered || r.assumed[AssumeLate] {
			r.assumed[AssumeLate] = true
			return w, false
		}
	case message.ReportExpired:
		if age+grain >= t.ttl {
			move = ttl - t.ttl
		} else if age > ttl {
			move = ttl - age
		}
	case message.ReportUndelivered, message.ReportRejected, message.ReportDeleted, message.ReportAccepted:
	}
	if move != 0 {
		r.assumed[AssumeExpired] = true
		report.At, w.at = report.At.Add(move), w.at.Add(move)
		w.command = report
	}
	return w, true
}

// said is what really is said when its time has come: whether a call was caught in
// the outbox depends on the settings, too.
func (r *replay) said(w input) (input, bool) {
	a, ok := w.command.(message.Answer)
	if !ok || a.Outcome != message.OutcomeNotSent || a.Reason != message.ReasonRevoked && a.Reason != message.ReasonTooLate {
		return w, true
	}
	at, known := r.s.Attempt(a.Attempt)
	caught := a.Reason == message.ReasonRevoked && r.revoked[a.Attempt] || a.Reason == message.ReasonTooLate && !r.now.Before(r.until(at.Channel))
	switch {
	case !known || caught:
	case at.Channel == domain.SMS:
		r.assumed[AssumeSMS], r.assumed[AssumeMoved] = true, false
		r.taken(a.Attempt)
		return w, false
	default:
		r.assumed[AssumeTries] = true
	}
	return w, true
}

// until is when an attempt would be too late.
func (r *replay) until(ch domain.Channel) time.Time {
	if ch == domain.SMS {
		return r.s.SMSUntil
	}
	return r.s.Deadline
}

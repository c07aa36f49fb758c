package whatif

import (
	"slices"
	"strconv"
	"time"

	"goniec/domain"
	"goniec/domain/calendar"
	"goniec/domain/message"
)

// World tells what a decision regards besides the message's own stream.
type World struct {
	Prices   func(account string) message.PriceFinder // that were in force
	Currency func(account string) string
	Month    func(time.Time) calendar.Month // of the billing zone
}

// replay decides a message once more.
type replay struct {
	life    *life
	world   World
	terms   message.Accepted // it is accepted with
	prices  message.PriceFinder
	smsDies bool // an SMS that was never sent is not delivered

	s       message.State
	now     time.Time
	out     []message.Stamped
	agenda  []input
	begun   map[domain.Channel]int
	ids     int
	revoked map[string]bool
	assumed map[Assumption]bool
}

// maxSteps bounds a replay: a day of retries takes some hundreds.
const maxSteps = 5_000

// run decides all of it. It ends when nothing is left to come.
func (r *replay) run() {
	r.s, r.begun = message.New(r.life.id), map[domain.Channel]int{}
	r.revoked, r.assumed = map[string]bool{}, map[Assumption]bool{}
	r.agenda = slices.Clone(r.life.inputs)
	r.now = r.life.requested
	for _, c := range r.life.cancelled {
		r.apply(c)
	}
	r.decide(r.request(), nil)
	for range maxSteps {
		next, ok := r.next()
		if !ok {
			return
		}
		r.now = later(r.now, next.at)
		if word, said := r.said(next); said {
			r.decide(word.command, word.retryAt)
		}
	}
}

// request is what the message was asked for with.
func (r *replay) request() message.Request {
	a := r.terms
	return message.Request{
		Recipient: a.Recipient, Number: a.Number, Country: a.Country, Sender: a.Sender, Category: a.Category, Content: a.Content,
		Digest: a.Digest, BodyDigest: a.BodyDigest, TextLength: a.TextLength, SMSParts: a.SMSParts, SMSEncoding: a.SMSEncoding,
		Fallback: a.Fallback, ValidityMS: a.ValidityMS, SendAt: a.SendAt, ClientRef: a.ClientRef, Tags: a.Tags, Test: a.Test,
	}
}

// decide takes what the rules say; a word that they refuse now changes nothing.
func (r *replay) decide(c message.Command, retryAt *time.Time) {
	events, err := message.Decide(r.s, r.facts(retryAt), c)
	if err != nil {
		return
	}
	for _, e := range events {
		r.apply(e)
		if ev, ok := e.Event.(message.AttemptStarted); ok {
			r.start(ev)
		}
		_, revokes := message.Instructions(r.s, e.Event)
		for _, x := range revokes {
			r.revoked[x.Attempt] = true
		}
	}
}

func (r *replay) apply(e message.Stamped) {
	r.out = append(r.out, e)
	r.s = message.Evolve(r.s, e.Event, e.At)
}

// next is what comes first: something said, or a timer. It is taken from the agenda.
func (r *replay) next() (input, bool) {
	first, at := input{moment: moment{seq: never}}, -1
	for i, in := range r.agenda {
		if at < 0 || in.before(first.moment) {
			first, at = in, i
		}
	}
	timer, ok := r.timer()
	if ok && (at < 0 || timer.before(first.moment)) {
		return timer, true
	}
	if at >= 0 {
		r.agenda = slices.Delete(r.agenda, at, at+1)
	}
	return first, at >= 0
}

// timer is the timer that is fired next: when it really was, if it was, else when
// it is due.
func (r *replay) timer() (first input, ok bool) {
	for _, t := range message.Timers(r.s) {
		at := moment{t.Due, never}
		if real, was := r.life.fired[dueOf(t)]; was {
			at = real
		}
		if !ok || at.before(first.moment) {
			first, ok = input{moment: at, command: message.Fire{Timer: t.Name, Due: t.Due}}, true
		}
	}
	if end := r.resumedAt(); !end.IsZero() && (!ok || end.Before(first.at)) {
		first, ok = input{moment: moment{at: later(end, r.now), seq: never}, command: message.Fire{Timer: message.TimerResume, Due: r.s.HeldAt}}, true
	}
	return first, ok
}

// resumedAt is when the switch was turned off that the message waits for.
func (r *replay) resumedAt() time.Time {
	var end time.Time
	for _, h := range r.life.holds {
		if h.name == r.s.Hold && !r.s.HeldAt.Before(h.from) && (h.to.IsZero() || r.s.HeldAt.Before(h.to)) {
			end = h.to
		}
	}
	return end
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// facts are those of the time: the settings that are tried, and what the message met.
func (r *replay) facts(retryAt *time.Time) message.Facts {
	a, away := r.terms, !r.life.gone.IsZero() && !r.now.Before(r.life.gone)
	r.ids++
	ids := strconv.Itoa(r.ids)
	return message.Facts{
		Now: r.now, AccountID: a.Account, NewID: func(i int) string { return ids + "." + strconv.Itoa(i) },
		Account: message.AccountFacts{
			Known: true, Active: true, Currency: r.currency(), FallbackAtOnce: a.FallbackAtOnce, LatePolicy: a.LatePolicy,
			SMSValidity: time.Duration(a.SMSValidityMS) * time.Millisecond, ReportWait: time.Duration(a.ReportWaitMS) * time.Millisecond,
		},
		Sender: message.SenderFacts{
			Known: true, InCountry: true, Active: !away, Suspended: away && r.life.barred, ServiceID: a.ServiceID, SMSFrom: a.SMSFrom,
		},
		Prices: r.prices, Month: r.world.Month, Pauses: r.pauses(),
		NotOnApp: !r.life.notOnApp.IsZero() && !r.now.Before(r.life.notOnApp),
		Allowed: func(ch domain.Channel, _ domain.Category) bool {
			at, shut := r.life.shut[ch]
			return !shut || r.now.Before(at)
		},
		Jitter: jitter(r.now, retryAt),
	}
}

func (r *replay) currency() string {
	for _, c := range r.life.charged {
		return c.Currency // one account has one
	}
	return r.world.Currency(r.terms.Account)
}

func (r *replay) pauses() message.Pauses {
	var p message.Pauses
	for _, h := range r.life.holds {
		switch on := !r.now.Before(h.from) && (h.to.IsZero() || r.now.Before(h.to)); {
		case !on:
		case !h.covers(domain.SMS):
			p.Viber = h.name
		case !h.covers(domain.Viber):
			p.SMS = h.name
		default:
			p.All = h.name
		}
	}
	return p
}

// jitter is the one that really was, found from when the next try was to come.
func jitter(now time.Time, retryAt *time.Time) func(int) float64 {
	if retryAt == nil {
		return nil
	}
	return func(try int) float64 {
		delay := message.Backoff(try)
		return float64(retryAt.Sub(now)-delay+time.Microsecond/2) / float64(delay)
	}
}

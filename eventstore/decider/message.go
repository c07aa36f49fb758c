package decider

import (
	"errors"
	"strconv"
	"time"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/calendar"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

func messageStream(id string) string   { return "message/" + id }
func recipientStream(id string) string { return "recipient/" + id }
func numberStream(key string) string   { return "number/" + key }

func (g *group) message(stream string) (message.State, error) {
	e, err := g.load(stream)
	if err != nil {
		return message.State{}, err
	}
	m, ok := e.agg.(messageState)
	if !ok {
		return message.State{}, poison("wrong_stream", errors.New("not a message"))
	}
	return m.State, nil
}

func (g *group) recipient(id string) (recipient.State, error) {
	e, err := g.load(recipientStream(id))
	if err != nil {
		return recipient.State{}, err
	}
	return e.agg.(recipientState).State, nil
}

func (g *group) number(key string) (recipient.NumberState, error) {
	e, err := g.load(numberStream(key))
	if err != nil {
		return recipient.NumberState{}, err
	}
	return e.agg.(numberState).NumberState, nil
}

// whose are the identities that a message's facts are looked up by.
type whose struct{ account, recipient, number, sender, country string }

func whoseState(s message.State) whose {
	t := s.Accepted
	return whose{t.Account, t.Recipient, t.Number, t.Sender, t.Country}
}

// facts gathers what a decision on a message may regard, from the reference
// view and this partition.
func (g *group) facts(w whose) (message.Facts, error) {
	rcp, err := g.recipient(w.recipient)
	if err != nil {
		return message.Facts{}, err
	}
	num, err := g.number(w.number)
	if err != nil {
		return message.Facts{}, err
	}
	part, err := g.partition()
	if err != nil {
		return message.Facts{}, err
	}
	view, base := g.o.cfg.View, g.ids
	g.ids++
	f := message.Facts{
		Now: g.now, AccountID: w.account,
		NewID: func(i int) string {
			return g.o.derive(g.seed, "attempt", strconv.Itoa(base), strconv.Itoa(i))
		},
		Account: view.AccountFacts(w.account, g.now), Sender: view.SenderFacts(w.account, w.sender, w.country),
		Prices: view.PriceFinder(w.account), Allowed: rcp.Allowed, NotOnApp: num.NotOnViber(g.now),
		Sealed: part.Sealed,
		Month:  func(t time.Time) calendar.Month { return calendar.MonthOf(t, g.o.cfg.Zone) },
		Jitter: jitter(g.cmd.ID),
	}
	f.Account.ViberRoute, f.Account.SMSRoute = g.o.cfg.ViberRoute, g.o.cfg.SMSRoute
	f.Pauses = view.PauseFacts(w.account, w.sender, w.country, f.Account.ViberRoute, f.Account.SMSRoute)
	f.Used = message.UsedFacts{
		SenderID: f.Sender.ID, SenderVersion: f.Sender.Version,
		PolicyVersion: view.PolicyVersion(w.account), ViewOffset: g.o.cfg.ViewSeen(),
	}
	return f, nil
}

// decide runs the rules of one message and emits what they say.
func (g *group) decide(stream string, s message.State, w whose, adjust func(*message.Facts), c message.Command) error {
	f, err := g.facts(w)
	if err != nil {
		return err
	}
	if adjust != nil {
		adjust(&f)
	}
	events, err := message.Decide(s, f, c)
	if err != nil {
		return err
	}
	return g.emit(stream, w.account, facts(events)...)
}

func (g *group) request(c *eventstore.Command, r message.Request) error {
	s, err := g.message(c.Stream)
	if err != nil {
		return err
	}
	adjust := func(f *message.Facts) {
		if s.CancelAsked { // the cancel came first, and wins
			f.CancelledBy = &c.Actor
		}
	}
	return g.decide(c.Stream, s, whose{c.Account, r.Recipient, r.Number, r.Sender, r.Country}, adjust, r)
}

// cancel: for an id that nobody asked for yet the cancel is kept, and wins when
// the request comes (no order is promised between the lanes). When none can come
// any more the id is unknown, or of a message that has been evicted.
func (g *group) cancel(c *eventstore.Command, cancel message.Cancel) error {
	s, err := g.message(c.Stream)
	if err != nil {
		return err
	}
	if cancel.By == "" {
		cancel.By = c.Actor
	}
	if s.Status == "" {
		if s.CancelAsked {
			return nil
		}
		if !g.requestMayFollow() {
			return domain.Refuse(message.CodeNotFound, "no such message, or one that ended long ago")
		}
		return g.emit(c.Stream, c.Account, fact{message.CancelRequested{By: cancel.By}, g.now})
	}
	if s.Accepted.Account != c.Account {
		return domain.Refuse(message.CodeNotFound, "no such message")
	}
	return g.decide(c.Stream, s, whoseState(s), nil, cancel)
}

// resolve takes an operator's word on an attempt of unknown outcome, whatever
// account the message is of.
func (g *group) resolve(c *eventstore.Command, r message.Resolve) error {
	s, err := g.message(c.Stream)
	if err != nil {
		return err
	}
	if err := g.decide(c.Stream, s, whoseState(s), nil, r); err != nil {
		return err
	}
	return g.retryStored(s.Accepted.Number) // with one less in doubt a report may fit
}

// carrierAnswer takes a dispatcher's answer, and what follows from it for the
// recipient, the number, and the reports that waited for it.
func (g *group) carrierAnswer(c *eventstore.Command, a message.Answer) error {
	s, err := g.message(c.Stream)
	if err != nil {
		return err
	}
	if s.Status == "" {
		return poison("answer_without_message", errors.New("no such message"))
	}
	if a.Verdict.NotOnApp {
		if err := g.onNumber(s.Accepted.Number, recipient.Remember{Message: s.ID}); err != nil {
			return err
		}
	}
	if err := g.decide(c.Stream, s, whoseState(s), nil, a); err != nil {
		return err
	}
	if a.Verdict.OptOut {
		if err := g.onRecipient(whoseState(s), s.ID, recipient.OptOut{Number: s.Accepted.Number, Origin: recipient.OriginViberBlock, At: a.At}); err != nil {
			return err
		}
	}
	return g.retryStored(s.Accepted.Number)
}

// fire fires a timer of a stream.
func (g *group) fire(stream string, e *entry, t domain.Timer) error {
	before := len(g.events)
	var err error
	switch s := e.agg.(type) {
	case messageState:
		err = g.fireMessage(stream, s, t)
	case accountState:
		err = g.decideAccount(stream, ownerOf(s.State), s.State, account.Fire{Timer: t.Name, Due: t.Due})
	default:
		return g.batch.Delete(g.o.keys.timer(t.Due, stream, string(t.Name)), nil)
	}
	if err == nil && len(g.events) == before && t.Name != message.TimerResume { // it may be paused again meanwhile
		return poison("timer_without_effect", errors.New("the timer stays due"))
	}
	return err
}

func (g *group) fireMessage(stream string, m messageState, t domain.Timer) error {
	before := len(g.events)
	if err := g.decide(stream, m.State, whoseState(m.State), nil, message.Fire{Timer: t.Name, Due: t.Due}); err != nil {
		return err
	}
	for _, ev := range g.events[before:] {
		if ev.Type == message.TypeAttemptUnknown { // an answer was given up: reports that waited for it may be inferred now
			return g.retryStored(m.Accepted.Number)
		}
	}
	return nil
}

// ownerOf is the account whose sender s is.
func ownerOf(s account.State) string {
	if s.Sender == nil {
		return ""
	}
	return s.Sender.Account
}

// onNumber lets the rules of a number decide, and emits what they say.
func (g *group) onNumber(key string, c recipient.NumberCommand) error {
	n, err := g.number(key)
	if err != nil {
		return err
	}
	return g.emit(numberStream(key), "", facts(recipient.DecideNumber(n, g.now, c))...)
}

// onRecipient lets the rules of a recipient decide; an opt-out reaches every
// live message to it at once.
func (g *group) onRecipient(w whose, messageID string, c recipient.Command) error {
	s, err := g.recipient(w.recipient)
	if err != nil {
		return err
	}
	events, err := recipient.Decide(s, recipient.Facts{
		Now: g.now, Account: w.account, Number: w.number, Message: messageID, Sender: w.sender, TwoWay: g.twoWay(w),
	}, c)
	if err != nil {
		return err
	}
	if err := g.emit(recipientStream(w.recipient), w.account, facts(events)...); err != nil {
		return err
	}
	for _, e := range events {
		if out, ok := e.Event.(recipient.OptOutRecorded); ok {
			if err := g.spread(w.recipient, out); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *group) twoWay(w whose) bool {
	for _, s := range g.o.cfg.View.SendersNamed(w.account, w.sender) {
		if s.TwoWay {
			return true
		}
	}
	return false
}

// spread tells an opt-out to the live messages of the recipient. One on which the
// rules fail is parked; the opt-out stands, and the others are told.
func (g *group) spread(recipientID string, out recipient.OptOutRecorded) error {
	streams, err := g.lookup(message.RecipientKey(recipientID))
	if err != nil {
		return err
	}
	for _, stream := range streams {
		held, err := g.isParked(stream)
		if err != nil {
			return err
		}
		if held {
			continue // it is told when it is free again, see catchUp
		}
		if err := g.onMessage(stream, func() error { return g.tellOptOut(stream, out) }); err != nil {
			return err
		}
	}
	return nil
}

func (g *group) tellOptOut(stream string, out recipient.OptOutRecorded) error {
	s, err := g.message(stream)
	if err != nil {
		return err
	}
	c, ok := message.OptOutOf(s, out)
	if !ok {
		return nil
	}
	return g.decide(stream, s, whoseState(s), nil, c)
}

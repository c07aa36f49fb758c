package decider

import (
	"strconv"
	"strings"
	"time"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

// report takes a carrier's report to its attempt. One that fits none yet is
// kept with the number and tried again at the next answer.
func (g *group) report(c *eventstore.Command, r recipient.Report) error {
	stored := recipient.StoredReport{
		ID: c.ID, Route: r.Route, Channel: r.Channel, ServiceID: r.ServiceID, CarrierID: r.CarrierID,
		Status: r.Status, Code: r.Code, At: r.At, Received: r.Received,
	}
	match, err := g.match(r.Number, stored)
	if err != nil {
		return err
	}
	if match.Message != "" {
		done, err := g.onFree(match.Message, func() error { return g.deliverReport(match, stored) })
		if done || err != nil {
			return err
		} // else it waits with the number until its message is free
	}
	return g.onNumber(r.Number, recipient.Store{Report: stored, Pending: match.Kind == message.Pending, Why: match.Why})
}

// match looks for the report's attempt: by the carrier's id, else among the
// open attempts to the number.
func (g *group) match(number string, r recipient.StoredReport) (message.Match, error) {
	states, err := g.states(message.CarrierKey(r.Route, r.CarrierID))
	if err != nil {
		return message.Match{}, err
	}
	if m := message.MatchReport(r, states); m.Kind == message.Matched {
		return m, nil
	}
	states, err = g.states(message.NumberKey(number))
	if err != nil {
		return message.Match{}, err
	}
	return message.MatchReport(r, states), nil
}

// states are those of the messages under a key, also of parked ones: a report may be
// theirs, and must not be taken for another's.
func (g *group) states(key string) ([]message.State, error) {
	streams, err := g.lookup(key)
	if err != nil {
		return nil, err
	}
	var out []message.State
	for _, stream := range streams {
		s, err := g.message(stream)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// onFree is onMessage for a message that is not parked; done says whether fn was
// called and the rules did not fail.
func (g *group) onFree(id string, fn func() error) (done bool, err error) {
	stream := messageStream(id)
	if held, err := g.isParked(stream); held || err != nil {
		return false, err
	}
	if err := g.onMessage(stream, fn); err != nil {
		return false, err
	}
	held, err := g.isParked(stream)
	return !held, err
}

func (g *group) deliverReport(m message.Match, r recipient.StoredReport) error {
	stream := messageStream(m.Message)
	s, err := g.message(stream)
	if err != nil {
		return err
	}
	return g.decide(stream, s, whoseState(s), nil, m.Report(r))
}

// retryStored tries a number's stored reports again: an answer has come.
func (g *group) retryStored(number string) error {
	n, err := g.number(number)
	if err != nil {
		return err
	}
	for _, r := range n.Reports {
		m, err := g.match(number, r)
		if err != nil {
			return err
		}
		if m.Message == "" {
			continue
		}
		if _, err := g.onFree(m.Message, func() error { return g.deliverStored(number, m, r) }); err != nil {
			return err
		}
	}
	return nil
}

func (g *group) deliverStored(number string, m message.Match, r recipient.StoredReport) error {
	found := recipient.Matched{ID: r.ID, Message: m.Message, Attempt: m.Attempt, Inferred: m.Kind == message.Inferred}
	if err := g.onNumber(number, found); err != nil {
		return err
	}
	return g.deliverReport(m, r)
}

// optOut and lift come from the API, addressed to the recipient.
func (g *group) optOut(c *eventstore.Command, o recipient.OptOut) error {
	return g.onRecipient(g.addressed(c, o.Number), "", o)
}

func (g *group) lift(c *eventstore.Command, l recipient.Lift) error {
	return g.onRecipient(g.addressed(c, l.Number), "", l)
}

func (g *group) addressed(c *eventstore.Command, number string) whose {
	return whose{account: c.Account, recipient: strings.TrimPrefix(c.Stream, "recipient/"), number: number}
}

// subscription takes Viber's subscribe and unsubscribe events.
func (g *group) subscription(c *eventstore.Command, s recipient.Subscription) error {
	w, msg, err := g.speaker(c, s.Number, domain.Viber, strconv.FormatInt(s.ServiceID, 10), s.Recipient, time.Time{})
	if err != nil {
		return err
	}
	if w.recipient == "" {
		g.o.log.Warn("subscription event of an unknown service id", "service_id", s.ServiceID)
		return nil
	}
	return g.onRecipient(w, msg, s)
}

// reply ties a text from a recipient to the last message of that sender within
// 72 hours (rules.md D9).
func (g *group) reply(c *eventstore.Command, r recipient.Reply) error {
	service := r.To
	if r.Channel == domain.Viber {
		service = strconv.FormatInt(r.ServiceID, 10)
	}
	w, msg, err := g.speaker(c, r.Number, r.Channel, service, r.Recipient, g.now.Add(-recipient.ReplyWindow))
	if err != nil {
		return err
	}
	if w.recipient == "" {
		return g.onNumber(r.Number, r)
	}
	return g.onRecipient(w, msg, r)
}

// speaker finds who wrote to us: by the last message that this sender sent to
// the number, else as the edge knew it (account and recipient of a service id).
// The message is "" when the last one was sent before since.
func (g *group) speaker(c *eventstore.Command, number string, ch domain.Channel, service, rcp string, since time.Time) (w whose, msg string, err error) {
	stream, at, err := g.lastUnder(message.LastPrefix(number, ch, service))
	if err != nil {
		return w, "", err
	}
	if stream == "" {
		return whose{account: c.Account, recipient: rcp, number: number}, "", nil
	}
	s, err := g.message(stream)
	if err != nil {
		return w, "", err
	}
	if !at.Before(since) {
		msg = s.ID
	}
	return whoseState(s), msg, nil
}

// lastUnder returns the stream of the newest index entry under prefix and its time.
func (g *group) lastUnder(prefix string) (stream string, at time.Time, err error) {
	from := g.o.keys.key('i', prefix)
	err = scan(g.batch, from, after(from), func(k []byte) (bool, error) {
		micros, s, ok := strings.Cut(string(k[len(from):]), "\x00")
		if n, perr := strconv.ParseInt(micros, 10, 64); ok && perr == nil {
			stream, at = s, time.UnixMicro(n).UTC()
		}
		return true, nil
	})
	return stream, at, err
}

package sim

import (
	"context"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

// contents is a dispatcher's copy of the topic. It lags behind, and answers as
// eventstore.ContentStore does: when it has read up to an end that was asked for
// after the moment that the question names. Now and then it takes its time.
type contents struct {
	w     *world
	n     *node
	pos   int64     // it has read so far
	end   int64     // of the topic, when that was asked last
	asked time.Time // when that was
}

func (*contents) Follow(ctx context.Context, _ eventstore.Partition) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func (c *contents) Get(ctx context.Context, _ eventstore.Partition, id string, since time.Time) (value []byte, ok bool, err error) {
	k := c.w.kafka
	end := int64(0)
	o := &op{node: c.n, needs: needsKafka, name: "content " + id, slow: 4 * callTimeout}
	o.asked = func() {
		if !c.asked.After(since) {
			c.end, c.asked = k.topic(eventstore.Contents).end(), time.Now()
		}
		if end = c.end; c.pos >= end {
			o.needs = needsCarrier // the copy has it: Kafka may be away
		}
	}
	o.ready = func() bool { return c.pos >= end || k.stable(eventstore.Contents) >= end }
	o.apply = func() error {
		if c.pos = max(c.pos, end); o.needs == needsKafka && c.w.chance(2) {
			c.pos = max(c.pos, k.stable(eventstore.Contents))
		}
		value, ok = k.content(id, c.pos)
		return nil
	}
	err = c.w.call(ctx, o)
	return value, ok, err
}

// content is what stands under a key before an offset.
func (k *kafka) content(key string, before int64) (value []byte, ok bool) {
	for _, r := range slices.Backward(k.topic(eventstore.Contents).records[:before]) {
		if r.counts() && string(r.Key) == key {
			return r.Value, r.Value != nil
		}
	}
	return nil, false
}

// contentOf is the key of a message's content.
func contentOf(m *msg) string { return message.ContentKey(m.id, m.request.BodyDigest) }

// keep writes a message's content, as the edge does before the request.
func (w *world) keep(m *msg) {
	w.kafka.append(&sarama.ProducerMessage{Topic: eventstore.Contents, Key: sarama.StringEncoder(contentOf(m)), Value: sarama.StringEncoder("x")}, nil, time.Now())
}

// erase asks for the erasure of a recipient. The contents that it names are those that
// somebody found who looked a while ago.
func (w *world) erase(m *msg) {
	if waiting := slices.DeleteFunc(slices.Clone(w.messages), func(m *msg) bool {
		s := w.check.states["message/"+m.id]
		return !isLive(s) || atCarrier(s)
	}); len(waiting) > 0 && w.chance(2) {
		m = pickOf(w.scheduler, waiting...)
	}
	w.erasures++
	e := recipient.Erase{Number: m.number, Reason: "asked"}
	for _, other := range w.messages {
		key := contentOf(other)
		if _, ok := w.kafka.content(key, w.kafka.stable(eventstore.Contents)); ok && other.recipient == m.recipient && !w.chance(4) {
			e.Contents = append(e.Contents, key)
		}
	}
	w.put(eventstore.InboxUrgent, "operator", "erase", eventstore.Command{
		ID: w.id("erase"), Type: recipient.CommandErase, Stream: "recipient/" + m.recipient, Account: accountID, Actor: "key/1",
	}, e)
}

// tombstones notes what a transaction destroys, before anything else of it is judged:
// it counts as a whole.
func (c *checker) tombstones(x *txn) {
	c.destroyed = nil
	if _, ok := x.first[eventstore.Contents]; !ok {
		return
	}
	for _, r := range x.records {
		if key := string(r.Key); r.Topic == eventstore.Contents && key != filler {
			_, again := c.w.kafka.content(key, c.w.kafka.topic(eventstore.Contents).end())
			c.erased[key], c.destroyed = !again, append(c.destroyed, key)
		}
	}
}

// filler is the key of records without meaning.
var filler = string(encoded(eventstore.Fillers(eventstore.Topics{}, 0)[0].Key))

// kept: a content is there, perhaps again.
func (c *checker) kept(key string) {
	if _, ever := c.erased[key]; !ever {
		return
	}
	c.erased[key] = false
	for _, a := range c.attempts {
		if a.Content == key {
			a.erased = false
		}
	}
}

// mayBeErased: nothing ends for want of a content that nobody destroyed.
func (c *checker) mayBeErased(s message.State, reason string) {
	if _, ever := c.erased[message.ContentKey(s.ID, s.Accepted.BodyDigest)]; reason == message.ReasonErased && !ever {
		c.w.fail("message %s finds no content, and nobody has destroyed it", s.ID)
	}
}

// wiped: who was erased has nothing left, neither a content of what is live nor a message
// that is still to be sent, and what has ended with it says so.
func (c *checker) wiped(ev *eventstore.Event, e recipient.Erased) {
	if c.told += e.Contents; e.Contents+e.Ended == 0 {
		c.w.fail("%s: an erasure of nothing", ev.Stream)
	}
	for _, m := range c.w.messages {
		s := c.states["message/"+m.id]
		if !isLive(s) || "recipient/"+m.recipient != ev.Stream {
			continue
		}
		if !slices.Contains(c.destroyed, contentOf(m)) {
			c.w.fail("%s is erased, and message %s keeps its content", ev.Stream, m.id)
		}
		if !atCarrier(s) && !c.isHeld("message/"+m.id) {
			c.w.fail("%s is erased, and message %s is still to be sent", ev.Stream, m.id)
		}
	}
	ended := 0
	for i := len(c.events) - 1; i >= 0 && c.events[i].CommandID == ev.CommandID; i-- {
		if f, ok := c.facts[i].(message.Failed); ok && (f.Reason == message.ReasonErased || f.Reason == message.ReasonOptedOut) {
			ended++
		}
		if c.isHeld(c.events[i].Stream) {
			c.w.fail("%s is parked, and is told that %s is erased", c.events[i].Stream, ev.Stream)
		}
	}
	if ended != e.Ended {
		c.w.fail("%s is erased: %d messages have ended with it, and the event says %d", ev.Stream, ended, e.Ended)
	}
}

// isLive says that something may still be sent.
func isLive(s message.State) bool {
	return slices.Contains([]message.Status{message.StatusAccepted, message.StatusWaiting, message.StatusSending, message.StatusSent}, s.Status)
}

// atCarrier says that a carrier has the message, may have it, or is about to be called.
func atCarrier(s message.State) bool {
	return slices.ContainsFunc(s.Attempts, func(a message.Attempt) bool {
		return a.Status == message.AttemptInFlight || a.Channel == s.Channel() && (a.Status == message.AttemptTaken || a.Status == message.AttemptLost)
	})
}

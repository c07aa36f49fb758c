package sim

import (
	"slices"
	"strings"
	"time"

	"goniec/domain/message"
	"goniec/domain/partition"
)

// weeks lets so much domain time pass that the messages can be forgotten, or are
// about to be, and bad days begin again meanwhile: some are asked for once more,
// as new messages of the same id.
func (w *world) weeks() {
	w.check.heard()
	w.jump(message.KeptFor - w.between(0, 5*time.Second))
	w.healthy, w.last, w.faultsHad, w.shots = false, false, 0, nil // no answer takes so long
	for _, m := range w.messages {
		if w.chance(2) {
			w.again(m)
		}
	}
	w.badDays(w.plan.lasts / 2)
	w.heal()
	w.drain()
}

// forgotten: what is evicted was one message to its end, long ago. Of what comes
// from here on nothing is its.
func (c *checker) forgotten(gone partition.Evicted) {
	for _, id := range gone.Messages {
		stream := "message/" + id
		s, ok := c.states[stream]
		if at := message.EvictAt(s); !ok || at.IsZero() || at.After(c.w.latest) {
			c.w.fail("message %s is forgotten, and is %q, until %s", id, s.Status, at)
		}
		c.money(s)
		c.gone[stream] = true
		delete(c.versions, stream)
		delete(c.states, stream)
		for key := range c.count {
			if strings.HasSuffix(key, " "+stream) {
				delete(c.count, key)
			}
		}
		c.calls = slices.DeleteFunc(c.calls, func(old *call) bool { return old.message == id })
	}
}

// overdue is a message that should have been forgotten by now, or "".
func (w *world) overdue() string {
	for stream, s := range w.check.states {
		if at := message.EvictAt(s); !at.IsZero() && w.Now().After(at) {
			return stream
		}
	}
	return ""
}

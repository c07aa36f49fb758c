package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/eventstore"
)

// heal ends the bad days.
func (w *world) heal() {
	w.healthy = true
	w.brokers, w.edges, w.shots = time.Time{}, time.Time{}, nil
	for _, n := range w.nodes {
		n.frozen, n.cut = time.Time{}, time.Time{}
	}
	w.note("", "the bad days are over")
}

const (
	drainSteps = 5000
	drainTime  = 10 * time.Minute
)

// drain lets all that has begun come to its end.
func (w *world) drain() {
	began := time.Now()
	for i := 0; !w.failed(); i++ {
		if i > drainSteps || time.Since(began) > drainTime {
			w.fail("it does not come to an end: %s", w.unfinished())
			return
		}
		if !w.quiet() {
			w.step()
			continue
		}
		if w.resumable() {
			w.step() // it goes on by itself: nothing has to be due
			continue
		}
		next := w.nextDue()
		if next.IsZero() && w.unfinished() == "" {
			if w.last {
				return
			}
			w.last = true // one more transaction: it commits the offsets of commands that came to nothing
			w.optOut(&msg{recipient: w.id("last"), number: "last"})
		}
		if d := next.Sub(w.Now()); !next.IsZero() && d > 0 {
			w.jump(d)
		}
		w.step()
	}
}

// quiet says whether nothing is left to do at this moment.
func (w *world) quiet() bool {
	pending, now := w.settle(), time.Now()
	for _, o := range pending {
		if o.done || o.idle == nil || !o.idle() {
			return false
		}
	}
	return w.settledSince(now) >= 60*time.Millisecond
}

// settledSince is for how long no process has asked for anything but records.
func (w *world) settledSince(now time.Time) time.Duration { return now.Sub(w.busy) }

// nextDue is when, in domain time, something happens next by itself.
func (w *world) nextDue() time.Time {
	next := w.check.nextTimer()
	for _, due := range []time.Time{w.soonSealed(), w.check.noticeDue()} {
		if !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	for _, d := range w.reports {
		if next.IsZero() || d.at.Before(next) {
			next = d.at
		}
	}
	return next
}

// unfinished says what is not done yet, or "".
func (w *world) unfinished() string {
	for _, r := range w.roles {
		if r.owner == nil || r.owner.dead.Load() || !r.owner.owns() {
			return "nobody owns " + r.name
		}
	}
	for _, topic := range []string{eventstore.InboxUrgent, eventstore.InboxBulk} {
		if k := w.check.knows[w.roles[0].owner]; k.read[topic] < w.kafka.topic(topic).end() {
			return topic + " is not read to its end"
		}
	}
	for _, topic := range []string{eventstore.OutboxUrgent, eventstore.OutboxBulk} {
		at := w.kafka.committedAt(dispatcherGroup, topic)
		left := w.kafka.read(topic, max(at.offset, 0), 1).Records // what is no record need not be passed
		if len(left) > 0 || at.meta != "" {
			return fmt.Sprintf("%s: committed %d of %d", topic, at.offset, w.kafka.topic(topic).end())
		}
	}
	if w.plan.projects && len(w.kafka.read(eventstore.Messages, w.postgres.rows.next, 1).Records) > 0 {
		return fmt.Sprintf("the projection stands at %d", w.postgres.rows.next)
	}
	if slices.ContainsFunc(w.kafka.open, func(x *txn) bool { return x.state == txnPrepared }) {
		return "a transaction has not taken effect"
	}
	for _, m := range w.messages {
		s := w.check.states["message/"+m.id]
		if forgotten := s.Status == "" && w.check.gone["message/"+m.id]; !s.Ended() && !forgotten {
			return fmt.Sprintf("message %s is %q and waits for %q", m.id, s.Status, s.Waits())
		}
	}
	if len(w.check.asides) > 0 {
		return w.check.asides[0].thing + " is parked"
	}
	if sw := w.toResume(); sw != nil {
		return sw.Name() + " is paused"
	}
	if stream := w.overdue(); stream != "" {
		return stream + " is not forgotten"
	}
	return w.officeLeft()
}

// closeDown ends every process as an operator would: the owners last, so that they
// decide what the others answered before they went.
func (w *world) closeDown() {
	w.dismiss(func(n *node) bool { return n.role != w.roles[0] })
	w.serveUntil(w.quiet)
	w.shutDown()
}

func (w *world) shutDown() {
	w.note("", "every process is asked to end")
	w.dismiss(func(*node) bool { return true })
}

// dismiss asks processes to end, and waits until they have.
func (w *world) dismiss(whom func(*node) bool) {
	for _, n := range w.nodes {
		if whom(n) {
			n.end()
		}
	}
	w.serveUntil(func() bool {
		return !slices.ContainsFunc(w.nodes, func(n *node) bool {
			select {
			case <-n.ended:
				return false
			default:
				return whom(n)
			}
		})
	})
}

func (w *world) serveUntil(done func() bool) {
	for range drainSteps {
		pending := w.settle()
		w.tick()
		if done() {
			return
		}
		w.operations(pending)
	}
	w.fail("a process does not end")
}

// atEnd judges the whole story.
func (c *checker) atEnd() {
	for _, m := range c.w.messages {
		stream := "message/" + m.id
		if n := c.count["beginning "+stream]; n != 1 && (n != 0 || !c.gone[stream]) {
			c.w.fail("message %s has %d beginnings", m.id, n)
		}
	}
	for _, s := range c.states {
		c.money(s)
	}
	for id := range c.attempts {
		if !c.answered[id] {
			c.w.fail("attempt %s has no answer", id)
		}
	}
	c.heard()
	c.inOffice()
	if c.parked != c.w.garbage {
		c.w.fail("%d records were no commands, %d are parked", c.w.garbage, c.parked)
	}
	if c.w.plan.projects {
		c.ledgered()
	}
	if !c.w.failed() {
		c.w.replayed()
	}
}

// money: what is charged is what was delivered, or taken.
func (c *checker) money(s message.State) {
	charged := c.count["charged viber message/"+s.ID]
	if delivered := c.count["delivered viber message/"+s.ID]; charged != delivered {
		c.w.fail("message %s: %d times delivered on Viber, %d times charged", s.ID, delivered, charged)
	}
	taken := 0
	for _, a := range s.Attempts {
		if a.Channel == domain.SMS && (a.Status == message.AttemptTaken || a.Status == message.AttemptArrived || a.Status == message.AttemptDied) {
			taken++
		}
	}
	if charged := c.count["charged sms message/"+s.ID]; charged != taken {
		c.w.fail("message %s: %d times taken as SMS, %d times charged", s.ID, taken, charged)
	}
}

// heard: a report of delivery whose carrier id one attempt has is in the journal.
// A report that was inferred may be the word on another attempt: then two have the id.
func (c *checker) heard() {
	whose := map[string][]string{}
	for _, s := range c.states {
		for _, a := range s.Attempts {
			for _, id := range a.CarrierIDs {
				if len(a.CarrierIDs) > 1 || a.Channel == domain.SMS && a.Parts < s.Accepted.SMSParts {
					continue // it takes more than one report, or none is enough
				}
				whose[id] = append(whose[id], "delivered "+string(a.Channel)+" message/"+s.ID)
			}
		}
	}
	for _, r := range c.reports {
		is := whose[r.CarrierID]
		if r.Status == string(message.ReportDelivered) && len(is) == 1 && c.count[is[0]] != 1 {
			c.w.fail("a report is lost: %s", is[0])
		}
	}
}

// replayed: an owner that begins with nothing comes to the state that the last
// owner had.
func (w *world) replayed() {
	r := w.roles[0]
	live := w.stored(r.owner.slot.disk)
	s := &slot{name: "fresh", disk: vfs.NewCrashableMem()}
	events := len(w.check.events)
	w.boot(r, s)
	r.slots = []*slot{s}
	w.settle()
	w.give(r)
	w.serveUntil(func() bool { return len(w.check.events) > events || w.failed() })
	w.shutDown()
	if len(w.check.events) != events+1 {
		w.fail("an owner that begins with nothing decides what was decided")
	}
	fresh := w.stored(s.disk)
	for k, v := range live {
		if fresh[k] != v {
			w.fail("state: %q is not what it is replayed", k)
			w.note("", "live %q\nreplayed %q", v, fresh[k])
		}
	}
	if len(fresh) != len(live) {
		w.fail("state: %d entries, and replayed %d", len(live), len(fresh))
	}
}

// stored is what a store holds of streams, timers, indexes and evictions. Where the journal
// stands and who owned the partition differ from owner to owner.
func (w *world) stored(fs vfs.FS) map[string]string {
	out := map[string]string{}
	db, err := pebble.Open("state", &pebble.Options{FS: fs, ReadOnly: true, Logger: eventstore.QuietPebble{}})
	if err != nil {
		w.fail("store: %v", err)
		return out
	}
	defer db.Close()
	it, err := db.NewIterWithContext(context.Background(), nil)
	if err != nil {
		w.fail("store: %v", err)
		return out
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		key := string(it.Key())
		if key[2:] == "spartition/0" {
			out["sealed through"] = sealedThrough(it.Value())
		}
		if strings.IndexByte("site", key[2]) >= 0 && !strings.HasPrefix(key[3:], "partition/") {
			out[key] = string(it.Value())
		}
	}
	return out
}

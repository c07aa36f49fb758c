package sim

import (
	"slices"

	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/eventstore"
)

// aside is a thing that is parked and holds a message.
type aside struct {
	thing, stream string
	unreadable    bool
}

// spoil writes what cannot be read of a message: it is parked with its message, and
// what comes for that waits behind it.
func (w *world) spoil(m *msg) {
	m.spoilt = true
	w.garbage++
	w.put(eventstore.InboxUrgent, "edge", "what is no cancel", eventstore.Command{
		ID: w.id("spoil"), Type: message.CommandCancel, Stream: "message/" + m.id, Account: accountID, Actor: "key/1",
	}, "no cancel")
}

// unpark is the operator with the first of what holds a message: what cannot be read is
// given up, what waits behind it is tried again, sooner or later. It says whether it did
// anything.
func (w *world) unpark() bool {
	c := w.check
	if len(c.asides) == 0 || w.unparked == c.lines || !w.healthy && !w.chance(40) {
		return false
	}
	w.unparked = c.lines
	a := c.asides[0]
	cmd := eventstore.Command{ID: w.id("unpark"), Type: partition.CommandRetry, Stream: a.thing, Actor: "key/1"}
	if !a.unreadable || !w.healthy && w.chance(4) {
		w.put(eventstore.InboxUrgent, "operator", "retry", cmd, partition.Retry{})
		return true
	}
	cmd.Type = partition.CommandDrop
	w.put(eventstore.InboxUrgent, "operator", "drop", cmd, partition.Drop{Reason: "unreadable"})
	return true
}

// hold follows what is parked and holds a message, in the order of the lines.
func (c *checker) hold(ev *eventstore.Event, fact any) {
	at := slices.IndexFunc(c.asides, func(a aside) bool { return a.thing == ev.Stream })
	switch e := fact.(type) {
	case partition.Parked:
		if e.Reason != partition.ReasonBehindParked {
			c.parked++
		}
		if e.Stream != "" && at < 0 {
			c.asides = append(c.asides, aside{ev.Stream, e.Stream, e.Reason == partition.ReasonUnreadableData})
		}
	case partition.Retried, partition.Dropped:
		if at >= 0 {
			c.asides = slices.Delete(c.asides, at, at+1)
		}
	case partition.RetryFailed:
	default:
		return
	}
	c.lines++
}

// isHeld says whether a message waits behind what is parked.
func (c *checker) isHeld(stream string) bool {
	return slices.ContainsFunc(c.asides, func(a aside) bool { return a.stream == stream })
}

// handKeys gives a process the day keys that were made since it looked last.
func (w *world) handKeys(n *node) {
	for k := w.kafka.topic(eventstore.Keys); n.keysTo < w.kafka.stable(eventstore.Keys); n.keysTo++ {
		if r := k.records[n.keysTo]; r.counts() && string(r.Key) != filler {
			if err := n.keys.Apply(r.Record); err != nil {
				w.fail("day key: %v", err)
			}
		}
	}
}

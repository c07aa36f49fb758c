package decider

import (
	"context"
	"fmt"

	"goniec/eventstore"
)

// The inbox offsets are committed in the transaction that writes the events. A
// cluster that loses its quorum in the middle of a commit has been seen to keep
// one part of a transaction and abort the other, which no client can prevent.
// So each tells of the other: offsets are committed with the heads that the journals
// have with them (head), and the last event of a transaction carries the offsets that go
// with it (noted). Where the two do not fit, the journal is right: what it does not
// hold was not decided, and what it holds was.

// committed is what the group's offsets say: where to go on, and the journals
// that belong to it; head is empty when an older build committed them.
type committed struct {
	next [2]int64 // of both lanes; -1 = none
	head string
}

func (o *owner) committed(ctx context.Context) (c committed, err error) {
	for i, topic := range laneTopics {
		c.next[i], c.head, err = o.cfg.Cluster.Committed(ctx, o.claim.Group, o.topics.Name(topic), o.part)
		if err != nil {
			return c, fmt.Errorf("committed offset of %s: %w", topic, err)
		}
	}
	return c, nil
}

// headOf names the journals' heads, as offsets are committed with them.
func headOf(heads map[string][32]byte) string {
	return fmt.Sprintf("%s %.12x %s %.12x", messagesJournal, heads[messagesJournal], accountsJournal, heads[accountsJournal])
}

// noted is what the journals say of the inbox: the note of the last transaction
// with events, and the epoch of the last event.
type noted struct {
	Epoch int64             `json:"epoch"`
	Inbox *eventstore.Inbox `json:"inbox,omitempty"` // nil = an older build, which takes no notes, wrote the last events
}

// take follows a journal's events. Both journals are read one after the other:
// of their notes the farther one is the later one.
func (n *noted) take(ev *eventstore.Event) {
	if ev.Epoch > n.Epoch {
		*n = noted{Epoch: ev.Epoch}
	}
	if ev.Inbox == nil || ev.Epoch < n.Epoch {
		return
	}
	if n.Inbox == nil || ev.Inbox.Urgent >= n.Inbox.Urgent && ev.Inbox.Bulk >= n.Inbox.Bulk {
		n.Inbox = ev.Inbox
	}
}

// note leaves the transaction's offsets at its last event.
func (g *group) note() {
	if len(g.events) == 0 {
		return
	}
	last := len(g.events) - 1
	at := eventstore.Inbox{Urgent: g.o.lanes[urgent].pos, Bulk: g.o.lanes[bulk].pos}
	g.events[last].Inbox = &at
	g.eventRecords[last].Headers = append(g.eventRecords[last].Headers, at.Header())
}

// startAt says from where both lanes are read.
func (o *owner) startAt(c committed) ([2]int64, error) {
	empty := o.marks[messagesJournal].Last < 0 && o.marks[accountsJournal].Last < 0
	known := c.next[urgent] >= 0 && c.next[bulk] >= 0
	fits := c.head == "" || c.head == headOf(o.heads)
	switch noNote := o.noted.Inbox == nil; {
	case empty, known && (fits || noNote):
		return c.next, nil
	case noNote:
		// It must not be guessed: the oldest record may be a week old.
		return c.next, fatalf("partition %d has a history, but group %s has no committed offset: restore it by hand (run book: missing offset)", o.part, o.claim.Group)
	}
	next := [2]int64{urgent: o.noted.Inbox.Urgent, bulk: o.noted.Inbox.Bulk}
	o.log.Warn("the committed inbox offsets do not belong to the journal: going on from what its last transaction noted",
		"urgent", next[urgent], "urgent_committed", c.next[urgent], "bulk", next[bulk], "bulk_committed", c.next[bulk])
	return next, nil
}

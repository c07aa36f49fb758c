package storetest

import (
	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/eventstore"
	"goniec/eventstore/decider"
)

func parkedInOrder(g *given) {
	p := g.running(g.dir())
	id := g.request(0)
	g.decidedOnce(0, id)
	var want []string
	park := func() {
		want = append(want, eventstore.NewID(0).String())
		g.send(eventstore.InboxUrgent, 0, eventstore.Command{ID: want[len(want)-1], Type: message.CommandCancel, Stream: stream(id)}, message.Cancel{})
	}
	want = append(want, "unreadable")
	g.send(eventstore.InboxUrgent, 0, eventstore.Command{ID: want[0], Type: message.CommandCancel, Stream: stream(id)}, "not a cancel")
	for range 5 {
		park()
	}
	g.decidedOnce(0, g.request(0))
	p.stop()
	park()
	park() // these two are read at once
	g.process(g.dir())
	park()
	g.decidedOnce(0, g.request(0))
	require.Equal(g, want, g.parked(id, 0), "in the order of the inbox")
	require.Equal(g, decidedStory, g.told(id, 0), "nothing overtook")
}

// parked are the commands that wait in a message's stream, in the order of the journal.
func (g *given) parked(id string, p eventstore.Partition) (commands []string) {
	g.Helper()
	for _, ev := range g.events(p) {
		if ev.Type != partition.TypeParked {
			continue
		}
		if parked := decode[partition.Parked](g, ev.Data); parked.Stream == stream(id) {
			commands = append(commands, parked.Command)
		}
	}
	return commands
}

func missingOffset(g *given) {
	dir := g.dir()
	p := g.process(dir)
	g.decidedOnce(0, g.request(0))
	p.stop()
	admin, err := g.kafka.NewAdmin()
	require.NoError(g, err)
	defer admin.Close() //nolint:errcheck // nothing was left to write
	for _, lane := range lanes {
		at := g.offsets(0)
		require.NoError(g, admin.DeleteConsumerGroupOffset(g.group(), g.topic(lane), 0))
		require.Equal(g, at, g.goesOnFrom(dir), "without the offset of %s", lane)
	}
}

// tornTransaction puts the offsets in the state that a cluster leaves them in when
// it kept one half of a transaction and aborted the other.
func tornTransaction(g *given) {
	dir := g.dir()
	p := g.process(dir)
	g.decidedOnce(0, g.request(0))
	p.stop()
	at := g.offsets(0)
	_, meta, err := eventstore.Committed(g.Context(), g.client, g.group(), g.topic(eventstore.InboxUrgent), 0)
	require.NoError(g, err)
	require.Contains(g, meta, "messages ", "the journals' heads stand with the offsets")
	lost := g.request(0)
	g.commit([2]int64{at[0] + 1, at[1]}, "the events of this were aborted")
	require.Equal(g, at, g.goesOnFrom(dir), "when the offsets count and the events do not")
	g.decidedOnce(0, lost)

	at = g.offsets(0)
	g.commit([2]int64{}, "the events after this were committed")
	require.Equal(g, at, g.goesOnFrom(dir), "when the events count and the offsets do not")
}

// goesOnFrom is where the inbox's lanes are read from by an owner that starts
// now, which it notes when it says that it owns the partition.
func (g *given) goesOnFrom(dir string) (at [2]int64) {
	g.Helper()
	before := len(g.events(0))
	p := g.process(dir)
	g.until("the owner's word", func() bool { return len(g.events(0)) > before })
	owned := g.events(0)[before]
	require.Equal(g, partition.TypeOwned, owned.Type)
	require.NotNil(g, owned.Inbox)
	g.decidedOnce(0, g.request(0))
	p.stop()
	return [2]int64{owned.Inbox.Urgent, owned.Inbox.Bulk}
}

// commit commits offsets of both lanes with what belongs to them.
func (g *given) commit(offsets [2]int64, meta string) {
	g.Helper()
	broker, err := g.client.Coordinator(g.group())
	require.NoError(g, err)
	req := &sarama.OffsetCommitRequest{Version: 2, ConsumerGroup: g.group(), ConsumerGroupGeneration: -1, RetentionTime: -1}
	for i, lane := range lanes {
		req.AddBlock(g.topic(lane), 0, offsets[i], 0, meta)
	}
	resp, err := broker.CommitOffset(req)
	require.NoError(g, err)
	for _, topic := range resp.Errors {
		for _, code := range topic {
			require.Zero(g, code)
		}
	}
}

func nothingPassedOver(g *given) {
	p := g.running(g.dir(), func(c *decider.Config) { c.GroupLimit = 4 })
	held, release := p.wire.hold()
	all := map[string]string{} // id to lane
	for i := range 40 {
		lane := lanes[i%2]
		all[g.request(0, lane)] = lane
	}
	for range 9 { // of ten groups at least: whichever lane is read first, both are in them
		g.reached(held)
		g.nothingUndecidedBelow(g.offsets(0))
		letGo := release
		held, release = p.wire.hold()
		letGo(commits)
	}
	g.reached(held)
	release(commits)
	for id := range all {
		g.decidedOnce(0, id)
	}
}

// nothingUndecidedBelow waits until all that stands below the offsets is decided.
// Not at once: the broker shows a commit in one topic after the other.
func (g *given) nothingUndecidedBelow(offsets [2]int64) {
	g.Helper()
	var below []string
	for i, lane := range lanes {
		for _, r := range g.records(lane, 0) {
			if r.Offset < offsets[i] {
				below = append(below, string(r.Key)[len("message/"):])
			}
		}
	}
	g.decided(0, below...)
}

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
		before, at := len(g.events(0)), g.offsets(0)
		require.NoError(g, admin.DeleteConsumerGroupOffset(g.group(), g.topic(lane), 0))
		p := g.process(dir)
		g.until("the owner's word", func() bool { return p.log.says("partition given up") || len(g.events(0)) > before })
		require.Len(g, g.events(0), before, "without the offset of %s", lane)
		require.True(g, p.log.says("no committed offset for "+lane))
		p.stop()
		g.commit(at)
	}
}

// commit puts offsets back, as a person would.
func (g *given) commit(offsets [2]int64) {
	g.Helper()
	broker, err := g.client.Coordinator(g.group())
	require.NoError(g, err)
	req := &sarama.OffsetCommitRequest{Version: 2, ConsumerGroup: g.group(), ConsumerGroupGeneration: -1, RetentionTime: -1}
	for i, lane := range lanes {
		req.AddBlock(g.topic(lane), 0, offsets[i], 0, "")
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

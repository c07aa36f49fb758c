package storetest

import (
	"os"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/message"
	"goniec/eventstore"
)

func unbrokenHistory(g *given) {
	p := g.running(g.dir())
	for _, f := range []fate{commits, commitsUnknown, abortsUnknown} {
		var ids []string
		for range 5 {
			ids = append(ids, g.request(0))
		}
		g.cancel(ids[0], 0)
		p.wire.next(f)
		g.decided(0, append(ids, g.request(0))...)
	}
	g.verify(0)
	p.stop()
	g.running(g.dir())
	g.verify(0)
}

// verify checks the chain of a partition and the versions of its streams.
func (g *given) verify(p eventstore.Partition) {
	g.Helper()
	chain := eventstore.NewChain(installation, eventstore.Messages, p)
	versions := map[string]int64{}
	for _, ev := range g.events(p) {
		require.NoError(g, chain.Next(ev))
		versions[ev.Stream]++
		require.Equal(g, versions[ev.Stream], ev.Version, "version of %s at offset %d", ev.Type, ev.Offset)
	}
	require.Greater(g, chain.Events, int64(3))
}

func replayIsLiveState(g *given) {
	live, old := g.dir(), g.dir()
	p := g.process(live)
	g.storm()
	p.stop()
	require.NoError(g, os.CopyFS(old, os.DirFS(live)))
	p = g.process(live)
	g.storm()
	p.stop()
	want := State(g, live)
	for what, dir := range map[string]string{"nothing": g.dir(), "an old copy": old} {
		p := g.process(dir)
		owned := len(g.events(0)) + 1
		g.until("it owns the partition", func() bool { return len(g.events(0)) >= owned })
		p.stop()
		require.Equal(g, want, State(g, dir), "from %s", what)
		require.Len(g, g.events(0), owned, "a successor decides nothing again")
	}
	neverCommitted(g, live)
}

// storm has messages in every state: started, cancelled, answered, and cancelled before they came.
func (g *given) storm() {
	g.Helper()
	var ids []string
	for range 6 {
		ids = append(ids, g.request(0))
	}
	g.cancel(ids[0], 0)
	g.cancel(eventstore.NewID(0).String(), 0)
	g.decided(0, ids...)
	for _, r := range g.records(eventstore.OutboxUrgent, 0) {
		in := decode[message.SendInstruction](g, r.Value)
		if kind, _ := eventstore.InstructionKind(r); kind == eventstore.InstructionSend && in.Message == ids[1] {
			g.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandAnswer, Stream: stream(in.Message)},
				message.Answer{Attempt: in.Attempt, Outcome: message.OutcomeAccepted, CarrierIDs: []string{in.Attempt}, Parts: 1, At: g.clock.Now()})
		}
	}
	g.clock.Advance(time.Second)
	last := g.request(0)
	g.decided(0, last)
}

// neverCommitted: the last thing that happens to an owner is a commit that
// becomes an abort. Its command is decided by the successor, on the same state.
func neverCommitted(g *given, dir string) {
	p := g.running(dir)
	p.dies()
	p.wire.next(abortsUnknown)
	id := g.request(0)
	g.until("the owner is dead", func() bool { return p.log.says("this process is dying") })
	require.Empty(g, g.told(id, 0))
	p.stop()
	g.process(dir)
	g.decidedOnce(0, id)
}

func recordedTime(g *given) {
	p := g.running(g.dir())
	step := func(d time.Duration) {
		g.clock.Advance(d)
		g.decided(0, g.request(0))
	}
	step(time.Minute)
	step(-time.Hour)
	g.neverBack(0)
	p.stop()
	g.process(g.dir())
	step(-time.Hour)
	step(3 * time.Hour)
	g.neverBack(0)
}

func (g *given) neverBack(p eventstore.Partition) {
	g.Helper()
	last, back := time.Time{}, 0
	for _, ev := range g.events(p) {
		require.False(g, ev.Recorded.Before(last), "recorded %s after %s", ev.Recorded, last)
		if ev.Time.Before(last) {
			back++
		}
		last = ev.Recorded
	}
	require.Positive(g, back, "the clock did go back")
}

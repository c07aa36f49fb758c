package storetest

import "github.com/stretchr/testify/require"

func atomicAppend(g *given) {
	p := g.running(g.dir())
	for _, lane := range lanes {
		before := g.offsets(0)
		held, release := p.wire.hold()
		id := g.request(0, lane)
		g.reached(held)
		require.Equal(g, traces{}, g.traces(id, 0, g.records), "before the commit")
		require.Equal(g, before, g.offsets(0), "before the commit")
		release(abortsUnknown)
		g.decided(0, id)
		g.settled(0)
		require.Equal(g, once, g.traces(id, 0, g.records), "after an abort and another try")
	}
	g.until("both offsets are at the ends", func() bool { return g.offsets(0) == g.ends(0) })
}

func committedOnly(g *given) {
	p := g.running(g.dir())
	held, release := p.wire.hold()
	id := g.request(0)
	g.reached(held)
	require.Equal(g, traces{}, g.traces(id, 0, g.seen), "before the commit")
	release(abortsUnknown)
	g.decided(0, id)
	g.settled(0)
	require.Equal(g, once, g.traces(id, 0, g.seen), "without those of the aborted transaction")
}

func unknownCommit(g *given) {
	p := g.running(g.dir())
	for _, f := range []fate{commitsUnknown, abortsUnknown, abortsUnknown, commitsUnknown} {
		p.wire.next(f)
		id := g.request(0)
		g.decided(0, id)
		// The next is decided after all that the store did about the commit.
		g.decidedOnce(0, id, g.request(0))
	}
	require.True(g, p.log.says("ownership starts over"), "the owner was told of errors")
	require.False(g, p.log.says("given up"))
}

package storetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/eventstore"
)

const (
	nodes = 3
	// ackPatience is how long the edge waits for an acknowledgement.
	ackPatience = 3 * time.Second
)

func nothingAcknowledgedIsLost(g *given) {
	g.running(g.dir())
	g.wholeCluster()
	followersPaused(g)
	eachKilledInTurn(g)
	for p := range eventstore.Partition(partitions) {
		g.verify(p)
	}
}

// followersPaused: what only the leader has is not acknowledged, and dies with it.
func followersPaused(g *given) {
	leader := g.leader()
	var followers []int
	for node := 1; node <= nodes; node++ {
		if node != leader {
			followers = append(followers, node)
			g.store.Brokers.Pause(g, node)
		}
	}
	var acked []string
	for range 3 { // the first ones may still go along with what a follower asked for before it was paused
		acked = append(acked, g.acknowledgedOf(5)...)
	}
	g.store.Brokers.Kill(g, leader)
	for _, node := range followers {
		g.store.Brokers.Resume(g, node)
	}
	g.until("another leader", func() bool { l := g.leader(); return l > 0 && l != leader })
	g.store.Brokers.Start(g, leader)
	g.wholeCluster()
	g.inInbox(acked)
	g.decidedOnce(0, acked...)
}

// inInbox says that nothing that was acknowledged is gone.
func (g *given) inInbox(ids []string) {
	g.Helper()
	there := map[string]bool{}
	for _, r := range g.records(eventstore.InboxUrgent, 0) {
		there[string(r.Key)] = true
	}
	for _, id := range ids {
		require.True(g, there[stream(id)], "a command that was acknowledged is lost")
	}
}

// acknowledgedOf sends n requests at once, and returns those that are acknowledged.
func (g *given) acknowledgedOf(n int) (acked []string) {
	g.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range n {
		id, record := g.requested(0, eventstore.InboxUrgent)
		wg.Go(func() {
			if g.acknowledged(g.Context(), record) {
				mu.Lock()
				defer mu.Unlock()
				acked = append(acked, id)
			}
		})
	}
	wg.Wait()
	return acked
}

func (g *given) acknowledged(ctx context.Context, record *sarama.ProducerMessage) bool {
	ctx, cancel := context.WithTimeout(ctx, ackPatience)
	defer cancel()
	return g.edge.Send(ctx, record) == nil
}

// eachKilledInTurn: under load, what is acknowledged is decided, once, and what was
// decided stays in the journal.
func eachKilledInTurn(g *given) {
	l := g.load()
	for node := 1; node <= nodes; node++ {
		l.goesOn()
		before := g.events(0)
		g.store.Brokers.Kill(g, node)
		l.goesOn()
		g.store.Brokers.Start(g, node)
		g.wholeCluster()
		after := g.events(0)
		for i, ev := range before {
			require.Equal(g, ev.Hash, after[i].Hash, "an event that was read before node %d died", node)
		}
	}
	l.stop()
	g.inInbox(l.acked)
	g.decidedOnce(0, l.acked...)
}

// load sends one request after the other to partition 0.
type load struct {
	g     *given
	mu    sync.Mutex
	acked []string
	stop  func()
}

func (g *given) load() *load {
	l := &load{g: g}
	ctx, cancel := context.WithCancel(g.Context())
	var wg sync.WaitGroup
	l.stop = func() { cancel(); wg.Wait() }
	g.Cleanup(l.stop)
	wg.Go(func() {
		for ctx.Err() == nil {
			id, record := g.requested(0, eventstore.InboxUrgent)
			if g.acknowledged(ctx, record) {
				l.mu.Lock()
				l.acked = append(l.acked, id)
				l.mu.Unlock()
			}
			select {
			case <-ctx.Done():
			case <-time.After(look):
			}
		}
	})
	return l
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// goesOn waits until more was acknowledged.
func (l *load) goesOn() {
	l.g.Helper()
	from := l.count()
	l.g.until("requests are acknowledged", func() bool { return l.count() >= from+20 })
}

// leader is the node that leads the urgent inbox's first partition; 0 = none.
func (g *given) leader() int {
	_ = g.client.RefreshMetadata(g.topic(eventstore.InboxUrgent)) // a fault shows as no leader
	b, err := g.client.Leader(g.topic(eventstore.InboxUrgent), 0)
	if err != nil {
		return 0
	}
	return int(b.ID())
}

// wholeCluster waits until every replica of every partition is in sync.
func (g *given) wholeCluster() {
	g.Helper()
	g.until("every replica is in sync", func() bool {
		if g.client.RefreshMetadata() != nil {
			return false
		}
		topics, err := g.client.Topics()
		for _, topic := range topics {
			err = errors.Join(err, g.inSync(topic))
		}
		return err == nil
	})
}

func (g *given) inSync(topic string) error {
	parts, err := g.client.Partitions(topic)
	for _, p := range parts {
		replicas, rerr := g.client.Replicas(topic, p)
		insync, ierr := g.client.InSyncReplicas(topic, p)
		if err = errors.Join(err, rerr, ierr); len(insync) < len(replicas) {
			err = errors.Join(err, errors.New("a replica is behind"))
		}
	}
	return err
}

package run

import (
	"context"
	"time"

	"github.com/IBM/sarama"

	"goniec/eventstore"
)

// compactEvery is how often an embedded broker is made to drop the day keys that were
// destroyed since.
const compactEvery = time.Hour

// compactErased makes the embedded broker drop what was erased, while the owners wait. It
// leaves the last batch of a partition as it is, so a record without meaning goes before.
func (n *Node) compactErased(ctx context.Context) error {
	var fillers []*sarama.ProducerMessage
	for p := range n.part.N {
		fillers = append(fillers, eventstore.Fillers(n.kafka.Topics(), p)...)
	}
	if err := n.producer.Send(ctx, fillers...); err != nil {
		return err
	}
	return n.decider.Paused(n.compact)
}

// compactRetained runs while the process does, beside an embedded broker.
func (n *Node) compactRetained(ctx context.Context) error {
	tick := time.NewTicker(compactEvery)
	defer tick.Stop()
	for done := n.keyring.Destroyed(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if now := n.keyring.Destroyed(); now != done {
			if err := n.compactErased(ctx); err != nil {
				n.log.Warn("what was destroyed is still in the broker's files", "error", err)
				continue
			}
			done = now
		}
	}
}

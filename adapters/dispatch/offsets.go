package dispatch

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"goniec/eventstore"
)

// LaneOffset is what is committed for one lane.
type LaneOffset struct {
	Topic  string
	Offset int64
	Meta   string
}

// OffsetWriter commits both lanes of one partition in one request. After an
// error other than ErrLost the commit may or may not have happened, and may be
// tried again. Used by one goroutine.
type OffsetWriter interface {
	Write(lanes [2]LaneOffset) error
	Close()
}

// ErrLost says that the group has counted us out meanwhile: somebody else may
// have owned the partition since.
var ErrLost = errors.New("the group has counted this member out")

// groupOffsets writes with requests of its own, on a connection of its own:
// sarama's offset manager hides errors, and its brokers do one request at a time.
type groupOffsets struct {
	client sarama.Client
	owner  *eventstore.Ownership
	now    func() *sarama.ConsumerGroupMetadata // who we are to the group
	member string                               // who we were when the ownership began
	conn   *sarama.Broker
}

func newGroupOffsets(client sarama.Client, o *eventstore.Ownership) OffsetWriter {
	return &groupOffsets{client: client, owner: o, now: o.Member, member: o.Member().MemberID}
}

// Write takes the generation of now: it moves in every rebalance. The member id
// moves only when we had been counted out and joined again; then what we know
// of the partition is too old to be written.
func (g *groupOffsets) Write(lanes [2]LaneOffset) error {
	m := g.now()
	if m.MemberID != g.member {
		return fmt.Errorf("%w: it has joined again under another id", ErrLost)
	}
	req := sarama.NewOffsetCommitRequest(g.client.Config(), g.owner.Group)
	req.ConsumerID, req.ConsumerGroupGeneration = m.MemberID, m.GenerationID
	for _, l := range lanes {
		req.AddBlockWithLeaderEpoch(l.Topic, g.owner.Partition, l.Offset, -1, 0, l.Meta)
	}
	if err := g.connect(); err != nil {
		return fmt.Errorf("coordinator: %w", err)
	}
	resp, err := g.conn.CommitOffset(req)
	if err != nil {
		g.forget()
		return fmt.Errorf("commit offsets: %w", err)
	}
	return g.judge(resp, lanes)
}

func (g *groupOffsets) judge(resp *sarama.OffsetCommitResponse, lanes [2]LaneOffset) error {
	for _, l := range lanes {
		code, ok := resp.Errors[l.Topic][g.owner.Partition]
		switch {
		case !ok:
			return fmt.Errorf("commit offsets: %w", sarama.ErrIncompleteResponse)
		case errors.Is(code, sarama.ErrNoError):
			continue
		case errors.Is(code, sarama.ErrUnknownMemberId), errors.Is(code, sarama.ErrFencedInstancedId):
			return fmt.Errorf("%w: %w", ErrLost, code)
		case errors.Is(code, sarama.ErrNotCoordinatorForConsumer), errors.Is(code, sarama.ErrConsumerCoordinatorNotAvailable):
			g.forget()
		}
		return fmt.Errorf("commit offsets: %w", code)
	}
	return nil
}

func (g *groupOffsets) connect() error {
	if g.conn != nil {
		return nil
	}
	coordinator, err := g.client.Coordinator(g.owner.Group)
	if err != nil {
		return err
	}
	conn := sarama.NewBroker(coordinator.Addr())
	if err := conn.Open(g.client.Config()); err != nil {
		return err
	}
	if ok, err := conn.Connected(); !ok {
		_ = g.client.RefreshCoordinator(g.owner.Group) // a fault here shows again at the next try
		return errors.Join(errors.New("no connection to the coordinator"), err)
	}
	g.conn = conn
	return nil
}

// forget makes the next write look for the coordinator again.
func (g *groupOffsets) forget() {
	g.Close()
	_ = g.client.RefreshCoordinator(g.owner.Group) // see connect
}

func (g *groupOffsets) Close() {
	if g.conn != nil {
		_ = g.conn.Close() // it holds nothing
		g.conn = nil
	}
}

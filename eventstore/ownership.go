package eventstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"goniec/internal/pause"
)

// Ownership is one partition handed to this process by a consumer group.
type Ownership struct {
	Partition Partition
	Group     string
	member    func() *sarama.ConsumerGroupMetadata
	states    *OwnerStates
}

// NewOwnership is an ownership that was handed out otherwise than by Owners;
// member says who we are to the group at the time of the call.
func NewOwnership(p Partition, group string, member func() *sarama.ConsumerGroupMetadata) *Ownership {
	return &Ownership{Partition: p, Group: group, member: member}
}

// Working tells that the owner has taken the partition over and works on it.
func (o *Ownership) Working() { o.states.set(o.Partition, "") }

// Restarting tells that it does not, for the moment, because of an error.
func (o *Ownership) Restarting() { o.states.set(o.Partition, whyRestart) }

// Member is who we are to the group right now. The generation moves in every
// rebalance, also for partitions that stay: ask at each commit.
func (o *Ownership) Member() *sarama.ConsumerGroupMetadata { return o.member() }

// ErrNotMember says that the group has removed this process: its partitions may
// belong to another one by now.
var ErrNotMember = errors.New("this process is not a member of the group any more")

// stillMember asks the group's coordinator whether this process is still a
// member: nil, ErrNotMember, or what kept it from finding out. Ask before a
// producer is opened again after a failure: that fences whoever owns the
// partition, and a process that was removed must not do it to its successor.
func (o *Ownership) stillMember(client sarama.Client) error {
	coordinator, err := client.Coordinator(o.Group)
	if err != nil {
		return fmt.Errorf("coordinator of %s: %w", o.Group, err)
	}
	m := o.Member()
	resp, err := coordinator.Heartbeat(&sarama.HeartbeatRequest{Version: 3, GroupId: o.Group, GenerationId: m.GenerationID, MemberId: m.MemberID})
	if err != nil {
		_ = coordinator.Close() // reopened by the client when it is next asked for
		return fmt.Errorf("ask the coordinator of %s: %w", o.Group, err)
	}
	is := func(codes ...sarama.KError) bool { return slices.Contains(codes, resp.Err) }
	switch {
	case is(sarama.ErrNoError, sarama.ErrRebalanceInProgress, sarama.ErrIllegalGeneration): // perhaps it has yet to learn of the next generation
		return nil
	case is(sarama.ErrUnknownMemberId, sarama.ErrFencedInstancedId, sarama.ErrGroupIDNotFound):
		return fmt.Errorf("%w: %w", ErrNotMember, resp.Err)
	}
	_ = client.RefreshCoordinator(o.Group) // a fault here shows again at the next try
	return fmt.Errorf("ask the coordinator of %s: %w", o.Group, resp.Err)
}

// Hand hands partitions to own, as Owners does, until ctx ends: what shares
// them out otherwise than a consumer group does.
type Hand func(ctx context.Context, own func(context.Context, *Ownership) error) error

// ErrNewerBuild says that a partition holds what only a newer build can read. A
// process that gets it from Own leaves the group for a while, if others are in
// it: one of them may be of that build.
var ErrNewerBuild = errors.New("a newer build must take the partition")

// Owners shares the partitions of a topic out between the processes of a group
// and runs one function for each partition that this process owns. The group
// (cooperative-sticky) only hands out ownership: records are read with Reader
// and offsets committed by the owner.
type Owners struct {
	Kafka KafkaConfig
	Group string // without prefix
	Topic string // short name
	Own   func(ctx context.Context, o *Ownership) error
	Log   *slog.Logger
	// States is told how the ownerships fare; Own calls Working when it has taken over. May be nil.
	States *OwnerStates
}

// Run takes part in the group until ctx ends. Own is called for each partition
// gained, with a context that ends when the partition is taken away. When Own
// returns an error its partition rests for a session time-out; then the process
// gives all its partitions up and comes back, so that another can try.
func (ow Owners) Run(ctx context.Context) error {
	away := 2 * ow.Kafka.sessionTimeout()
	for ctx.Err() == nil {
		c := &claims{owners: ow}
		if err := ow.takePart(ctx, c); err != nil && ctx.Err() == nil {
			ow.Log.Warn("left the consumer group", "group", ow.Group, "error", err)
			if pause.For(ctx, time.Second) != nil {
				break
			}
		}
		if c.outdated.Load() {
			ow.Log.Error("out of the group for a while, so that a newer build gets its partitions", "group", ow.Group, "for", away)
			_ = pause.For(ctx, away) // the loop ends with ctx
			away = min(2*away, awayMost)
		}
	}
	return context.Cause(ctx)
}

// awayMost bounds how long a process of an old build stays out of the group.
const awayMost = 10 * time.Minute

// alone says whether nobody else is in the group; when that cannot be found out, yes.
func (ow Owners) alone() bool {
	admin, err := ow.Kafka.NewAdmin()
	if err != nil {
		return true
	}
	groups, err := admin.DescribeConsumerGroups([]string{ow.Kafka.Prefix + ow.Group})
	return errors.Join(err, admin.Close()) != nil || len(groups) != 1 || len(groups[0].Members) < 2
}

// takePart is a member of the group until ctx ends or a partition is given up;
// then it leaves the group.
func (ow Owners) takePart(ctx context.Context, c *claims) error {
	group, err := sarama.NewConsumerGroup(ow.Kafka.Brokers, ow.Kafka.Prefix+ow.Group, ow.Kafka.groupConfig())
	if err != nil {
		return fmt.Errorf("join group: %w", err)
	}
	done := make(chan struct{})
	go func() { // the errors are those that Consume returns too, or of claims we do not read from
		defer close(done)
		for range group.Errors() {
			continue
		}
	}()
	c.group = group
	err = errors.Join(ow.sessions(ctx, c), group.Close())
	<-done
	return err
}

// sessions takes part in one session after another as the same member: one that
// came back as another would be waited for, by itself too, until its own former
// membership has timed out.
func (ow Owners) sessions(ctx context.Context, c *claims) error {
	for {
		err := c.group.Consume(ctx, []string{ow.Kafka.Topics().Name(ow.Topic)}, c)
		ow.States.leave()
		if ctx.Err() != nil || c.gaveUp.Load() || errors.Is(err, sarama.ErrClosedConsumerGroup) {
			return err
		}
		if err == nil {
			continue
		}
		ow.Log.Warn("consumer group session ended", "group", ow.Group, "error", err)
		if pause.For(ctx, time.Second) != nil {
			return err
		}
	}
}

type claims struct {
	owners   Owners
	group    sarama.ConsumerGroup
	gaveUp   atomic.Bool // a partition: others must get it
	outdated atomic.Bool // this build is too old for a partition that it was given
}

func (c *claims) Setup(s sarama.ConsumerGroupSession) error {
	c.owners.States.join(s.Claims()[c.owners.Kafka.Topics().Name(c.owners.Topic)])
	return nil
}

func (c *claims) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// ConsumeClaim runs the owner. The claim's own messages are paused and dropped:
// their channel tells when the partition is revoked, nothing else.
func (c *claims) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	c.group.Pause(map[string][]int32{claim.Topic(): {claim.Partition()}})
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	go func() {
		defer cancel()
		for range claim.Messages() {
			continue
		}
	}()
	group := c.owners.Kafka.Prefix + c.owners.Group
	o := NewOwnership(claim.Partition(), group, func() *sarama.ConsumerGroupMetadata {
		return sarama.NewConsumerGroupMetadataFromSession(s, group, nil)
	})
	o.states = c.owners.States
	o.states.set(o.Partition, whyTakeover)
	defer o.states.gone(o.Partition)
	err := c.owners.Own(ctx, o)
	if err != nil && ctx.Err() == nil {
		defer c.gaveUp.Store(true)
		o.states.set(o.Partition, whyGivenUp)
		c.owners.Log.Error("partition given up", "group", c.owners.Group, "partition", o.Partition, "error", err)
		if errors.Is(err, ErrNewerBuild) && !c.owners.alone() {
			c.outdated.Store(true)
			return err
		}
		// Returning ends the session and takes this process's other partitions along: not more often than it has to be.
		_ = pause.For(ctx, c.owners.Kafka.sessionTimeout()) // whether it was taken away meanwhile makes no difference
		return err
	}
	return nil
}

// Committed reads the group's committed offset and metadata of one partition,
// waiting for pending transactional commits to settle (RequireStable). offset
// is -1 when there is none.
func Committed(ctx context.Context, client sarama.Client, group, topic string, p Partition) (offset int64, meta string, err error) {
	for {
		offset, meta, err = committed(client, group, topic, p)
		if err == nil {
			return offset, meta, nil
		}
		_ = client.RefreshCoordinator(group) // a fault here shows again at the next try
		if perr := pause.For(ctx, retryPause); perr != nil {
			return 0, "", errors.Join(perr, err)
		}
	}
}

func committed(client sarama.Client, group, topic string, p Partition) (int64, string, error) {
	broker, err := client.Coordinator(group)
	if err != nil {
		return 0, "", fmt.Errorf("coordinator of %s: %w", group, err)
	}
	req := &sarama.OffsetFetchRequest{Version: 7, ConsumerGroup: group, RequireStable: true}
	req.AddPartition(topic, p)
	resp, err := broker.FetchOffset(req)
	if err != nil {
		_ = broker.Close() // reopened by the client when it is next asked for
		return 0, "", fmt.Errorf("fetch offset of %s: %w", group, err)
	}
	if resp.Err != sarama.ErrNoError {
		return 0, "", resp.Err
	}
	block := resp.GetBlock(topic, p)
	if block == nil {
		return 0, "", sarama.ErrIncompleteResponse
	}
	if block.Err != sarama.ErrNoError {
		return 0, "", block.Err
	}
	return block.Offset, block.Metadata, nil
}

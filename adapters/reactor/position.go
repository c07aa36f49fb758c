package reactor

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"goniec/eventstore"
)

const defaultSession = 10 * time.Second

// group is the consumer group of the reactor.
func (r *reactor) group() string { return r.Kafka.Prefix + r.Name }

func (r *reactor) topic() string { return r.Kafka.Topics().Name(r.Topic) }

// position returns where each partition is read from, at the least: nil, or what
// Floors remembers. The group gets an offset everywhere at once: it would otherwise
// enter a partition that was silent so far at its new head (events lost) or at its
// beginning (years of them repeated).
func (r *reactor) position(ctx context.Context) ([]int64, *sarama.Config, error) {
	client, err := r.Kafka.NewClient()
	if err != nil {
		return nil, nil, err
	}
	defer client.Close() //nolint:errcheck // nothing to lose
	first, err := headsOf(client, r.topic())
	if err != nil {
		return nil, nil, err
	}
	var floors []int64
	if r.Floors != nil {
		if floors, err = r.Floors(ctx, r.topic(), first); err != nil {
			return nil, nil, err
		}
		first = floors
	}
	if err := commitMissing(client, r.group(), r.topic(), first); err != nil {
		return nil, nil, err
	}
	return floors, r.consumerConfig(client.Config()), nil
}

func headsOf(client sarama.Client, topic string) ([]int64, error) {
	partitions, err := client.Partitions(topic)
	if err != nil {
		return nil, fmt.Errorf("partitions of %s: %w", topic, err)
	}
	heads := make([]int64, len(partitions))
	for _, p := range partitions {
		if heads[p], err = eventstore.EndOffset(client, topic, p); err != nil {
			return nil, fmt.Errorf("end offset of %s/%d: %w", topic, p, err)
		}
	}
	return heads, nil
}

// commitMissing gives the group an offset where it has none, so that it does not
// read the whole journal to skip it. It is refused while the group has members,
// who then have done it; floors hold in any case.
func commitMissing(client sarama.Client, group, topic string, first []int64) error {
	broker, err := client.Coordinator(group)
	if err != nil {
		return fmt.Errorf("coordinator of group %s: %w", group, err)
	}
	missing, err := withoutOffset(broker, group, topic, len(first))
	if err != nil || len(missing) == 0 {
		return err
	}
	req := &sarama.OffsetCommitRequest{
		Version: 7, ConsumerGroup: group, ConsumerGroupGeneration: sarama.GroupGenerationUndefined, RetentionTime: -1,
	}
	for _, p := range missing {
		req.AddBlock(topic, p, first[p], 0, "")
	}
	if _, err := broker.CommitOffset(req); err != nil {
		return fmt.Errorf("first offsets of group %s: %w", group, err)
	}
	return nil
}

// withoutOffset returns the partitions for which the group has committed none.
func withoutOffset(broker *sarama.Broker, group, topic string, n int) (missing []int32, err error) {
	req := &sarama.OffsetFetchRequest{Version: 7, ConsumerGroup: group}
	for p := range int32(n) { // partitions are < 65,536
		req.AddPartition(topic, p)
	}
	resp, err := broker.FetchOffset(req)
	if err == nil && resp.Err != sarama.ErrNoError && resp.Err != sarama.ErrGroupIDNotFound { // of a new group
		err = resp.Err
	}
	if err != nil {
		return nil, fmt.Errorf("offsets of group %s: %w", group, err)
	}
	for p := range int32(n) { // see above
		if block := resp.GetBlock(topic, p); block == nil || block.Offset < 0 {
			missing = append(missing, p)
		}
	}
	return missing, nil
}

// consumerConfig is base for a consumer of committed events.
func (r *reactor) consumerConfig(base *sarama.Config) *sarama.Config {
	c := sarama.NewConfig()
	c.Version, c.ClientID, c.Net, c.Metadata = base.Version, base.ClientID, base.Net, base.Metadata
	session := cmp.Or(r.Kafka.SessionTimeout, defaultSession)
	c.Consumer.Group.Session.Timeout = session
	c.Consumer.Group.Heartbeat.Interval = session / 5
	c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategySticky()}
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	c.Consumer.Offsets.Initial = sarama.OffsetNewest // of a group whose offset has expired
	if r.Floors != nil {
		c.Consumer.Offsets.Initial = sarama.OffsetOldest // never skip: the floors say what is none of our business
	}
	c.Consumer.Return.Errors = true
	return c
}

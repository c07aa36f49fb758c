package webhooks

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"goniec/eventstore"
)

const defaultSession = 10 * time.Second

// group is the consumer group of the reactor.
func (w *Webhooks) group() string { return w.cfg.Kafka.Prefix + "webhooks" }

func (w *Webhooks) topic() string { return w.cfg.Kafka.Topics().Name(eventstore.Messages) }

// position returns where each partition is read from, at the least: the journal's
// head when this installation's reactor saw the partition first, later what
// Postgres remembers. A consumer group alone would enter a partition that was
// silent so far, or whose offset has expired, at its new head (events lost) or at
// its beginning (years of webhooks repeated).
func (w *Webhooks) position(ctx context.Context) ([]int64, *sarama.Config, error) {
	client, err := w.cfg.Kafka.NewClient()
	if err != nil {
		return nil, nil, err
	}
	defer client.Close() //nolint:errcheck // nothing to lose
	heads, err := headsOf(client, w.topic())
	if err != nil {
		return nil, nil, err
	}
	floors, err := w.store.floors(ctx, w.topic(), heads)
	if err != nil {
		return nil, nil, err
	}
	if err := commitMissing(client, w.group(), w.topic(), floors); err != nil {
		return nil, nil, err
	}
	return floors, w.consumerConfig(client.Config()), nil
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
// who then have done it; the floors hold in any case.
func commitMissing(client sarama.Client, group, topic string, floors []int64) error {
	broker, err := client.Coordinator(group)
	if err != nil {
		return fmt.Errorf("coordinator of group %s: %w", group, err)
	}
	missing, err := withoutOffset(broker, group, topic, len(floors))
	if err != nil || len(missing) == 0 {
		return err
	}
	req := &sarama.OffsetCommitRequest{
		Version: 7, ConsumerGroup: group, ConsumerGroupGeneration: sarama.GroupGenerationUndefined, RetentionTime: -1,
	}
	for _, p := range missing {
		req.AddBlock(topic, p, floors[p], 0, "")
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
func (w *Webhooks) consumerConfig(base *sarama.Config) *sarama.Config {
	c := sarama.NewConfig()
	c.Version, c.ClientID, c.Net, c.Metadata = base.Version, base.ClientID, base.Net, base.Metadata
	session := w.cfg.Kafka.SessionTimeout
	orDefault(&session, defaultSession)
	c.Consumer.Group.Session.Timeout = session
	c.Consumer.Group.Heartbeat.Interval = session / 5
	c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategySticky()}
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	c.Consumer.Offsets.Initial = sarama.OffsetOldest // never skip: the floors say what is none of our business
	c.Consumer.Return.Errors = true
	return c
}

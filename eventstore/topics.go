package eventstore

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/IBM/sarama"
)

// Topics names the topics of an installation: Prefix + the short name.
type Topics struct{ Prefix string }

// The short names. docs/architecture.md says what each holds.
const (
	InboxUrgent  = "inbox.urgent"
	InboxBulk    = "inbox.bulk"
	Messages     = "messages"
	Accounts     = "accounts"
	OutboxUrgent = "outbox.urgent"
	OutboxBulk   = "outbox.bulk"
	Outcomes     = "outcomes"
	Contents     = "contents"
	Blobs        = "blobs"
	Keys         = "keys"
	State        = "state"
)

// Name returns the full name of a topic.
func (t Topics) Name(short string) string { return t.Prefix + short }

// TopicSpec is how a topic has to be.
type TopicSpec struct {
	Short   string
	Configs map[string]string
}

const (
	day  = "86400000"
	week = "604800000"
)

// stateConfigs: an owner that begins with nothing reads the topic whole, so what is superseded goes within
// two hours. A tombstone must outlive whoever is reading meanwhile.
var stateConfigs = map[string]string{
	"cleanup.policy": "compact", "max.compaction.lag.ms": "3600000", "segment.ms": "3600000", "delete.retention.ms": day,
}

// OfAccounts says whether streams of a kind (what stands before the slash of their
// names) lie in the journal Accounts; those of all others lie in Messages.
func OfAccounts(kind string) bool {
	switch kind {
	case "account", "sender", "prices", "pause", "access", "billing", "regulations":
		return true
	}
	return false
}

// Specs lists every topic with its retention. Journals are kept for ever and
// never compacted. What must be erasable is compacted within three hours: Kafka ends the
// segment that is being written to after max.compaction.lag.ms too, where that is less.
func Specs() []TopicSpec {
	kept := func(ms string) map[string]string {
		return map[string]string{"cleanup.policy": "delete", "retention.ms": ms, "retention.bytes": "-1"}
	}
	compacted := func() map[string]string {
		return map[string]string{"cleanup.policy": "compact", "max.compaction.lag.ms": "3600000", "segment.ms": day}
	}
	return []TopicSpec{
		{InboxUrgent, kept(week)},
		{InboxBulk, kept(week)},
		{Messages, kept("-1")},
		{Accounts, kept("-1")},
		{OutboxUrgent, kept(week)},
		{OutboxBulk, kept(week)},
		{Outcomes, kept(day)},
		{Contents, compacted()},
		{Blobs, compacted()},
		{Keys, compacted()},
		{State, stateConfigs},
	}
}

// Layout is how topics are laid out on the cluster.
type Layout struct {
	Partitions        int32
	ReplicationFactor int16
	MinInsync         int
}

// TopicState is what `topics list` and `topics check` show of one topic.
type TopicState struct {
	Name       string   `json:"name"`
	Exists     bool     `json:"exists"`
	Partitions int32    `json:"partitions"`
	Replicas   int16    `json:"replicas"`
	Faults     []string `json:"faults,omitempty"`
}

// CreateTopics creates the missing topics, leaves the others alone, and returns
// when every broker of the cluster knows them. Idempotent.
func CreateTopics(kafka KafkaConfig, l Layout) error {
	client, err := kafka.NewClient()
	if err != nil {
		return err
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return errors.Join(fmt.Errorf("connect to Kafka: %w", err), client.Close())
	}
	if err = createMissing(admin, kafka.Topics(), l); err == nil {
		err = awaitLeaders(client, kafka.Topics())
	}
	return errors.Join(err, admin.Close()) // which closes the client
}

func createMissing(admin sarama.ClusterAdmin, t Topics, l Layout) error {
	have, err := admin.ListTopics()
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	for _, spec := range Specs() {
		name := t.Name(spec.Short)
		if _, ok := have[name]; ok {
			continue
		}
		err := admin.CreateTopic(name, &sarama.TopicDetail{
			NumPartitions: l.Partitions, ReplicationFactor: l.ReplicationFactor, ConfigEntries: entries(spec, l),
		}, false)
		if err != nil && !errors.Is(err, sarama.ErrTopicAlreadyExists) {
			return fmt.Errorf("create topic %s: %w", name, err)
		}
	}
	return nil
}

// leaderBudget is how long a new topic may take until every partition has a
// leader, and every broker knows it.
const leaderBudget = 20 * time.Second

// awaitLeaders returns when every broker knows a leader of every partition: until
// then one that is asked next may answer that there is no such topic.
func awaitLeaders(client sarama.Client, t Topics) error {
	var names []string
	for _, spec := range Specs() {
		names = append(names, t.Name(spec.Short))
	}
	for deadline := time.Now().Add(leaderBudget); ; {
		if !slices.ContainsFunc(client.Brokers(), func(b *sarama.Broker) bool { return !knowsLeaders(client.Config(), b, names) }) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("topics were created, but not every broker knows a leader of every partition after %s", leaderBudget)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// knowsLeaders asks one broker. One that does not answer is not waited for: it
// learns the topics before it serves again.
func knowsLeaders(c *sarama.Config, b *sarama.Broker, names []string) bool {
	if err := b.Open(c); err != nil && !errors.Is(err, sarama.ErrAlreadyConnected) {
		return true
	}
	known, err := b.GetMetadata(sarama.NewMetadataRequest(c.Version, names))
	if err != nil {
		return true
	}
	return len(known.Topics) == len(names) && !slices.ContainsFunc(known.Topics, func(topic *sarama.TopicMetadata) bool { return !allLed(topic) })
}

func allLed(topic *sarama.TopicMetadata) bool {
	led := func(p *sarama.PartitionMetadata) bool { return p.Err == sarama.ErrNoError && p.Leader >= 0 }
	return topic.Err == sarama.ErrNoError && len(topic.Partitions) > 0 &&
		!slices.ContainsFunc(topic.Partitions, func(p *sarama.PartitionMetadata) bool { return !led(p) })
}

func entries(spec TopicSpec, l Layout) map[string]*string {
	out := map[string]*string{"min.insync.replicas": new(strconv.Itoa(l.MinInsync))}
	for k, v := range spec.Configs {
		out[k] = &v
	}
	return out
}

// CheckTopics compares the cluster with what is needed. A topic with faults is
// not safe to run on.
func CheckTopics(admin sarama.ClusterAdmin, t Topics, l Layout) ([]TopicState, error) {
	have, err := admin.ListTopics()
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	var states []TopicState
	for _, spec := range Specs() {
		state := TopicState{Name: t.Name(spec.Short)}
		detail, ok := have[state.Name]
		state.Exists = ok
		if !ok {
			state.Faults = []string{"missing: run `goniec topics create`"}
		} else {
			state.Partitions, state.Replicas = detail.NumPartitions, detail.ReplicationFactor
			if state.Faults, err = topicFaults(admin, state.Name, spec, detail, l); err != nil {
				return nil, err
			}
		}
		states = append(states, state)
	}
	return states, nil
}

func topicFaults(admin sarama.ClusterAdmin, name string, spec TopicSpec, d sarama.TopicDetail, l Layout) ([]string, error) {
	var faults []string
	if d.NumPartitions != l.Partitions {
		faults = append(faults, fmt.Sprintf("partitions: %d, must be %d", d.NumPartitions, l.Partitions))
	}
	if d.ReplicationFactor < l.ReplicationFactor {
		faults = append(faults, fmt.Sprintf("replication factor: %d, must be at least %d", d.ReplicationFactor, l.ReplicationFactor))
	}
	got, err := admin.DescribeConfigs([]*sarama.ConfigResource{{Type: sarama.TopicResource, Name: name}}, sarama.DescribeConfigsOptions{})
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", name, err)
	}
	values := map[string]string{}
	for _, res := range got {
		for _, c := range res.Configs {
			values[c.Name] = c.Value
		}
	}
	for k, want := range entries(spec, l) {
		if v, ok := values[k]; ok && v != *want {
			faults = append(faults, fmt.Sprintf("%s: %s, must be %s", k, v, *want))
		}
	}
	sort.Strings(faults)
	return faults, nil
}

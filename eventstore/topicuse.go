package eventstore

import (
	"fmt"

	"github.com/IBM/sarama"
)

// TopicUse is what a topic holds, summed over its partitions.
type TopicUse struct {
	Offsets int64 `json:"offsets"` // between the first one that is kept and the end; not every one holds a record
	Bytes   int64 `json:"bytes"`   // on the disks of all replicas, as they are stored
}

// TopicUses asks the brokers what the topics of an installation hold, by short
// name; without those that are missing.
func TopicUses(client sarama.Client, t Topics) (map[string]TopicUse, error) {
	admin, err := sarama.NewClusterAdminFromClient(client) // not closed: that would close the client
	if err != nil {
		return nil, err
	}
	bytes, err := topicBytes(client, admin)
	if err != nil {
		return nil, err
	}
	have, err := admin.ListTopics()
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	out := map[string]TopicUse{}
	for _, spec := range Specs() {
		detail, ok := have[t.Name(spec.Short)]
		if !ok {
			continue
		}
		use := TopicUse{Bytes: bytes[t.Name(spec.Short)]}
		for p := range detail.NumPartitions {
			first, err := OldestOffset(client, t.Name(spec.Short), p)
			if err != nil {
				return nil, fmt.Errorf("begin of %s/%d: %w", spec.Short, p, err)
			}
			end, err := EndOffset(client, t.Name(spec.Short), p)
			if err != nil {
				return nil, fmt.Errorf("end of %s/%d: %w", spec.Short, p, err)
			}
			use.Offsets += end - first
		}
		out[spec.Short] = use
	}
	return out, nil
}

// topicBytes are the bytes of every topic, by full name.
func topicBytes(client sarama.Client, admin sarama.ClusterAdmin) (map[string]int64, error) {
	var brokers []int32
	for _, b := range client.Brokers() {
		brokers = append(brokers, b.ID())
	}
	dirs, err := admin.DescribeLogDirs(brokers)
	if err != nil {
		return nil, fmt.Errorf("sizes of topics: %w", err)
	}
	out := map[string]int64{}
	for _, list := range dirs {
		for _, d := range list {
			for _, t := range d.Topics {
				for _, p := range t.Partitions {
					out[t.Topic] += p.Size
				}
			}
		}
	}
	return out, nil
}

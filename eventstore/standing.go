package eventstore

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

// Standing is how a group stands in one partition: who has it, and how far its
// committed offsets are from the topics' ends.
type Standing struct {
	Partition Partition      `json:"partition"`
	Owner     string         `json:"owner"` // client id and host of the member; "" = nobody
	Lanes     []LaneStanding `json:"lanes"`
}

// LaneStanding is one topic of a Standing. Offsets are committed now and then
// when nothing but beats comes, so a small lag on an idle partition is none.
type LaneStanding struct {
	Topic     string `json:"topic"` // short name
	Committed int64  `json:"committed"`
	End       int64  `json:"end"`
	Lag       int64  `json:"lag"` // -1 = nothing is committed
}

// Standings asks the brokers how a group (without prefix) stands in n partitions of
// the topics (short names).
func Standings(client sarama.Client, c KafkaConfig, group string, n int32, topics ...string) ([]Standing, error) {
	admin, err := sarama.NewClusterAdminFromClient(client) // not closed: that would close the client
	if err != nil {
		return nil, err
	}
	name := c.Prefix + group
	owners, err := groupOwners(admin, name)
	if err != nil {
		return nil, err
	}
	want := map[string][]int32{}
	for p := range n {
		for _, t := range topics {
			want[c.Topics().Name(t)] = append(want[c.Topics().Name(t)], p)
		}
	}
	committed, err := admin.ListConsumerGroupOffsets(name, want)
	if err == nil && committed.Err != sarama.ErrNoError {
		err = committed.Err
	}
	if err != nil {
		return nil, fmt.Errorf("offsets of group %s: %w", name, err)
	}
	out := make([]Standing, 0, n)
	for p := range n {
		s := Standing{Partition: p, Owner: owners[p]}
		for _, t := range topics {
			l, err := laneStanding(client, committed, c.Topics().Name(t), p)
			if err != nil {
				return nil, err
			}
			l.Topic = t
			s.Lanes = append(s.Lanes, l)
		}
		out = append(out, s)
	}
	return out, nil
}

func laneStanding(client sarama.Client, committed *sarama.OffsetFetchResponse, topic string, p Partition) (LaneStanding, error) {
	end, err := EndOffset(client, topic, p)
	if err != nil {
		return LaneStanding{}, fmt.Errorf("end offset of %s/%d: %w", topic, p, err)
	}
	l := LaneStanding{Committed: -1, End: end, Lag: -1}
	if b := committed.GetBlock(topic, p); b != nil && b.Offset >= 0 {
		l.Committed, l.Lag = b.Offset, max(0, end-b.Offset)
	}
	return l, nil
}

// groupOwners says which member has each partition.
func groupOwners(admin sarama.ClusterAdmin, name string) (map[Partition]string, error) {
	groups, err := admin.DescribeConsumerGroups([]string{name})
	if err != nil {
		return nil, fmt.Errorf("describe group %s: %w", name, err)
	}
	owners := map[Partition]string{}
	for _, g := range groups {
		if g.Err != sarama.ErrNoError && !errors.Is(g.Err, sarama.ErrGroupIDNotFound) {
			return nil, fmt.Errorf("describe group %s: %w", name, g.Err)
		}
		for _, m := range g.Members {
			a, err := m.GetMemberAssignment()
			if err != nil {
				return nil, fmt.Errorf("assignment of group %s: %w", name, err)
			}
			if a == nil {
				continue // it is only joining
			}
			for _, parts := range a.Topics {
				for _, p := range parts {
					owners[p] = m.ClientId + " " + m.ClientHost
				}
			}
		}
	}
	return owners, nil
}

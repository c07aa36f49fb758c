package embedded

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// noOffset is what Kafka says where nothing was committed.
const noOffset = -1

// noteOffsets remembers the groups that transactions hold offsets for.
func (b *Broker) noteOffsets(req *kmsg.TxnOffsetCommitRequest) {
	if b.offered == nil {
		b.offered = make(map[string]bool)
	}
	b.offered[req.Group] = true
}

// newGroup answers who asks for the offsets of a group that nobody has joined or committed to: there are none. The
// broker library says that there is no such group, which Kafka never does here, and consumers in Java give up at it.
// All else is left to the library, also what a transaction may be about to commit.
func (b *Broker) newGroup(req *kmsg.OffsetFetchRequest) (*kmsg.OffsetFetchResponse, bool) {
	resp, _ := req.ResponseKind().(*kmsg.OffsetFetchResponse)
	if len(req.Groups) == 0 { // before version 8
		if b.known(req.Group) {
			return nil, false
		}
		resp.Topics = topicsWithoutOffsets(req.Topics)
		return resp, true
	}
	for _, group := range req.Groups {
		if b.known(group.Group) {
			return nil, false
		}
		answer := kmsg.NewOffsetFetchResponseGroup()
		answer.Group, answer.Topics = group.Group, groupTopicsWithoutOffsets(group.Topics)
		resp.Groups = append(resp.Groups, answer)
	}
	return resp, true
}

func (b *Broker) known(group string) bool {
	return b.offered[group] || b.cluster.GroupInfo(group) != nil
}

func topicsWithoutOffsets(asked []kmsg.OffsetFetchRequestTopic) (out []kmsg.OffsetFetchResponseTopic) {
	for _, t := range asked {
		topic := kmsg.NewOffsetFetchResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			part := kmsg.NewOffsetFetchResponseTopicPartition()
			part.Partition, part.Offset, part.Metadata = p, noOffset, new("")
			topic.Partitions = append(topic.Partitions, part)
		}
		out = append(out, topic)
	}
	return out
}

func groupTopicsWithoutOffsets(asked []kmsg.OffsetFetchRequestGroupTopic) (out []kmsg.OffsetFetchResponseGroupTopic) {
	for _, t := range asked {
		topic := kmsg.NewOffsetFetchResponseGroupTopic()
		topic.Topic, topic.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			part := kmsg.NewOffsetFetchResponseGroupTopicPartition()
			part.Partition, part.Offset, part.Metadata = p, noOffset, new("")
			topic.Partitions = append(topic.Partitions, part)
		}
		out = append(out, topic)
	}
	return out
}

package storetest

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/eventstore/decider"
)

// decidedStory is what a request becomes when it is decided once.
var decidedStory = []string{message.TypeAccepted, message.TypeReleased, message.TypeAttemptStarted}

// once is what every topic shows of a request that was decided once.
var once = traces{Events: len(decidedStory), Instructions: 1, Outcomes: 1}

// traces counts what is seen of a message.
type traces struct{ Events, Instructions, Outcomes int }

// records are the records that are committed, however the store under test reads.
func (g *given) records(topic string, p eventstore.Partition) []*eventstore.Record {
	g.Helper()
	return g.drain(eventstore.NewReader(g.client, g.topic(topic), p, 0))
}

// seen are those that the store's reader shows.
func (g *given) seen(topic string, p eventstore.Partition) []*eventstore.Record {
	g.Helper()
	return g.drain(g.cluster.Read(g.topic(topic), p, 0, 0))
}

// drain reads up to the last stable offset: an open transaction is not waited for.
func (g *given) drain(s eventstore.Source) (out []*eventstore.Record) {
	g.Helper()
	defer s.Close()
	for {
		b, err := s.Next(g.Context())
		require.NoError(g, err)
		out = append(out, b.Records...)
		if b.Next >= b.End {
			return out
		}
	}
}

// events are the committed events of a partition's messages; nothing is verified.
func (g *given) events(p eventstore.Partition) (out []*eventstore.Event) {
	g.Helper()
	for _, r := range g.records(eventstore.Messages, p) {
		ev, err := eventstore.ParseEvent(r)
		require.NoError(g, err)
		out = append(out, ev)
	}
	return out
}

// told are the types of a message's events.
func (g *given) told(id string, p eventstore.Partition) (types []string) {
	g.Helper()
	for _, ev := range g.events(p) {
		if ev.Stream == stream(id) {
			types = append(types, ev.Type)
		}
	}
	return types
}

// traces counts what is seen of a message in all topics.
func (g *given) traces(id string, p eventstore.Partition, read func(string, eventstore.Partition) []*eventstore.Record) (n traces) {
	g.Helper()
	count := func(topic, key string) (n int) {
		for _, r := range read(topic, p) {
			if string(r.Key) == key {
				n++
			}
		}
		return n
	}
	n.Events = count(eventstore.Messages, stream(id))
	n.Instructions = count(eventstore.OutboxUrgent, id) + count(eventstore.OutboxBulk, id)
	n.Outcomes = count(eventstore.Outcomes, id)
	return n
}

// settled waits until every topic shows what was committed: a transaction's end
// reaches the partitions one after another.
func (g *given) settled(p eventstore.Partition) {
	g.Helper()
	ctx, cancel := context.WithTimeout(g.Context(), g.store.Patience)
	defer cancel()
	for _, topic := range []string{eventstore.Messages, eventstore.OutboxUrgent, eventstore.OutboxBulk, eventstore.Outcomes} {
		end, err := eventstore.EndOffset(g.client, g.topic(topic), p)
		require.NoError(g, err)
		require.NoError(g, eventstore.ReadRange(ctx, g.client, g.topic(topic), p, 0, end, func(*eventstore.Record) error { return nil }))
	}
}

// decided waits until each of the requests is decided.
func (g *given) decided(p eventstore.Partition, ids ...string) {
	g.Helper()
	g.until("requests are decided", func() bool {
		started := map[string]bool{}
		for _, ev := range g.events(p) {
			started[ev.Stream] = started[ev.Stream] || ev.Type == message.TypeAttemptStarted
		}
		return !slices.ContainsFunc(ids, func(id string) bool { return !started[stream(id)] })
	})
}

// decidedOnce waits for the requests and says that each was decided once.
func (g *given) decidedOnce(p eventstore.Partition, ids ...string) {
	g.Helper()
	g.decided(p, ids...)
	told := map[string][]string{}
	for _, ev := range g.events(p) {
		told[ev.Stream] = append(told[ev.Stream], ev.Type)
	}
	for _, id := range ids {
		require.Equal(g, decidedStory, told[stream(id)], "decided once")
	}
}

func (g *given) group() string { return g.kafka.Prefix + decider.GroupName }

// offsets are the group's committed offsets of both lanes, without what an open
// transaction may bring; -1 = none.
func (g *given) offsets(p eventstore.Partition) (out [2]int64) {
	g.Helper()
	broker, err := g.client.Coordinator(g.group())
	require.NoError(g, err)
	req := &sarama.OffsetFetchRequest{Version: 5, ConsumerGroup: g.group()}
	for _, lane := range lanes {
		req.AddPartition(g.topic(lane), p)
	}
	resp, err := broker.FetchOffset(req)
	require.NoError(g, err)
	for i, lane := range lanes {
		block := resp.GetBlock(g.topic(lane), p)
		require.NotNil(g, block)
		require.Equal(g, sarama.ErrNoError, block.Err)
		out[i] = block.Offset
	}
	return out
}

var lanes = [2]string{eventstore.InboxUrgent, eventstore.InboxBulk}

// ends are the ends of both lanes.
func (g *given) ends(p eventstore.Partition) (out [2]int64) {
	g.Helper()
	for i, lane := range lanes {
		end, err := eventstore.EndOffset(g.client, g.topic(lane), p)
		require.NoError(g, err)
		out[i] = end
	}
	return out
}

func decode[T any](g *given, data []byte) (out T) {
	g.Helper()
	require.NoError(g, json.Unmarshal(data, &out))
	return out
}

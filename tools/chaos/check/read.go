package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// The topics' short names.
const (
	topicMessages = "messages"
	topicAccounts = "accounts"
	topicOutcomes = "outcomes"
)

var (
	journals = []string{topicAccounts, topicMessages}
	lanes    = []string{"inbox.urgent", "inbox.bulk"}
)

// patience is how long one topic may give nothing new before its end.
const patience = 30 * time.Second

// books is everything that was read.
type books struct {
	cfg      Config
	r        *Report
	events   map[string][][]*event      // committed, by topic and partition
	written  map[string][][]*event      // also what was aborted
	inbox    map[string][][]*kgo.Record // by lane and partition
	outcomes map[string]bool            // by command
	stories  map[string]*story          // by message
	known    known
}

func read(ctx context.Context, cfg Config, r *Report) (*books, error) {
	b := &books{
		cfg: cfg, r: r, events: map[string][][]*event{}, written: map[string][][]*event{}, inbox: map[string][][]*kgo.Record{},
		outcomes: map[string]bool{}, stories: map[string]*story{},
	}
	for _, topic := range journals {
		for committed, into := range map[bool]map[string][][]*event{true: b.events, false: b.written} {
			records, err := b.topic(ctx, topic, committed)
			if err != nil {
				return nil, err
			}
			into[topic] = b.parse(records)
		}
	}
	for _, lane := range lanes {
		records, err := b.topic(ctx, lane, true)
		if err != nil {
			return nil, err
		}
		b.inbox[lane] = records
	}
	records, err := b.topic(ctx, topicOutcomes, true)
	for _, part := range records {
		for _, rec := range part {
			b.outcomes[string(rec.Key)] = true
		}
	}
	return b, err
}

// topic reads a whole topic, up to the end that it has when this begins.
func (b *books) topic(ctx context.Context, short string, committed bool) ([][]*kgo.Record, error) {
	name, level, wire := b.cfg.Prefix+short, kgo.ReadUncommitted(), int8(0)
	if committed {
		level, wire = kgo.ReadCommitted(), 1
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(b.cfg.Brokers...), kgo.FetchIsolationLevel(level), kgo.KeepControlRecords(), kgo.ConsumeTopics(name),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(500*time.Millisecond),
	)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	defer client.Close()
	ends, err := b.ends(ctx, client, name, wire)
	if err != nil {
		return nil, fmt.Errorf("ends of %s: %w", name, err)
	}
	out := make([][]*kgo.Record, b.cfg.Partitions)
	left := len(ends)
	for left > 0 {
		poll, cancel := context.WithTimeout(ctx, patience)
		fetches := client.PollFetches(poll)
		err := errors.Join(fetches.Err(), poll.Err())
		cancel()
		if err != nil {
			return nil, fmt.Errorf("read %s: %d partitions are not read to their end: %w", name, left, err)
		}
		fetches.EachRecord(func(rec *kgo.Record) {
			end, open := ends[rec.Partition]
			if open && rec.Offset < end && !rec.Attrs.IsControl() {
				out[rec.Partition] = append(out[rec.Partition], rec)
			}
			if open && rec.Offset >= end-1 {
				delete(ends, rec.Partition)
				left--
			}
		})
	}
	return out, nil
}

// ends are the partitions' ends for a reader of that isolation level; empty ones are left out.
func (b *books) ends(ctx context.Context, client *kgo.Client, topic string, level int8) (map[int32]int64, error) {
	out := map[int32]int64{}
	for _, at := range []int64{-1, -2} { // the end, then the beginning
		req := kmsg.NewListOffsetsRequest()
		req.IsolationLevel = level
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic = topic
		for p := range b.cfg.Partitions {
			part := kmsg.NewListOffsetsRequestTopicPartition()
			part.Partition, part.Timestamp = p, at
			t.Partitions = append(t.Partitions, part)
		}
		req.Topics = append(req.Topics, t)
		for _, shard := range client.RequestSharded(ctx, &req) {
			if shard.Err != nil {
				return nil, shard.Err
			}
			for _, t := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
				for _, p := range t.Partitions {
					if p.ErrorCode != 0 {
						return nil, fmt.Errorf("partition %d: error code %d", p.Partition, p.ErrorCode)
					}
					if at == -1 {
						out[p.Partition] = p.Offset
					} else if out[p.Partition] <= p.Offset {
						delete(out, p.Partition)
					}
				}
			}
		}
	}
	return out, nil
}

// byName keeps requests to versions that name topics by their names, not by ids.
var byName = kgo.MaxVersions(kversion.V3_6_0())

// committed are the offsets of the group that decides, by lane and partition.
func (b *books) committed(ctx context.Context) (map[string]map[int32]int64, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.cfg.Brokers...), byName)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	defer client.Close()
	req := kmsg.NewOffsetFetchRequest()
	req.Group, req.RequireStable = b.cfg.Prefix+"decider", true
	group := kmsg.NewOffsetFetchRequestGroup()
	group.Group = req.Group
	for _, lane := range lanes {
		t, gt := kmsg.NewOffsetFetchRequestTopic(), kmsg.NewOffsetFetchRequestGroupTopic()
		t.Topic, gt.Topic = b.cfg.Prefix+lane, b.cfg.Prefix+lane
		for p := range b.cfg.Partitions {
			t.Partitions, gt.Partitions = append(t.Partitions, p), append(gt.Partitions, p)
		}
		req.Topics, group.Topics = append(req.Topics, t), append(group.Topics, gt)
	}
	req.Groups = append(req.Groups, group)
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("committed offsets: %w", err)
	}
	return b.offsetsOf(resp), nil
}

func (b *books) offsetsOf(resp *kmsg.OffsetFetchResponse) map[string]map[int32]int64 {
	out := map[string]map[int32]int64{}
	put := func(topic string, p int32, offset int64) {
		lane := topic[len(b.cfg.Prefix):]
		if out[lane] == nil {
			out[lane] = map[int32]int64{}
		}
		out[lane][p] = offset
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			put(t.Topic, p.Partition, p.Offset)
		}
	}
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				put(t.Topic, p.Partition, p.Offset)
			}
		}
	}
	return out
}

package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"goniec/adapters/dispatch"
	"goniec/eventstore"
)

// cluster is the simulated Kafka as one process sees it: an eventstore.Cluster,
// where the dispatcher's offsets go, and a plain producer.
type cluster struct {
	w *world
	n *node
}

func (c *cluster) call(ctx context.Context, name string, ready func() bool, apply func() error, fates ...fate) error {
	return c.w.call(ctx, &op{node: c.n, needs: needsKafka, name: name, ready: ready, apply: apply, fates: fates})
}

func (c *cluster) offset(name, topic string, get func() int64) (off int64, err error) {
	err = c.call(context.Background(), name+" "+topic, nil, func() error {
		off = get()
		return nil
	}, refused)
	return off, err
}

func (c *cluster) Oldest(topic string, _ eventstore.Partition) (int64, error) {
	return c.offset("oldest", topic, func() int64 { return 0 })
}

func (c *cluster) End(topic string, _ eventstore.Partition) (int64, error) {
	return c.offset("end", topic, func() int64 {
		c.w.check.asked(c.n, topic)
		return c.w.kafka.topic(topic).end()
	})
}

// TopicID: topics are never made anew here.
func (c *cluster) TopicID(topic string) (string, error) { return topic, nil }

func (c *cluster) OffsetAt(topic string, _ eventstore.Partition, t time.Time) (int64, error) {
	return c.offset("offset-at", topic, func() int64 {
		for _, r := range c.w.kafka.topic(topic).records {
			if !r.control && !r.Timestamp.Before(t.Truncate(time.Millisecond)) {
				return r.Offset
			}
		}
		return -1
	})
}

func (c *cluster) Read(topic string, _ eventstore.Partition, from int64, _ int32) eventstore.Source {
	return &source{c: c, topic: topic, next: from}
}

func (c *cluster) Committed(ctx context.Context, group, topic string, _ eventstore.Partition) (offset int64, meta string, err error) {
	k := c.w.kafka
	err = c.call(ctx, "committed "+topic, func() bool { return !k.pending(group, topic) }, func() error {
		at := k.committedAt(group, topic)
		offset, meta = at.offset, at.meta
		return nil
	}, refused)
	return offset, meta, err
}

func (c *cluster) StillMember(o *eventstore.Ownership) error {
	m := o.Member()
	return c.call(context.Background(), "heartbeat", nil, func() error {
		if !c.w.kafka.groups[o.Group].members[m.MemberID] {
			return eventstore.ErrNotMember
		}
		return nil
	}, refused)
}

func (c *cluster) Begin(ctx context.Context, id string) (eventstore.Transactions, error) {
	t := &transactions{c: c, id: id}
	err := c.call(ctx, "begin "+id, nil, func() error {
		t.epoch = c.w.kafka.begin(id)
		return nil
	}, refused, lost)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// transactions is a transactional producer.
type transactions struct {
	c     *cluster
	id    string
	epoch int
}

func (t *transactions) Close() error { return nil }

// Write is two steps, so that anything may happen between them: the records, and
// the decision that they count.
func (t *transactions) Write(records []*sarama.ProducerMessage, offsets []eventstore.Offset, member *sarama.ConsumerGroupMetadata) error {
	var x *txn
	k, ctx := t.c.w.kafka, context.Background()
	err := t.c.call(ctx, fmt.Sprintf("write %s", t.id), nil, func() (err error) {
		x, err = k.write(t.id, t.epoch, records, time.Now())
		return err
	}, refused, lost)
	if err != nil {
		return fmt.Errorf("write group: %w", err)
	}
	isLate, isTorn := false, false
	o := &op{node: t.c.n, needs: needsKafka, name: "commit " + t.id, fates: []fate{refused, lost, late, lateAnd, torn}}
	o.apply = func() (err error) {
		t.c.w.check.committing(t.c.n, offsets)
		count := true
		if isTorn {
			records := t.c.w.chance(2)
			err = k.tear(x, t.epoch, offsets, member, records)
			count = records == x.journals() // without events the offsets alone say what was decided
		} else {
			err = k.commit(x, t.epoch, offsets, member, isLate)
		}
		if err == nil && !count {
			t.c.w.check.halved()
		}
		if err == nil && count {
			t.c.w.check.accepted(t.c.n, offsets)
		}
		return err
	}
	o.tear = func() { isTorn = true }
	o.delay = func() { isLate = true }
	if err := t.c.w.call(ctx, o); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// source is one partition being read. Like eventstore.Reader it waits up to half
// a second for records, and then answers an empty batch.
type source struct {
	c     *cluster
	topic string
	next  int64
}

const maxWait = 500 * time.Millisecond

func (s *source) Position() int64 { return s.next }
func (s *source) Close()          {}

func (s *source) Next(ctx context.Context) (b eventstore.Batch, err error) {
	w := s.c.w
	o := &op{node: s.c.n, needs: needsKafka, name: "read " + s.topic}
	o.idle = func() bool { return w.kafka.stable(s.topic) <= s.next }
	o.ready = func() bool { return !o.idle() || time.Since(o.since) >= maxWait }
	o.apply = func() error {
		b = w.kafka.read(s.topic, s.next, 1+w.rng.IntN(w.plan.batch))
		w.check.delivered(s.c.n, s.topic, b.Next)
		return nil
	}
	if err := w.call(ctx, o); err != nil {
		return b, err
	}
	s.next = b.Next
	return b, nil
}

// Send is the plain producer of the dispatcher's answers.
func (c *cluster) Send(ctx context.Context, msgs ...*sarama.ProducerMessage) error {
	return c.call(ctx, "send "+nameOf(msgs[0]), nil, func() error {
		for _, m := range msgs {
			c.w.kafka.append(m, nil, time.Now())
		}
		return nil
	}, refused, lost)
}

// nameOf tells records apart in the trace: by the command's id.
func nameOf(m *sarama.ProducerMessage) string {
	for _, h := range m.Headers {
		if string(h.Key) == "cmd_id" {
			return m.Topic + " " + string(h.Value)
		}
	}
	return m.Topic
}

// claims is where a dispatcher commits what it has claimed.
type claims struct {
	c      *cluster
	owner  *eventstore.Ownership
	member string // when the ownership began
}

func (c *cluster) claims(o *eventstore.Ownership) dispatch.OffsetWriter {
	return &claims{c: c, owner: o, member: o.Member().MemberID}
}

func (c *claims) Close() {}

func (c *claims) Write(lanes [2]dispatch.LaneOffset) error {
	m := c.owner.Member()
	if m.MemberID != c.member {
		return dispatch.ErrLost
	}
	return c.c.call(context.Background(), "claim", nil, func() error {
		err := c.c.w.kafka.groups[c.owner.Group].admits(m)
		switch {
		case err == sarama.ErrUnknownMemberId: //nolint:errorlint // never wrapped
			return fmt.Errorf("%w: %w", dispatch.ErrLost, err)
		case err != nil:
			return err
		}
		c.c.n.heard = time.Now()
		for _, l := range lanes {
			c.c.w.kafka.offsets[c.owner.Group+"/"+l.Topic] = committed{l.Offset, l.Meta}
		}
		c.c.w.check.claimed(c.c.n, lanes)
		return nil
	}, refused, lost)
}

package dispatch

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"goniec/domain/message"
	"goniec/eventstore"
)

// takeOver begins where the predecessor's last commit ended. The first commit
// is the owner's own: from then on it holds the lease.
func (o *owner) takeOver() error {
	if err := o.restoreLanes(); err != nil {
		return err
	}
	left, err := o.leftovers()
	if err != nil {
		return err
	}
	if err := o.recallRevokes(); err != nil {
		return err
	}
	if err := o.commitUntilTaken(); err != nil {
		return err
	}
	o.log.Info("outbox partition owned", "claimed_before", len(left))
	o.claim.Working()
	o.inherit(left)
	return nil
}

// restoreLanes reads what is committed. Both lanes are always committed
// together, so none has an offset only before the very first start.
func (o *owner) restoreLanes() error {
	var offsets [2]int64
	var metas [2]string
	for i, topic := range laneTopics {
		name := o.d.cfg.Kafka.Topics().Name(topic)
		off, meta, err := o.d.cfg.Cluster.Committed(o.soft, o.group, name, o.part)
		if err != nil {
			return fmt.Errorf("committed offset of %s: %w", topic, err)
		}
		offsets[i], metas[i] = off, meta
	}
	first := offsets[urgent] < 0 && offsets[bulk] < 0
	for i, topic := range laneTopics {
		l, err := o.newLane(i, offsets[i], metas[i], first)
		if err != nil {
			return fmt.Errorf("%s/%d: %w", topic, o.part, err)
		}
		o.lanes[i] = l
	}
	return nil
}

var errNoOffset = errors.New("the partition has a history, but the group has no committed offset for it: restore it by hand (run book: missing offset)")

// newLane begins a lane at what was committed. An offset that is missing, or
// ahead of the topic, is never guessed: instructions could be sent again. One
// that lies behind the topic's beginning is moved up: what was deleted there is
// older than any instruction lives.
func (o *owner) newLane(index int, offset int64, meta string, first bool) (*lane, error) {
	topic := o.d.cfg.Kafka.Topics().Name(laneTopics[index])
	oldest, err := o.d.cfg.Cluster.Oldest(topic, o.part)
	if err != nil {
		return nil, fmt.Errorf("oldest offset: %w", err)
	}
	end, err := o.d.cfg.Cluster.End(topic, o.part)
	if err != nil {
		return nil, fmt.Errorf("end offset: %w", err)
	}
	switch {
	case first && oldest == 0:
		offset = 0
	case offset < 0:
		return nil, errNoOffset
	case offset > end:
		return nil, fmt.Errorf("committed offset %d lies behind the topic's end %d: it belongs to another topic", offset, end)
	}
	l := &lane{owner: o, index: index, topic: topic, ch: make(chan laneBatch, 2)}
	if l.claims, err = restore(offset, meta); err != nil {
		return nil, err
	}
	if l.claims.base < oldest {
		o.log.Error("instructions were deleted unread", "topic", topic, "from", l.claims.base, "to", oldest)
		l.claims.skip(oldest)
	}
	l.next = l.claims.to()
	return l, nil
}

// leftovers reads what the predecessor claimed and did not finish.
func (o *owner) leftovers() ([]*job, error) {
	var left []*job
	for i, l := range o.lanes {
		open := l.claims.unfinished()
		if len(open) == 0 {
			continue
		}
		found := map[int64]bool{}
		err := o.readRange(l.topic, open[0], l.next, func(r *eventstore.Record) error {
			if _, ok := slices.BinarySearch(open, r.Offset); !ok {
				return nil
			}
			e, unreadable, err := parseEntry(o, i, r)
			if err != nil || unreadable != nil || e.job == nil {
				return err
			}
			found[r.Offset] = true
			left = append(left, e.job)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read claimed instructions: %w", err)
		}
		for _, off := range open {
			if !found[off] {
				l.claims.finish(off) // nothing there can be answered
			}
		}
	}
	return left, nil
}

// readRange calls fn for each record of [from, to) of this partition of a topic.
func (o *owner) readRange(topic string, from, to int64, fn func(*eventstore.Record) error) error {
	if from >= to {
		return nil
	}
	return eventstore.ReadTo(o.soft, o.d.cfg.Cluster.Read(topic, o.part, from, 0), to, fn)
}

const inheritBatch = 500

// inherit answers "unknown" for what the predecessor claimed and did not
// finish: whether it made the calls nobody knows, and no carrier here would
// recognise a repeat.
func (o *owner) inherit(left []*job) {
	if len(left) == 0 {
		return
	}
	o.d.cfg.Metrics.Inherited(o.part, len(left))
	o.work.Add(1)
	go func() {
		defer o.work.Done()
		for jobs := range slices.Chunk(left, inheritBatch) {
			if !o.d.send(o.hard, func() ([]*sarama.ProducerMessage, error) { return o.unknowns(jobs) }) {
				return // they stay claimed: the next owner answers them
			}
			o.finish(jobs...)
		}
	}()
}

func (o *owner) unknowns(jobs []*job) ([]*sarama.ProducerMessage, error) {
	var msgs []*sarama.ProducerMessage
	for _, j := range jobs {
		m, err := o.d.record(j.destination(), j.answer(message.Answer{Outcome: message.OutcomeUnknown, Reason: message.ReasonClaimed}))
		if err != nil {
			return nil, err
		}
		msgs = append(msgs, m)
	}
	return msgs, nil
}

// revokeSlack allows for clocks that differ between the processes that write the outbox.
const revokeSlack = time.Minute

// recallRevokes learns what was revoked before this ownership, so that it counts
// before the first call: what stands unread in the urgent lane, and, if the bulk
// lane has a backlog, what the predecessor had passed since the first instruction there.
func (o *owner) recallRevokes() error {
	u := o.lanes[urgent]
	from, err := o.firstRevoke(u)
	if err != nil {
		return err
	}
	end, err := o.d.cfg.Cluster.End(u.topic, o.part)
	if err != nil {
		return fmt.Errorf("end offset of %s: %w", u.topic, err)
	}
	r := o.d.cfg.Cluster.Read(u.topic, o.part, from, 0)
	defer r.Close()
	for r.Position() < end {
		b, err := r.Next(o.soft)
		if err == nil {
			err = o.recall(b.Records)
		}
		if err != nil {
			return fmt.Errorf("read revokes: %w", err)
		}
	}
	return nil
}

// recall takes note of the revokes among records of the urgent lane, also of those
// behind the end that was asked for: what has been read counts.
func (o *owner) recall(records []*eventstore.Record) error {
	for _, r := range records {
		e, _, err := parseEntry(o, urgent, r)
		if err != nil {
			return err
		}
		if e.revoke != "" {
			o.revoked.add(e.revoke, time.Now())
		}
	}
	return nil
}

// firstRevoke is the offset in the urgent lane from which revokes may matter.
func (o *owner) firstRevoke(u *lane) (int64, error) {
	since, ok, err := o.backlogSince()
	if err != nil || !ok {
		return u.next, err
	}
	from, err := o.d.cfg.Cluster.OffsetAt(u.topic, o.part, since.Add(-revokeSlack))
	if err != nil {
		return 0, fmt.Errorf("offset of a time in %s: %w", u.topic, err)
	}
	if from < 0 { // nothing was written there since
		return u.next, nil
	}
	return min(from, u.next), nil
}

// backlogSince is the time of the first instruction of the bulk lane that is
// not claimed; ok is false when there is none.
func (o *owner) backlogSince() (since time.Time, ok bool, err error) {
	b := o.lanes[bulk]
	r := o.d.cfg.Cluster.Read(b.topic, o.part, b.next, 0)
	defer r.Close()
	for {
		got, err := r.Next(o.soft)
		if err != nil {
			return since, false, fmt.Errorf("read backlog: %w", err)
		}
		if len(got.Records) > 0 {
			return got.Records[0].Timestamp, true, nil
		}
		if got.Next >= got.End {
			return since, false, nil
		}
	}
}

// skipped takes note of an instruction that cannot be read.
func (o *owner) skipped(topic string, offset int64, why error) {
	o.d.cfg.Metrics.Unreadable(o.part, topic, offset, why)
	o.log.Error("instruction is not readable and is skipped", "topic", topic, "offset", offset, "error", why)
}

// noRoute answers jobs of a route that this process does not have.
func (o *owner) noRoute(name string, jobs []*job) {
	o.d.cfg.Metrics.Alarm(name, "no_such_route")
	o.log.Error("instructions name a route that is not configured", "route", name, "count", len(jobs))
	for _, j := range jobs {
		go func() { // counted since it was claimed
			j.leftQueue()
			o.deliver(j, j.notSent(message.ReasonRouteDown))
		}()
	}
}

package decider

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"github.com/cockroachdb/pebble/v2"

	"goniec/eventstore"
)

// The state topic is the owners' recovery cache, so that the time to take a
// partition over does not grow with its history. Now and then an owner makes a
// pass: it writes the state of every stream that has changed since the last one
// began, a few in each of its transactions, and at the end a mark: where the
// journals stood when the pass began. Whoever begins with nothing loads the
// topic, replays the journals from the last mark on, and passes over the events
// that a stream contains already. Lost or of another build, the journals rebuild all.
// It lies in clear: like the journals, no state holds a number or a text.
//
// What has changed is noted beside the state, under one of two generations. A
// pass turns to the other one, and empties the first: so it has an end, however
// much changes meanwhile. Whatever is not noted stands in the topic.

const (
	passIdle  = 1000 // streams that a group takes along when there is nothing else to do
	passLeast = 10   // … and when there is: these, or
	passShare = 4    // … one for so many other records, but not more than
	passMost  = 250
	passRetry = 10 * time.Second // after the broker did not answer
)

type pass struct {
	topic string    // identity of the topic that holds what is not noted as changed; "" = of none
	gen   byte      // under which changes are noted
	begin *meta     // of the pass under way; nil = none, or what a former ownership left of one
	next  []byte    // where to go on in the other generation
	done  bool      // the other generation is empty
	due   time.Time // real time of the next
}

func (k keyspace) changed(gen byte, stream string) []byte { return k.key('c', string('0'+gen), stream) }
func (k keyspace) tombstone(stream string) []byte         { return k.key('x', stream) }

func markKey(p eventstore.Partition) string { return fmt.Sprintf("mark/%d", p) }

// firstPass spreads the partitions' passes out.
func (o *owner) firstPass() time.Time {
	return o.started.Add(o.cfg.StatePass * time.Duration(o.part+1) / time.Duration(o.cfg.Partitions))
}

func (p *pass) resting() bool { return p.done && p.begin == nil }

// passWaits says whether a group should begin for the pass alone.
func (o *owner) passWaits() bool {
	now := o.cfg.Now()
	if o.cfg.StatePass < 0 || now.Sub(o.commits) < o.cfg.GroupWait {
		return false
	}
	return !o.pass.resting() || !now.Before(o.pass.due)
}

// pass adds the pass's share to the group.
func (g *group) pass(idle bool) error {
	o := g.o
	if o.cfg.StatePass < 0 || o.pass.resting() && o.cfg.Now().Before(o.pass.due) {
		return nil
	}
	if o.pass.resting() {
		if begun, err := o.beginPass(); err != nil || !begun {
			return err
		}
	}
	limit := min(max(len(g.records)/passShare, passLeast), passMost)
	if idle {
		limit = passIdle
	}
	if err := g.passStreams(limit); err != nil {
		return err
	}
	if o.pass.done {
		return g.endPass()
	}
	return nil
}

// beginPass turns to the other generation. A topic that is not the one we wrote
// to holds nothing of ours: everything counts as changed.
func (o *owner) beginPass() (bool, error) {
	id, err := o.cfg.Cluster.TopicID(o.topics.Name(eventstore.State))
	if err != nil {
		o.pass.due = o.cfg.Now().Add(passRetry)
		return false, nil //nolint:nilerr // the pass waits, decisions go on
	}
	if id != o.pass.topic {
		if err := o.markAll(); err != nil {
			return false, err
		}
	}
	begin := o.meta()
	begin.Journals, begin.StateTopic = maps.Clone(o.marks), id
	o.pass = pass{topic: id, gen: 1 - o.pass.gen, begin: &begin, due: o.cfg.Now().Add(o.cfg.StatePass)}
	return true, nil
}

// markAll notes every stream as changed.
func (o *owner) markAll() error {
	prefix := o.keys.state("")
	b := o.store.db.NewBatch()
	err := scan(o.store.db, prefix, after(prefix), func(k []byte) (bool, error) {
		if err := b.Set(o.keys.changed(o.pass.gen, string(k[len(prefix):])), nil, nil); err != nil || b.Count() < 10000 {
			return true, err
		}
		err := b.Commit(pebble.NoSync)
		b = o.store.db.NewBatch()
		return true, err
	})
	return errors.Join(err, b.Commit(pebble.NoSync))
}

func (o *owner) unmark(w pebble.Writer, stream string) error {
	return errors.Join(w.Delete(o.keys.changed(0, stream), nil), w.Delete(o.keys.changed(1, stream), nil))
}

// passStreams writes up to n streams of the other generation.
func (g *group) passStreams(n int) error {
	o, p := g.o, &g.o.pass
	prefix := o.keys.changed(1-p.gen, "")
	var streams []string
	p.done = true
	err := scan(o.store.db, slices.Concat(prefix, p.next), after(prefix), func(k []byte) (bool, error) {
		if len(streams) == n {
			p.done, p.next = false, bytes.Clone(k[len(prefix):])
			return false, nil
		}
		streams = append(streams, string(k[len(prefix):]))
		return true, nil
	})
	if err != nil {
		return err
	}
	g.passed = make(map[string]bool, len(streams))
	for _, stream := range streams {
		if err := g.passStream(stream); err != nil {
			return err
		}
	}
	return nil
}

// passStream writes a stream as it is after this group; a tombstone when it is no more.
func (g *group) passStream(stream string) error {
	state, err := g.encoded(stream)
	if err != nil {
		return err
	}
	rec := g.o.stateRecord(stream)
	if state != nil {
		rec.Value = sarama.ByteEncoder(append(binary.AppendUvarint(nil, stateSchema), state...))
	}
	if rec.ByteSize(2) > eventstore.MaxRecordBytes {
		g.o.log.Error("a state is too large for the state topic: whoever begins with nothing rebuilds the partition from its first event", "kind", kindOf(stream), "bytes", len(state))
		g.o.pass = pass{gen: g.o.pass.gen, done: true, due: never}
		return nil
	}
	g.records, g.passed[stream] = append(g.records, rec), true
	return nil
}

// encoded is a stream's state after this group as the store keeps it; nil when there is none.
func (g *group) encoded(stream string) ([]byte, error) {
	if e, ok := g.changed[stream]; ok {
		if e.version == 0 {
			return nil, nil
		}
		return encodeState(e.version, e.agg)
	}
	b, _, err := get(g.o.store.db, g.o.keys.state(stream))
	return b, err
}

func (o *owner) stateRecord(key string) *sarama.ProducerMessage {
	return &sarama.ProducerMessage{Topic: o.topics.Name(eventstore.State), Partition: o.part, Key: sarama.StringEncoder(key)}
}

// endPass writes the mark of a pass that was seen from its beginning to its end.
func (g *group) endPass() error {
	begin := g.o.pass.begin
	g.o.pass.begin, g.o.pass.next = nil, nil
	if begin == nil {
		return nil
	}
	value, err := json.Marshal(begin)
	if err != nil {
		return fmt.Errorf("encode mark: %w", err)
	}
	rec := g.o.stateRecord(markKey(g.o.part))
	rec.Value = sarama.ByteEncoder(value)
	g.records = append(g.records, rec)
	g.o.log.Debug("state saved", "changed_again", len(g.changed))
	return nil
}

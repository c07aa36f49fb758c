package sim

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"goniec/eventstore"
)

// kafka is a cluster with one partition a topic. It holds what Kafka promises
// and nothing more: transactions with fencing, control records, last stable
// offset, offsets that count with their transaction, generations of groups. Only
// the scheduler touches it.
type kafka struct {
	topics  map[string]*topicLog
	epochs  map[string]int // of transactional ids
	open    []*txn         // not settled, oldest first
	offsets map[string]committed
	groups  map[string]*group
	settled func(*txn)                    // a transaction became visible
	written func(topic string, r *record) // a plain record became visible
}

type committed struct {
	offset int64
	meta   string
}

type topicLog struct{ records []*record }

type record struct {
	*eventstore.Record
	txn     *txn // nil = plain
	control bool
}

// counts says whether it is visible, once it stands before the last stable offset.
func (r *record) counts() bool { return !r.control && (r.txn == nil || r.txn.state == txnCommitted) }

type txnState int

const (
	txnOpen     txnState = iota
	txnPrepared          // the coordinator has decided to commit, the markers are not written yet
	txnCommitted
	txnAborted
)

type txn struct {
	id      string
	state   txnState
	since   time.Time
	group   string
	first   map[string]int64
	records []*record
	offsets []eventstore.Offset
}

func newKafka() *kafka {
	return &kafka{topics: map[string]*topicLog{}, epochs: map[string]int{}, offsets: map[string]committed{}, groups: map[string]*group{}}
}

func (k *kafka) topic(name string) *topicLog {
	t, ok := k.topics[name]
	if !ok {
		t = &topicLog{}
		k.topics[name] = t
	}
	return t
}

func (t *topicLog) end() int64 { return int64(len(t.records)) }

// stable is the last stable offset.
func (k *kafka) stable(topic string) int64 {
	lso := k.topic(topic).end()
	for _, x := range k.open {
		if first, ok := x.first[topic]; ok {
			lso = min(lso, first)
		}
	}
	return lso
}

func (k *kafka) append(m *sarama.ProducerMessage, x *txn, now time.Time) *record {
	t := k.topic(m.Topic)
	r := &record{Record: &eventstore.Record{Topic: m.Topic, Partition: 0, Offset: t.end(), Timestamp: now, Key: encoded(m.Key), Value: encoded(m.Value)}, txn: x}
	for i := range m.Headers {
		r.Headers = append(r.Headers, &m.Headers[i])
	}
	t.records = append(t.records, r)
	if x == nil {
		k.written(m.Topic, r)
		return r
	}
	if _, ok := x.first[m.Topic]; !ok {
		x.first[m.Topic] = r.Offset
	}
	x.records = append(x.records, r)
	return r
}

func encoded(e sarama.Encoder) []byte {
	if e == nil {
		return nil
	}
	b, _ := e.Encode() // a string or bytes
	return b
}

// read returns up to most visible records from an offset on.
func (k *kafka) read(topic string, from int64, most int) (b eventstore.Batch) {
	b.End, b.Next = k.stable(topic), from
	for ; b.Next < b.End && len(b.Records) < most; b.Next++ {
		if r := k.topic(topic).records[b.Next]; r.counts() {
			b.Records = append(b.Records, r.Record)
		}
	}
	return b
}

// begin fences earlier producers of the id and settles what they left.
func (k *kafka) begin(id string) (epoch int) {
	k.settle(id)
	k.epochs[id]++
	return k.epochs[id]
}

func (k *kafka) settle(id string) {
	for _, x := range slices.Clone(k.open) {
		if x.id == id {
			k.end(x, x.state == txnPrepared)
		}
	}
}

// txnTimeout is when the coordinator aborts what nobody ends; see
// eventstore.KafkaConfig.TransactionalConfig.
const txnTimeout = 15 * time.Second

// expire aborts transactions that have been open for too long, and fences those
// who left them.
func (k *kafka) expire(now time.Time) {
	for _, x := range slices.Clone(k.open) {
		if x.state == txnOpen && now.Sub(x.since) > txnTimeout {
			k.epochs[x.id]++
			k.end(x, false)
		}
	}
}

// end writes the markers of a transaction, and its offsets if it was committed.
func (k *kafka) end(x *txn, commit bool) {
	k.open = slices.DeleteFunc(k.open, func(y *txn) bool { return y == x })
	topics := make([]string, 0, len(x.first))
	for t := range x.first {
		topics = append(topics, t)
	}
	slices.Sort(topics)
	for _, name := range topics {
		t := k.topic(name)
		t.records = append(t.records, &record{Record: &eventstore.Record{Topic: name, Offset: t.end()}, txn: x, control: true})
	}
	if x.state = txnAborted; !commit {
		return
	}
	x.state = txnCommitted
	k.commitOffsets(x)
	k.settled(x)
}

// write begins a transaction with records in it.
func (k *kafka) write(id string, epoch int, records []*sarama.ProducerMessage, now time.Time) (*txn, error) {
	if k.epochs[id] != epoch {
		return nil, sarama.ErrProducerFenced
	}
	k.settle(id) // the coordinator finishes what it has decided before it takes more
	x := &txn{id: id, since: now, first: map[string]int64{}}
	k.open = append(k.open, x)
	for _, m := range records {
		m.Offset = k.append(m, x, now).Offset
	}
	return x, nil
}

var errTransaction = errors.New("the transaction is not open any more")

// commit decides a transaction; late says that its markers are written later.
func (k *kafka) commit(x *txn, epoch int, offsets []eventstore.Offset, member *sarama.ConsumerGroupMetadata, late bool) error {
	if err := k.prepare(x, epoch, offsets, member); err != nil {
		return err
	}
	if !late {
		k.end(x, true)
	}
	return nil
}

// tear decides a transaction as a cluster does that loses its quorum meanwhile:
// either its records count or its offsets do.
func (k *kafka) tear(x *txn, epoch int, offsets []eventstore.Offset, member *sarama.ConsumerGroupMetadata, records bool) error {
	if err := k.prepare(x, epoch, offsets, member); err != nil {
		return err
	}
	if records {
		x.offsets = nil
	} else {
		k.commitOffsets(x)
	}
	k.end(x, records)
	return nil
}

func (k *kafka) prepare(x *txn, epoch int, offsets []eventstore.Offset, member *sarama.ConsumerGroupMetadata) error {
	if k.epochs[x.id] != epoch {
		return sarama.ErrProducerFenced
	}
	if x.state != txnOpen {
		return errTransaction
	}
	if member != nil {
		x.group = member.GroupID
		if err := k.groups[member.GroupID].admits(member); err != nil {
			return err
		}
	} else {
		x.group = deciderGroup
	}
	x.offsets, x.state = offsets, txnPrepared
	return nil
}

// journals says whether events are among the records.
func (x *txn) journals() bool {
	return slices.ContainsFunc(x.records, func(r *record) bool {
		return r.Topic == eventstore.Messages || r.Topic == eventstore.Accounts
	})
}

func (k *kafka) commitOffsets(x *txn) {
	for _, o := range x.offsets {
		k.offsets[x.group+"/"+o.Topic] = committed{o.Next, o.Meta}
	}
}

// pending says whether a transaction with offsets of the group's topic is not settled.
func (k *kafka) pending(group, topic string) bool {
	for _, x := range k.open {
		if x.state == txnPrepared && x.group == group && slices.ContainsFunc(x.offsets, func(o eventstore.Offset) bool { return o.Topic == topic }) {
			return true
		}
	}
	return false
}

func (k *kafka) committedAt(group, topic string) committed {
	if c, ok := k.offsets[group+"/"+topic]; ok {
		return c
	}
	return committed{offset: -1}
}

// group is a consumer group: who owns the partition, and what counts as a member.
type group struct {
	name       string
	generation int32
	members    map[string]bool
}

func (g *group) admits(m *sarama.ConsumerGroupMetadata) error {
	switch {
	case !g.members[m.MemberID]:
		return sarama.ErrUnknownMemberId
	case m.GenerationID != g.generation:
		return fmt.Errorf("%w: %d, it is %d", sarama.ErrIllegalGeneration, m.GenerationID, g.generation)
	}
	return nil
}

package storetest_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/cockroachdb/pebble/v2"

	"goniec/domain/catalog"
	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/eventstore/decider"
	"goniec/eventstore/storetest"
)

// kafka is what a cluster is made of.
type kafka struct {
	config eventstore.KafkaConfig
	client sarama.Client
}

func (k kafka) real() eventstore.Cluster { return eventstore.NewCluster(k.config, k.client) }

// on is goniec's store on another cluster.
func on(cluster func(kafka) eventstore.Cluster) storetest.Store {
	s := goniecs()
	s.Cluster = func(c eventstore.KafkaConfig, client sarama.Client) eventstore.Cluster {
		return cluster(kafka{c, client})
	}
	return s
}

type unfenced struct {
	eventstore.Cluster
	process string
}

func (u unfenced) Begin(ctx context.Context, id string) (eventstore.Transactions, error) {
	return u.Cluster.Begin(ctx, id+"."+u.process)
}

// transaction is what is asked of Write.
type transaction struct {
	kafka
	id      string // of the producer
	records []*sarama.ProducerMessage
	offsets []eventstore.Offset
	member  *sarama.ConsumerGroupMetadata
	first   *sarama.ConsumerGroupMetadata // who we were at the first one of this process
}

// writing is goniec's store with a change to each transaction before it happens.
func writing(change func(*transaction) error) storetest.Store {
	return on(func(k kafka) eventstore.Cluster { return &writer{Cluster: k.real(), kafka: k, change: change} })
}

type writer struct {
	eventstore.Cluster
	kafka
	change func(*transaction) error
	failed func(*transaction) error // what is made of one that failed; may be nil

	mu    sync.Mutex
	first *sarama.ConsumerGroupMetadata
}

func (w *writer) Begin(ctx context.Context, id string) (eventstore.Transactions, error) {
	tx, err := w.Cluster.Begin(ctx, id)
	return written{tx, w, id}, err
}

type written struct {
	eventstore.Transactions
	w  *writer
	id string
}

func (x written) Write(records []*sarama.ProducerMessage, offsets []eventstore.Offset, member *sarama.ConsumerGroupMetadata) error {
	x.w.mu.Lock()
	if x.w.first == nil {
		x.w.first = member
	}
	t := &transaction{x.w.kafka, x.id, records, offsets, member, x.w.first}
	x.w.mu.Unlock()
	if err := x.w.change(t); err != nil {
		return err
	}
	err := x.Transactions.Write(t.records, t.offsets, t.member)
	if err != nil && x.w.failed != nil && !errors.Is(err, sarama.ErrProducerFenced) {
		return x.w.failed(t)
	}
	return err
}

func bulkOffsetOutside(t *transaction) error {
	broker, err := t.client.Coordinator(t.member.GroupID)
	if err != nil {
		return err
	}
	req := &sarama.OffsetCommitRequest{
		Version: 2, ConsumerGroup: t.member.GroupID, ConsumerGroupGeneration: t.member.GenerationID, ConsumerID: t.member.MemberID, RetentionTime: -1,
	}
	bulk := t.offsets[1]
	req.AddBlock(bulk.Topic, bulk.Partition, bulk.Next, 0, "")
	t.offsets = t.offsets[:1]
	_, err = broker.CommitOffset(req)
	return err
}

func outboxOutside(t *transaction) error {
	outbox := func(m *sarama.ProducerMessage) bool { return strings.Contains(m.Topic, "outbox.") }
	var out []*sarama.ProducerMessage
	for _, m := range t.records {
		if outbox(m) {
			out = append(out, m)
		}
	}
	t.records = slices.DeleteFunc(slices.Clone(t.records), outbox)
	p, err := eventstore.NewProducer(t.config)
	if err != nil {
		return err
	}
	defer p.Close()
	return p.Send(context.Background(), out...)
}

// header returns the value of an event's header; nil when it has none.
func header(m *sarama.ProducerMessage, name string) *[]byte {
	for i := range m.Headers {
		if string(m.Headers[i].Key) == name {
			return &m.Headers[i].Value
		}
	}
	return nil
}

func hashDropped(t *transaction) error {
	for _, m := range t.records {
		if h := header(m, "ce_prevhash"); h != nil && string(*header(m, "ce_type")) == message.TypeCancelRequested {
			*h = []byte(strings.Repeat("0", 64))
		}
	}
	return nil
}

func recordedByTheClock(t *transaction) error {
	for _, m := range t.records {
		if h := header(m, "ce_recordedtime"); h != nil && string(*header(m, "ce_type")) == message.TypeAccepted {
			*h = *header(m, "ce_time")
		}
	}
	return nil
}

func staleGeneration(t *transaction) error {
	t.member = t.first
	return nil
}

// readsAll asks for what is not committed too.
type readsAll struct {
	eventstore.Cluster
	kafka
}

func (r readsAll) Read(topic string, p eventstore.Partition, from int64, maxBytes int32) eventstore.Source {
	if strings.HasSuffix(topic, eventstore.Messages) || strings.Contains(topic, "inbox.") {
		return r.Cluster.Read(topic, p, from, maxBytes) // else the owner would not get far
	}
	r.config.Dialer = uncommitted{}
	client, err := r.config.NewClient()
	if err != nil {
		return r.Cluster.Read(topic, p, from, maxBytes)
	}
	return closing{eventstore.NewCluster(r.config, client).Read(topic, p, from, maxBytes), client}
}

type closing struct {
	eventstore.Source
	client sarama.Client
}

func (c closing) Close() {
	c.Source.Close()
	_ = c.client.Close()
}

type uncommitted struct{}

func (uncommitted) Dial(network, addr string) (net.Conn, error) {
	c, err := net.Dial(network, addr)
	return asking{c}, err
}

type asking struct{ net.Conn }

func (a asking) Write(b []byte) (int, error) {
	const fetch, version = 1, 11
	if len(b) > 14 && binary.BigEndian.Uint16(b[4:]) == fetch && binary.BigEndian.Uint16(b[6:]) == version {
		b = slices.Clone(b)
		// after the client's name: replica, longest wait, fewest bytes, most bytes; then the isolation
		b[14+int(binary.BigEndian.Uint16(b[12:]))+16] = 0
	}
	return a.Conn.Write(b)
}

type oldestWhenMissing struct{ eventstore.Cluster }

func (o oldestWhenMissing) Committed(ctx context.Context, group, topic string, p eventstore.Partition) (int64, string, error) {
	offset, meta, err := o.Cluster.Committed(ctx, group, topic, p)
	if err == nil && offset < 0 {
		offset, err = o.Oldest(topic, p)
	}
	return offset, meta, err
}

type bareOffsets struct{ eventstore.Cluster }

func (o bareOffsets) Committed(ctx context.Context, group, topic string, p eventstore.Partition) (int64, string, error) {
	offset, _, err := o.Cluster.Committed(ctx, group, topic, p)
	return offset, "", err
}

type backwards struct{ eventstore.Cluster }

func (c backwards) Read(topic string, p eventstore.Partition, from int64, maxBytes int32) eventstore.Source {
	s := c.Cluster.Read(topic, p, from, maxBytes)
	if strings.Contains(topic, "inbox.") {
		return reversed{s}
	}
	return s
}

type reversed struct{ eventstore.Source }

func (r reversed) Next(ctx context.Context) (eventstore.Batch, error) {
	b, err := r.Source.Next(ctx)
	for from, to := 0, 0; from < len(b.Records); from = to {
		for to = from; to < len(b.Records) && string(b.Records[to].Key) == string(b.Records[from].Key); {
			to++
		}
		slices.Reverse(b.Records[from:to])
	}
	return b, err
}

// writtenAgain is a store that does not ask whether an unknown commit happened.
func writtenAgain() storetest.Store {
	return on(func(k kafka) eventstore.Cluster {
		return &writer{Cluster: k.real(), kafka: k, change: func(*transaction) error { return nil }, failed: func(t *transaction) error {
			again, err := k.real().Begin(context.Background(), t.id)
			if err != nil {
				return err
			}
			defer again.Close()
			return again.Write(t.records, t.offsets, t.member)
		}}
	})
}

// leaderAlone is an edge that asks for no replica's word.
type leaderAlone struct{ sarama.SyncProducer }

func acknowledgedByTheLeader(c eventstore.KafkaConfig) (storetest.Edge, error) {
	s := c.TransactionalConfig("")
	s.Producer.RequiredAcks, s.Producer.Idempotent = sarama.WaitForLocal, false
	p, err := sarama.NewSyncProducer(c.Brokers, s)
	return leaderAlone{p}, err
}

func (l leaderAlone) Send(_ context.Context, records ...*sarama.ProducerMessage) error {
	return l.SendMessages(records)
}

func (l leaderAlone) Close() { _ = l.SyncProducer.Close() }

// savedBefore is a store whose state holds what a transaction would have brought,
// whether it came about or not: what it left is in the state that is opened again.
func savedBefore() storetest.Store {
	left := &leftovers{byPrefix: map[string][]*sarama.ProducerMessage{}}
	s := on(func(k kafka) eventstore.Cluster {
		return &writer{Cluster: k.real(), kafka: k, change: func(*transaction) error { return nil }, failed: left.keep}
	})
	s.State = func(prefix, dir string) (*decider.Store, error) {
		if _, err := os.Stat(dir); err == nil {
			if err := left.save(prefix, dir); err != nil {
				return nil, err
			}
		}
		return decider.OpenStore(context.Background(), dir, slog.New(slog.DiscardHandler))
	}
	return s
}

type leftovers struct {
	mu       sync.Mutex
	byPrefix map[string][]*sarama.ProducerMessage
}

func (l *leftovers) keep(t *transaction) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byPrefix[t.config.Prefix] = append(l.byPrefix[t.config.Prefix], t.records...)
	return errors.New("it did not happen, or did it")
}

func (l *leftovers) save(prefix, dir string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	db, err := pebble.Open(dir, &pebble.Options{FormatMajorVersion: pebble.FormatNewest, Logger: pebble.DefaultLogger})
	if err != nil {
		return err
	}
	states := map[string]message.State{}
	for _, m := range l.byPrefix[prefix] {
		stream, _ := m.Key.Encode()
		id, ours := strings.CutPrefix(string(stream), "message/")
		data, _ := m.Value.Encode()
		typ := header(m, "ce_type")
		if !ours || typ == nil {
			continue
		}
		e, err := catalog.Decode(string(*typ), data)
		if err != nil {
			return err
		}
		old, ok := states[id]
		if !ok {
			old = message.New(id)
		}
		states[id] = message.Evolve(old, e.(message.Event), time.Now())
		body, err := json.Marshal(states[id])
		if err != nil {
			return err
		}
		key := append([]byte{0, byte(m.Partition), 's'}, stream...)
		if err := db.Set(key, append([]byte{3}, body...), pebble.Sync); err != nil {
			return err
		}
	}
	return db.Close()
}

package eventstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// Cluster is Kafka as the owner of a partition uses it. Owners are written
// against it, so that conformance tests and the simulation can put another one
// in its place. Topics and groups are named in full. Safe for concurrent use.
type Cluster interface {
	// Oldest is the first offset that the partition still holds, End the one that
	// its next record will get, with open transactions counted.
	Oldest(topic string, p Partition) (int64, error)
	End(topic string, p Partition) (int64, error)
	// OffsetAt is the offset of the first record written at t or later; -1 = none.
	OffsetAt(topic string, p Partition, t time.Time) (int64, error)
	// TopicID is the identity of a topic: one that was deleted and created again has another.
	TopicID(topic string) (string, error)
	// Read reads from an offset on, read_committed; see Reader. maxBytes bounds a
	// fetch, as it is stored; 0 = 4 MiB.
	Read(topic string, p Partition, from int64, maxBytes int32) Source
	// Committed is the group's offset and its metadata once no transaction with
	// offsets of the partition is open any more; offset -1 = none.
	Committed(ctx context.Context, group, topic string, p Partition) (offset int64, meta string, err error)
	// StillMember says whether this process is a member of the ownership's group: nil,
	// ErrNotMember, or what kept it from finding out.
	StillMember(o *Ownership) error
	// Begin opens the transactional producer with the given id. That fences every
	// earlier one of the same id, and settles its last transaction.
	Begin(ctx context.Context, transactionalID string) (Transactions, error)
}

// Source is one partition being read; see Reader.
type Source interface {
	Next(ctx context.Context) (Batch, error)
	Position() int64
	Close()
}

// Offset is a group's position in one partition.
type Offset struct {
	Topic     string
	Partition Partition
	Next      int64  // the first offset that has not been dealt with
	Meta      string // kept with it
}

// Transactions is a transactional producer. One goroutine uses it at a time.
type Transactions interface {
	// Write writes records and offsets in one transaction, and sets each record's
	// Offset. After an error nobody knows whether it happened, and the producer
	// must be closed; errors.Is(err, sarama.ErrProducerFenced) says that another one has begun.
	Write(records []*sarama.ProducerMessage, offsets []Offset, member *sarama.ConsumerGroupMetadata) error
	Close() error
}

// kafkaCluster is a real cluster.
type kafkaCluster struct {
	config KafkaConfig
	client sarama.Client
}

// NewCluster returns the cluster behind config; client, which stays the
// caller's, is used for reading.
func NewCluster(config KafkaConfig, client sarama.Client) Cluster {
	return &kafkaCluster{config: config, client: client}
}

func (k *kafkaCluster) Oldest(topic string, p Partition) (int64, error) {
	return OldestOffset(k.client, topic, p)
}

func (k *kafkaCluster) End(topic string, p Partition) (int64, error) {
	return EndOffset(k.client, topic, p)
}

func (k *kafkaCluster) OffsetAt(topic string, p Partition, t time.Time) (int64, error) {
	return k.client.GetOffset(topic, p, t.UnixMilli())
}

func (k *kafkaCluster) TopicID(topic string) (string, error) {
	controller, err := k.client.Controller()
	if err != nil {
		return "", fmt.Errorf("identity of %s: %w", topic, err)
	}
	resp, err := controller.GetMetadata(sarama.NewMetadataRequest(k.client.Config().Version, []string{topic}))
	if err != nil {
		_ = controller.Close() // reopened by the client when it is next asked for
		return "", fmt.Errorf("identity of %s: %w", topic, err)
	}
	for _, t := range resp.Topics {
		if t.Name == topic && t.Err == sarama.ErrNoError {
			return t.Uuid.String(), nil
		}
	}
	return "", fmt.Errorf("identity of %s: %w", topic, sarama.ErrUnknownTopicOrPartition)
}

func (k *kafkaCluster) Read(topic string, p Partition, from int64, maxBytes int32) Source {
	r := NewReader(k.client, topic, p, from)
	if maxBytes > 0 {
		r.Limit(maxBytes)
	}
	return r
}

func (k *kafkaCluster) Committed(ctx context.Context, group, topic string, p Partition) (int64, string, error) {
	return Committed(ctx, k.client, group, topic, p)
}

func (k *kafkaCluster) StillMember(o *Ownership) error { return o.stillMember(k.client) }

// drainTime is how long a transaction that has begun may go on when the
// partition is taken away or the process stops.
const drainTime = 5 * time.Second

// Begin opens a producer on a client of its own: sarama's transactions know no
// context, and try again for many minutes while Kafka is away. The client is
// closed drainTime after the end of ctx; nothing gets through from then on.
func (k *kafkaCluster) Begin(ctx context.Context, id string) (Transactions, error) {
	client, err := sarama.NewClient(k.config.Brokers, k.config.TransactionalConfig(id))
	if err != nil {
		return nil, err
	}
	t := &transactions{done: make(chan struct{})}
	t.watch.Go(func() {
		defer client.Close() //nolint:errcheck // only its connections, and all is over
		select {
		case <-t.done:
			return
		case <-ctx.Done():
		}
		select {
		case <-t.done:
		case <-time.After(drainTime):
		}
	})
	if t.producer, err = sarama.NewSyncProducerFromClient(client); err != nil {
		t.release()
		return nil, err
	}
	return t, nil
}

type transactions struct {
	producer sarama.SyncProducer
	done     chan struct{}
	watch    sync.WaitGroup
}

func (t *transactions) release() {
	close(t.done)
	t.watch.Wait()
}

func (t *transactions) Close() error {
	defer t.release()
	return t.producer.Close()
}

func (t *transactions) Write(records []*sarama.ProducerMessage, offsets []Offset, member *sarama.ConsumerGroupMetadata) error {
	if err := t.producer.BeginTxn(); err != nil {
		return fmt.Errorf("begin transaction: %w", fenced(err))
	}
	if len(records) > 0 {
		if err := t.producer.SendMessages(records); err != nil {
			return fmt.Errorf("write group: %w", fenced(err))
		}
	}
	byTopic := map[string][]*sarama.PartitionOffsetMetadata{}
	for _, o := range offsets {
		byTopic[o.Topic] = append(byTopic[o.Topic], &sarama.PartitionOffsetMetadata{Partition: o.Partition, Offset: o.Next, Metadata: &o.Meta})
	}
	if err := t.producer.AddOffsetsToTxnWithGroupMetadata(byTopic, member); err != nil {
		return fmt.Errorf("add offsets: %w", fenced(err))
	}
	if err := t.producer.CommitTxn(); err != nil {
		return unknownCommit(fenced(err))
	}
	return nil
}

// ErrUnknownCommit says that a transaction was to be committed and nobody knows
// whether it was.
var ErrUnknownCommit = errors.New("whether the transaction was committed is not known")

func unknownCommit(err error) error {
	if errors.Is(err, sarama.ErrProducerFenced) {
		return fmt.Errorf("commit: %w", err)
	}
	return fmt.Errorf("%w: %w", ErrUnknownCommit, err)
}

// fenced finds a fencing among the errors of several records, which sarama
// gathers in a type that errors.Is does not look into.
func fenced(err error) error {
	var many sarama.ProducerErrors
	if !errors.As(err, &many) {
		return err
	}
	for _, code := range []sarama.KError{sarama.ErrProducerFenced, sarama.ErrInvalidProducerEpoch} {
		for _, e := range many {
			if errors.Is(e.Err, code) {
				return fmt.Errorf("%w: %w", code, err)
			}
		}
	}
	return err
}

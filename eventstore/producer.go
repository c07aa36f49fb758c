package eventstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// ErrUnavailable says that Kafka did not acknowledge in time. What was sent may
// still have been accepted: repeat it only with the same ids.
var ErrUnavailable = errors.New("kafka did not acknowledge in time")

// Tombstone is the record that destroys what a compacted topic holds under key.
func Tombstone(topic string, p Partition, key string) *sarama.ProducerMessage {
	return &sarama.ProducerMessage{Topic: topic, Partition: p, Key: sarama.StringEncoder(key)}
}

// Fillers are records without meaning, for a partition of each topic that is erased from.
// Brokers do not compact what they are still writing to: what was destroyed is dropped
// only when something follows it.
func Fillers(t Topics, p Partition) (out []*sarama.ProducerMessage) {
	for _, topic := range []string{Contents, Keys} {
		out = append(out, Tombstone(t.Name(topic), p, "filler"))
	}
	return out
}

// Sender writes plain records and returns when all in-sync replicas have them;
// *Producer is one. Safe for concurrent use.
type Sender interface {
	Send(ctx context.Context, msgs ...*sarama.ProducerMessage) error
}

// Producer writes plain (not transactional) records and answers when every
// in-sync replica has them. Safe for concurrent use: records of concurrent
// callers share requests.
type Producer struct {
	async sarama.AsyncProducer
	wg    sync.WaitGroup
	mu    sync.RWMutex // guards closed against sends in progress
	done  bool
}

type ack struct {
	left chan error
}

// NewProducer opens a producer with connections of its own.
func NewProducer(c KafkaConfig) (*Producer, error) {
	async, err := sarama.NewAsyncProducer(c.Brokers, c.producerConfig())
	if err != nil {
		return nil, fmt.Errorf("open producer: %w", err)
	}
	p := &Producer{async: async}
	p.wg.Add(2)
	go p.successes()
	go p.failures()
	return p, nil
}

func (p *Producer) successes() {
	defer p.wg.Done()
	for m := range p.async.Successes() {
		m.Metadata.(*ack).left <- nil
	}
}

func (p *Producer) failures() {
	defer p.wg.Done()
	for e := range p.async.Errors() {
		e.Msg.Metadata.(*ack).left <- e.Err
	}
}

// Send writes the records and waits until all are acknowledged. On an error,
// which is ErrUnavailable or the end of ctx, some may have been written.
// On success each record's Offset is set.
func (p *Producer) Send(ctx context.Context, msgs ...*sarama.ProducerMessage) error {
	a := &ack{left: make(chan error, len(msgs))} // full-size, so that a caller who left blocks nobody
	if err := p.enqueue(ctx, a, msgs); err != nil {
		return err
	}
	var failed error
	for range msgs {
		select {
		case err := <-a.left:
			failed = errors.Join(failed, err)
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
		}
	}
	if failed != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, failed)
	}
	return nil
}

func (p *Producer) enqueue(ctx context.Context, a *ack, msgs []*sarama.ProducerMessage) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.done {
		return fmt.Errorf("%w: producer is closed", ErrUnavailable)
	}
	for _, m := range msgs {
		m.Metadata = a
		select {
		case p.async.Input() <- m:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
		}
	}
	return nil
}

// Close flushes what is under way and ends the producer. Idempotent.
func (p *Producer) Close() {
	p.mu.Lock()
	if !p.done {
		p.done = true
		p.async.AsyncClose()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// SendTimeout is how long an edge waits for the acknowledgement before it
// answers 503.
const SendTimeout = 5 * time.Second

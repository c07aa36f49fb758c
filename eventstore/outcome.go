package eventstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"

	"goniec/domain"
	"goniec/internal/pause"
)

// Outcome is the decider's answer to a command whose sender waits for one.
type Outcome struct {
	Command string        `json:"command"`
	Stream  string        `json:"stream"`
	Version int64         `json:"version"` // of the stream after the command
	Events  []string      `json:"events"`  // types of the events written, none when nothing changed
	Refused *domain.Error `json:"refused,omitempty"`
}

// OutcomeMessage returns the record of `outcomes`.
func OutcomeMessage(topic string, p Partition, o Outcome) (*sarama.ProducerMessage, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode outcome: %w", err)
	}
	return &sarama.ProducerMessage{Topic: topic, Partition: p, Key: sarama.StringEncoder(o.Command), Value: sarama.ByteEncoder(b)}, nil
}

// Waiter hands outcomes to those who wait for them. It reads the topic from its
// end: an outcome written before Run is nobody's business any more.
type Waiter struct {
	client sarama.Client
	topic  string
	n      int32

	mu    sync.Mutex
	wants map[string]chan Outcome
	ready chan struct{}
	left  int
}

// NewWaiter prepares waiting on all n partitions of `outcomes`.
func NewWaiter(client sarama.Client, topics Topics, n int32) *Waiter {
	return &Waiter{
		client: client, topic: topics.Name(Outcomes), n: n,
		wants: map[string]chan Outcome{}, ready: make(chan struct{}), left: int(n),
	}
}

// Run reads until ctx ends.
func (w *Waiter) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for p := range w.n {
		wg.Go(func() { w.read(ctx, p) })
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (w *Waiter) read(ctx context.Context, p Partition) {
	end, err := EndOffset(w.client, w.topic, p)
	for err != nil {
		if pause.For(ctx, retryPause) != nil {
			return
		}
		end, err = EndOffset(w.client, w.topic, p)
	}
	w.started()
	r := NewReader(w.client, w.topic, p, end)
	defer func() { r.Close() }()
	for {
		b, err := r.Next(ctx)
		if errors.Is(err, ErrOffsetGone) { // waited longer than the topic keeps: start at its end again
			if end, err = EndOffset(w.client, w.topic, p); err == nil {
				r.Close()
				r = NewReader(w.client, w.topic, p, end)
			}
			continue
		}
		if err != nil {
			return
		}
		for _, rec := range b.Records {
			w.deliver(rec)
		}
	}
}

func (w *Waiter) started() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left--; w.left == 0 {
		close(w.ready)
	}
}

func (w *Waiter) deliver(r *Record) {
	var o Outcome
	if json.Unmarshal(r.Value, &o) != nil {
		return // nobody can be waiting for what has no id
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if ch, ok := w.wants[o.Command]; ok {
		ch <- o
		delete(w.wants, o.Command)
	}
}

// Expect registers interest in a command's outcome; call it before the command
// is sent. The returned function waits for it and must be called once; call
// Forget instead when the command could not be sent.
func (w *Waiter) Expect(command string) (wait func(context.Context) (Outcome, error)) {
	ch := make(chan Outcome, 1)
	w.mu.Lock()
	w.wants[command] = ch
	w.mu.Unlock()
	return func(ctx context.Context) (Outcome, error) {
		select {
		case o := <-ch:
			return o, nil
		case <-ctx.Done():
			w.Forget(command)
			return Outcome{}, fmt.Errorf("%w: no outcome yet", ErrUnavailable)
		}
	}
}

// Forget ends the interest in a command's outcome. Idempotent.
func (w *Waiter) Forget(command string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.wants, command)
}

// Ready is closed when every partition is being read.
func (w *Waiter) Ready() <-chan struct{} { return w.ready }

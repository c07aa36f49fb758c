package demo

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"goniec/domain"
	"goniec/domain/catalog"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

// Fact is one event of the journal with its data decoded.
type Fact struct {
	*eventstore.Event
	Fact domain.Event
}

// Message is what the journal tells of one message: its own events, and those of
// its recipient and number.
type Message struct {
	ID     string
	Events []Fact
	State  message.State
}

// Book follows the messages journal as it grows and keeps it by message. Safe
// for concurrent use.
type Book struct {
	mu         sync.Mutex
	messages   map[string]*Message
	numbers    map[string]*Message // by the keyed number: each message has its own
	recipients map[string]*Message
	strays     []Fact // of streams that belong to no message
	next       map[int32]int64
	changed    time.Time
	events     int64
	err        error

	cancel context.CancelFunc
	wg     sync.WaitGroup
	once   sync.Once
	client sarama.Client
}

// Follow reads the journal from its beginning until Close.
func Follow(ctx context.Context, kafka eventstore.KafkaConfig, partitions int32) (*Book, error) {
	client, err := kafka.NewClient()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	b := &Book{messages: map[string]*Message{}, numbers: map[string]*Message{}, recipients: map[string]*Message{}, next: map[int32]int64{}, cancel: cancel, client: client, changed: time.Now()}
	for p := range partitions {
		b.wg.Go(func() { b.fail(b.read(ctx, kafka.Topics().Name(eventstore.Messages), p)) })
	}
	return b, nil
}

// Close ends the reading; what was read stays. Idempotent.
func (b *Book) Close() (err error) {
	b.once.Do(func() {
		b.cancel()
		b.wg.Wait()
		err = b.client.Close()
	})
	return err
}

func (b *Book) fail(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = errors.Join(b.err, err)
}

func (b *Book) read(ctx context.Context, topic string, p int32) error {
	r := eventstore.NewReader(b.client, topic, p, 0)
	defer r.Close()
	for {
		batch, err := r.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("follow the journal: %w", err)
		}
		for _, rec := range batch.Records {
			if err := b.take(rec); err != nil {
				return fmt.Errorf("follow the journal: %w", err)
			}
		}
		b.mu.Lock()
		b.next[p] = batch.Next
		b.mu.Unlock()
	}
}

// Position is the offset up to which a partition was read.
func (b *Book) Position(p int32) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.next[p]
}

// Open counts the attempts that await their answers.
func (b *Book) Open() (open int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.messages {
		for _, a := range m.State.Attempts {
			if a.Status == message.AttemptInFlight {
				open++
			}
		}
	}
	return open
}

func (b *Book) take(r *eventstore.Record) error {
	ev, err := eventstore.ParseEvent(r)
	if err != nil {
		return err
	}
	fact, err := catalog.Decode(ev.Type, ev.Data)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed = time.Now()
	b.events++
	b.enter(Fact{ev, fact})
	return nil
}

// enter files the event under its message.
func (b *Book) enter(f Fact) {
	kind, id, _ := strings.Cut(f.Stream, "/")
	var m *Message
	switch kind {
	case "message":
		if m = b.messages[id]; m == nil {
			m = &Message{ID: id, State: message.New(id)}
			b.messages[id] = m
		}
		if e, ok := f.Fact.(message.Event); ok {
			m.State = message.Evolve(m.State, e, f.Time)
		}
		if a, ok := f.Fact.(message.Accepted); ok {
			b.numbers[a.Number], b.recipients[a.Recipient] = m, m
		}
	case "number":
		m = b.numbers[id]
	case "recipient":
		m = b.recipients[id]
	default:
		return
	}
	if m == nil {
		b.strays = append(b.strays, f)
		return
	}
	m.Events = append(m.Events, f)
}

// Count is how many messages stand where.
type Count struct {
	Messages int
	Ended    int
	States   map[string]int
	FellBack int
	Events   int64
	Quiet    time.Duration // since the last event
}

// Count counts.
func (b *Book) Count() (Count, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := Count{Messages: len(b.messages), States: map[string]int{}, Events: b.events, Quiet: time.Since(b.changed)}
	for _, m := range b.messages {
		c.States[string(m.State.Status)]++
		if m.State.Ended() {
			c.Ended++
		}
		if m.State.Step > 0 {
			c.FellBack++
		}
	}
	return c, b.err
}

// Messages returns all messages by id. Their events grow until Close.
func (b *Book) Messages() []*Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]*Message, 0, len(b.messages))
	for _, m := range b.messages {
		out = append(out, m)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

// Message returns one message; nil if the journal has none of that id.
func (b *Book) Message(id string) *Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.messages[id]
}

// Strays are reports, replies and opt-outs that belong to no message.
func (b *Book) Strays() []Fact {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.strays
}

// accepted is the event that began the message.
func (m *Message) accepted() (message.Accepted, time.Time) {
	for _, e := range m.Events {
		if a, ok := e.Fact.(message.Accepted); ok {
			return a, e.Time
		}
	}
	return message.Accepted{}, time.Time{}
}

// attempts are the attempts by channel, in order.
func (m *Message) attempts(ch domain.Channel) []Fact {
	var out []Fact
	for _, e := range m.Events {
		if a, ok := e.Fact.(message.AttemptStarted); ok && a.Channel == ch {
			out = append(out, e)
		}
	}
	return out
}

// stored counts the reports that found no attempt of the message.
func (m *Message) stored() int {
	n := 0
	for _, e := range m.Events {
		switch e.Fact.(type) {
		case recipient.ReportStored:
			n++
		case recipient.ReportMatched:
			n--
		}
	}
	return n
}

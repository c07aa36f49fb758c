// Package suspender is the reactor that carries the carrier's word on a sender to the
// sender: when Viber refuses a sender itself (rules.md B13, D16: status 2 or 43), the
// message's event says so, and this reactor repeats it as a command to the sender's
// stream, whose decider counts. It keeps nothing and counts nothing, so that it may run
// in several processes, each with some partitions, and start again anywhere: a command
// that comes twice changes nothing.
package suspender

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"goniec/adapters/reactor"
	"goniec/domain/account"
	"goniec/domain/catalog"
	"goniec/domain/message"
	"goniec/eventstore"
)

const (
	name  = "suspender"
	actor = "carrier/viber"
)

// Config of a Suspender. Everything is required but Registry.
type Config struct {
	Kafka    eventstore.KafkaConfig
	Producer eventstore.Sender
	Part     eventstore.Partitioner
	Registry prometheus.Registerer // nil = metrics are not exposed
	Log      *slog.Logger
}

// Suspender is the reactor. Run it once in a process, in as many processes as there are.
type Suspender struct {
	cfg   Config
	waits reactor.Waits
}

// New checks the configuration; it connects to nothing.
func New(cfg Config) (*Suspender, error) {
	if len(cfg.Kafka.Brokers) == 0 || cfg.Producer == nil || cfg.Part.N < 1 || cfg.Log == nil {
		return nil, errors.New("suspender: Kafka, Producer, Part and Log are required")
	}
	s := &Suspender{cfg: cfg}
	s.waits.Set("not started")
	return s, nil
}

// Run carries on until ctx ends. Kafka being away is waited for.
func (s *Suspender) Run(ctx context.Context) error {
	return reactor.Run(ctx, reactor.Config{
		Name: name, Kafka: s.cfg.Kafka, Topic: eventstore.Messages, Wants: wants, Handle: s.handle, Aside: s.aside,
		State: s.waits.Set, Registry: s.cfg.Registry, Log: s.cfg.Log,
	})
}

// Waiting names what keeps this process's reactor from its work.
func (s *Suspender) Waiting() []eventstore.Waiting {
	return s.waits.Waiting(name)
}

func wants(typ, _ string) bool { return typ == message.TypeAttemptRefused }

func (s *Suspender) handle(ctx context.Context, ev *eventstore.Event) error {
	fact, err := catalog.Decode(ev.Type, ev.Data)
	if err != nil {
		return reactor.Poison("unreadable_data")
	}
	refused, ok := fact.(message.AttemptRefused)
	if !ok || refused.AgainstSender == nil || refused.AgainstSender.SenderID == "" {
		return nil
	}
	return s.tell(ctx, ev, refused)
}

// tell repeats the refusal to the sender. Its id is the event's, so that a repeat of
// the command is the same command.
func (s *Suspender) tell(ctx context.Context, ev *eventstore.Event, refused message.AttemptRefused) error {
	against := refused.AgainstSender
	data, err := json.Marshal(account.RefuseSender{Recipient: against.Recipient, Code: refused.Code, At: ev.Time})
	if err != nil {
		return fmt.Errorf("encode command: %w", err)
	}
	p := s.cfg.Part.Of([]byte(ev.Account))
	id := sha256.Sum256([]byte(name + "\x00" + ev.ID))
	cmd := eventstore.Command{
		ID: eventstore.DerivedID(p, id[:]).String(), Type: account.CommandRefuseSender, Stream: account.SenderStream(against.SenderID),
		Account: ev.Account, Actor: actor, Time: ev.Recorded, Correlation: ev.Correlation, Causation: ev.ID, Data: data,
	}
	return s.cfg.Producer.Send(ctx, cmd.Message(s.cfg.Kafka.Topics().Name(eventstore.InboxUrgent), p))
}

// aside tells of what cannot be read; the journal keeps it.
func (s *Suspender) aside(ctx context.Context, p reactor.Poisoned) error {
	s.cfg.Log.ErrorContext(ctx, "a journal record cannot be judged for a suspension",
		"topic", p.Topic, "partition", p.Partition, "offset", p.Offset, "event_id", p.EventID, "reason", p.Reason)
	return nil
}

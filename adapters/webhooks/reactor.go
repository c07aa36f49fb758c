package webhooks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"goniec/adapters/reactor"
	"goniec/domain/account"
	"goniec/domain/catalog"
	"goniec/domain/message"
	"goniec/eventstore"
)

const (
	reactorName   = "webhooks"
	handleTimeout = 15 * time.Second // of one event's database work
)

// react turns journal events into stored jobs until ctx ends. Where it stands is kept
// in Postgres: a group whose offsets have expired would repeat years of webhooks.
func (w *Webhooks) react(ctx context.Context) error {
	return reactor.Run(ctx, reactor.Config{
		Name: reactorName, Kafka: w.cfg.Kafka, Topic: eventstore.Messages, Wants: w.wanted, Handle: w.event, Aside: w.poison,
		Floors: w.store.floors, State: w.waits.Set, Retried: w.metrics.retries.Inc, Registry: w.cfg.Registry, Log: w.cfg.Log,
	})
}

// wanted: an event that webhooks regard, of an account that has endpoints.
func (w *Webhooks) wanted(typ, owner string) bool {
	return regarded(typ) && len(w.cfg.View.Endpoints(owner)) > 0
}

// poison keeps what cannot become a webhook in a table: the journal has its bytes.
func (w *Webhooks) poison(ctx context.Context, p reactor.Poisoned) error {
	if err := w.store.poison(ctx, p.Topic, p.Partition, p.Offset, p.EventID, p.Type, p.Reason); err != nil {
		return err
	}
	w.metrics.poisoned.Inc()
	w.cfg.Log.ErrorContext(ctx, "a journal record cannot become a webhook",
		"topic", p.Topic, "partition", p.Partition, "offset", p.Offset, "event_id", p.EventID, "reason", p.Reason)
	return nil
}

// storable turns Postgres' refusal of a value (class 22, such as a zero byte in a
// client's reference) into poison: no retry will make it accept it.
func storable(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && strings.HasPrefix(pg.Code, "22") {
		return reactor.Poison("not_storable")
	}
	return err
}

func (w *Webhooks) event(ctx context.Context, ev *eventstore.Event) error {
	endpoints := w.cfg.View.Endpoints(ev.Account)
	if len(endpoints) == 0 {
		return nil
	}
	if ev.Type == message.TypeAccepted || ev.Type == message.TypeAttemptStarted {
		return w.remember(ctx, ev)
	}
	n, err := translate(ev)
	if err != nil {
		return reactor.Poison("unreadable_data")
	}
	if n == nil {
		return nil
	}
	ids := wanting(endpoints, n.typ)
	if len(ids) == 0 {
		return nil
	}
	if err := w.desk.put(ctx, n, ids); err != nil {
		return fmt.Errorf("store webhooks of event %s: %w", ev.ID, storable(err))
	}
	w.metrics.queued.Inc()
	w.lanes.ensure(ids)
	return nil
}

func wanting(endpoints []account.Endpoint, typ string) []string {
	var ids []string
	for _, e := range endpoints {
		if wants(e, typ) {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// remember notes what later events of the message do not repeat.
func (w *Webhooks) remember(ctx context.Context, ev *eventstore.Event) error {
	fact, err := catalog.Decode(ev.Type, ev.Data)
	if err != nil {
		return reactor.Poison("unreadable_data")
	}
	id := strings.TrimPrefix(ev.Stream, "message/")
	switch f := fact.(type) {
	case message.Accepted:
		if f.ClientRef != "" || len(f.Tags) > 0 {
			err = w.store.noteRequest(ctx, id, f.ClientRef, f.Tags)
		}
	case message.AttemptStarted:
		err = w.store.noteAttempt(ctx, id, f.Attempt, f.Channel)
	}
	if err != nil {
		return fmt.Errorf("note event %s: %w", ev.ID, storable(err))
	}
	return nil
}

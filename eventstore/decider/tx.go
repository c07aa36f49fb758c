package decider

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/IBM/sarama"
	"github.com/cockroachdb/pebble/v2"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/eventstore"
	"goniec/eventstore/tracing"
)

const (
	messagesJournal = eventstore.Messages
	accountsJournal = eventstore.Accounts
)

// entry is a stream's state with what is derived from it. Entries in the cache
// are never changed.
type entry struct {
	version int64
	agg     aggregate
	timers  []domain.Timer
	index   []string
}

// group is a set of commands that are decided together and committed in one
// Kafka transaction. It sees its own changes; nothing else does before commit.
type group struct {
	o            *owner
	now          time.Time // domain time of the whole group
	batch        *pebble.Batch
	changed      map[string]*entry
	events       []*eventstore.Event
	records      []*sarama.ProducerMessage // everything to be written
	eventRecords []*sarama.ProducerMessage // those of events
	heads        map[string][32]byte       // of the journal topics, moving
	last         time.Time                 // recorded time of the last event
	cmd          *eventstore.Command       // being decided
	seed         string                    // of the ids that come of it
	index        int                       // of the next event of cmd
	ids          int                       // decisions made for cmd so far
	fresh        []dueTimer                // timers set in this group
	parked       []partition.Parked        // … and what it parks
	count        parkedCount               // by how much it changes what is parked
	bad          map[any]*poisonError      // parts that are known to fail, see attempt
	retrying     string                    // the parked stream of which something is decided again: it is not held meanwhile
	resuming     string                    // … when that is its catching up
	passed       map[string]bool           // streams that this group writes to the state topic
	applied      int                       // events evolved so far, also those of a command that failed
	wrote        []domain.Event            // the facts of events
	joined       string                    // message whose trace cmd was tied to
	trace        string                    // traceparent of what is written for cmd
	span         tracing.Span              // of cmd; none unless it is traced
	spans        []tracing.Span            // of the whole group
}

func (o *owner) newGroup() *group {
	g := &group{
		o: o, now: o.cfg.Clock.Now().UTC().Truncate(time.Microsecond), batch: o.store.db.NewIndexedBatch(), // as the journal keeps it
		changed: map[string]*entry{}, heads: map[string][32]byte{}, last: o.recorded,
	}
	for topic, head := range o.heads {
		g.heads[topic] = head
	}
	return g
}

// load returns the state of a stream as this group sees it.
func (g *group) load(stream string) (*entry, error) {
	if e, ok := g.changed[stream]; ok {
		return e, nil
	}
	return g.o.load(stream)
}

func (o *owner) load(stream string) (*entry, error) {
	if e, ok := o.cache.get(stream); ok {
		return e, nil
	}
	e, err := o.loadStored(stream)
	if err == nil {
		o.cache.put(stream, e) // also that there is none: most look-ups are for streams without events
	}
	return e, err
}

func (o *owner) loadStored(stream string) (*entry, error) {
	b, ok, err := o.find.get(o.keys.state(stream))
	if err != nil {
		return nil, err
	}
	if !ok {
		agg, err := emptyState(stream)
		return &entry{agg: agg}, err
	}
	version, agg, err := decodeState(stream, b)
	if err != nil {
		return nil, fmt.Errorf("state of a %s stream: %w", kindOf(stream), err)
	}
	return &entry{version: version, agg: agg, timers: agg.timers(), index: agg.index()}, nil
}

// fact is an event together with the time at which it happened.
type fact struct {
	event domain.Event
	at    time.Time
}

// facts takes over what a domain package decided.
func facts[E domain.Event](list []domain.Stamped[E]) []fact {
	out := make([]fact, len(list))
	for i, s := range list {
		out[i] = fact{s.Event, s.At}
	}
	return out
}

// emit appends events to a stream: they are evolved into its state at once,
// and will be written when the group commits.
func (g *group) emit(stream, account string, facts ...fact) error {
	for _, f := range facts {
		if err := g.emitOne(stream, account, f); err != nil {
			return err
		}
	}
	return nil
}

func (g *group) emitOne(stream, account string, f fact) error {
	old, err := g.load(stream)
	if err != nil {
		return err
	}
	next, err := g.apply(stream, old, f.event, f.at)
	if err != nil {
		return err
	}
	g.joinTrace(stream)
	ev, err := g.envelope(stream, account, f, next.version)
	if err != nil {
		return err
	}
	g.write(journalOf(stream), ev)
	g.wrote = append(g.wrote, f.event)
	if m, ok := next.agg.(messageState); ok {
		return g.instruct(m.State, f.event.(message.Event), ev.TraceParent)
	}
	return nil
}

// apply evolves the state and moves the stream's timers and index entries.
func (g *group) apply(stream string, old *entry, e domain.Event, at time.Time) (*entry, error) {
	g.applied++
	agg, err := old.agg.evolve(e, at)
	if err != nil {
		return nil, fmt.Errorf("%s on a %s stream: %w", e.EventType(), kindOf(stream), err)
	}
	next := &entry{version: old.version + 1, agg: agg, timers: agg.timers(), index: agg.index()}
	if err := g.replace(stream, old, next); err != nil {
		return nil, err
	}
	return next, g.forget(e)
}

// replace puts next in the place of old, with timers and index entries.
func (g *group) replace(stream string, old, next *entry) error {
	g.changed[stream] = next
	if err := g.moveTimers(stream, old.timers, next.timers); err != nil {
		return err
	}
	return errors.Join(g.moveIndex(stream, old.index, next.index), g.moveEviction(stream, old.agg, next.agg))
}

func (g *group) moveTimers(stream string, before, after []domain.Timer) error {
	for _, t := range before {
		if !domain.HasTimer(after, t) {
			if err := g.batch.Delete(g.o.keys.timer(t.Due, stream, string(t.Name)), nil); err != nil {
				return err
			}
		}
	}
	for _, t := range after {
		if !domain.HasTimer(before, t) {
			if err := g.batch.Set(g.o.keys.timer(t.Due, stream, string(t.Name)), nil, nil); err != nil {
				return err
			}
			g.fresh = append(g.fresh, dueTimer{due: t.Due})
		}
	}
	return nil
}

func (g *group) moveIndex(stream string, before, after []string) error {
	for _, k := range before {
		if !slices.Contains(after, k) {
			if err := g.batch.Delete(g.o.keys.index(k, stream), nil); err != nil {
				return err
			}
		}
	}
	for _, k := range after {
		if !slices.Contains(before, k) {
			if err := g.batch.Set(g.o.keys.index(k, stream), nil, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// lookup returns the streams that stand in the index under exactly key.
func (g *group) lookup(key string) ([]string, error) {
	prefix := g.o.keys.index(key, "")
	var streams []string
	err := scan(g.batch, prefix, after(prefix), func(k []byte) (bool, error) {
		streams = append(streams, string(k[len(prefix):]))
		return true, nil
	})
	return streams, err
}

// envelope builds the event around a fact; ids are deterministic, so that a
// command decided again after a lost commit names its events the same. A command
// that comes a second time may find something to say that it did not before: the
// version keeps that event's id apart from the first one's.
func (g *group) envelope(stream, account string, f fact, version int64) (*eventstore.Event, error) {
	data, err := json.Marshal(f.event)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", f.event.EventType(), err)
	}
	g.index++
	if recorded := g.now; recorded.After(g.last) {
		g.last = recorded
	}
	correlation := g.cmd.Correlation
	if correlation == "" {
		correlation = g.cmd.ID
	}
	return &eventstore.Event{
		ID: g.o.derive(g.seed, "event", strconv.Itoa(g.index), stream, strconv.FormatInt(version, 10)), Type: f.event.EventType(), Source: g.o.source, Stream: stream,
		Time: f.at, Recorded: g.last, Version: version, CommandID: g.cmd.ID, Causation: g.cmd.Causation,
		Correlation: correlation, Account: account, Actor: g.cmd.Actor, Epoch: g.o.epoch,
		TraceParent: g.trace, Data: data,
	}, nil
}

func (g *group) write(topic string, ev *eventstore.Event) {
	rec := ev.Chain(g.heads[topic], g.o.topics.Name(topic), g.o.part)
	g.heads[topic] = ev.Hash
	ev.Topic = topic
	g.events = append(g.events, ev)
	g.records, g.eventRecords = append(g.records, rec), append(g.eventRecords, rec)
}

// instruct writes what an event asks the dispatcher to do.
func (g *group) instruct(s message.State, e message.Event, trace string) error {
	sends, revokes := message.Instructions(s, e)
	for _, in := range sends {
		topic := eventstore.OutboxBulk
		if in.Urgent {
			topic = eventstore.OutboxUrgent
		}
		if g.cmd.Type == message.CommandRequest {
			in.Requested = g.cmd.Time
		}
		if err := g.outbox(topic, eventstore.InstructionSend, in.Message, in, trace); err != nil {
			return err
		}
	}
	for _, in := range revokes {
		if err := g.outbox(eventstore.OutboxUrgent, eventstore.InstructionRevoke, in.Message, in, trace); err != nil {
			return err
		}
	}
	return nil
}

func (g *group) outbox(topic, kind, key string, in any, trace string) error {
	data, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode instruction: %w", err)
	}
	g.records = append(g.records, eventstore.InstructionMessage(g.o.topics.Name(topic), g.o.part, kind, key, data, trace))
	return nil
}

// derive makes an id of this partition from parts.
func (o *owner) derive(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return eventstore.DerivedID(o.part, h.Sum(nil)).String()
}

// jitter is a number in [-0.2, 0.2] that depends on the command alone.
func jitter(commandID string) func(int) float64 {
	sum := sha256.Sum256([]byte(commandID))
	return func(try int) float64 {
		r := rand.New(rand.NewPCG(uint64(sum[0])<<8|uint64(sum[1]), uint64(try))) // spreads retries, guards nothing
		return r.Float64()*0.4 - 0.2
	}
}

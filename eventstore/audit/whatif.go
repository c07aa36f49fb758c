package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/calendar"
	"goniec/domain/catalog"
	"goniec/domain/message"
	"goniec/domain/whatif"
	"goniec/eventstore"
)

// Trial is a question to WhatIf.
type Trial struct {
	From, To time.Time // the messages that were requested from From on and before To
	Settings whatif.Settings
	Zone     *time.Location // the billing zone
	// Held bounds the events of messages whose end is awaited, for each partition that
	// is being read. Default: 50 000, some 30 MB.
	Held int
}

const defaultHeld = 50_000

// WhatIf decides messages once more under other settings, from the journal alone,
// and compares what they come to with what they really came to. It only reads, and
// what a decision has for an outbox is dropped. Chains are not checked: Verify does that.
//
// A message is decided when nothing can change its figures any more, or at the end
// of the journal. No more than Held events wait for that: what is requested
// then is left for another reading, which begins there.
func WhatIf(ctx context.Context, cfg Config, t Trial) (whatif.Result, error) {
	if err := cfg.Validate(); err != nil {
		return whatif.Result{}, err
	}
	cfg.setDefaults()
	if t.Held < 1 {
		t.Held = defaultHeld
	}
	view, err := cfg.reference(ctx)
	if err != nil {
		return whatif.Result{}, fmt.Errorf("read the journal: %w", err)
	}
	list, err := cfg.spans([]string{eventstore.Messages}, cfg.allPartitions())
	if err != nil {
		return whatif.Result{}, err
	}
	tallies := make([]*whatif.Tally, len(list))
	err = cfg.each(ctx, list, func(ctx context.Context, i int, m *meter) error {
		tallies[i] = whatif.NewTally(t.Settings, t.world(view))
		return cfg.try(ctx, list[i], m, t, tallies[i])
	})
	if err != nil {
		return whatif.Result{}, fmt.Errorf("read the journal: %w", err)
	}
	all := whatif.NewTally(t.Settings, t.world(view))
	for _, one := range tallies {
		if err := all.Merge(one); err != nil {
			return whatif.Result{}, err
		}
	}
	return all.Result()
}

func (t Trial) world(v *account.View) whatif.World {
	return whatif.World{
		Prices: v.PriceFinder,
		Currency: func(id string) string {
			a, _ := v.AccountByID(id)
			return a.Currency
		},
		Month: func(at time.Time) calendar.Month { return calendar.MonthOf(at, t.Zone) },
	}
}

// reference folds the accounts journal: prices and currencies.
func (c *Config) reference(ctx context.Context) (*account.View, error) {
	view := account.NewView()
	list, err := c.spans([]string{eventstore.Accounts}, c.allPartitions())
	if err != nil {
		return nil, err
	}
	quiet := *c
	quiet.Progress = func(Progress) {} // it is short, and Progress ends once
	return view, quiet.each(ctx, list, func(ctx context.Context, i int, m *meter) error {
		return quiet.records(ctx, list[i], m, func(r *eventstore.Record) error {
			e, fact, err := factOf(r)
			if err != nil {
				return err
			}
			if ev, ok := fact.(account.Event); ok {
				view.Apply(e.Stream, e.Version, ev, e.Time)
			}
			return nil
		})
	})
}

// factOf reads a record's event and its data.
func factOf(r *eventstore.Record) (*eventstore.Event, domain.Event, error) {
	e, err := eventstore.ParseEvent(r)
	if err != nil {
		return nil, nil, fmt.Errorf("not an event as it was written: %w", err)
	}
	fact, err := catalog.Decode(e.Type, e.Data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s/%d offset %d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	return e, fact, nil
}

// try reads a partition as often as Held demands.
func (c *Config) try(ctx context.Context, s span, m *meter, t Trial, tally *whatif.Tally) error {
	for s.from < s.end {
		sit := &sitting{trial: t, tally: tally, held: map[string]*heldMessage{}, next: s.end}
		err := c.records(ctx, s, m, sit.take)
		if err != nil && !errors.Is(err, errStop) {
			return err
		}
		for stream := range sit.held {
			if err := sit.finish(stream); err != nil {
				return err
			}
		}
		s.from = sit.next
	}
	return nil
}

// sitting is one reading of a partition.
type sitting struct {
	trial Trial
	tally *whatif.Tally
	held  map[string]*heldMessage // by stream
	count int                     // events of those
	full  bool                    // no more is taken: next is where another reading begins
	past  bool                    // the period is over
	next  int64
	left  bool // there is another one
}

// heldMessage is a message that may still change.
type heldMessage struct {
	facts []whatif.Fact
	state message.State
}

const messagePrefix = "message/"

// take is told every record.
func (s *sitting) take(r *eventstore.Record) error {
	stream := string(r.Key)
	begins := strings.HasPrefix(stream, messagePrefix) && headerOf(r, "ce_streamversion") == "1"
	held := s.held[stream]
	if begins && held != nil { // forgotten, and asked for again with the same id
		if err := s.finish(stream); err != nil {
			return err
		}
		held = nil
	}
	if held == nil && (!begins || s.full || s.past) {
		if begins && s.full && !s.past {
			s.leave(r.Offset)
		}
		return s.idle()
	}
	e, fact, err := factOf(r)
	if err != nil {
		return err
	}
	ev, ok := fact.(message.Event)
	if !ok {
		return fmt.Errorf("%s/%d offset %d: %s is no event of a message", r.Topic, r.Partition, r.Offset, e.Type)
	}
	return s.add(stream, e, ev)
}

// leave says where the next reading begins.
func (s *sitting) leave(offset int64) {
	if !s.left {
		s.next, s.left = offset, true
	}
}

// idle ends a reading that has nothing more to find.
func (s *sitting) idle() error {
	if len(s.held) == 0 && (s.past || s.full && s.left) {
		return errStop
	}
	return nil
}

// add keeps an event of a message of the period, and finishes the message if it was
// the last one that matters.
func (s *sitting) add(stream string, e *eventstore.Event, ev message.Event) error {
	if !e.Recorded.Before(s.trial.To) && s.held[stream] == nil {
		s.past = true // what is recorded never goes back
		return s.idle()
	}
	if begins[e.Type] && (e.Time.Before(s.trial.From) || !e.Time.Before(s.trial.To)) {
		s.drop(stream)
		return nil
	}
	h := s.held[stream]
	if h == nil {
		h = &heldMessage{state: message.New(strings.TrimPrefix(stream, messagePrefix))}
		s.held[stream] = h
	}
	h.facts = append(h.facts, whatif.Fact{Event: ev, At: e.Time, Recorded: e.Recorded, Actor: e.Actor})
	h.state = message.Evolve(h.state, ev, e.Time)
	s.count++
	s.full = s.full || s.count >= s.trial.Held
	if !whatif.Settled(h.state) {
		return nil
	}
	if err := s.finish(stream); err != nil {
		return err
	}
	return s.idle()
}

// drop forgets a message that does not belong to the period.
func (s *sitting) drop(stream string) {
	if h := s.held[stream]; h != nil {
		s.count -= len(h.facts)
		delete(s.held, stream)
	}
}

// finish counts a message with all that came of it.
func (s *sitting) finish(stream string) error {
	h := s.held[stream]
	s.drop(stream)
	if !h.asked() {
		return nil
	}
	return s.tally.Add(h.state.ID, h.facts)
}

// asked says that there was a request, and not only a cancel of one that never came.
func (h *heldMessage) asked() bool {
	for _, f := range h.facts {
		if begins[f.Event.EventType()] {
			return true
		}
	}
	return false
}

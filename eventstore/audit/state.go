package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

// Replayed is what a stream has come to.
type Replayed struct {
	Version  int64     `json:"version"` // of the last event; 0 = there was none yet
	Recorded time.Time `json:"recorded,omitzero"`
	State    any       `json:"-"` // the domain's own; nil without an event
}

// StateAt is what the stream had come to by the events that were recorded up to
// t, folded as whoever decides folds them.
func (s Story) StateAt(t time.Time) Replayed {
	var steps []Step
	for _, step := range s.Steps {
		if !step.Related && !step.Recorded.After(t) {
			steps = append(steps, step)
		}
	}
	if len(steps) == 0 {
		return Replayed{}
	}
	last := steps[len(steps)-1]
	return Replayed{last.Version, last.Recorded, replay(s.Stream, steps)}
}

func replay(stream string, steps []Step) any {
	switch kind, _, _ := strings.Cut(stream, "/"); kind {
	case "message":
		return fold(steps, message.State{}, message.Evolve)
	case "recipient":
		return fold(steps, recipient.State{}, recipient.Evolve)
	case "number":
		return fold(steps, recipient.NumberState{}, recipient.EvolveNumber)
	case "partition":
		return fold(steps, partition.State{}, timeless(partition.Evolve))
	case "parked":
		return fold(steps, partition.Thing{}, timeless(partition.EvolveThing))
	case "billing":
		return fold(steps, billing.State{}, timeless(billing.Evolve))
	}
	return fold(steps, account.State{Stream: stream}, account.Evolve)
}

func fold[S any, E domain.Event](steps []Step, s S, evolve func(S, E, time.Time) S) S {
	for _, step := range steps {
		if e, ok := step.Fact.(E); ok {
			s = evolve(s, e, step.At)
		}
	}
	return s
}

func timeless[S, E any](evolve func(S, E) S) func(S, E, time.Time) S {
	return func(s S, e E, _ time.Time) S { return evolve(s, e) }
}

// Changes are the events of the accounts journal that were recorded from from on
// and before to, in the order of time: who changed which configuration. Their
// chains are not checked: Verify does that.
func Changes(ctx context.Context, cfg Config, from, to time.Time) ([]Step, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	list, err := cfg.spans([]string{eventstore.Accounts}, cfg.allPartitions())
	if err != nil {
		return nil, err
	}
	found := make([][]Step, len(list))
	err = cfg.each(ctx, list, func(ctx context.Context, i int, m *meter) error {
		return cfg.records(ctx, list[i], m, func(r *eventstore.Record) error {
			e, err := eventstore.ParseEvent(r)
			if err != nil {
				return fmt.Errorf("not an event as it was written: %w", err)
			}
			if !e.Recorded.Before(from) && e.Recorded.Before(to) && !strings.HasPrefix(e.Stream, "partition/") {
				found[i] = append(found[i], stepOf(e, false))
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	all := slices.Concat(found...)
	slices.SortStableFunc(all, func(a, b Step) int { return a.Recorded.Compare(b.Recorded) })
	return all, nil
}

// Difference is a value that two states do not share.
type Difference struct {
	Field string          `json:"field"` // dotted
	Then  json.RawMessage `json:"then"`  // null: it was not there
	Now   json.RawMessage `json:"now"`
}

// Compare lists what differs between two JSON values, by field.
func Compare(then, now json.RawMessage) ([]Difference, error) {
	var a, b any
	for _, v := range []struct {
		data json.RawMessage
		to   *any
	}{{then, &a}, {now, &b}} {
		if len(v.data) == 0 {
			continue
		}
		if err := json.Unmarshal(v.data, v.to); err != nil {
			return nil, fmt.Errorf("compare states: %w", err)
		}
	}
	var out []Difference
	compare("", a, b, &out)
	return out, nil
}

func compare(field string, a, b any, out *[]Difference) {
	one, isOne := a.(map[string]any)
	two, isTwo := b.(map[string]any)
	if isOne || isTwo { // an object that is not there has no fields
		if (isOne || a == nil) && (isTwo || b == nil) {
			for _, name := range fields(one, two) {
				compare(strings.TrimPrefix(field+"."+name, "."), one[name], two[name], out)
			}
			return
		}
	}
	x, _ := json.Marshal(a) // both were JSON
	y, _ := json.Marshal(b)
	if string(x) != string(y) {
		*out = append(*out, Difference{field, x, y})
	}
}

func fields(maps ...map[string]any) []string {
	var names []string
	for _, m := range maps {
		for name := range m {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"goniec/domain"
	"goniec/eventstore"
	"goniec/eventstore/decider"
)

// Replayed is what a stream has come to.
type Replayed struct {
	Version  int64     `json:"version"` // of the last event; 0 = there was none yet
	Recorded time.Time `json:"recorded,omitzero"`
	State    any       `json:"-"` // the domain's own; nil without an event
}

// StateAt is what the stream had come to by the events that were recorded up to
// t. It fails where they cannot be folded: an event of an unknown type.
func (s Story) StateAt(t time.Time) (Replayed, error) {
	var out Replayed
	var events []domain.Stamped[domain.Event]
	for _, step := range s.Steps {
		if !step.Related && !step.Recorded.After(t) {
			if step.Version == 1 {
				events = nil // it was evicted, and begins again
			}
			events = append(events, domain.Stamped[domain.Event]{Event: step.Fact, At: step.At})
			out.Version, out.Recorded = step.Version, step.Recorded
		}
	}
	if len(events) == 0 {
		return out, nil
	}
	var err error
	out.State, err = decider.Replay(s.Stream, events)
	return out, err
}

// Changes are the events of the accounts journal that were recorded from from on
// and before to, in the order of time: who changed which configuration. The
// journal of accounts is checked from its beginning to then on the way; a broken
// one is a *BrokenError.
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
		return cfg.walk(list[i], to, func(e *eventstore.Event, _ domain.Event) error {
			if !e.Recorded.Before(from) && !strings.HasPrefix(e.Stream, "partition/") {
				found[i] = append(found[i], stepOf(e, false))
			}
			return nil
		}).read(ctx, &cfg, m)
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

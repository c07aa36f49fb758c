package messages

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/projections"
)

// unknown is an attempt of which nobody knows whether the carrier took it.
type unknown struct {
	Attempt string         `json:"attempt"`
	Channel domain.Channel `json:"channel"`
	Route   string         `json:"route"`
	Since   time.Time      `json:"since"`
	Reason  string         `json:"reason"`
	Code    string         `json:"code,omitempty"`
}

// noteUnknown keeps the attempts that wait for a word (rules.md D18); the row's
// state is the one after the fact.
func (r *row) noteUnknown(fact message.Event, e projections.Event) {
	if f, ok := fact.(message.AttemptUnknown); ok {
		a, _ := r.state.Attempt(f.Attempt)
		r.unknown = append(r.unknown, unknown{Attempt: f.Attempt, Channel: a.Channel, Route: a.Route, Since: e.Time, Reason: f.Reason, Code: f.Code})
	}
	if len(r.unknown) > 0 {
		open := r.state.Unresolved()
		r.unknown = slices.DeleteFunc(r.unknown, func(u unknown) bool { return !slices.Contains(open, u.Attempt) })
	}
}

func parseUnknown(text string) (list []unknown, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte("["+text+"]"), &list); err != nil {
		return nil, fmt.Errorf("unknown: %w", err)
	}
	return list, nil
}

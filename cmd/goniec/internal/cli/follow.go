package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/client"
	"goniec/cmd/goniec/internal/words"
	"goniec/internal/pause"
)

const (
	pageSize = 200 // the API's largest
	// followEvery is the pause between two looks at a run; it grows with what a
	// look takes, since a run may have many pages.
	followEvery = time.Second
)

// stateCount is how many messages of a run are in a state.
type stateCount struct {
	State    string `json:"state"`
	Messages int    `json:"messages"`
	Ended    int    `json:"ended"`
}

// followRun waits until every message of a run has ended and tells their states.
// Postgres may be behind: it waits until nothing has changed for a while.
func (a *app) followRun(ctx context.Context, api *remote, ref string) ([]stateCount, error) {
	bar := a.progress()
	defer bar.end()
	for since, before := time.Now(), ""; ; {
		began := time.Now()
		states, err := a.statesOf(ctx, api, ref)
		if err != nil {
			return nil, err
		}
		text, total, ended := countsText(states), 0, 0
		for _, s := range states {
			total, ended = total+s.Messages, ended+s.Ended
		}
		if text != before {
			since, before = time.Now(), text
		}
		if total > 0 && ended == total && time.Since(since) > settle {
			return states, nil
		}
		bar.show("%s", text)
		if err := pause.For(ctx, max(followEvery, 2*time.Since(began))); err != nil {
			return states, err
		}
	}
}

func (a *app) statesOf(ctx context.Context, api *remote, ref string) ([]stateCount, error) {
	byState := map[string]*stateCount{}
	err := eachMessage(ctx, api, client.Filter{ClientRef: ref}, 0, func(m httpapi.Message) error {
		s := byState[m.State]
		if s == nil {
			s = &stateCount{State: m.State}
			byState[m.State] = s
		}
		s.Messages++
		if m.Ended {
			s.Ended++
		}
		return nil
	})
	out := make([]stateCount, 0, len(byState))
	for _, s := range byState {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b stateCount) int { return cmp.Compare(a.State, b.State) })
	return out, err
}

func countsText(states []stateCount) string {
	var parts []string
	for _, s := range states {
		parts = append(parts, words.Thousands(int64(s.Messages))+" "+s.State)
	}
	return strings.Join(parts, ", ")
}

// eachMessage calls fn with the messages that the filter selects, newest first,
// page by page; with all = 0 without an end.
func eachMessage(ctx context.Context, api *remote, f client.Filter, all int, fn func(httpapi.Message) error) error {
	for seen := 0; ; {
		f.Limit = pageSize
		if all > 0 {
			f.Limit = min(pageSize, all-seen)
		}
		page, err := api.Messages(ctx, f)
		if err != nil {
			return err
		}
		for _, m := range page.Messages {
			if err := fn(m); err != nil {
				return err
			}
		}
		seen += len(page.Messages)
		if page.Next == "" || len(page.Messages) == 0 || all > 0 && seen >= all {
			return nil
		}
		f.Cursor = page.Next
	}
}

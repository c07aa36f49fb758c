//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"goniec/internal/suffixes"
	"goniec/tools/chaos/check"
)

// load sends the plan's messages at a steady rate, over all API processes.
type load struct {
	client client
	plan   suffixes.Plan
	rate   float64

	mu      sync.Mutex
	sent    []check.Sent
	took    []time.Duration // from the first try to the 202
	tries   int
	refused []string
}

const (
	callBudget = 8 * time.Second // of one try
	senders    = 256             // requests under way at a time
	sendBudget = 3 * time.Minute // of one message, over all tries
)

func newLoad(key string, apis []string, n int, rate float64) *load {
	l := &load{rate: rate, plan: suffixes.NewPlan(max(n, suffixes.MinMessages))}
	l.client = client{apis: apis, key: key, http: &http.Client{Timeout: callBudget, Transport: &http.Transport{MaxIdleConnsPerHost: senders}}}
	for _, s := range l.plan.Sendings {
		l.sent = append(l.sent, check.Sent{Number: s.Number})
	}
	l.took = make([]time.Duration, len(l.sent))
	return l
}

// run sends everything; it returns when each message was answered with a 202, or
// was given up.
func (l *load) run(ctx context.Context) {
	slots := make(chan struct{}, senders)
	var wg sync.WaitGroup
	tick := time.NewTicker(time.Duration(float64(time.Second) / l.rate))
	defer tick.Stop()
	for _, s := range l.plan.Sendings {
		select {
		case <-tick.C:
		case <-ctx.Done():
			wg.Wait()
			return
		}
		slots <- struct{}{}
		wg.Go(func() {
			l.one(ctx, s)
			<-slots
		})
	}
	wg.Wait()
}

// one offers a message, always under the same key, until it is taken.
func (l *load) one(ctx context.Context, s suffixes.Sending) {
	ctx, cancel := context.WithTimeout(ctx, sendBudget)
	defer cancel()
	began := time.Now()
	for n := s.N; ; n++ {
		a, err := l.client.do(ctx, n, http.MethodPost, "/v1/messages", s.Key, s.Request)
		if err == nil && l.took202(s.N, a, time.Since(began)) {
			return
		}
		if pause(ctx, 200*time.Millisecond) != nil {
			l.refuse("message %d was never answered", s.N)
			return
		}
	}
}

// took202 notes what became of a try; false means that it is to be repeated.
func (l *load) took202(n int, a answer, took time.Duration) bool {
	l.mu.Lock()
	l.tries++
	l.mu.Unlock()
	switch a.status {
	case http.StatusAccepted:
		var body struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(a.body, &body) != nil || body.ID == "" {
			l.refuse("message %d: a 202 without an id", n)
			return true
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.sent[n].ID, l.took[n] = body.ID, took
		return true
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return false
	}
	l.refuse("message %d: HTTP status %d: %s", n, a.status, a.body)
	return a.status < 500
}

func (l *load) refuse(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = append(l.refused, fmt.Sprintf(format, args...))
}

// latencies of the 202s.
func (l *load) latencies() (p50, p99, longest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sorted := slices.DeleteFunc(slices.Clone(l.took), func(d time.Duration) bool { return d == 0 })
	if len(sorted) == 0 {
		return 0, 0, 0
	}
	slices.Sort(sorted)
	at := func(q float64) time.Duration { return sorted[int(q*float64(len(sorted)-1))].Round(time.Millisecond) }
	return at(0.5), at(0.99), at(1)
}

func (l *load) accepted() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.sent {
		if s.ID != "" {
			n++
		}
	}
	return n
}

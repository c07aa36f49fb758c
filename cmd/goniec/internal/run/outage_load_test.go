package run_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/simulator"
)

const (
	// outage is how long a service is away: longer than the messages' validity
	// (15 s), a call's budget (5 s) and the sessions of consumers (6 s).
	outage = 20 * time.Second
	// senders send a message each senderPause; more would only test the machine.
	senders     = 4
	senderPause = 100 * time.Millisecond
	// patience is how long a busy machine may take to catch up.
	patience = 2 * time.Minute
)

// load sends messages until it is stopped. What is answered with 503 is repeated
// with its key, when the answer says so.
type load struct {
	p    *plant
	done chan struct{}
	wg   sync.WaitGroup

	mu       sync.Mutex
	accepted map[string]string // the number's suffix by message
	away     int               // how often it was answered 503
	fault    error             // what must not be answered
}

// startLoad sends to numbers that are delivered on Viber (suffix 01) or, one in
// ten, as SMS at the deadline (06).
func startLoad(p *plant) *load {
	l := &load{p: p, done: make(chan struct{}), accepted: map[string]string{}}
	for s := range senders {
		l.wg.Go(func() {
			for i := s; l.pause(senderPause); i += senders {
				if err := l.send(i); err != nil {
					l.mu.Lock()
					l.fault = err
					l.mu.Unlock()
					return
				}
			}
		})
	}
	p.t.Cleanup(l.stop)
	return l
}

// stop ends the load; what is being repeated is given up.
func (l *load) stop() {
	select {
	case <-l.done:
	default:
		close(l.done)
	}
	l.wg.Wait()
}

// pause is false when the load is over.
func (l *load) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-l.done:
		return false
	case <-timer.C:
		return true
	}
}

func (l *load) send(i int) error {
	suffix := "01"
	if i%10 == 9 {
		suffix = "06"
	}
	for {
		a, err := l.p.try(http.MethodPost, "/v1/messages", text(fmt.Sprintf("+485%06d%s", i, suffix), fmt.Sprintf("load-%d", i)))
		if err != nil {
			return err
		}
		if a.status == http.StatusAccepted {
			l.mu.Lock()
			l.accepted[a.body["id"].(string)] = suffix
			l.mu.Unlock()
			return nil
		}
		seconds, err := strconv.Atoi(a.retryAfter)
		if a.status != http.StatusServiceUnavailable || err != nil {
			return fmt.Errorf("answered with %d, Retry-After %q", a.status, a.retryAfter)
		}
		l.mu.Lock()
		l.away++
		l.mu.Unlock()
		if !l.pause(time.Duration(seconds) * time.Second) {
			return nil
		}
	}
}

// so returns what has been so far.
func (l *load) so() (accepted, away int, fault error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accepted), l.away, l.fault
}

// more waits until n more messages are accepted than were.
func (l *load) more(n int) {
	l.p.t.Helper()
	before, _, _ := l.so()
	require.Eventually(l.p.t, func() bool {
		accepted, _, fault := l.so()
		require.NoError(l.p.t, fault)
		return accepted >= before+n
	}, patience, 50*time.Millisecond, "work goes on by itself")
}

// lasts waits for d to pass, whatever happens.
func lasts(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// ends stops the load and waits until all that was accepted has ended in one of
// last's states (a read report may follow the end); check is told each message and its number's suffix.
func (l *load) ends(last func(suffix string) []any, check func(m map[string]any, suffix string)) {
	l.p.t.Helper()
	l.stop()
	_, _, fault := l.so()
	require.NoError(l.p.t, fault)
	for id, suffix := range l.accepted {
		var m map[string]any
		require.Eventually(l.p.t, func() bool {
			a := l.p.call(http.MethodGet, "/v1/messages/"+id, nil)
			m = a.body
			return a.status == http.StatusOK && m["ended"] == true && slices.Contains(last(suffix), m["state"])
		}, patience, 50*time.Millisecond, "what was accepted ends as it must: %s", suffix)
		check(m, suffix)
	}
}

// calls counts what the carriers took, by channel and number.
func (p *plant) calls() map[string]int {
	p.t.Helper()
	out := map[string]int{}
	for since := int64(0); ; {
		page := p.carriersLog(since)
		if len(page.Entries) == 0 {
			return out
		}
		for _, e := range page.Entries {
			if e.Kind == simulator.KindSubmit && e.Submit.Taken {
				out[string(e.Channel)+" "+e.Number]++
			}
		}
		since = page.Next
	}
}

type logPage struct {
	Entries []simulator.Entry `json:"entries"`
	Next    int64             `json:"next"`
}

func (p *plant) carriersLog(since int64) (page logPage) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, fmt.Sprintf("%s/log?since=%d", p.up.Running().Simulator, since), nil)
	require.NoError(p.t, err)
	resp, err := p.client.Do(req)
	require.NoError(p.t, err)
	defer resp.Body.Close()
	require.NoError(p.t, json.NewDecoder(resp.Body).Decode(&page))
	return page
}

func charges(m map[string]any) []string {
	out := []string{}
	list, _ := m["charges"].([]any)
	for _, c := range list {
		out = append(out, c.(map[string]any)["channel"].(string))
	}
	return out
}

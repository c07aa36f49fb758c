package demo

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"goniec/cmd/goniec/internal/client"
	"goniec/internal/suffixes"
)

// senders is how many messages are on their way to the API at a time.
const senders = 24

// sendPatience is how long one message is offered to an API that does not
// answer: through a kill and the start after it.
const sendPatience = 2 * time.Minute

// Sent is what was sent, and as which messages.
type Sent struct {
	ids   []string // by suffixes.Sending.N
	took  []time.Duration
	count atomic.Int64
}

// Latency of a 202, as those who send see it.
type Latency struct {
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
}

func newSent(n int) *Sent { return &Sent{ids: make([]string, n), took: make([]time.Duration, n)} }

// apiClient talks to the installation's API with the demo account's key.
func (t target) apiClient() (*client.Client, error) { return t.clientOf(t.running.APIKeyFile) }

// clientOf talks to it with the key in that file.
func (t target) clientOf(path string) (*client.Client, error) {
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("API key: %w", err)
	}
	return t.clientWith(strings.TrimSpace(string(key)))
}

func (t target) clientWith(key string) (*client.Client, error) {
	return client.New(client.Config{
		URL: t.running.HTTP, Key: key, Patience: sendPatience,
		Transport: &http.Transport{MaxIdleConnsPerHost: senders, ResponseHeaderTimeout: 30 * time.Second},
	})
}

// send sends the plan, each message under its own Idempotency-Key, so that one
// that is not answered is repeated and still goes out once.
func (s *Sent) send(ctx context.Context, c *client.Client, p suffixes.Plan) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan suffixes.Sending)
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for item := range queue {
				if err := s.one(ctx, c, item); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, item := range p.Sendings {
		select {
		case queue <- item:
		case <-ctx.Done():
		}
	}
	close(queue)
	wg.Wait()
	return context.Cause(ctx)
}

func (s *Sent) one(ctx context.Context, c *client.Client, item suffixes.Sending) error {
	began := time.Now()
	body, err := c.Send(ctx, item.Key, item.Request)
	if err != nil {
		return fmt.Errorf("send message %d: %w", item.N, err)
	}
	s.ids[item.N], s.took[item.N] = body.ID, time.Since(began)
	s.count.Add(1)
	return nil
}

func (s *Sent) latency() Latency {
	sorted := slices.Sorted(slices.Values(s.took))
	at := func(q float64) float64 {
		return float64(sorted[int(q*float64(len(sorted)-1))].Microseconds()) / 1000
	}
	return Latency{P50: at(0.5), P99: at(0.99)}
}

// Command load sends messages to a running `goniec up` and measures the time to
// the 202 and the whole life, from the request until the read model says delivered:
//
//	go run ./tools/load -data DIR -n 20000 -batch 500 -workers 4     # throughput
//	go run ./tools/load -data DIR -n 15000 -rate 500                 # latency of single requests
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

type target struct {
	HTTP       string `json:"http"`
	Postgres   string `json:"postgres"`
	APIKeyFile string `json:"api_key_file"`
	key        string
}

type load struct {
	target
	n, batch, workers int
	rate              float64
	client            *http.Client
	mu                sync.Mutex
	latencies         []time.Duration
	failed            int
}

func main() {
	var l load
	data := flag.String("data", "", "data directory of the running up")
	flag.IntVar(&l.n, "n", 10000, "messages")
	flag.IntVar(&l.batch, "batch", 1, "messages a request")
	flag.IntVar(&l.workers, "workers", 8, "concurrent requests")
	flag.Float64Var(&l.rate, "rate", 0, "requests a second; 0 = as fast as they are answered")
	flag.Parse()
	if err := l.run(context.Background(), *data); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func (l *load) run(ctx context.Context, data string) error {
	b, err := os.ReadFile(filepath.Join(data, "running.json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &l.target); err != nil {
		return err
	}
	key, err := os.ReadFile(l.APIKeyFile)
	if err != nil {
		return err
	}
	l.key = strings.TrimSpace(string(key))
	l.client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	db, err := pgx.Connect(ctx, l.Postgres)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close(ctx) }()
	var before int
	if err := db.QueryRow(ctx, "SELECT count(*) FROM goniec.messages WHERE ended").Scan(&before); err != nil {
		return err
	}
	began := time.Now()
	l.send(ctx)
	sent := time.Since(began)
	for have := 0; have < before+l.n-l.failed; time.Sleep(50 * time.Millisecond) { //nolint:forbidigo // a tool that polls
		if err := db.QueryRow(ctx, "SELECT count(*) FROM goniec.messages WHERE ended").Scan(&have); err != nil {
			return err
		}
	}
	l.report(sent, time.Since(began))
	return nil
}

func (l *load) send(ctx context.Context) {
	jobs := make(chan int)
	var wg sync.WaitGroup
	for range l.workers {
		wg.Go(func() {
			for from := range jobs {
				l.request(ctx, from)
			}
		})
	}
	var tick <-chan time.Time
	if l.rate > 0 {
		t := time.NewTicker(time.Duration(float64(time.Second) / l.rate))
		defer t.Stop()
		tick = t.C
	}
	for from := 0; from < l.n; from += l.batch {
		if tick != nil {
			<-tick
		}
		jobs <- from
	}
	close(jobs)
	wg.Wait()
}

// number ends in 70: an ordinary phone without a script of its own that does not read.
func number(i int) string { return fmt.Sprintf("+4850%05d70", i%100000) }

func (l *load) request(ctx context.Context, from int) {
	message := func(i int) map[string]any {
		return map[string]any{
			"to": number(i), "sender": "GONIEC", "category": "transactional", "text": fmt.Sprintf("Load %d", i),
			"client_ref": fmt.Sprintf("load-%d-%d", i, time.Now().UnixMicro()), "validity": "10m",
		}
	}
	path, body := "/v1/messages", any(message(from))
	if l.batch > 1 {
		var list []any
		for i := from; i < min(from+l.batch, l.n); i++ {
			list = append(list, message(i))
		}
		path, body = "/v1/messages/batch", map[string]any{"messages": list}
	}
	b, _ := json.Marshal(body) // plain maps and strings
	began := time.Now()
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, l.HTTP+path, bytes.NewReader(b))
	req.Header.Set("Authorization", "Bearer "+l.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := l.client.Do(req)
	ok := err == nil && resp.StatusCode < 300
	if err == nil {
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
		_ = resp.Body.Close()
		if !ok {
			fmt.Fprintln(os.Stderr, resp.StatusCode, string(answer[:min(len(answer), 300)]))
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latencies = append(l.latencies, time.Since(began))
	if !ok {
		l.failed += min(l.batch, l.n-from)
	}
}

func (l *load) report(sent, whole time.Duration) {
	sort.Slice(l.latencies, func(i, j int) bool { return l.latencies[i] < l.latencies[j] })
	at := func(q float64) time.Duration {
		return l.latencies[int(q*float64(len(l.latencies)-1))].Round(100 * time.Microsecond)
	}
	n := float64(l.n - l.failed)
	fmt.Fprintf(os.Stdout, "messages %d, failed %d, batch %d\n", l.n, l.failed, l.batch)
	fmt.Fprintf(os.Stdout, "accepted  %8.0f/s in %.1f s; answer p50 %v p90 %v p99 %v max %v\n", n/sent.Seconds(), sent.Seconds(), at(.5), at(.9), at(.99), at(1))
	fmt.Fprintf(os.Stdout, "full life %8.0f/s in %.1f s\n", n/whole.Seconds(), whole.Seconds())
}

//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"goniec/internal/suffixes"
)

const (
	prefix         = "chaos."
	partitions     = 4
	sessionTimeout = 6 * time.Second
	account        = "00000000-0000-8000-8000-0000000000c5"
)

// settings of the account: what waits for an SMS's report for a day waits for seconds.
var settings = map[string]any{"sms_validity_ms": 11_000, "report_wait_ms": 5_000}

// writeConfig writes the configuration that all processes share; what differs
// comes by the environment.
func writeConfig(path, secrets, password string) error {
	return os.WriteFile(path, fmt.Appendf(nil, `loglevel: info
secrets: %s
http: {requests: 10000}
kafka: {prefix: %s, partitions: %d, replication: 3, mininsync: 2, sessiontimeout: %s}
postgres: {url: %q}
`, secrets, prefix, partitions, sessionTimeout, password), 0o600)
}

// client talks to the API processes, one after another.
type client struct {
	http *http.Client
	apis []string
	key  string
}

// answer of the API.
type answer struct {
	status int
	body   []byte
}

// do makes one call to the API n.
func (c *client) do(ctx context.Context, n int, method, path, idempotency string, body any) (answer, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.apis[n%len(c.apis)]+path, bytes.NewReader(raw))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.key)
	if idempotency != "" {
		req.Header.Set("Idempotency-Key", idempotency)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	out, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return answer{resp.StatusCode, out}, err
}

// must repeats a call until it is answered with success.
func (c *client) must(ctx context.Context, path string, body, out any) error {
	for n := 0; ; n++ {
		a, err := c.do(ctx, n, http.MethodPost, path, "", body)
		switch {
		case err == nil && a.status < 300:
			return json.Unmarshal(a.body, out)
		case err == nil && a.status < 500:
			return fmt.Errorf("%s: HTTP status %d: %s", path, a.status, a.body)
		}
		if perr := pause(ctx, 300*time.Millisecond); perr != nil {
			return errors.Join(perr, err, fmt.Errorf("%s: %s", path, a.body))
		}
	}
}

// install makes the account, its prices and senders, the way an operator does,
// and returns the account's key.
func (w *world) install(ctx context.Context) (key string, err error) {
	ctx, cancel := context.WithTimeout(ctx, startBudget)
	defer cancel()
	file := filepath.Join(w.opt.dir, "operator_key")
	for { // as long as nobody owns the partition yet, nobody answers
		if _, err = w.goniec(ctx, "operator", "key", "--out", file); err == nil {
			break
		}
		if perr := pause(ctx, time.Second); perr != nil {
			return "", errors.Join(err, perr)
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	c := &client{http: &http.Client{Timeout: 10 * time.Second}, apis: w.apis[:1], key: strings.TrimSpace(string(raw))}
	var issued struct {
		Key string `json:"key"`
	}
	prices := []map[string]string{
		{"country": "PL", "channel": "viber", "category": "transactional", "content": "text", "amount": "0.05"},
		{"country": "PL", "channel": "sms", "amount": "0.09"},
	}
	for _, step := range []struct {
		path string
		body any
	}{
		{"/v1/accounts", map[string]any{"id": account, "name": "Chaos", "settings": settings}},
		{"/v1/accounts/" + account + "/keys", map[string]any{"label": "chaos"}},
		{"/v1/prices", map[string]any{"currency": "PLN", "prices": prices}},
	} {
		if err := c.must(ctx, step.path, step.body, &issued); err != nil {
			return "", err
		}
	}
	for _, s := range suffixes.Senders() {
		if err := c.sender(ctx, s); err != nil {
			return "", err
		}
	}
	return issued.Key, nil
}

func (c *client) sender(ctx context.Context, s suffixes.Sender) error {
	var made struct {
		ID string `json:"id"`
	}
	var ignored any
	err := c.must(ctx, "/v1/senders", map[string]any{"account": account, "name": s.Name, "company": s.Company, "country": "PL", "two_way": true}, &made)
	if err == nil {
		err = c.must(ctx, "/v1/senders/"+made.ID+"/submit", map[string]any{}, &ignored)
	}
	if err == nil {
		err = c.must(ctx, "/v1/senders/"+made.ID+"/approve", map[string]any{"service_id": s.ServiceID}, &ignored)
	}
	return err
}

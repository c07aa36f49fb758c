// Package client is a small client of goniec's HTTP API. What may be repeated
// is repeated while goniec is not available; nothing else ever is.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"goniec/internal/pause"
)

// Bounds of a client.
const (
	maxAnswer  = 64 << 20         // bytes: 10,000 refused items of a batch fit
	maxProblem = 1 << 20          // bytes of an answer that is no success
	callBudget = 75 * time.Second // of one call; the server gives up before
	slowBudget = 11 * time.Minute // of one that reads much
	firstWait  = 200 * time.Millisecond
	maxWait    = 3 * time.Second
	maxAsked   = 10 * time.Second // of a Retry-After that is obeyed
)

// Config of a Client.
type Config struct {
	// URL is the API's base address, such as "http://127.0.0.1:8080".
	URL string
	// Key is an API key.
	Key string
	// Patience is how long a call is repeated that may be. Default 30 s. While
	// nothing has been answered yet, a connection that is refused is not: there
	// is nobody.
	Patience time.Duration
	// Waiting is told before each repetition. This option is not required.
	Waiting func(err error, pause time.Duration)
	// Transport. This option is not required.
	Transport http.RoundTripper
}

// Client calls the API. Safe for concurrent use.
type Client struct {
	cfg  Config
	base *url.URL
	http *http.Client
	met  chan struct{} // holds a token once anything was answered
}

// New checks the address; it connects when it is used.
func New(cfg Config) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(cfg.URL, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") || base.User != nil || base.RawQuery != "" {
		return nil, errors.New("the API's URL must be an http or https address such as http://127.0.0.1:8080")
	}
	if cfg.Patience == 0 {
		cfg.Patience = 30 * time.Second
	}
	if cfg.Waiting == nil {
		cfg.Waiting = func(error, time.Duration) {}
	}
	c := &Client{cfg: cfg, base: base, met: make(chan struct{}, 1)}
	c.http = &http.Client{
		Timeout: callBudget, Transport: cfg.Transport,
		// Elsewhere the key has no business.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// request is one call.
type request struct {
	method, path string
	query        url.Values
	key          string // Idempotency-Key
	ifVersion    int64  // If-Match; 0 = whatever the version
	in, out      any    // JSON bodies; an out of *[]byte, or a *stream, takes the answer as it is
	slow         bool   // it may take longer than others
	repeatable   bool
}

// do makes the call; a repeatable one until it is answered, or Patience is over.
func (c *Client) do(ctx context.Context, r request) error {
	var body []byte
	if r.in != nil {
		var err error
		if body, err = json.Marshal(r.in); err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
	}
	giveUp := time.Now().Add(c.cfg.Patience)
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		err := c.try(ctx, r, body)
		rest, again := c.again(ctx, r, err, wait)
		if !again || time.Now().Add(rest).After(giveUp) {
			return err
		}
		cause := context.Cause(ctx)
		if cause == nil {
			c.cfg.Waiting(err, rest)
			cause = pause.For(ctx, rest)
		}
		if cause != nil {
			return errors.Join(cause, err)
		}
	}
}

// again says whether to repeat, and when.
func (c *Client) again(ctx context.Context, r request, err error, wait time.Duration) (time.Duration, bool) {
	if err == nil {
		return 0, false
	}
	var p *Error
	if errors.As(err, &p) {
		switch p.Status {
		case http.StatusTooManyRequests: // nothing was done
			return max(wait, p.RetryAfter), true
		case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
			return max(wait, p.RetryAfter), r.repeatable
		}
		return 0, false
	}
	return wait, r.repeatable && errors.Is(err, ErrUnavailable) && len(c.met) > 0
}

func (c *Client) try(ctx context.Context, r request, body []byte) error {
	target := c.base.String() + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("prepare request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.cfg.Key)
	req.Header.Set("Accept", "application/json")
	if r.in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
	if r.ifVersion != 0 {
		req.Header.Set("If-Match", strconv.Quote(strconv.FormatInt(r.ifVersion, 10)))
	}
	caller := *c.http
	if r.slow {
		caller.Timeout = slowBudget
	}
	resp, err := caller.Do(req)
	if err != nil {
		return c.unreachable(ctx, err)
	}
	defer resp.Body.Close() //nolint:errcheck // read as far as it is needed
	select {
	case c.met <- struct{}{}:
	default:
	}
	return c.read(ctx, resp, r.out)
}

// unreachable wraps what keeps the API from answering, without the request's URL.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return fmt.Errorf("%w at %s: %w", ErrUnavailable, c.base.Redacted(), err)
}

func (c *Client) read(ctx context.Context, resp *http.Response, out any) error {
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return problem(resp)
	}
	if s, ok := out.(*stream); ok {
		_, err := io.Copy(s.to, resp.Body)
		return err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return c.unreachable(ctx, err)
	}
	if len(body) > maxAnswer {
		return errors.New("the answer is too large")
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = body
		return nil
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("%w at %s: its answer is not that of goniec's API", ErrUnavailable, c.base.Redacted())
	}
	return nil
}

// stream takes an answer of any length.
type stream struct{ to io.Writer }

func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxAsked)
}

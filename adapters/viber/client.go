package viber

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"goniec/domain"
	"goniec/domain/message"
)

const sendPath = "/vibersrvc/1/send_message"

// The codes of what happened on the wire, where Viber said no status.
const (
	CodeTimeout    = message.ReasonTimeout
	CodeCut        = message.ReasonConnectionCut
	CodeUnreadable = message.ReasonUnreadable
	CodeNotReached = "not_reached" // no connection was ever made: certainly not taken
	CodeInvalid    = "invalid"     // not sent: Viber would refuse it for its shape

	httpCodePrefix = "http_"
	statusBadShape = 6 // what Viber would answer to a bad shape
)

// Config of a Client.
type Config struct {
	// BaseURL is the service's address without the path, such as
	// "https://services.viber.com".
	BaseURL string
	// Clock stamps answers. This option is not required.
	Clock domain.Clock
	// Timeout bounds one call, from connecting to the answer's last byte, in
	// real time. Default 5 s (rules.md D3b).
	Timeout time.Duration
	// MaxConns bounds open connections. Default 256.
	MaxConns int
	// MaxAnswer bounds an answer's body in bytes. Default 64 KiB.
	MaxAnswer int64
	// PictureCaption is the button's caption of a text with an image but
	// without a button (such a button opens the image). Default "Zobacz".
	PictureCaption string
}

func (c *Config) setDefaults() {
	if c.Clock == nil {
		c.Clock = domain.SystemClock
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.MaxConns == 0 {
		c.MaxConns = 256
	}
	if c.MaxAnswer == 0 {
		c.MaxAnswer = 64 << 10
	}
	if c.PictureCaption == "" {
		c.PictureCaption = "Zobacz"
	}
}

// Validate names every fault of the configuration.
func (c Config) Validate() error {
	var faults []error
	if u, err := url.Parse(c.BaseURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		faults = append(faults, errors.New("viber.base_url: must be an http or https address"))
	}
	if c.Timeout < 0 || c.MaxConns < 0 || c.MaxAnswer < 0 {
		faults = append(faults, errors.New("viber: timeout, max_conns and max_answer must not be negative"))
	}
	return errors.Join(faults...)
}

// Client sends messages over one route. It is safe for concurrent use.
type Client struct {
	cfg  Config
	url  string
	http *http.Client
}

// New returns a Client with connections of its own.
func New(cfg Config) (*Client, error) {
	cfg.setDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: cfg.Timeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout: cfg.Timeout,
		MaxIdleConns:        cfg.MaxConns,
		MaxIdleConnsPerHost: cfg.MaxConns,
		MaxConnsPerHost:     cfg.MaxConns,
		IdleConnTimeout:     30 * time.Second, // below what servers use: a connection closed under a request is an unknown outcome
		DisableCompression:  true,
		ForceAttemptHTTP2:   true,
	}
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{
		cfg: cfg, url: strings.TrimRight(cfg.BaseURL, "/") + sendPath,
		http: &http.Client{Transport: transport, CheckRedirect: noRedirect},
	}, nil
}

// Close drops idle connections. Calls under way go on.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Result is the outcome of one call.
type Result struct {
	message.Answer
	// RouteFault says that the route, not this message, is at fault: it counts
	// for the circuit breaker of (route, service id) (rules.md B13).
	RouteFault bool
}

// Send makes one call and never repeats it. It always answers: a failure is a
// Result. A call that ctx ends has the outcome it had reached: refused when
// nothing was sent, else unknown.
func (c *Client) Send(ctx context.Context, s Submission) Result {
	r := c.send(ctx, s)
	r.Attempt, r.At = s.Attempt, c.cfg.Clock.Now()
	return r
}

func (c *Client) send(ctx context.Context, s Submission) Result {
	if s.Validate() != nil {
		return result(CodeInvalid, message.MeaningOfViber(statusBadShape))
	}
	body, err := s.encode(c.cfg.PictureCaption)
	if err != nil {
		return result(CodeInvalid, message.MeaningOfViber(statusBadShape))
	}
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	call, cancel := context.WithTimeout(httptrace.WithClientTrace(ctx, trace), c.cfg.Timeout)
	defer cancel()
	code, answer, err := c.post(call, body)
	if err != nil {
		r := failed(err, connected.Load())
		r.RouteFault = ctx.Err() == nil // a caller that gives up says nothing of the route
		return r
	}
	return c.judge(code, answer, s.Seq)
}

// post answers the HTTP status and the whole body.
func (c *Client) post(ctx context.Context, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, c.cfg.MaxAnswer+1))
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, nil, nil // refused, whatever the body says or lacks
	}
	return resp.StatusCode, answer, err
}

// failed judges a call without an answer. One that never had a connection was
// certainly not taken: it is the same as a 503 from a gateway.
func failed(err error, connected bool) Result {
	var ne net.Error
	switch timeout := errors.As(err, &ne) && ne.Timeout(); {
	case !connected:
		return result(CodeNotReached, message.MeaningOfViberHTTP(http.StatusServiceUnavailable))
	case timeout:
		return silence(CodeTimeout)
	default:
		return silence(CodeCut)
	}
}

// judge maps an answer to an outcome (rules.md D16).
func (c *Client) judge(code int, answer []byte, seq int64) Result {
	switch {
	case code > http.StatusOK && code < http.StatusMultipleChoices:
		return silence(CodeUnreadable)
	case code != http.StatusOK:
		return result(httpCodePrefix+strconv.Itoa(code), message.MeaningOfViberHTTP(code))
	case int64(len(answer)) > c.cfg.MaxAnswer:
		return silence(CodeUnreadable)
	}
	status, id, err := parseAnswer(answer, seq)
	if err != nil {
		return silence(CodeUnreadable)
	}
	r := result(strconv.Itoa(status), message.MeaningOfViber(status))
	if r.Outcome == message.OutcomeAccepted {
		r.CarrierIDs, r.Parts = []string{id}, 1
	}
	return r
}

func result(code string, m message.ViberMeaning) Result {
	return Result{
		Answer:     message.Answer{Outcome: m.Outcome, Code: code, Reason: m.Reason, Verdict: m.Verdict},
		RouteFault: m.Breaker,
	}
}

// silence: Viber may have taken it, and did not say so in a way that can be read.
func silence(reason string) Result { return result(reason, message.MeaningOfViberSilence(reason)) }

package smpp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"goniec/domain"
)

// Config of a Client. Zero values mean the defaults named here.
type Config struct {
	Name       string // of the route, for logs
	Addr       string // host:port; required
	SystemID   string // required, ≤ 15 octets
	Password   string // ≤ 8 octets
	SystemType string // ≤ 12 octets
	TLS        *tls.Config

	Window       int           // submits without an answer yet, at most: 64
	Rate         float64       // submits a second, at most; 0: no limit but the carrier's throttling
	MaxParts     int           // of a message; 10, at most 255
	CallTimeout  time.Duration // of a whole Submit: 5 s (rules.md D3b)
	QueueTimeout time.Duration // of it, waiting for the pace and the window: a fifth of CallTimeout

	EnquireEvery   time.Duration // 30 s
	EnquireTimeout time.Duration // 5 s
	BindTimeout    time.Duration // dial and bind: 10 s
	ReconnectMin   time.Duration // 1 s, doubled up to ReconnectMax, ±20 %
	ReconnectMax   time.Duration // 30 s
	DrainTimeout   time.Duration // of a shutdown: CallTimeout + 1 s

	MaxInbound     int            // deliver_sm being handled, at most: 256; more are told to come again
	HandlerTimeout time.Duration  // of Handler: 10 s
	ReplyWait      time.Duration  // how long parts of a long reply wait for each other: 3 s
	Zone           *time.Location // of the dates in receipts: UTC
	Handler        Handler        // required
	OnLate         func(Result)   // optional: an answer that came after Submit had said unknown; must not block

	Dial   func(ctx context.Context, addr string) (net.Conn, error) // optional
	Clock  domain.Clock                                             // domain time of answers and receipts
	Logger *slog.Logger
}

// Handler takes what the carrier delivered. Only after nil is the carrier told
// that it arrived, so a Handler returns nil when the fact is durable. After an
// error, or no return within HandlerTimeout, the carrier delivers again: a
// Handler must be idempotent. It is called from many goroutines at once and
// must return when ctx is over.
type Handler func(ctx context.Context, in Inbound) error

func (c *Config) setDefaults() {
	setDefault(&c.Window, 64)
	setDefault(&c.MaxParts, 10)
	setDefault(&c.CallTimeout, 5*time.Second)
	setDefault(&c.QueueTimeout, c.CallTimeout/5)
	setDefault(&c.EnquireEvery, 30*time.Second)
	setDefault(&c.EnquireTimeout, 5*time.Second)
	setDefault(&c.BindTimeout, 10*time.Second)
	setDefault(&c.ReconnectMin, time.Second)
	setDefault(&c.ReconnectMax, max(30*time.Second, c.ReconnectMin))
	setDefault(&c.DrainTimeout, c.CallTimeout+time.Second)
	setDefault(&c.MaxInbound, 256)
	setDefault(&c.HandlerTimeout, 10*time.Second)
	setDefault(&c.ReplyWait, 3*time.Second)
	setDefault(&c.Zone, time.UTC)
	setDefault(&c.Clock, domain.SystemClock)
	setDefault(&c.Logger, slog.Default())
	if c.Dial == nil {
		c.Dial = c.dial
	}
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Validate joins all faults, each with the field's name.
func (c *Config) Validate() error {
	var faults []error
	check := func(ok bool, field, what string) {
		if !ok {
			faults = append(faults, fmt.Errorf("smpp: %s: %s", field, what))
		}
	}
	check(c.Addr != "", "addr", "is required")
	check(c.SystemID != "" && fits(c.SystemID, 15), "system_id", "1 to 15 octets of ASCII")
	check(fits(c.Password, 8), "password", "at most 8 octets of ASCII")
	check(fits(c.SystemType, 12), "system_type", "at most 12 octets of ASCII")
	check(c.Handler != nil, "handler", "is required")
	check(c.Window >= 0 && c.Window <= 10_000, "window", "0 to 10000")
	check(c.Rate >= 0, "rate", "is negative")
	check(c.MaxParts >= 0 && c.MaxParts <= 255, "max_parts", "0 to 255")
	check(c.CallTimeout >= 0 && c.QueueTimeout >= 0 && c.QueueTimeout <= max(c.CallTimeout, 5*time.Second), "queue_timeout", "is longer than call_timeout, or negative")
	check(c.ReconnectMin >= 0 && (c.ReconnectMax == 0 || c.ReconnectMax >= c.ReconnectMin), "reconnect_max", "is shorter than reconnect_min")
	return errors.Join(faults...)
}

// fits: an SMPP C-octet string of at most n octets.
func fits(s string, n int) bool {
	return len(s) <= n && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

func (c *Config) dial(ctx context.Context, addr string) (net.Conn, error) {
	if c.TLS != nil {
		return (&tls.Dialer{Config: c.TLS}).DialContext(ctx, "tcp", addr)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
}

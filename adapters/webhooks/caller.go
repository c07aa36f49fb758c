package webhooks

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"goniec/domain/account"
	"goniec/eventstore"
)

// Why an attempt failed: the classes of Attempt.Error. What exactly a socket or
// a certificate said is not kept, since it names the address.
const (
	ErrorStatus     = "status"          // answered, but not with 2xx
	ErrorRedirect   = "redirect"        // answered with 3xx, which is not followed
	ErrorTimeout    = "timeout"         // no answer in time
	ErrorDNS        = "dns"             // the host's name does not resolve
	ErrorTLS        = "tls"             // no trust in its certificate, or no TLS at all
	ErrorConnection = "connection"      // refused, reset, unreachable
	ErrorAddress    = "refused_address" // leads to an address that may not be called
	ErrorSecret     = "secret"          // the signing secret cannot be opened any more
	ErrorURL        = "url"             // cannot be called at all
	ErrorExpired    = "expired"         // no attempt was possible in time
	ErrorRemoved    = "removed"         // the endpoint was removed
)

const (
	maxAnswer  = 4 << 10  // of the body, which is not kept
	maxHeaders = 16 << 10 // of the answer
	idleFor    = 30 * time.Second
)

// secretContext binds sealed secrets to their purpose.
const secretContext = "webhook-secret"

// result of one call. class is "" for success.
type result struct {
	at     time.Time
	took   time.Duration
	status int
	class  string
}

// caller makes signed calls. Safe for concurrent use.
type caller struct {
	http    *http.Client
	keys    eventstore.InstallationKeys
	timeout time.Duration
	agent   string
}

func newCaller(c Config) *caller {
	transport := &http.Transport{
		Proxy:                  nil, // a proxy would dial for us, past the policy
		DialContext:            c.Policy.dialler(c.Timeout).DialContext,
		TLSHandshakeTimeout:    c.Timeout,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: maxHeaders,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        idleFor,
	}
	return &caller{
		keys: c.Keys, timeout: c.Timeout, agent: c.UserAgent,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

func (c *caller) close() { c.http.CloseIdleConnections() }

// call posts a payload once. It returns within the time-out, whatever the other
// side does.
func (c *caller) call(ctx context.Context, e account.Endpoint, event string, payload []byte) result {
	r := result{at: time.Now().UTC()}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r.status, r.class = c.post(ctx, e, event, r.at, payload)
	r.took = time.Since(r.at)
	return r
}

func (c *caller) post(ctx context.Context, e account.Endpoint, event string, at time.Time, payload []byte) (status int, class string) {
	signature, err := c.sign(e.Secret, event, at, payload)
	if err != nil {
		return 0, ErrorSecret
	}
	req, err := c.request(ctx, e.URL, payload)
	if err != nil {
		return 0, ErrorURL
	}
	req.Header.Set(standardwebhooks.HeaderWebhookID, event)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, classify(err)
	}
	defer resp.Body.Close()                                          //nolint:errcheck // nothing is expected of it
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // the status has decided
	return resp.StatusCode, statusClass(resp.StatusCode)
}

func (c *caller) request(ctx context.Context, raw string, payload []byte) (*http.Request, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("the endpoint's URL is not readable")
	}
	req, err := http.NewRequestWithContext(withScheme(ctx, u.Scheme), http.MethodPost, raw, bytes.NewReader(payload))
	if err != nil {
		return nil, errors.New("the endpoint's URL cannot be called")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", c.agent)
	return req, nil
}

func (c *caller) sign(sealed, event string, at time.Time, payload []byte) (string, error) {
	secret, err := openSecret(c.keys, sealed)
	if err != nil {
		return "", err
	}
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return "", errors.New("the signing secret is not readable")
	}
	return wh.Sign(event, at, payload)
}

func openSecret(keys eventstore.InstallationKeys, sealed string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return "", errors.New("the sealed secret is not base64")
	}
	plain, err := keys.Open(b, secretContext)
	if err != nil {
		return "", fmt.Errorf("open the signing secret: %w", err)
	}
	return string(plain), nil
}

func statusClass(status int) string {
	switch {
	case status >= 200 && status < 300:
		return ""
	case status >= 300 && status < 400:
		return ErrorRedirect
	}
	return ErrorStatus
}

func classify(err error) string {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.Is(err, errRefusedAddress):
		return ErrorAddress
	case errors.As(err, &dns):
		return ErrorDNS
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return ErrorTimeout
	case isTLS(err):
		return ErrorTLS
	}
	return ErrorConnection
}

func isTLS(err error) bool {
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var authority x509.UnknownAuthorityError
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert) || errors.As(err, &authority)
}

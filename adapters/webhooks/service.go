package webhooks

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"goniec/domain"
	"goniec/domain/account"
)

// ErrNotFound says that the account has nothing of that name.
var ErrNotFound = errors.New("not found")

const (
	secretBytes  = 32
	secretPrefix = "whsec_"
	// MaxLog bounds a page of the attempt log.
	MaxLog = 500
)

// Endpoint is a registered webhook without its secret.
type Endpoint struct {
	ID     string
	URL    string
	Events []string // empty = all
	Added  time.Time
}

// NewSecret makes a signing secret: plain for the client, once; sealed for the
// journal (account.AddEndpoint.Secret).
func (w *Webhooks) NewSecret() (plain, sealed string, err error) {
	raw := make([]byte, secretBytes)
	_, _ = rand.Read(raw) // never fails
	plain = secretPrefix + base64.StdEncoding.EncodeToString(raw)
	b, err := w.cfg.Keys.Seal([]byte(plain), secretContext)
	if err != nil {
		return "", "", fmt.Errorf("seal the signing secret: %w", err)
	}
	return plain, base64.StdEncoding.EncodeToString(b), nil
}

// CheckURL refuses with a *domain.Error what may not be called: a form that is
// no http or https URL, http (unless allowed), a host that does not resolve or that
// leads into a private network. It asks the name service, for at most 5 s.
func (w *Webhooks) CheckURL(ctx context.Context, url string) error {
	return w.cfg.Policy.check(ctx, w.resolver, url)
}

// Add registers an endpoint for some event types (none = all) and returns it
// with its secret, which is shown this once. A refusal is a *domain.Error.
// Repeated, it adds another one.
func (w *Webhooks) Add(ctx context.Context, accountID, actor, url string, events []string) (Endpoint, string, error) {
	if w.cfg.Commander == nil {
		return Endpoint{}, "", errors.New("webhooks: no Commander is configured")
	}
	if err := CheckEvents(events); err != nil {
		return Endpoint{}, "", err
	}
	if err := w.CheckURL(ctx, url); err != nil {
		return Endpoint{}, "", err
	}
	plain, sealed, err := w.NewSecret()
	if err != nil {
		return Endpoint{}, "", err
	}
	c := account.AddEndpoint{Endpoint: uuid.NewString(), URL: url, Events: events, Secret: sealed}
	if err := w.cfg.Commander.Configure(ctx, accountID, actor, c); err != nil {
		return Endpoint{}, "", err
	}
	return Endpoint{ID: c.Endpoint, URL: url, Events: events, Added: time.Now().UTC()}, plain, nil
}

// List returns the account's endpoints, oldest first.
func (w *Webhooks) List(accountID string) []Endpoint {
	list := w.cfg.View.Endpoints(accountID)
	out := make([]Endpoint, len(list))
	for i, e := range list {
		out[i] = Endpoint{ID: e.ID, URL: e.URL, Events: e.Events, Added: e.Added}
	}
	return out
}

// Remove ends an endpoint; what is queued for it is not sent any more.
// Idempotent; one that never was is refused with a *domain.Error.
func (w *Webhooks) Remove(ctx context.Context, accountID, actor, endpoint string) error {
	if w.cfg.Commander == nil {
		return errors.New("webhooks: no Commander is configured")
	}
	return w.cfg.Commander.Configure(ctx, accountID, actor, account.RemoveEndpoint{Endpoint: endpoint})
}

// Test calls the endpoint once, now, with a signed event of type webhook.test, and
// returns what came of it; the attempt stands in the log. ErrNotFound: the account
// has no such endpoint. An error after the call means that it could not be logged.
func (w *Webhooks) Test(ctx context.Context, accountID, endpoint string) (Attempt, error) {
	e, ok := endpointOf(w.cfg.View, accountID, endpoint)
	if !ok {
		return Attempt{}, fmt.Errorf("endpoint: %w", ErrNotFound)
	}
	j := job{Endpoint: endpoint, Event: uuid.NewString()}
	body, err := encode(Payload{ID: j.Event, Type: WebhookTest, Timestamp: time.Now().UTC().Truncate(time.Microsecond), Data: TestData{Endpoint: endpoint}})
	if err != nil {
		return Attempt{}, err
	}
	d := delivery{account: accountID, typ: WebhookTest, payload: body, state: stateDelivered}
	res := w.caller.call(ctx, e, j.Event, body)
	w.metrics.attempt(res)
	if res.class != "" {
		d.state = stateGivenUp
	}
	a := Attempt{
		EventID: j.Event, Type: WebhookTest, Attempt: 1, At: res.at, Duration: res.took, Status: res.status, Error: res.class, Done: true,
	}
	if err := w.store.insertTested(ctx, endpoint, j.Event, d); err != nil {
		return a, fmt.Errorf("log the test: %w", err)
	}
	if err := w.store.record(ctx, j, d, a, d.state); err != nil {
		return a, fmt.Errorf("log the test: %w", err)
	}
	return a, nil
}

// Log returns a page of an endpoint's attempts, newest first, and the cursor of
// the next page ("" = there is none). Removed endpoints keep their log.
func (w *Webhooks) Log(ctx context.Context, accountID, endpoint, cursor string, limit int) ([]Attempt, string, error) {
	before, err := parseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	if !isID(accountID) || !isID(endpoint) {
		return nil, "", fmt.Errorf("endpoint: %w", ErrNotFound)
	}
	limit = min(max(limit, 1), MaxLog)
	page, err := w.store.attempts(ctx, accountID, endpoint, before, limit+1)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(page) > limit {
		page = page[:limit]
		next = strconv.FormatInt(page[limit-1].id, 36)
	}
	out := make([]Attempt, len(page))
	for i, a := range page {
		out[i] = a.Attempt
	}
	return out, next, nil
}

func parseCursor(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 36, 64)
	if err != nil || n < 1 {
		return 0, domain.RefuseField(account.CodeInvalidValue, "cursor", "is not one that was given out")
	}
	return n, nil
}

func isID(s string) bool {
	_, err := uuid.Parse(s)
	return err == nil
}

// Resend queues an event once more for an endpoint, or for every endpoint of the
// account that it was meant for (endpoint ""), whatever became of it before; the
// receiver sees the same id. ErrNotFound: it was never meant for it, or is older
// than the retention.
func (w *Webhooks) Resend(ctx context.Context, accountID, endpoint, eventID string) error {
	if !isID(accountID) {
		return fmt.Errorf("event: %w", ErrNotFound)
	}
	n, err := w.store.resend(ctx, accountID, endpoint, eventID)
	if err != nil {
		return fmt.Errorf("resend: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("event: %w", ErrNotFound)
	}
	return nil
}

package httpapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/adapters/polish"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/message"
	"goniec/internal/testkit"
)

const (
	acc   = "0b7f3c1a-8e52-4d0e-9a6f-2f1f5a1c0001"
	other = "0b7f3c1a-8e52-4d0e-9a6f-2f1f5a1c0002"
	keyID = "0b7f3c1a-8e52-4d0e-9a6f-2f1f5a1c0003"
	msgID = "0003b1a2-c3d4-8e5f-8a6b-0123456789ab"

	clientKey   = "gnc_client"
	otherKey    = "gnc_other"
	operatorKey = "gnc_operator"
)

var now = time.Date(2026, 11, 10, 9, 30, 0, 0, time.UTC)

// decider decides the accounts journal with the real rules; the rest it records.
type decider struct {
	mu       sync.Mutex
	now      time.Time // setup's is the test's now
	view     *account.View
	states   map[string]account.State
	bills    *billing.View
	months   map[string]billing.State
	origins  []httpapi.Origin
	owners   []string
	accepted []account.AcceptRegulations
	optOuts  []httpapi.OptOut
	cancels  []string
	resolved []message.Resolve
	closed   billing.Statement
	out      httpapi.Outcome // of cancels and opt-outs
	err      error
}

func (d *decider) Configure(_ context.Context, o httpapi.Origin, owner, stream string, c account.Command) (httpapi.Outcome, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return httpapi.Outcome{}, d.err
	}
	d.origins, d.owners = append(d.origins, o), append(d.owners, owner)
	if accept, ok := c.(account.AcceptRegulations); ok {
		d.accepted = append(d.accepted, accept)
	}
	s := d.states[stream]
	s.Stream = stream
	events, err := account.Decide(s, account.Facts{Now: d.now}, c)
	if err != nil {
		return httpapi.Outcome{}, err
	}
	var out httpapi.Outcome
	for _, e := range events {
		s = account.Evolve(s, e, d.now)
		d.view.Apply(stream, s.Version, e, d.now)
		out.Events = append(out.Events, e.EventType())
	}
	d.states[stream] = s
	out.Version = s.Version
	return out, nil
}

func (d *decider) Cancel(_ context.Context, o httpapi.Origin, id string) (httpapi.Outcome, error) {
	if o.Account == other { // it has no messages
		return httpapi.Outcome{}, domain.Refuse(message.CodeNotFound, "no such message")
	}
	d.origins, d.cancels = append(d.origins, o), append(d.cancels, id)
	return d.out, d.err
}

func (d *decider) Resolve(_ context.Context, o httpapi.Origin, id string, c message.Resolve) (httpapi.Outcome, error) {
	d.origins, d.resolved = append(d.origins, o), append(d.resolved, c)
	d.cancels = append(d.cancels, id)
	return d.out, d.err
}

func (d *decider) OptOut(_ context.Context, o httpapi.Origin, c httpapi.OptOut) (httpapi.Outcome, error) {
	d.origins, d.optOuts = append(d.origins, o), append(d.optOuts, c)
	return d.out, d.err
}

type accepter struct {
	mu    sync.Mutex
	got   []httpapi.NewMessage
	calls int
	err   error
	says  func(httpapi.NewMessage) *domain.Error
	hold  chan struct{} // when set, waited for
	in    chan struct{} // when set, told that a call has begun
}

func (a *accepter) AcceptMessages(_ context.Context, in []httpapi.NewMessage) ([]httpapi.Accepted, error) {
	if a.in != nil {
		a.in <- struct{}{}
		<-a.hold
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls++
	if a.err != nil {
		return nil, a.err
	}
	out := make([]httpapi.Accepted, len(in))
	for i, m := range in {
		out[i].ID = fmt.Sprintf("0003b1a2-c3d4-8e5f-8a6b-%012d", len(a.got))
		if a.says != nil {
			out[i].Err = a.says(m)
		}
		a.got = append(a.got, m)
	}
	return out, nil
}

type queries struct {
	mu        sync.Mutex
	messages  map[string]httpapi.Message // by account + id
	lines     []httpapi.BillingLine
	filters   []httpapi.Filter
	page      []httpapi.Message
	asked     int
	queues    []string
	billed    []string // accounts
	months    map[string]httpapi.SenderTraffic
	reports   []httpapi.Report
	traffic   []httpapi.TrafficRow
	unknown   []httpapi.UnknownAttempt
	unmatched []httpapi.UnmatchedReport
	appears   int // from this question on the messages are there
	err       error
}

func (q *queries) Message(_ context.Context, accountID, id string) (httpapi.Message, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked++
	if q.err != nil {
		return httpapi.Message{}, q.err
	}
	m, ok := q.messages[accountID+id]
	if !ok || q.asked < q.appears {
		return httpapi.Message{}, httpapi.ErrNotFound
	}
	return m, nil
}

func (q *queries) Messages(_ context.Context, f httpapi.Filter) ([]httpapi.Message, error) {
	q.filters = append(q.filters, f)
	return q.page[:min(len(q.page), f.Limit)], q.err
}

func (q *queries) Unknown(_ context.Context, id string, limit int) ([]httpapi.UnknownAttempt, error) {
	q.queues = append(q.queues, fmt.Sprint(id, " ", limit))
	return q.unknown, q.err
}

func (q *queries) Unmatched(_ context.Context, limit int) ([]httpapi.UnmatchedReport, error) {
	q.queues = append(q.queues, fmt.Sprint("unmatched ", limit))
	return q.unmatched, q.err
}

func (q *queries) Billing(_ context.Context, accountID, _ string) ([]httpapi.BillingLine, error) {
	q.billed = append(q.billed, accountID)
	return q.lines, q.err
}

func (q *queries) SenderMonths(_ context.Context, accountID, month string) (map[string]httpapi.SenderTraffic, error) {
	q.queues = append(q.queues, fmt.Sprint("months ", accountID, " ", month))
	return q.months, q.err
}

type hooks struct {
	urls    []string
	resent  []string
	pages   []string
	refused *domain.Error
}

func (*hooks) NewSecret() (string, string, error) { return "whsec_plain", "c2VhbGVk", nil }

func (h *hooks) CheckURL(_ context.Context, url string) error {
	h.urls = append(h.urls, url)
	if h.refused != nil {
		return h.refused
	}
	return nil
}

func (*hooks) CheckEvents(names []string) error {
	if len(names) > 0 && names[0] != "message.delivered" {
		return domain.RefuseField("invalid_value", "events", "must be some of message.delivered")
	}
	return nil
}

func attempt() httpapi.WebhookAttempt {
	return httpapi.WebhookAttempt{EventID: "event-1", Type: "webhook.test", At: now, Attempt: 1, Status: 200, Duration: 12, Done: true}
}

func (*hooks) Test(context.Context, string, string) (httpapi.WebhookAttempt, error) {
	return attempt(), nil
}

func (h *hooks) Log(_ context.Context, _, _, cursor string, limit int) ([]httpapi.WebhookAttempt, string, error) {
	h.pages = append(h.pages, fmt.Sprint(cursor, limit))
	return []httpapi.WebhookAttempt{attempt()}, "p2", nil
}

func (h *hooks) Resend(_ context.Context, _, _, event string) error {
	if event != "event-1" {
		return httpapi.ErrNotFound
	}
	h.resent = append(h.resent, event)
	return nil
}

// blobs keeps files in memory.
type blobs struct {
	mu    sync.Mutex
	files map[string][]byte
	err   error
}

func (b *blobs) Put(_ context.Context, data []byte) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	if b.err == nil {
		b.files[digest] = data
	}
	return digest, b.err
}

func (b *blobs) Get(_ context.Context, digest string) ([]byte, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	data, ok := b.files[digest]
	return data, ok, b.err
}

// sealer hides what it is given, and shows what for.
type sealer struct{}

func (sealer) Seal(plain []byte, context string) ([]byte, error) {
	return fmt.Appendf(nil, "%x for %s", sha256.Sum256(plain), context), nil
}

// warsaw is the billing zone.
var warsaw = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Warsaw")
	if err != nil {
		panic(err)
	}
	return zone
}()

var (
	_ httpapi.Blobs     = (*blobs)(nil)
	_ httpapi.Commander = (*decider)(nil)
	_ httpapi.Accepter  = (*accepter)(nil)
	_ httpapi.Queries   = (*queries)(nil)
	_ httpapi.Webhooks  = (*hooks)(nil)
	_ httpapi.Parking   = (*parking)(nil)
	_ httpapi.Privacy   = (*privacy)(nil)
)

// bundle is an API with fakes at its edges and an installation's worth of
// reference data: an account with an active sender for PL and one not yet
// active, another account, and an operator.
type bundle struct {
	t        *testing.T
	api      *httpapi.API
	view     *account.View
	decider  *decider
	accepter *accepter
	queries  *queries
	hooks    *hooks
	parking  *parking
	privacy  *privacy
	books    *books
	blobs    *blobs
	log      *testkit.Log
	metrics  *prometheus.Registry
}

func setup(t *testing.T, change ...func(*httpapi.Config)) *bundle {
	t.Helper()
	b := &bundle{t: t, view: account.NewView(), accepter: &accepter{}, queries: &queries{messages: map[string]httpapi.Message{}}, hooks: &hooks{}, parking: &parking{}, privacy: &privacy{}, log: &testkit.Log{}}
	b.blobs = &blobs{files: map[string][]byte{}}
	b.decider = &decider{now: now, view: b.view, states: map[string]account.State{}, bills: billing.NewView(), months: map[string]billing.State{}}
	b.books = &books{b: b}
	b.metrics = prometheus.NewRegistry()
	cfg := httpapi.Config{
		View: b.view, Accepter: b.accepter, Commander: b.decider, Queries: b.queries, Webhooks: b.hooks, Parking: b.parking, Privacy: b.privacy, Blobs: b.blobs, Sealer: sealer{}, Zone: warsaw,
		Bills: b.decider.bills, Closing: b.books,
		Clock: domain.ClockFunc(func() time.Time { return b.decider.now }), Country: "PL", Patience: 40 * time.Millisecond, Version: "test",
		Logger: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Registerer: b.metrics,
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	b.api, err = httpapi.New(cfg)
	require.NoError(t, err)
	b.reference()
	return b
}

// with lends the bundle to a subtest; building an API takes far longer than a request.
func (b *bundle) with(t *testing.T) *bundle {
	lent := *b
	lent.t = t
	return &lent
}

func (b *bundle) do(stream string, c account.Command) {
	b.t.Helper()
	_, err := b.decider.Configure(b.t.Context(), httpapi.Origin{}, "", stream, c)
	require.NoError(b.t, err)
}

func (b *bundle) reference() {
	b.t.Helper()
	b.account(account.Installation, "Installation", operatorKey, account.RoleOperator)
	b.account(acc, "Demo", clientKey, account.RoleClientAdmin)
	b.account(other, "Other", otherKey, account.RoleClientAdmin)
	b.sender("GONIEC", "PL", true)
	b.sender("GONIEC", "CZ", false)
	b.sender("Waiting", "PL", false)
	var prices []account.Price
	for _, cat := range []domain.Category{domain.Transactional, domain.Promotional, domain.OneTimeCode} {
		for _, content := range []domain.Content{domain.PlainText, domain.Rich} {
			prices = append(prices, account.Price{Country: "PL", Channel: domain.Viber, Category: cat, Content: content, Amount: "0.05"})
		}
	}
	prices = append(prices, account.Price{Country: "PL", Channel: domain.SMS, Amount: "0.09"})
	b.do(account.PricesStream(account.DefaultPrices), account.PublishPrices{Currency: "PLN", Prices: prices})
	b.decider.origins, b.decider.owners = nil, nil
}

func (b *bundle) account(id, name, secret, role string) {
	b.t.Helper()
	b.do(account.AccountStream(id), account.Create{Name: name})
	key := keyID[:35] + fmt.Sprint(len(b.view.Accounts()))
	b.do(account.AccountStream(id), account.IssueKey{Key: key, Hash: account.HashKey(secret), Role: role, Label: "test"})
}

func (b *bundle) sender(name, country string, active bool) {
	b.t.Helper()
	stream := account.SenderStream(account.SenderID(acc, name, country))
	b.do(stream, account.CreateSender{Account: acc, Name: name, Company: "Goniec", Country: country})
	if active {
		b.do(stream, account.SubmitSender{Elsewhere: true})
		b.do(stream, account.ApproveSender{ServiceID: 7})
	}
}

type request struct {
	method, path, key, body string
	header                  map[string]string
}

func (b *bundle) call(r request) *httptest.ResponseRecorder {
	b.t.Helper()
	var body io.Reader
	if r.body != "" {
		body = strings.NewReader(r.body)
	}
	req := httptest.NewRequestWithContext(b.t.Context(), r.method, r.path, body)
	if r.key != "" {
		req.Header.Set("Authorization", "Bearer "+r.key)
	}
	if r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range r.header {
		if v == "" {
			req.Header.Del(k)
			continue
		}
		req.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	b.api.ServeHTTP(w, req)
	b.hasPolish(w)
	return w
}

// hasPolish fails for an answer whose refusals could not be said in Polish.
func (b *bundle) hasPolish(w *httptest.ResponseRecorder) {
	b.t.Helper()
	if w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Content-Language") != "" {
		return
	}
	var p httpapi.Problem
	require.NoError(b.t, json.Unmarshal(w.Body.Bytes(), &p))
	sentences := []string{p.Detail}
	for _, e := range p.Errors {
		if sentences[0] == e.Field+": "+e.Message {
			sentences = nil
		}
		sentences = append(sentences, e.Message)
	}
	for _, s := range sentences {
		_, ok := polish.Of(s)
		require.True(b.t, ok, "no Polish for %q", s)
	}
}

func (b *bundle) post(path, body string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.call(request{method: http.MethodPost, path: path, key: clientKey, body: body})
}

func (b *bundle) get(path string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.call(request{method: http.MethodGet, path: path, key: clientKey})
}

func (b *bundle) operator(method, path, body string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.call(request{method: method, path: path, key: operatorKey, body: body})
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var out T
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&out), w.Body.String())
	return out
}

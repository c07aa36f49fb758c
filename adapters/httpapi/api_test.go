package httpapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/domain/account"
	"goniec/domain/catalog"
)

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	_, err := httpapi.New(httpapi.Config{Batches: -1})
	require.EqualError(t, err, strings.Join([]string{
		"httpapi: View is required", "httpapi: Accepter is required", "httpapi: Commander is required",
		"httpapi: Queries is required", "httpapi: Webhooks is required", "httpapi: Parking is required", "httpapi: Privacy is required",
		"httpapi: Bills is required", "httpapi: Closing is required", "httpapi: Blobs is required", "httpapi: Sealer is required",
		"httpapi: Batches, not negative, is required",
	}, "\n"))
}

func TestLimit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := account.DefaultSettings()
	s.RequestsPerSec = 3
	b.do(account.AccountStream(acc), account.ChangeSettings{Settings: s})
	for left := 2; left >= 0; left-- {
		w := b.get("/v1/webhooks")
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, "3", w.Header().Get("RateLimit-Limit"))
		require.Equal(t, strconv.Itoa(left), w.Header().Get("RateLimit-Remaining"))
	}
	w := b.get("/v1/webhooks")
	requireProblem(t, w, 429, plain(429, "too_many_requests", "the account may send 3 requests a second"))
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.Equal(t, http.StatusOK, b.call(request{method: "GET", path: "/v1/webhooks", key: otherKey}).Code, "others are not held back")
	require.Eventually(t, func() bool { return b.get("/v1/webhooks").Code == http.StatusOK }, waitFor, tick)
}

func TestHealth(t *testing.T) {
	t.Parallel()
	var missing []httpapi.Waiting
	started := make(chan struct{})
	b := setup(t, func(c *httpapi.Config) {
		c.Started = started
		c.Waiting = func(role string) []httpapi.Waiting {
			if role == "api" {
				return nil
			}
			return missing
		}
	})
	plainGet := func(path string) *httptest.ResponseRecorder { return b.call(request{method: "GET", path: path}) }
	notReady := func(waiting string) string {
		return `{"type":"/docs#unavailable","title":"Service Unavailable","status":503,"code":"unavailable",
			"detail":"parts of this process are not ready","ready":false,"waiting":` + waiting + `}`
	}
	require.JSONEq(t, `{"status":"ok"}`, plainGet("/healthz").Body.String())
	w := plainGet("/readyz")
	require.Equal(t, 503, w.Code)
	require.JSONEq(t, notReady(`[{"part":"reference view","why":"the reference data is still being read"}]`), w.Body.String())
	w = b.get("/v1/webhooks")
	requireProblem(t, w, 503, plain(503, "unavailable", "the service is starting; try again"))
	require.Equal(t, "1", w.Header().Get("Retry-After"))

	close(started)
	w = plainGet("/readyz")
	require.Equal(t, http.StatusOK, w.Code)
	require.JSONEq(t, `{"ready":true,"waiting":[]}`, w.Body.String())
	require.Equal(t, http.StatusOK, b.get("/v1/webhooks").Code)
	missing = []httpapi.Waiting{{Part: "decider partition 3", Why: "no owner"}, {Part: "Kafka", Why: "does not answer"}}
	w = plainGet("/readyz")
	require.Equal(t, 503, w.Code)
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	require.JSONEq(t, notReady(`[{"part":"decider partition 3","why":"no owner"},{"part":"Kafka","why":"does not answer"}]`), w.Body.String())
	require.JSONEq(t, `{"status":"ok"}`, plainGet("/healthz").Body.String(), "the process itself is alive")
	require.Equal(t, http.StatusOK, plainGet("/readyz?role=api").Code)
}

func TestCallbacksGoToTheirHandler(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *httpapi.Config) {
		c.Callbacks = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
				return
			}
			_, _ = w.Write([]byte(r.URL.Path + string(body)))
		})
	})
	require.Equal(t, "/callbacks/viber/main{}", b.call(request{method: "POST", path: "/callbacks/viber/main", body: "{}"}).Body.String())
	require.Equal(t, http.StatusRequestEntityTooLarge, b.call(request{method: "POST", path: "/callbacks/viber/main", body: strings.Repeat("a", httpapi.MaxBody+1)}).Code)
}

func TestMetricsHoldPatternsOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *httpapi.Config) { c.Metrics = nil })
	b.post("/v1/messages", good())
	b.post("/v1/messages", good("to", `"1"`))
	b.get("/v1/messages/" + msgID)
	b.get("/v1/+48500100201")
	b.call(request{method: "FROB", path: "/x", key: clientKey})
	w := httptest.NewRecorder()
	promhttp.HandlerFor(b.metrics, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	text := w.Body.String()
	for _, line := range []string{
		`goniec_http_requests_total{method="POST",route="/v1/messages",status="202"} 1`,
		`goniec_http_requests_total{method="GET",route="/v1/messages/{id}",status="404"} 1`,
		`goniec_http_messages_refused_total{code="invalid_number"} 1`,
	} {
		require.Contains(t, text, line)
	}
	require.NotContains(t, text, "500100201")
	require.NotContains(t, text, msgID)
	require.NotContains(t, text, "FROB")
	require.NotContains(t, b.log.String(), "500100201")
}

func TestFaultIsAnswered(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *httpapi.Config) { c.Accepter = nil; c.Accepter = broken{} })
	w := b.post("/v1/messages", good())
	requireProblem(t, w, 500, plain(500, "internal", "something is wrong here; the request id helps to find it"))
	require.Contains(t, b.log.String(), w.Header().Get("X-Request-Id"))
	require.NotContains(t, b.log.String(), "secret")
}

type broken struct{ httpapi.Accepter }

func (broken) AcceptMessages(context.Context, []httpapi.NewMessage) ([]httpapi.Accepted, error) {
	panic("a secret")
}

// A real server: deadlines of bodies, connections, and a body cut short.
func TestOverTheWire(t *testing.T) {
	t.Parallel()
	b := setup(t)
	server := httptest.NewServer(b.api)
	t.Cleanup(server.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/messages", strings.NewReader(good()))
	require.NoError(t, err)
	req.Header.Set("Authorization", "bearer "+clientKey)
	req.Header.Set("Content-Type", "application/json; charset=UTF-8")
	resp, err := server.Client().Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	require.Equal(t, http.StatusAccepted, resp.StatusCode)
	require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.call(request{method: "GET", path: "/openapi.json"})
	require.Equal(t, http.StatusOK, w.Code)
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]struct{ RequestBody, Responses any }
		Components struct{ Schemas map[string]any }
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &doc))
	require.Equal(t, "3.1.0", doc.OpenAPI)
	for _, op := range []string{
		"post /v1/messages", "get /v1/messages", "post /v1/messages/batch", "post /v1/messages/preview", "get /v1/messages/{id}", "delete /v1/messages/{id}",
		"get /v1/billing/{month}", "post /v1/opt-outs", "post /v1/opt-outs/lift", "post /v1/webhooks", "get /v1/webhooks", "delete /v1/webhooks/{id}",
		"post /v1/webhooks/{id}/test", "get /v1/webhooks/{id}/log", "post /v1/webhooks/{id}/resend", "post /v1/accounts", "post /v1/accounts/{id}/keys",
		"get /v1/senders", "post /v1/senders", "get /v1/senders/{id}", "patch /v1/senders/{id}", "post /v1/senders/{id}/withdraw",
		"post /v1/senders/{id}/submit", "post /v1/senders/{id}/pass", "post /v1/senders/{id}/approve", "post /v1/senders/{id}/return",
		"post /v1/senders/{id}/disable", "post /v1/senders/{id}/enable", "post /v1/prices", "get /v1/prices", "put /v1/accounts/{id}/settings", "post /v1/prices/preview", "post /v1/regulations/preview",
	} {
		method, path, _ := strings.Cut(op, " ")
		require.Contains(t, doc.Paths[path], method, op)
	}
	require.Contains(t, doc.Components.Schemas, "MessageRequest")
	require.Contains(t, doc.Components.Schemas, "Problem")
	require.NotContains(t, doc.Components.Schemas, "ErrorModel")
	require.Equal(t, b.api.OpenAPI(), w.Body.Bytes())
	for _, ref := range regexp.MustCompile(`#/components/schemas/(\w+)`).FindAllStringSubmatch(w.Body.String(), -1) {
		require.Contains(t, doc.Components.Schemas, ref[1])
	}
	require.Contains(t, b.call(request{method: "GET", path: "/openapi.yaml"}).Body.String(), "openapi: 3.1.0")
}

// What the topics hold is told without a key, as the API itself is.
func TestEventsAreDescribed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.call(request{method: "GET", path: "/events"})
	require.Equal(t, http.StatusOK, w.Code)
	var doc struct {
		AsyncAPI   string
		Components struct{ Messages map[string]any }
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &doc))
	require.Equal(t, "3.0.0", doc.AsyncAPI)
	require.Len(t, doc.Components.Messages, len(catalog.Types()))
	for _, typ := range catalog.Types() {
		w = b.call(request{method: "GET", path: "/events/" + typ})
		require.Equal(t, http.StatusOK, w.Code, typ)
		require.True(t, json.Valid(w.Body.Bytes()))
	}
	for _, no := range []string{"/events/goniec.message.eaten.v1", "/events/..%2f..%2fgo.mod", "/events/"} {
		require.Equal(t, http.StatusNotFound, b.call(request{method: "GET", path: no}).Code, no)
	}
}

// The page works without the network: nothing is loaded from elsewhere.
func TestDocsPage(t *testing.T) {
	t.Parallel()
	w := setup(t).call(request{method: "GET", path: "/"})
	require.Equal(t, http.StatusFound, w.Code)
	require.Equal(t, "/docs", w.Header().Get("Location"), "who opens the address in a browser gets somewhere")
	w = setup(t).call(request{method: "GET", path: "/docs"})
	require.Equal(t, http.StatusOK, w.Code)
	page := w.Body.String()
	require.NotRegexp(t, `(src|href)="(https?:)?//`, page)
	require.NotContains(t, page, "<script")
	for _, text := range []string{"/v1/messages/batch", "button.url", "messages[].to", "approve-sender"} {
		require.Contains(t, page, text)
	}
	for _, c := range httpapi.Codes() {
		require.Contains(t, page, `id="`+c.Code+`"`)
	}
}

func TestKeysAreLongAndDifferent(t *testing.T) {
	t.Parallel()
	require.Regexp(t, `^gnc_[A-Za-z0-9_-]{43}$`, httpapi.NewKey())
	one, other := httpapi.NewKey(), httpapi.NewKey()
	require.NotEqual(t, one, other)
}

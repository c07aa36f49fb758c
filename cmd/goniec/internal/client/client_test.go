package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/client"
)

// seen is what a request looked like to the server.
type seen struct {
	method, uri, key, idempotency, body string
}

// serve answers with the answers in turn, the last one for ever, and tells what came.
func serve(t *testing.T, answers ...func(http.ResponseWriter)) (*client.Client, func() []seen) {
	t.Helper()
	requests := make(chan seen, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- seen{r.Method, r.URL.RequestURI(), r.Header.Get("Authorization"), r.Header.Get("Idempotency-Key"), string(body)}
		answers[min(len(requests), len(answers))-1](w)
	}))
	t.Cleanup(srv.Close)
	c, err := client.New(client.Config{URL: srv.URL + "/", Key: "gnc_x", Patience: 5 * time.Second})
	require.NoError(t, err)
	return c, func() []seen {
		close(requests)
		var all []seen
		for r := range requests {
			all = append(all, r)
		}
		return all
	}
}

func says(status int, body string, header ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestSendRepeatsWithTheSameKey(t *testing.T) {
	t.Parallel()
	c, requests := serve(t, says(503, `{"status":503,"code":"unavailable","detail":"later"}`, "Retry-After", "0"), says(202, `{"id":"a","sms_parts":1}`))
	out, err := c.Send(t.Context(), "k1", httpapi.MessageRequest{To: "+48500100201", Sender: "GONIEC", Text: "x"})
	require.NoError(t, err)
	require.Equal(t, httpapi.AcceptedBody{ID: "a", SMSParts: 1}, out)
	want := seen{"POST", "/v1/messages", "Bearer gnc_x", "k1", `{"to":"+48500100201","sender":"GONIEC","text":"x"}`}
	require.Equal(t, []seen{want, want}, requests())
}

func TestWhatMayNotBeRepeatedIsNot(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(context.Context, *client.Client) error{
		"send without a key": func(ctx context.Context, c *client.Client) error {
			_, err := c.Send(ctx, "", httpapi.MessageRequest{})
			return err
		},
		"webhook": func(ctx context.Context, c *client.Client) error {
			_, err := c.AddWebhook(ctx, httpapi.WebhookRequest{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, requests := serve(t, says(503, `{"status":503,"code":"unavailable","detail":"later"}`))
			err := call(t.Context(), c)
			var p *client.Error
			require.ErrorAs(t, err, &p)
			require.True(t, p.Unavailable())
			require.Len(t, requests(), 1)
		})
	}
}

func TestTooManyRequestsAreAlwaysRepeated(t *testing.T) {
	t.Parallel()
	c, requests := serve(t, says(429, `{"code":"too_many_requests"}`), says(201, `{"id":"w"}`))
	_, err := c.AddWebhook(t.Context(), httpapi.WebhookRequest{URL: "https://example.com"})
	require.NoError(t, err)
	require.Len(t, requests(), 2)
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
		code   string
	}{
		"fields": {
			422, `{"status":422,"code":"invalid_number","detail":"to …","errors":[{"field":"to","code":"invalid_number","message":"must be a number"},{"code":"no_price","message":"no price"}]}`,
			"to: must be a number (invalid_number); no price (no_price)", "invalid_number",
		},
		"detail":       {404, `{"code":"not_found","detail":"there is nothing"}`, "there is nothing (not_found)", "not_found"},
		"a proxy's":    {502, `<html>`, "the server answered 502 Bad Gateway (http_502)", "http_502"},
		"not followed": {302, ``, "the server answered 302 Found (http_302)", "http_302"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl, _ := serve(t, says(c.status, c.body, "Location", "http://127.0.0.1:1/"))
			_, err := cl.AddWebhook(t.Context(), httpapi.WebhookRequest{})
			var p *client.Error
			require.ErrorAs(t, err, &p)
			require.Equal(t, c.want, err.Error())
			require.Equal(t, c.code, p.Code)
		})
	}
}

func TestPathsAndQueries(t *testing.T) {
	t.Parallel()
	c, requests := serve(t, says(200, `{}`))
	_, err := c.Message(t.Context(), "a/b?c")
	require.NoError(t, err)
	_, err = c.Messages(t.Context(), client.Filter{State: "read", ClientRef: "a b", Limit: 7})
	require.NoError(t, err)
	_, err = c.Billing(t.Context(), "2026-11", "")
	require.NoError(t, err)
	_, err = c.WebhookLog(t.Context(), "w", "c1", 5)
	require.NoError(t, err)
	_, err = c.Cancel(t.Context(), "m")
	require.NoError(t, err)
	var got []string
	for _, r := range requests() {
		got = append(got, r.method+" "+r.uri)
	}
	require.Equal(t, []string{
		"GET /v1/messages/a%2Fb%3Fc", "GET /v1/messages?client_ref=a+b&limit=7&state=read", "GET /v1/billing/2026-11",
		"GET /v1/webhooks/w/log?cursor=c1&limit=5", "DELETE /v1/messages/m",
	}, got)
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	url := srv.URL
	srv.Close()
	c, err := client.New(client.Config{URL: url, Patience: time.Minute})
	require.NoError(t, err)
	began := time.Now()
	_, err = c.Message(t.Context(), "m")
	require.ErrorIs(t, err, client.ErrUnavailable)
	require.NotContains(t, err.Error(), "/v1/")
	require.Less(t, time.Since(began), 10*time.Second, "a first call to nobody is not repeated")
}

// A server that was there and goes away is waited for.
func TestAwayForAWhile(t *testing.T) {
	t.Parallel()
	calls := 0
	gone := errors.New("gone")
	c, err := client.New(client.Config{URL: "http://api.example", Transport: transport(func(*http.Request) (*http.Response, error) {
		if calls++; calls == 2 {
			return nil, gone
		}
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(`{"id":"m"}`))}, nil
	})})
	require.NoError(t, err)
	for range 2 {
		m, err := c.Message(t.Context(), "m")
		require.NoError(t, err)
		require.Equal(t, "m", m.ID)
	}
	require.Equal(t, 3, calls)
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// An interruption is said, whether it comes before the answer, with it or in the wait that follows.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	interrupted := errors.New("interrupted")
	busy := func() *http.Response {
		return &http.Response{StatusCode: 503, Body: io.NopCloser(strings.NewReader(`{"code":"unavailable"}`))}
	}
	for name, during := range map[string]func(context.CancelCauseFunc) (*http.Response, error){
		"before the answer": func(stop context.CancelCauseFunc) (*http.Response, error) {
			stop(interrupted)
			return nil, context.Canceled
		},
		"with the answer": func(stop context.CancelCauseFunc) (*http.Response, error) {
			stop(interrupted)
			return busy(), nil
		},
		"in the wait": func(stop context.CancelCauseFunc) (*http.Response, error) {
			time.AfterFunc(10*time.Millisecond, func() { stop(interrupted) })
			return busy(), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			c, err := client.New(client.Config{
				URL: "http://api.example", Patience: time.Minute,
				Transport: transport(func(*http.Request) (*http.Response, error) { return during(cancel) }),
			})
			require.NoError(t, err)
			_, err = c.Message(ctx, "m")
			require.ErrorIs(t, err, interrupted)
		})
	}
}

func TestNotAnAPI(t *testing.T) {
	t.Parallel()
	c, _ := serve(t, says(200, "<html>hello"))
	_, err := c.Cancel(t.Context(), "m")
	require.ErrorIs(t, err, client.ErrUnavailable)
	for _, bad := range []string{"", "127.0.0.1:8080", "ftp://x", "http://", "http://u:p@x", "http://x?y=1"} {
		_, err := client.New(client.Config{URL: bad})
		require.Error(t, err, bad)
	}
}

// What the client sends is what the API reads.
func TestBodies(t *testing.T) {
	t.Parallel()
	c, requests := serve(t, says(200, `{"changed":true,"results":[{"index":0}]}`))
	ctx := t.Context()
	_, err := c.SendBatch(ctx, "k", []httpapi.MessageRequest{{To: "1", Sender: "S", Text: "t"}})
	require.NoError(t, err)
	_, err = c.Preview(ctx, []httpapi.MessageRequest{{To: "1", Sender: "S", Text: "t"}})
	require.NoError(t, err)
	out, err := c.OptOut(ctx, httpapi.OptOutRequest{To: "1"})
	require.NoError(t, err)
	require.True(t, out.Changed)
	_, err = c.LiftOptOut(ctx, httpapi.OptOutRequest{To: "1"})
	require.NoError(t, err)
	_, err = c.ResendWebhook(ctx, "w", "e")
	require.NoError(t, err)
	batch := `{"messages":[{"to":"1","sender":"S","text":"t"}]}`
	var got []string
	for _, r := range requests() {
		got = append(got, r.body)
	}
	require.Equal(t, []string{batch, batch, `{"to":"1"}`, `{"to":"1"}`, `{"event_id":"e"}`}, got)
}

package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
)

const actor = "key:0b7f3c1a-8e52-4d0e-9a6f-2f1f5a1c0002"

func hello() httpapi.NewMessage {
	return httpapi.NewMessage{
		Account: acc, Actor: actor, To: "+48500100201", Country: "PL", Sender: "GONIEC",
		Category: domain.Transactional, PricedCategory: domain.Transactional, Content: domain.PlainText, Text: "Hello", TextLength: 5,
		Fallback: true, SMSText: "Hello", SMSParts: 1, SMSEncoding: "gsm7", Validity: 10 * time.Minute,
	}
}

// rules.md D1, D2, D8: what is possible, and what becomes of it.
func TestSend(t *testing.T) {
	t.Parallel()
	shared := setup(t)
	sendAt, justOver := now.Add(90*24*time.Hour), now.Add(-4*time.Minute)
	for name, c := range map[string]struct {
		body string
		want func(*httpapi.NewMessage)
		says string // priced_category and sms_parts of the answer
	}{
		"plain":           {good(), func(*httpapi.NewMessage) {}, `"priced_category":"transactional","sms_parts":1`},
		"national number": {good("to", `"500 100 201"`), func(*httpapi.NewMessage) {}, `"priced_category":"transactional","sms_parts":1`},
		"nulls are absent": {
			good("send_at", "null", "button", "null", "tags", "null", "fallback", "null", "validity", "null"),
			func(*httpapi.NewMessage) {}, `"priced_category":"transactional","sms_parts":1`,
		},
		"everything": {
			good("category", `"one_time_code"`, "image_url", `"https://c.pl/a.jpg"`, "button", `{"text":"Go","url":"https://c.pl/x"}`,
				"sms", `{"text":"Żółw"}`, "validity", `"24h"`, "client_ref", `"order-17"`, "tags", `["a","b"]`, "send_at", `"2027-02-08T10:30:00+01:00"`, "test", "true"),
			func(m *httpapi.NewMessage) {
				m.Category, m.PricedCategory, m.Content = domain.OneTimeCode, domain.Promotional, domain.Rich
				m.ImageURL, m.Button = "https://c.pl/a.jpg", httpapi.Button{Text: "Go", URL: "https://c.pl/x"}
				m.SMSText, m.SMSEncoding, m.Validity = "Żółw", "ucs2", 24*time.Hour
				m.ClientRef, m.Tags, m.SendAt, m.AskedFor, m.Test = "order-17", []string{"a", "b"}, &sendAt, &sendAt, true
			}, `"priced_category":"promotional","sms_parts":1,"send_at":"2027-02-08T09:30:00Z"`,
		},
		"NFC": {good("text", `"z\u0307"`), func(m *httpapi.NewMessage) {
			m.Text, m.TextLength, m.SMSText, m.SMSEncoding = "ż", 1, "ż", "ucs2"
		}, `"priced_category":"transactional","sms_parts":1`},
		"exactly 1000 characters": {good("text", `"`+strings.Repeat("z\u0307", 1000)+`"`, "sms", `{"text":"short"}`), func(m *httpapi.NewMessage) {
			m.Text, m.TextLength, m.SMSText = strings.Repeat("ż", 1000), 1000, "short"
		}, `"priced_category":"transactional","sms_parts":1`},
		"link for the SMS": {good("button", `{"text":"Go","url":"https://c.pl/x"}`), func(m *httpapi.NewMessage) {
			m.PricedCategory, m.Content = domain.Promotional, domain.Rich
			m.Button, m.SMSText = httpapi.Button{Text: "Go", URL: "https://c.pl/x"}, "Hello https://c.pl/x"
		}, `"priced_category":"promotional","sms_parts":1`},
		"promotional SMS is stripped": {good("category", `"promotional"`, "text", `"Żółw"`), func(m *httpapi.NewMessage) {
			m.Category, m.PricedCategory, m.Text, m.TextLength, m.SMSText = domain.Promotional, domain.Promotional, "Żółw", 4, "Zolw"
		}, `"priced_category":"promotional","sms_parts":1`},
		"no fallback": {good("fallback", "false", "text", `"`+strings.Repeat("ż", 1000)+`"`), func(m *httpapi.NewMessage) {
			m.Fallback, m.SMSText, m.SMSParts, m.SMSEncoding = false, "", 0, ""
			m.Text, m.TextLength = strings.Repeat("ż", 1000), 1000
		}, `"priced_category":"transactional","sms_parts":0`},
		"send_at just over": {good("send_at", `"2026-11-10T09:26:00Z"`), func(m *httpapi.NewMessage) { m.AskedFor = &justOver }, `"priced_category":"transactional","sms_parts":1`},
		"15 s":              {good("validity", `"15s"`), func(m *httpapi.NewMessage) { m.Validity = 15 * time.Second }, `"priced_category":"transactional","sms_parts":1`},
	} {
		t.Run(name, func(t *testing.T) {
			b := shared.with(t)
			b.accepter.got = nil
			w := b.post("/v1/messages", c.body)
			require.Equal(t, http.StatusAccepted, w.Code, w.Body.String())
			require.Equal(t, "application/json", w.Header().Get("Content-Type"))
			require.Equal(t, "/v1/messages/0003b1a2-c3d4-8e5f-8a6b-000000000000", w.Header().Get("Location"))
			require.JSONEq(t, `{"id":"0003b1a2-c3d4-8e5f-8a6b-000000000000",`+c.says+`}`, w.Body.String())
			want := hello()
			c.want(&want)
			require.Equal(t, []httpapi.NewMessage{want}, b.accepter.got)
			require.NotContains(t, b.log.String(), "500100201")
			require.NotContains(t, b.log.String(), "gnc_")
		})
	}
}

func TestAccountsSettingsAreRegarded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := account.DefaultSettings()
	s.DefaultCategory, s.DefaultValidity, s.PolishLetters, s.SMSMaxParts = domain.Transactional, 60_000, account.StripLetters, 1
	b.do(account.AccountStream(acc), account.ChangeSettings{Settings: s})
	require.Equal(t, http.StatusAccepted, b.post("/v1/messages", good("category", "", "text", `"Żółw"`)).Code)
	require.Equal(t, "Zolw", b.accepter.got[0].SMSText)
	require.Equal(t, time.Minute, b.accepter.got[0].Validity)
	require.Equal(t, "sms_too_long", decode[httpapi.Problem](t, b.post("/v1/messages", good("text", `"`+strings.Repeat("a", 161)+`"`))).Code)
}

func TestNoPrice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stream := account.SenderStream(account.SenderID(acc, "GONIEC", "CZ"))
	b.do(stream, account.SubmitSender{Elsewhere: true})
	b.do(stream, account.ApproveSender{ServiceID: 8})
	w := b.post("/v1/messages", good("to", `"+420601123456"`))
	requireProblem(t, w, 422, problem(422, "no_price", "", "no price for viber to this country"))
}

func TestIdempotencyKeyIsHandedOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	send := func() *httptest.ResponseRecorder {
		return b.call(request{method: "POST", path: "/v1/messages", key: clientKey, body: good(), header: map[string]string{"Idempotency-Key": "order-17"}})
	}
	require.Equal(t, http.StatusAccepted, send().Code)
	require.Equal(t, "order-17", b.accepter.got[0].IdempotencyKey)
	b.accepter.says = func(httpapi.NewMessage) *domain.Error {
		return domain.Refuse(httpapi.CodeIdempotencyConflict, "the key was used for a message with another body, which stands")
	}
	requireProblem(t, send(), 422, problem(422, "idempotency_conflict", "", "the key was used for a message with another body, which stands"))
}

func batch(items ...string) string { return `{"messages":[` + strings.Join(items, ",") + `]}` }

func TestBatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.post("/v1/messages/batch", batch(
		good(), good(), good("client_ref", `"2"`), good("text", `"other"`), good("to", `"12"`), good("txt", "1"), "7", good("to", `"500100201"`), "null", good("sender", `"Waiting"`)))
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	duplicate := `"code":"duplicate_in_batch","errors":[{"code":"duplicate_in_batch","message":"repeats an earlier message of this batch: give it a client_ref of its own"}]`
	id := func(n int) string {
		return fmt.Sprintf(`"id":"0003b1a2-c3d4-8e5f-8a6b-%012d","priced_category":"transactional","sms_parts":1`, n)
	}
	require.JSONEq(t, `{"accepted":3,"refused":7,"results":[
		{"index":0,`+id(0)+`},
		{"index":1,`+duplicate+`},
		{"index":2,`+id(1)+`},
		{"index":3,`+id(2)+`},
		{"index":4,"code":"invalid_number","errors":[{"field":"to","code":"invalid_number","message":"must be a phone number such as +48 512 345 678"}]},
		{"index":5,"code":"unknown_field","errors":[{"field":"txt","code":"unknown_field","message":"is not a field of this request"}]},
		{"index":6,"code":"invalid_type","errors":[{"code":"invalid_type","message":"the body must be a JSON object"}]},
		{"index":7,`+duplicate+`},
		{"index":8,"code":"invalid_type","errors":[{"code":"invalid_type","message":"the body must be a JSON object"}]},
		{"index":9,"code":"sender_not_active","errors":[{"field":"sender","code":"sender_not_active","message":"is new for PL, not active: complete its form and submit it"}]}]}`, w.Body.String())
	require.Equal(t, 1, b.accepter.calls)
	require.Len(t, b.accepter.got, 3)
}

// With a key, number and client_ref name the message: two texts cannot be one.
func TestBatchWithIdempotencyKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.call(request{method: "POST", path: "/v1/messages/batch", key: clientKey, body: batch(good(), good("text", `"other"`)), header: map[string]string{"Idempotency-Key": "k"}})
	out := decode[httpapi.BatchBody](t, w)
	require.Equal(t, 1, out.Accepted)
	require.Equal(t, "duplicate_in_batch", out.Results[1].Code)
}

func TestBatchLimits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	requireProblem(t, b.post("/v1/messages/batch", `{}`), 422, problem(422, "required", "messages", "must have at least one message"))
	requireProblem(t, b.post("/v1/messages/batch", batch(strings.Repeat("0,", httpapi.MaxBatch)+"0")), 422,
		problem(422, "too_many", "messages", "are 10001; at most 10000 are possible"))
	w := b.post("/v1/messages/batch", batch("1"))
	require.Equal(t, http.StatusOK, w.Code)
	require.Zero(t, b.accepter.calls, "nothing to accept, nobody asked")
}

func TestFullBatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	items := make([]string, httpapi.MaxBatch)
	for i := range items {
		items[i] = good("client_ref", fmt.Sprintf(`"%d"`, i))
	}
	out := decode[httpapi.BatchBody](t, b.post("/v1/messages/batch", batch(items...)))
	require.Equal(t, httpapi.MaxBatch, out.Accepted)
	require.Len(t, b.accepter.got, httpapi.MaxBatch)
}

func TestBatchesAreFewAtATime(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *httpapi.Config) { c.Batches = 1 })
	b.accepter.in, b.accepter.hold = make(chan struct{}), make(chan struct{})
	done := make(chan int)
	go func() { done <- b.post("/v1/messages/batch", batch(good())).Code }()
	<-b.accepter.in
	w := b.post("/v1/messages/batch", batch(good()))
	requireProblem(t, w, 503, plain(503, "unavailable", "other batches are being read; try again"))
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	close(b.accepter.hold)
	require.Equal(t, http.StatusOK, <-done)
}

func TestPreview(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.post("/v1/messages/preview", batch(good("sms", `{"text":"`+strings.Repeat("a", 161)+`"}`), good("fallback", "false", "client_ref", `"2"`), good("to", `"1"`)))
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	require.JSONEq(t, `{"results":[
		{"index":0,"country":"PL","priced_category":"transactional","sms_parts":2,"sms_encoding":"gsm7","viber_price":"0.050000","sms_price":"0.180000","currency":"PLN"},
		{"index":1,"country":"PL","priced_category":"transactional","viber_price":"0.050000","currency":"PLN"},
		{"index":2,"code":"invalid_number","errors":[{"field":"to","code":"invalid_number","message":"must be a phone number such as +48 512 345 678"}]}]}`, w.Body.String())
	require.Zero(t, b.accepter.calls)
}

func stored() httpapi.Message {
	return httpapi.Message{
		ID: msgID, State: "delivered", Ended: true, Channel: "sms", Sender: "GONIEC", Country: "PL", Category: "transactional",
		ClientRef: "order-17", AcceptedAt: now, FallbackReason: "deadline",
		Charges:  []httpapi.Charge{{Channel: "sms", Parts: 2, Amount: "0.180000", Currency: "PLN"}},
		Timeline: []httpapi.TimelineStep{{At: now, Type: "accepted"}},
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *httpapi.Config) { c.Patience = waitFor })
	b.queries.messages[acc+msgID] = stored()
	b.queries.appears = 3
	w := b.get("/v1/messages/" + msgID)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	require.JSONEq(t, `{"id":"`+msgID+`","state":"delivered","ended":true,"channel":"sms","sender":"GONIEC","country":"PL","category":"transactional",
		"client_ref":"order-17","accepted_at":"2026-11-10T09:30:00Z","fallback_reason":"deadline","late_delivery":false,"double_delivery":false,
		"charges":[{"channel":"sms","parts":2,"amount":"0.180000","currency":"PLN"}],"timeline":[{"at":"2026-11-10T09:30:00Z","type":"accepted"}]}`, w.Body.String())
	require.Equal(t, 3, b.queries.asked, "it was waited for")
}

func TestGetOfAnothersMessage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.queries.messages[acc+msgID] = stored()
	w := b.call(request{method: "GET", path: "/v1/messages/" + msgID, key: otherKey})
	requireProblem(t, w, 404, plain(404, "not_found", "there is nothing of that name here"))
	require.Greater(t, b.queries.asked, 1, "as slowly as an unknown one")
	b = setup(t)
	b.decider.err = domain.Refuse(message.CodeNotFound, "no such message")
	requireProblem(t, b.call(request{method: "DELETE", path: "/v1/messages/" + msgID, key: otherKey}), 404, problem(404, "not_found", "", "no such message"))
}

func TestCancel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.decider.out = httpapi.Outcome{Version: 3, Events: []string{message.TypeCancelRequested}}
	w := b.call(request{method: "DELETE", path: "/v1/messages/" + msgID, key: clientKey})
	require.Equal(t, http.StatusOK, w.Code)
	require.JSONEq(t, `{"changed":true}`, w.Body.String())
	require.Equal(t, []string{msgID}, b.decider.cancels)
	require.Equal(t, acc, b.decider.origins[0].Account)
	require.Equal(t, actor, b.decider.origins[0].Actor)
	require.Equal(t, w.Header().Get("X-Request-Id"), b.decider.origins[0].Request)
}

func TestList(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := stored(), stored()
	second.ID = strings.Replace(msgID, "0003", "0004", 1)
	b.queries.page = []httpapi.Message{first, second}
	w := b.get("/v1/messages?state=delivered&sender=GONIEC&from=2026-11-01&to=2026-11-10T10:30:00%2B01:00&client_ref=x&limit=1")
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	page := decode[httpapi.MessageList](t, w)
	require.Equal(t, []httpapi.Message{first}, page.Messages)
	require.NotEmpty(t, page.Next)
	require.Equal(t, httpapi.Filter{
		Account: acc, State: message.StatusDelivered, Sender: "GONIEC", ClientRef: "x", Limit: 2,
		From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), To: now,
	}, b.queries.filters[0])

	b.queries.page = []httpapi.Message{second}
	page = decode[httpapi.MessageList](t, b.get("/v1/messages?limit=1&cursor="+page.Next))
	require.Equal(t, []httpapi.Message{second}, page.Messages)
	require.Empty(t, page.Next)
	require.Equal(t, &httpapi.Cursor{At: now, ID: msgID}, b.queries.filters[1].After)

	b.queries.page = nil
	require.JSONEq(t, `{"messages":[]}`, b.get("/v1/messages").Body.String())
	requireProblem(t, b.get("/v1/messages?sate=failed"), 400,
		plain(400, "unknown_field", "the query may have state, sender, from, to, client_ref, limit, cursor"))
}

// Postgres takes no NUL and no broken UTF-8: asked for such, it would be told as away, for ever.
func TestWhatIsLookedForIsText(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, query := range []string{"/v1/messages?sender=%00", "/v1/messages?client_ref=%ff", "/v1/reports/traffic?sender=%ff", "/v1/reports/traffic?tag=a%00"} {
		w := b.get(query)
		require.Equal(t, http.StatusBadRequest, w.Code, query)
		require.Equal(t, httpapi.CodeInvalidEncoding, decode[httpapi.Problem](t, w).Code, query)
	}
	for body, field := range map[string]string{`{"client_ref":"\u0000"}`: "client_ref", `{"sender":"\u0000"}`: "sender"} {
		requireProblem(t, b.post("/v1/messages/search", body), 400, problem(400, "invalid_encoding", field, "is no text: it holds U+0000"))
	}
	require.Empty(t, b.queries.filters)
}

func TestBilling(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.JSONEq(t, `{"month":"2026-11","lines":[],"totals":[]}`, b.get("/v1/billing/2026-11").Body.String())
	b.queries.lines = []httpapi.BillingLine{
		{Sender: "GONIEC", Country: "PL", Channel: "viber", Category: "transactional", Content: "text", Count: 3, Parts: 3, Amount: "0.15", Currency: "PLN", PriceVersion: "default@1"},
		{Sender: "GONIEC", Country: "PL", Channel: "sms", Category: "transactional", Count: 1, Parts: 2, Amount: "0.18", Currency: "PLN", PriceVersion: "default@1"},
	}
	require.JSONEq(t, `{"month":"2026-11","lines":[
		{"sender":"GONIEC","country":"PL","channel":"viber","category":"transactional","content":"text","count":3,"parts":3,"amount":"0.15","currency":"PLN","price_version":"default@1"},
		{"sender":"GONIEC","country":"PL","channel":"sms","category":"transactional","count":1,"parts":2,"amount":"0.18","currency":"PLN","price_version":"default@1"}],
		"totals":[{"currency":"PLN","amount":"0.33"}]}`, b.get("/v1/billing/2026-11").Body.String())
}

func TestOptOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.decider.out.Events = []string{"goniec.recipient.opted_out.v1"}
	w := b.post("/v1/opt-outs", `{"to":"500100201","scopes":[{"channel":"viber","category":"promotional"}]}`)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	require.JSONEq(t, `{"changed":true}`, w.Body.String())
	b.decider.out.Events = nil
	require.JSONEq(t, `{"changed":false}`, b.post("/v1/opt-outs/lift", `{"to":"+48500100201"}`).Body.String())
	out, err := json.Marshal(b.decider.optOuts)
	require.NoError(t, err)
	require.JSONEq(t, `[{"To":"+48500100201","Scopes":[{"channel":"viber","category":"promotional"}],"Lift":false},{"To":"+48500100201","Scopes":null,"Lift":true}]`, string(out))

	requireProblem(t, b.post("/v1/opt-outs", `{}`), 422, problem(422, "required", "to", "is required"))
	requireProblem(t, b.post("/v1/opt-outs", `{"to":"1"}`), 422, problem(422, "invalid_number", "to", "must be a phone number such as +48 512 345 678"))
	requireProblem(t, b.post("/v1/opt-outs", `{"to":"500100201","scopes":[{"channel":"fax","category":"promotional"}]}`), 422,
		problem(422, "invalid_value", "scopes[0]", "must be a channel (viber, sms) with a category; at most 6"))
	require.NotContains(t, b.log.String(), "500100201")
}

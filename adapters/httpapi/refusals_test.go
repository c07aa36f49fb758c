package httpapi_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/domain"
)

// good is a request that is accepted; with changes one member of it.
func good(changes ...string) string {
	fields := []string{"to", `"+48500100201"`, "sender", `"GONIEC"`, "category", `"transactional"`, "text", `"Hello"`}
	for i := 0; i < len(changes); i += 2 {
		replaced := false
		for j := 0; j < len(fields); j += 2 {
			if fields[j] == changes[i] {
				fields[j+1], replaced = changes[i+1], true
			}
		}
		if !replaced {
			fields = append(fields, changes[i], changes[i+1])
		}
	}
	var parts []string
	for i := 0; i < len(fields); i += 2 {
		if fields[i+1] != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", fields[i], fields[i+1]))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// problem is the exact body of a refusal with one fault.
func problem(status int, code, field, message string) string {
	detail := strings.TrimPrefix(field+": "+message, ": ")
	named := ""
	if field != "" {
		named = fmt.Sprintf(`"field":%q,`, field)
	}
	return fmt.Sprintf(`{"type":"/docs#%s","title":%q,"status":%d,"code":%q,"detail":%q,"errors":[{%s"code":%q,"message":%q}]}`,
		code, http.StatusText(status), status, code, detail, named, code, message)
}

func requireProblem(t *testing.T, w *httptest.ResponseRecorder, status int, body string) {
	t.Helper()
	require.Equal(t, status, w.Code, w.Body.String())
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	require.JSONEq(t, body, w.Body.String())
}

// Every kind of bad input is a clear problem, and nothing of it gets further.
func TestBadMessages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	long := func(n int) string { return `"` + strings.Repeat("ż", n) + `"` }
	for name, c := range map[string]struct {
		body                 string
		status               int
		code, field, message string
	}{
		"unknown sender":       {good("sender", `"Nobody"`), 422, "sender_unknown", "sender", "is not a sender of this account"},
		"sender of 21 letters": {good("sender", `"`+strings.Repeat("A", 21)+`"`), 422, "sender_unknown", "sender", "is not a sender of this account"},
		"sender not active":    {good("sender", `"Waiting"`), 409, "sender_not_active", "sender", "is new for PL, not active: complete its form and submit it"},
		"not active there":     {good("to", `"+420601123456"`), 409, "sender_not_active", "sender", "is new for CZ, not active: complete its form and submit it"},
		"wrong country":        {good("to", `"+4915123456789"`), 422, "sender_not_in_country", "sender", "has no configuration for the number's country, DE"},
		"bad number":           {good("to", `"+4850010020"`), 422, "invalid_number", "to", "is not a number that exists in any country's plan"},
		"letters for a number": {good("to", `"GONIEC"`), 422, "invalid_number", "to", "must be a phone number such as +48 512 345 678"},
		"no number":            {good("to", ""), 422, "required", "to", "is required"},
		"no sender":            {good("sender", ""), 422, "required", "sender", "is required"},
		"no text":              {good("text", ""), 422, "required", "text", "is required"},
		"blank text":           {good("text", `" \n"`), 422, "required", "text", "is required"},
		"no category":          {good("category", ""), 422, "required", "category", "is required: the account has no default"},
		"unknown category":     {good("category", `"spam"`), 422, "invalid_category", "category", "must be transactional, promotional or one_time_code"},
		"1001 characters":      {good("text", long(1001), "fallback", "false"), 422, "too_long", "text", "has 1001 characters; at most 1000 are possible"},
		"control character":    {good("text", `"a\u0000b"`), 422, "invalid_value", "text", "holds control characters"},
		"lone surrogate":       {good("text", `"a\ud800b"`), 400, "invalid_encoding", "text", "holds characters that were broken on the way (U+FFFD)"},
		"validity of 14 s":     {good("validity", `"14s"`), 422, "invalid_validity", "validity", "must be a duration from 15s to 24h, such as 10m"},
		"validity of 25 h":     {good("validity", `"25h"`), 422, "invalid_validity", "validity", "must be a duration from 15s to 24h, such as 10m"},
		"validity of no unit":  {good("validity", `"600"`), 422, "invalid_validity", "validity", "must be a duration from 15s to 24h, such as 10m"},
		"image of a file":      {good("image_url", `"file:///etc/passwd"`), 422, "invalid_url", "image_url", "must be an http or https URL such as https://example.com/a.jpg"},
		"image without host":   {good("image_url", `"https:///a.jpg"`), 422, "invalid_url", "image_url", "must be an http or https URL such as https://example.com/a.jpg"},
		"image with password":  {good("image_url", `"https://a:b@c.pl/"`), 422, "invalid_url", "image_url", "must be an http or https URL such as https://example.com/a.jpg"},
		"image with a space":   {good("image_url", `"https://c.pl/a b"`), 422, "invalid_url", "image_url", "must be an http or https URL such as https://example.com/a.jpg"},
		"endless image URL":    {good("image_url", `"https://c.pl/`+strings.Repeat("a", 2000)+`"`), 422, "too_long", "image_url", "has 2013 bytes; at most 2000 are possible"},
		"button of 31":         {good("button", `{"text":`+long(31)+`,"url":"https://c.pl"}`, "sms", `{"text":"x"}`), 422, "too_long", "button.text", "has 31 characters; at most 30 are possible"},
		"button without text":  {good("button", `{"url":"https://c.pl"}`), 422, "required", "button.text", "is required"},
		"button without URL":   {good("button", `{"text":"Go"}`), 422, "required", "button.url", "is required"},
		"button's script":      {good("button", `{"text":"Go","url":"javascript:alert(1)"}`), 422, "invalid_url", "button.url", "must be an http or https URL such as https://example.com/a.jpg"},
		"empty SMS":            {good("sms", `{"text":""}`), 422, "required", "sms.text", "is required"},
		"SMS of 4 parts":       {good("sms", `{"text":"`+strings.Repeat("a", 460)+`"}`), 422, "sms_too_long", "sms.text", "takes 4 SMS parts in gsm7; at most 3 are allowed: give a shorter sms.text"},
		"text of 4 SMS parts":  {good("text", long(202)), 422, "sms_too_long", "text", "takes 4 SMS parts in ucs2; at most 3 are allowed: give a shorter sms.text"},
		"send_at in 91 days":   {good("send_at", `"2027-02-09T09:30:00Z"`), 422, "invalid_send_at", "send_at", "must be at most 90 days ahead: 2027-02-08T09:30:00Z at the latest"},
		"send_at yesterday":    {good("send_at", `"2026-11-09T09:30:00Z"`), 422, "invalid_send_at", "send_at", "must not lie in the past"},
		"11 tags":              {good("tags", `["1","2","3","4","5","6","7","8","9","10","11"]`), 422, "too_many", "tags", "are 11; at most 10 are possible"},
		"tag of 65":            {good("tags", `["a",`+long(65)+`]`), 422, "too_long", "tags[1]", "must be at most 64 characters"},
		"empty tag":            {good("tags", `[""]`), 422, "required", "tags[0]", "must not be empty"},
		"tag twice":            {good("tags", `["a","a"]`), 422, "invalid_value", "tags[1]", "repeats an earlier one"},
		"tag with the number":  {good("tags", `["for 48500100201"]`), 422, "invalid_value", "tags[0]", "must not hold the recipient's number: it is kept in the history"},
		"reference of 101":     {good("client_ref", long(101)), 422, "too_long", "client_ref", "must be at most 100 characters"},
		"national number":      {good("client_ref", `"ref 500-100-201"`), 422, "invalid_value", "client_ref", "must not hold the recipient's number: it is kept in the history"},
		"reference is number":  {good("client_ref", `"+48500100201"`), 422, "invalid_value", "client_ref", "must not hold the recipient's number: it is kept in the history"},
		"unknown field":        {good("txt", `"x"`), 400, "unknown_field", "txt", "is not a field of this request"},
		"unknown inner field":  {good("button", `{"text":"Go","url":"https://c.pl","x":1}`), 400, "unknown_field", "button.x", "is not a field of this request"},
		"field in capitals":    {good("Validity", `"10m"`), 400, "unknown_field", "Validity", "is not a field of this request"},
		"field twice":          {`{"text":"a",` + good()[1:], 400, "duplicate_field", "text", "is given twice"},
		"number for a string":  {good("to", "48500100201"), 400, "invalid_type", "to", "must be a string"},
		"string for a flag":    {good("fallback", `"yes"`), 400, "invalid_type", "fallback", "must be true or false"},
		"string for a list":    {good("tags", `"a"`), 400, "invalid_type", "tags", "must be a list"},
		"string for an object": {good("sms", `"a"`), 400, "invalid_type", "sms", "must be an object"},
		"no time":              {good("send_at", `"tomorrow"`), 400, "invalid_type", "send_at", "must be a time such as 2026-11-10T09:30:00Z"},
		"a list":               {"[]", 400, "invalid_type", "", "the body must be a JSON object"},
		"spaces":               {" \n", 400, "invalid_json", "", "a JSON body is required"},
		"wrong JSON":           {`{"to":}`, 400, "invalid_json", "", "the body is not JSON: fault at byte 7"},
		"cut JSON":             {`{"to":"`, 400, "invalid_json", "", "the body is not JSON: fault at byte 7"},
		"two bodies":           {good() + good(), 400, "invalid_json", "", "the body is not JSON: fault at byte 82"},
		"invalid UTF-8":        {good("text", "\"a\xffb\""), 400, "invalid_encoding", "", "the body is not valid UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			w := b.with(t).post("/v1/messages", c.body)
			requireProblem(t, w, c.status, problem(c.status, c.code, c.field, c.message))
			require.Zero(t, b.accepter.calls, "nothing gets further")
			require.Empty(t, b.decider.origins)
			require.NotContains(t, b.log.String(), "500100201")
		})
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.post("/v1/messages", good("sender", `"Waiting"`, "validity", `"1s"`, "tags", `[""]`))
	requireProblem(t, w, 422, `{"type":"/docs#invalid_validity","title":"Unprocessable Entity","status":422,"code":"invalid_validity",
		"detail":"validity: must be a duration from 15s to 24h, such as 10m","errors":[
		{"field":"sender","code":"sender_not_active","message":"is new for PL, not active: complete its form and submit it"},
		{"field":"validity","code":"invalid_validity","message":"must be a duration from 15s to 24h, such as 10m"},
		{"field":"tags[0]","code":"required","message":"must not be empty"}]}`)
}

func plain(status int, code, detail string) string {
	return fmt.Sprintf(`{"type":"/docs#%s","title":%q,"status":%d,"code":%q,"detail":%q}`, code, http.StatusText(status), status, code, detail)
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const (
		noKey    = "an API key is required: Authorization: Bearer <key>"
		wrongKey = "the API key is not known, or was revoked"
		json     = "the body must be JSON in UTF-8: Content-Type: application/json"
	)
	long := strings.Repeat("a", 300)
	for name, c := range map[string]struct {
		r            request
		status       int
		code, detail string
	}{
		"no key":          {request{method: "POST", path: "/v1/messages", body: good()}, 401, "unauthorized", noKey},
		"basic":           {request{method: "GET", path: "/v1/messages", header: map[string]string{"Authorization": "Basic YTpi"}}, 401, "unauthorized", noKey},
		"endless key":     {request{method: "GET", path: "/v1/messages", key: long}, 401, "unauthorized", noKey},
		"wrong key":       {request{method: "POST", path: "/v1/messages", key: "gnc_x", body: good()}, 401, "unauthorized", wrongKey},
		"operator sends":  {request{method: "POST", path: "/v1/messages", key: operatorKey, body: good()}, 403, "wrong_role", "this needs a key of role client-admin"},
		"client opens":    {request{method: "POST", path: "/v1/accounts", key: clientKey, body: `{}`}, 403, "wrong_role", "this needs a key of role operator"},
		"form":            {request{method: "POST", path: "/v1/messages", key: clientKey, body: good(), header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}, 415, "unsupported_media_type", json},
		"Latin-2":         {request{method: "POST", path: "/v1/messages", key: clientKey, body: good(), header: map[string]string{"Content-Type": "application/json; charset=iso-8859-2"}}, 415, "unsupported_media_type", json},
		"no type":         {request{method: "POST", path: "/v1/messages", key: clientKey, body: good(), header: map[string]string{"Content-Type": ""}}, 415, "unsupported_media_type", json},
		"compressed":      {request{method: "POST", path: "/v1/messages", key: clientKey, body: good(), header: map[string]string{"Content-Encoding": "gzip"}}, 415, "unsupported_media_type", "the body must not be compressed"},
		"2 MB":            {request{method: "POST", path: "/v1/messages", key: clientKey, body: good("text", `"`+strings.Repeat("a", 2<<20)+`"`)}, 413, "too_large", "the body may have 1048576 bytes"},
		"20 MB batch":     {request{method: "POST", path: "/v1/messages/batch", key: clientKey, body: `{"messages":[` + good("text", `"`+strings.Repeat("a", 20<<20)+`"`) + `]}`}, 413, "too_large", "the body may have 16777216 bytes"},
		"no path":         {request{method: "GET", path: "/v1/nothing", key: clientKey}, 404, "not_found", "there is no such path"},
		"no method":       {request{method: "PUT", path: "/v1/messages", key: clientKey}, 405, "method_not_allowed", "this path does not take this method"},
		"id that is none": {request{method: "GET", path: "/v1/messages/17", key: clientKey}, 404, "not_found", "there is nothing of that name here"},
		"cancel of none":  {request{method: "DELETE", path: "/v1/messages/17", key: clientKey}, 404, "not_found", "there is nothing of that name here"},
	} {
		t.Run(name, func(t *testing.T) {
			w := b.with(t).call(c.r)
			requireProblem(t, w, c.status, plain(c.status, c.code, c.detail))
			require.Equal(t, c.status == 401, w.Header().Get("WWW-Authenticate") == `Bearer realm="goniec"`)
			require.Zero(t, b.accepter.calls)
		})
	}
}

func TestBadQueries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for path, body := range map[string]string{
		"/v1/messages?state=lost":        problem(422, "invalid_value", "state", "is not a state of a message"),
		"/v1/messages?limit=0":           problem(422, "invalid_value", "limit", "must be from 1 to 200"),
		"/v1/messages?limit=x":           problem(422, "invalid_value", "limit", "must be from 1 to 200"),
		"/v1/messages?from=yesterday":    problem(422, "invalid_value", "from", "must be a time (2026-11-10T09:30:00Z) or a day (2026-11-10)"),
		"/v1/messages?to=%2B48500100201": problem(422, "invalid_value", "to", "must be a time (2026-11-10T09:30:00Z) or a day (2026-11-10)"),
		"/v1/messages?cursor=abc":        problem(422, "invalid_value", "cursor", "must be the next of an earlier page"),
		"/v1/billing/2026-13":            problem(422, "invalid_value", "month", "must be a month such as 2026-11"),
		"/v1/billing/november":           problem(422, "invalid_value", "month", "must be a month such as 2026-11"),
	} {
		requireProblem(t, b.get(path), 422, body)
	}
}

func TestBadIdempotencyKey(t *testing.T) {
	t.Parallel()
	for key, body := range map[string]string{
		"a b":                    problem(422, "invalid_value", "Idempotency-Key", "must be printable ASCII without spaces"),
		strings.Repeat("k", 256): problem(422, "too_long", "Idempotency-Key", "must be at most 255 characters"),
	} {
		b := setup(t)
		w := b.call(request{method: "POST", path: "/v1/messages", key: clientKey, body: good(), header: map[string]string{"Idempotency-Key": key}})
		requireProblem(t, w, 422, body)
		require.Zero(t, b.accepter.calls)
	}
}

func TestNothingThere(t *testing.T) {
	t.Parallel()
	unavailable := plain(503, "unavailable", "the service cannot take this now; try again, with the same Idempotency-Key if there was one")
	broken := errors.New("kafka did not acknowledge in time")
	for name, c := range map[string]struct {
		breaks func(*bundle)
		r      request
	}{
		"send without Kafka":    {func(b *bundle) { b.accepter.err = broken }, request{method: "POST", path: "/v1/messages", body: good()}},
		"batch without Kafka":   {func(b *bundle) { b.accepter.err = broken }, request{method: "POST", path: "/v1/messages/batch", body: `{"messages":[` + good() + `]}`}},
		"cancel without Kafka":  {func(b *bundle) { b.decider.err = broken }, request{method: "DELETE", path: "/v1/messages/" + msgID}},
		"opt-out without Kafka": {func(b *bundle) { b.decider.err = broken }, request{method: "POST", path: "/v1/opt-outs", body: `{"to":"500100201"}`}},
		"get without Postgres":  {func(b *bundle) { b.queries.err = broken }, request{method: "GET", path: "/v1/messages/" + msgID}},
		"list without Postgres": {func(b *bundle) { b.queries.err = broken }, request{method: "GET", path: "/v1/messages"}},
		"bill without Postgres": {func(b *bundle) { b.queries.err = broken }, request{method: "GET", path: "/v1/billing/2026-11"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			c.breaks(b)
			c.r.key = clientKey
			w := b.call(c.r)
			requireProblem(t, w, 503, unavailable)
			require.Equal(t, "1", w.Header().Get("Retry-After"))
			require.Contains(t, b.log.String(), broken.Error())
		})
	}
}

func TestDecidersRefusalIsAnswered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.accepter.says = nil
	b.decider.err = domain.Refuse("already_ended", "the message has ended: read")
	requireProblem(t, b.call(request{method: "DELETE", path: "/v1/messages/" + msgID, key: clientKey}), 409,
		problem(409, "already_ended", "", "the message has ended: read"))
}

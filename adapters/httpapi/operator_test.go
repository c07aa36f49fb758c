package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/partition"
)

// An operator opens an account and brings a sender to work; the client's first
// request right after it is judged by what was decided.
func TestOperatorsWay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.operator("POST", "/v1/accounts", `{"name":"Nowa","settings":{"sms_max_parts":5,"default_category":"transactional"}}`)
	require.Equal(t, http.StatusCreated, w.Code, w.Body.String())
	created := decode[httpapi.AccountBody](t, w)
	want := account.DefaultSettings()
	want.SMSMaxParts, want.DefaultCategory = 5, domain.Transactional
	require.Equal(t, httpapi.AccountBody{ID: created.ID, Name: "Nowa", Currency: "PLN", Settings: want}, created)

	changed := decode[httpapi.AccountBody](t, b.operator("PUT", "/v1/accounts/"+created.ID+"/settings",
		`{"settings":{"default_category":"transactional","manager_name":"Jan Sowa","manager_email":"jan@example.com"}}`))
	want = account.DefaultSettings()
	want.DefaultCategory, want.ManagerName, want.ManagerEmail = domain.Transactional, "Jan Sowa", "jan@example.com"
	require.Equal(t, want, changed.Settings)
	acc, _ := b.view.AccountByID(created.ID)
	require.Equal(t, want, acc.Settings)

	key := decode[httpapi.KeyBody](t, b.operator("POST", "/v1/accounts/"+created.ID+"/keys", `{"label":"shop"}`))
	require.Equal(t, "client-admin", key.Role)
	require.Len(t, key.Key, 47)

	sender := decode[httpapi.SenderBody](t, b.operator("POST", "/v1/senders", `{"account":"`+created.ID+`","name":"Sklep","company":"Sklep","country":"PL"}`))
	require.Equal(t, "new", sender.State)
	path := "/v1/senders/" + sender.ID
	for _, step := range []struct{ name, body, state string }{
		{"submit", "", "submitted"},
		{"return", `{"reasons":["no logo"]}`, "new"},
		{"submit", "", "submitted"},
		{"approve", `{"service_id":9}`, "active"},
		{"suspend", `{"reason":"complaints"}`, "active"},
		{"lift", `{"reason":"settled"}`, "active"},
		{"disable", `{"reason":"asked"}`, "active"},
		{"disable/withdraw", "", "active"},
	} {
		w := b.operator("POST", path+"/"+step.name, step.body)
		require.Equal(t, http.StatusOK, w.Code, w.Body.String())
		require.Equal(t, step.state, decode[httpapi.SenderBody](t, w).State, step.name)
	}
	w = b.call(request{method: "POST", path: "/v1/messages", key: key.Key, body: `{"to":"+48500100201","sender":"Sklep","text":"Hi"}`})
	require.Equal(t, http.StatusAccepted, w.Code, w.Body.String())
	senders := decode[httpapi.SenderList](t, b.call(request{method: "GET", path: "/v1/senders", key: key.Key}))
	require.Len(t, senders.Senders, 1)
	require.Equal(t, int64(9), senders.Senders[0].ServiceID)
	require.Len(t, decode[httpapi.SenderList](t, b.operator("GET", "/v1/senders", "")).Senders, 4)
	require.Len(t, decode[httpapi.AccountList](t, b.operator("GET", "/v1/accounts", "")).Accounts, 4)

	w = b.operator("DELETE", "/v1/accounts/"+created.ID+"/keys/"+key.ID, "")
	require.JSONEq(t, `{"changed":true}`, w.Body.String())
	require.Equal(t, http.StatusUnauthorized, b.call(request{method: "GET", path: "/v1/messages", key: key.Key}).Code)
	for i, o := range b.decider.origins {
		require.Equal(t, account.Installation, o.Account)
		require.Equal(t, created.ID, b.decider.owners[i])
	}
	require.NotContains(t, b.log.String(), key.Key)
}

func TestOperatorPublishesPrices(t *testing.T) {
	t.Parallel()
	b := setup(t)
	row := `{"country":"PL","channel":"sms","amount":"0.10"}`
	w := b.operator("POST", "/v1/prices", `{"currency":"PLN","prices":[`+row+`]}`)
	require.Equal(t, http.StatusCreated, w.Code, w.Body.String())
	require.JSONEq(t, `{"version":"default@2"}`, w.Body.String())
	w = b.operator("POST", "/v1/prices", `{"account":"`+acc+`","currency":"PLN","prices":[`+row+`]}`)
	require.JSONEq(t, `{"version":"`+acc+`@1"}`, w.Body.String())
	require.Equal(t, []string{account.Installation, acc}, b.decider.owners)
}

func TestPricesArePreviewedAndListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	row := `{"country":"PL","channel":"sms","amount":"0.99"}`
	w := b.operator("POST", "/v1/prices/preview", `{"currency":"PLN","prices":[`+row+`]}`)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	var p httpapi.PricesPreview
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
	require.NotEmpty(t, p.Changes)
	require.NotEmpty(t, p.Accounts)
	require.Empty(t, b.decider.owners, "nothing was decided")
	requireProblem(t, b.operator("POST", "/v1/prices/preview", `{"currency":"PLN","prices":[`+strings.Replace(row, "PL", "XX", 1)+`]}`), 422,
		problem(422, "invalid_country", "prices[0].country", "must be a country by its ISO 3166-1 alpha-2 code, such as PL"))
	w = b.operator("GET", "/v1/prices", "")
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Body.String(), `"version":"default@1"`)
	requireProblem(t, b.operator("GET", "/v1/prices?account="+msgID, ""), 422, problem(422, "invalid_value", "account", "there is no such account"))

	w = b.operator("POST", "/v1/regulations/preview", `{"valid_from":"2027-06-01","minimums":[{"country":"PL","currency":"PLN","amount":"250"}]}`)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	require.Contains(t, w.Body.String(), `"amount":"250.00"`)
	requireProblem(t, b.operator("POST", "/v1/regulations/preview", `{"valid_from":"soon","minimums":[]}`), 422,
		problem(422, "invalid_value", "valid_from", "must be a date such as 2027-01-01"))
}

func TestOperatorIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sender := "/v1/senders/" + account.SenderID(acc, "GONIEC", "PL")
	nobody := uuid.Nil.String()[:35] + "1"
	there := plain(404, "not_found", "there is nothing of that name here")
	for name, c := range map[string]struct {
		path, body string
		status     int
		problem    string
	}{
		"account without name":  {"/v1/accounts", `{}`, 422, problem(422, "required", "name", "is required")},
		"account's bad setting": {"/v1/accounts", `{"name":"x","settings":{"sms_max_parts":11}}`, 422, problem(422, "invalid_value", "settings.sms_max_parts", "must be from 1 to 10")},
		"account's new setting": {"/v1/accounts", `{"name":"x","settings":{"nice":1}}`, 400, problem(400, "unknown_field", "settings.nice", "is not a field of this request")},
		"other account":         {"/v1/accounts", `{"id":"` + acc + `","name":"x"}`, 409, problem(409, "already_exists", "id", "names an account that exists already, with another name or currency: choose another id")},
		"key of nobody":         {"/v1/accounts/" + nobody + "/keys", `{"label":"x"}`, 404, there},
		"key without label":     {"/v1/accounts/" + acc + "/keys", `{}`, 422, problem(422, "required", "label", "is required")},
		"operator of a client":  {"/v1/accounts/" + acc + "/keys", `{"role":"operator","label":"x"}`, 422, problem(422, "invalid_value", "role", "operator keys belong to account "+account.Installation)},
		"sender of nobody":      {"/v1/senders", `{"account":"` + nobody + `","name":"x","company":"x","country":"PL"}`, 422, problem(422, "invalid_value", "account", "there is no such account")},
		"sender of no country":  {"/v1/senders", `{"account":"` + acc + `","name":"x","company":"x","country":"XX"}`, 422, problem(422, "invalid_country", "country", "must be a country by its ISO 3166-1 alpha-2 code, such as PL")},
		"sender's company":      {"/v1/senders", `{"account":"` + acc + `","name":"x","company":"Żabka","country":"PL"}`, 422, problem(422, "invalid_name", "company", "must be at most 11 letters A-Z, a-z or digits: Zabka would do")},
		"unknown sender":        {"/v1/senders/" + nobody + "/submit", "", 404, there},
		"active sender again":   {sender + "/submit", "", 409, problem(409, "no_change", "", "nothing was changed: save a change first")},
		"disable without why":   {sender + "/disable", `{}`, 422, problem(422, "required", "reason", "is required")},
		"manager of no address": {"/v1/accounts", `{"name":"x","settings":{"manager_email":"jan"}}`, 422, problem(422, "invalid_value", "settings.manager_email", "must be an e-mail address such as office@example.com")},
		"price of no country":   {"/v1/prices", `{"currency":"PLN","prices":[{"country":"XX","channel":"sms","amount":"1"}]}`, 422, problem(422, "invalid_country", "prices[0].country", "must be a country by its ISO 3166-1 alpha-2 code, such as PL")},
		"price with a comma":    {"/v1/prices", `{"currency":"PLN","prices":[{"country":"PL","channel":"sms","amount":"0,1"}]}`, 422, problem(422, "invalid_price", "prices[0].amount", "must be a decimal such as 0.09, at most 6 digits on each side of the point")},
		"prices from yesterday": {"/v1/prices", `{"currency":"PLN","valid_from":"2026-11-09T00:00:00Z","prices":[{"country":"PL","channel":"sms","amount":"1"}]}`, 422, problem(422, "backdated", "valid_from", "must not lie in the past, as charges are never priced again: leave it out for prices from now on, or give a later time")},
	} {
		t.Run(name, func(t *testing.T) {
			requireProblem(t, b.with(t).operator("POST", c.path, c.body), c.status, c.problem)
		})
	}
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.post("/v1/webhooks", `{"url":"https://example.com/hook","events":["message.delivered"]}`)
	require.Equal(t, http.StatusCreated, w.Code, w.Body.String())
	added := decode[httpapi.Webhook](t, w)
	require.Equal(t, httpapi.Webhook{ID: added.ID, URL: "https://example.com/hook", Events: []string{"message.delivered"}, Added: now, Secret: "whsec_plain"}, added)
	require.Equal(t, "c2VhbGVk", b.view.Endpoints(acc)[0].Secret)
	path := "/v1/webhooks/" + added.ID

	added.Secret = ""
	require.Equal(t, []httpapi.Webhook{added}, decode[httpapi.WebhookList](t, b.get("/v1/webhooks")).Webhooks)
	called := `{"event_id":"event-1","type":"webhook.test","at":"2026-11-10T09:30:00Z","attempt":1,"status":200,"duration_ms":12,"done":true}`
	w = b.post(path+"/test", "")
	require.Equal(t, http.StatusOK, w.Code)
	require.JSONEq(t, called, w.Body.String())
	require.JSONEq(t, `{"attempts":[`+called+`],"next":"p2"}`, b.get(path+"/log").Body.String())
	require.Equal(t, http.StatusOK, b.get(path+"/log?limit=7&cursor=p2").Code)
	require.Equal(t, []string{"50", "p27"}, b.hooks.pages)
	require.Equal(t, http.StatusAccepted, b.post(path+"/resend", `{"event_id":"event-1"}`).Code)
	require.Equal(t, []string{"event-1"}, b.hooks.resent)

	there := plain(404, "not_found", "there is nothing of that name here")
	requireProblem(t, b.post(path+"/resend", `{"event_id":"event-2"}`), 404, there)
	requireProblem(t, b.post(path+"/resend", `{}`), 422, problem(422, "required", "event_id", "is required: the id of an event in the log"))
	requireProblem(t, b.post(path+"/resend", `{"event_id":"\u0000"}`), 422, problem(422, "required", "event_id", "is required: the id of an event in the log"))
	requireProblem(t, b.get(path+"/log?limit=201"), 422, problem(422, "invalid_value", "limit", "must be from 1 to 200"))
	for _, r := range []request{
		{method: "GET", path: path + "/log"},
		{method: "POST", path: path + "/test"},
		{method: "POST", path: path + "/resend", body: `{"event_id":"event-1"}`},
	} {
		r.key = otherKey
		requireProblem(t, b.call(r), 404, there)
	}
	requireProblem(t, b.call(request{method: "DELETE", path: path, key: otherKey}), 404, problem(404, "not_found", "endpoint", "the account has no such endpoint"))
	require.JSONEq(t, `{"changed":true}`, b.call(request{method: "DELETE", path: path, key: clientKey}).Body.String())
	require.JSONEq(t, `{"webhooks":[]}`, b.get("/v1/webhooks").Body.String())
	require.JSONEq(t, `{"changed":false}`, b.call(request{method: "DELETE", path: path, key: clientKey}).Body.String())
}

func TestWebhookIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	requireProblem(t, b.post("/v1/webhooks", `{}`), 422, problem(422, "required", "url", "is required"))
	requireProblem(t, b.post("/v1/webhooks", `{"url":"https://c.pl","events":["x"]}`), 422, problem(422, "invalid_value", "events", "must be some of message.delivered"))
	b.hooks.refused = domain.RefuseField("invalid_url", "url", "must be https and must not lead into a private network")
	requireProblem(t, b.post("/v1/webhooks", `{"url":"https://10.0.0.1/"}`), 422, problem(422, "invalid_url", "url", "must be https and must not lead into a private network"))
	require.Empty(t, b.view.Endpoints(acc))
}

// parking is the other side of the operators' routes about what is parked.
type parking struct {
	list  []httpapi.Parked
	out   httpapi.Outcome
	err   error
	asked []string
}

func (p *parking) note(format string, args ...any) {
	p.asked = append(p.asked, fmt.Sprintf(format, args...))
}

func (p *parking) List(_ context.Context, all bool, limit int, after *httpapi.Cursor) ([]httpapi.Parked, error) {
	p.note("list all=%t limit=%d after=%v", all, limit, after)
	return p.list[:min(limit, len(p.list))], p.err
}

func (p *parking) Thing(_ context.Context, id string, _ int) (httpapi.Parked, []httpapi.Parked, error) {
	p.note("thing %s", id)
	return httpapi.Parked{ID: id}, []httpapi.Parked{}, p.err
}

func (p *parking) Content(_ context.Context, o httpapi.Origin, id string) (httpapi.ParkedContent, error) {
	p.note("content %s by %s", id, o.Actor)
	return httpapi.ParkedContent{ID: id, Value: "{}"}, p.err
}

func (p *parking) Retry(_ context.Context, o httpapi.Origin, id string) (httpapi.Outcome, error) {
	p.note("retry %s by %s", id, o.Actor)
	return p.out, p.err
}

func (p *parking) Drop(_ context.Context, o httpapi.Origin, id, reason string) (httpapi.Outcome, error) {
	p.note("drop %s by %s: %s", id, o.Actor, reason)
	return p.out, p.err
}

func TestOperatorsWayWithWhatIsParked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	by := " by key:" + keyID[:35] + "1"
	b.parking.list = []httpapi.Parked{{ID: msgID, At: now}, {ID: msgID, At: now.Add(-1)}}
	list := decode[httpapi.ParkedList](t, b.operator("GET", "/v1/parked?limit=1", ""))
	require.Len(t, list.Parked, 1)
	require.NotEmpty(t, list.Next)
	b.operator("GET", "/v1/parked?all=true&limit=2&cursor="+list.Next, "")
	require.Equal(t, http.StatusOK, b.operator("GET", "/v1/parked/"+msgID, "").Code)
	require.Equal(t, "{}", decode[httpapi.ParkedContent](t, b.operator("POST", "/v1/parked/"+msgID+"/content", "")).Value)
	b.parking.out.Events = []string{partition.TypeRetryFailed, partition.TypeRetried, partition.TypeRetried}
	require.JSONEq(t, `{"decided":2,"parked_again":true}`, b.operator("POST", "/v1/parked/"+msgID+"/retry", "").Body.String())
	b.parking.out.Events = []string{partition.TypeRetried, partition.TypeDropped}
	require.JSONEq(t, `{"decided":1,"parked_again":false}`, b.operator("POST", "/v1/parked/"+msgID+"/drop", `{"reason":"a test"}`).Body.String())
	require.Equal(t, []string{
		"list all=false limit=2 after=<nil>", "list all=true limit=3 after=&{2026-11-10 09:30:00 +0000 UTC " + msgID + "}", "thing " + msgID,
		"content " + msgID + by, "retry " + msgID + by, "drop " + msgID + by + ": a test",
	}, b.parking.asked)

	requireProblem(t, b.operator("POST", "/v1/parked/"+msgID+"/drop", `{"reason":" "}`), 422, problem(422, "required", "reason", "is required"))
	requireProblem(t, b.operator("GET", "/v1/parked?limit=0", ""), 422, problem(422, "invalid_value", "limit", "must be from 1 to 200"))
	b.parking.err = domain.Refuse(partition.CodeNotParked, "it is not parked any more: it was retried")
	requireProblem(t, b.operator("POST", "/v1/parked/"+msgID+"/retry", ""), 409, problem(409, "not_parked", "", "it is not parked any more: it was retried"))
	require.Equal(t, http.StatusForbidden, b.get("/v1/parked").Code)
	require.Equal(t, http.StatusForbidden, b.post("/v1/parked/"+msgID+"/retry", "").Code)
}

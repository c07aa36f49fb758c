package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/domain/account"
	"goniec/domain/billing"
)

// line is what an operation must allow, and how the test calls it. The things of its
// path are those of the account acc.
type line struct {
	may   string // the roles that may call it
	other int    // what an admin of another account is answered, if admins may call it
	query string
	body  string
}

const (
	all     = "client-admin client-viewer operator billing auditor"
	clients = "client-admin client-viewer"
)

// expected is written by hand, as docs/roles.md is not: a new operation needs a line here.
var expected = map[string]line{
	"send-message":   {may: "client-admin", other: 422, body: good()},
	"send-batch":     {may: "client-admin", other: 200, body: `{"messages":[` + good() + `]}`},
	"preview-batch":  {may: "client-admin", other: 200, body: `{"messages":[` + good() + `]}`},
	"list-messages":  {may: clients, other: 200},
	"get-message":    {may: clients, other: 404},
	"cancel-message": {may: "client-admin", other: 404},

	"opt-out":      {may: "client-admin", other: 200, body: `{"to":"500100201"}`},
	"lift-opt-out": {may: "client-admin", other: 200, body: `{"to":"500100201"}`},

	"search-messages": {may: clients, other: 200, body: `{"client_ref":"order-1"}`},
	"report-traffic":  {may: clients, other: 200, query: "?from=2026-11-01&to=2026-11-02"},
	"report-times":    {may: clients, other: 200, query: "?from=2026-11-01&to=2026-11-02"},
	"report-doubles":  {may: clients, other: 200, query: "?from=2026-11-01&to=2026-11-02"},

	"get-billing":    {may: all, other: 404, query: "?account=" + acc},
	"get-statement":  {may: all, other: 404, query: "?account=" + acc},
	"get-forecast":   {may: all, other: 404, query: "?account=" + acc},
	"get-party":      {may: all, other: 404},
	"set-party":      {may: "operator billing", body: `{"legal_name":"Sklep","tax_id":"5260001246","address":"x"}`},
	"close-month":    {may: "operator billing", body: `{}`},
	"request-credit": {may: "operator billing", body: `{"account":"` + acc + `","amount":"1.00","reason":"x"}`},
	"approve-credit": {may: "operator billing", body: `{"account":"` + acc + `"}`},
	"reject-credit":  {may: "operator billing", body: `{"account":"` + acc + `","reason":"x"}`},
	"waive-minimum":  {may: "operator billing", body: `{"sender":"` + account.SenderID(acc, "GONIEC", "PL") + `","reason":"x"}`},

	"list-senders":    {may: all, other: 200},
	"get-sender-logo": {may: all, other: 404},
	"get-sender":      {may: all, other: 404},
	"create-sender":   {may: "client-admin operator", other: 422, body: `{"account":"` + acc + `","company":"Sklep"}`},
	"save-sender":     {may: "client-admin operator", other: 404, body: `{"kind":"x"}`},
	"submit-sender":   {may: "client-admin operator", other: 404},
	"withdraw-sender": {may: "client-admin operator", other: 404},
	"pass-sender":     {may: "operator", body: `{}`},
	"approve-sender":  {may: "operator", body: `{"service_id":9}`},
	"return-sender":   {may: "operator", body: `{"reasons":["x"]}`},
	"confirm-sender":  {may: "operator"},
	"suspend-sender":  {may: "operator", body: `{"reason":"x"}`},
	"lift-suspension": {may: "operator", body: `{"reason":"x"}`},
	"list-tasks":      {may: "operator auditor"},

	"disable-sender":   {may: "client-admin operator", other: 404, body: `{"reason":"x"}`},
	"withdraw-disable": {may: "client-admin operator", other: 404},
	"enable-sender":    {may: "client-admin operator", other: 404, body: `{}`},
	"withdraw-enable":  {may: "client-admin operator", other: 404},

	"list-regulations":     {may: all, other: 200},
	"get-regulations-text": {may: all, other: 200},
	"accept-regulations":   {may: "client-admin", other: 200},
	"preview-regulations":  {may: "operator", body: `{"valid_from":"2027-06-01","minimums":[]}`},
	"publish-regulations":  {may: "operator", body: `{"title":"x","text":"eA==","content_type":"text/plain","valid_from":"2027-06-01"}`},

	"add-webhook":    {may: "client-admin", other: 201, body: `{"url":"https://example.com/hook"}`},
	"list-webhooks":  {may: clients + " auditor", other: 404, query: "?account=" + acc},
	"remove-webhook": {may: "client-admin", other: 404},
	"test-webhook":   {may: "client-admin", other: 404},
	"webhook-log":    {may: clients, other: 404},
	"resend-webhook": {may: "client-admin", other: 404, body: `{"event_id":"event-1"}`},

	"create-account": {may: "operator", body: `{"name":"x"}`},
	"list-accounts":  {may: "operator billing auditor"},
	"set-account":    {may: "operator", body: `{"settings":{"sms_max_parts":4}}`},
	"issue-key":      {may: "operator", body: `{"label":"x"}`},
	"revoke-key":     {may: "operator"},
	"list-prices":    {may: "operator billing auditor"},
	"preview-prices": {may: "operator", body: `{"currency":"PLN","prices":[{"country":"PL","channel":"sms","amount":"0.10"}]}`},
	"publish-prices": {may: "operator", body: `{"currency":"PLN","prices":[{"country":"PL","channel":"sms","amount":"0.10"}]}`},

	"list-pauses": {may: "operator auditor"},
	"pause":       {may: "operator", body: `{"scope":"route","route":"sms","reason":"x"}`},
	"resume":      {may: "operator", body: `{"scope":"route","route":"sms","reason":"x"}`},

	"list-parked":  {may: "operator auditor"},
	"get-parked":   {may: "operator auditor"},
	"show-parked":  {may: "operator"},
	"retry-parked": {may: "operator"},
	"drop-parked":  {may: "operator", body: `{"reason":"x"}`},

	"export-person": {may: "operator", body: `{"to":"+48500100201"}`},
	"erase-person":  {may: "operator", body: `{"to":"+48500100201","reason":"x"}`},

	"list-unknown":    {may: "operator auditor"},
	"resolve-unknown": {may: "operator", body: `{"as":"sent","reason":"x"}`},
	"list-unmatched":  {may: "operator auditor"},
}

// route is an operation of the OpenAPI document.
type route struct {
	id, method, path string
	roles            []string
	summary          string
}

// routes are all operations; those that delete something come last.
func routes(t *testing.T, api *httpapi.API) []route {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID, Summary string
			Security             []map[string][]string
		}
	}
	require.NoError(t, json.Unmarshal(api.OpenAPI(), &doc))
	var out []route
	for path, methods := range doc.Paths {
		for method, op := range methods {
			r := route{id: op.OperationID, method: strings.ToUpper(method), path: path, summary: op.Summary}
			for _, s := range op.Security {
				r.roles = append(r.roles, s["key"]...)
			}
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(x, y route) int { return strings.Compare(x.order()+x.path+x.method, y.order()+y.path+y.method) })
	return out
}

func (r route) order() string {
	if r.method == http.MethodDelete {
		return "last"
	}
	return ""
}

// rig is a bundle with a key of each kind and something behind each path.
type rig struct {
	*bundle
	keys     map[string]string // by role
	others   map[string]string // by role, of another account
	revoked  []string
	endpoint string
	key      string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{
		bundle: setup(t), endpoint: uuid.NewString(),
		keys:   map[string]string{"client-admin": clientKey, "operator": operatorKey},
		others: map[string]string{"client-admin": otherKey, "client-viewer": "gnc_other_viewer"},
	}
	r.keys["client-viewer"], _ = r.issue(acc, "client-viewer", "gnc_viewer")
	_, r.key = r.issue(acc, "client-viewer", "gnc_spare")
	r.keys["billing"], _ = r.issue(account.Installation, "billing", "gnc_billing")
	r.keys["auditor"], _ = r.issue(account.Installation, "auditor", "gnc_auditor")
	r.issue(other, "client-viewer", "gnc_other_viewer")
	for of, role := range map[string]string{acc: "client-admin", account.Installation: "operator"} {
		secret, id := r.issue(of, role, "gnc_revoked_"+role)
		r.do(account.AccountStream(of), account.RevokeKey{Key: id})
		r.revoked = append(r.revoked, secret)
	}
	r.do(account.AccountStream(acc), account.AddEndpoint{Endpoint: r.endpoint, URL: "https://example.com/hook", Secret: "c2VhbGVk"})
	// As an old journal has it, and as a journal of a newer build may.
	for _, role := range []string{"client", "emperor"} {
		r.keys[role] = "gnc_of_" + role
		r.record(account.AccountStream(acc), account.KeyIssued{Key: uuid.NewString(), Hash: account.HashKey(r.keys[role]), Role: role, Label: "x"})
	}
	r.do(account.AccountStream(acc), account.SetParty{Party: billing.Party{LegalName: "Sklep", TaxID: "5260001246", Address: "Warszawa"}})
	r.queries.messages[acc+msgID] = httpapi.Message{ID: msgID}
	require.Equal(t, http.StatusCreated, r.publish("# Zasady", "2027-01-01").Code)
	w := r.patch("/v1/senders/"+account.SenderID(acc, "Waiting", "PL"), "", `{"logo":"`+logoFile(t, 200)+`"}`)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	r.decider.origins, r.decider.owners = nil, nil
	return r
}

// record adds an event that today's rules do not decide.
func (r *rig) record(stream string, e account.Event) {
	s := account.Evolve(r.decider.states[stream], e, now)
	r.decider.states[stream] = s
	r.view.Apply(stream, s.Version, e, now)
}

func (r *rig) issue(of, role, secret string) (string, string) {
	r.t.Helper()
	id := uuid.NewString()
	r.do(account.AccountStream(of), account.IssueKey{Key: id, Hash: account.HashKey(secret), Role: role, Label: "x"})
	return secret, id
}

// ask calls an operation on the things of acc.
func (r *rig) ask(t *testing.T, op route, secret string) *httptest.ResponseRecorder {
	t.Helper()
	path := op.path
	for pattern, thing := range map[string]string{
		"/messages/{id}": "/messages/" + msgID,
		"/parked/{id}":   "/parked/" + msgID,
		"/unknown/{id}":  "/unknown/" + msgID,
		"/webhooks/{id}": "/webhooks/" + r.endpoint,
		"/senders/{id}":  "/senders/" + account.SenderID(acc, "Waiting", "PL"),
		"/accounts/{id}": "/accounts/" + acc,
		"{key}":          r.key,
		"{month}":        "2026-11",
		"{credit}":       creditID,
		"{version}":      "1",
	} {
		path = strings.ReplaceAll(path, pattern, thing)
	}
	require.NotContains(t, path, "{", "the test has nothing for this path")
	l := expected[op.id]
	return r.with(t).call(request{method: op.method, path: path + l.query, key: secret, body: l.body})
}

// Every operation, as everybody.
func TestAccess(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ops := routes(t, r.api)
	require.Len(t, ops, len(expected), "a line of the test without an operation, or the other way round")
	for _, op := range ops {
		require.Contains(t, expected, op.id, "a new operation needs a line in the test's table")
		require.ElementsMatch(t, strings.Fields(expected[op.id].may), op.roles, "the document says who may call %s", op.id)
		r.requireKeyNeeded(t, op)
		for role, secret := range r.keys {
			if !may(op, role) {
				requireForbidden(t, op, r.ask(t, op, secret))
			}
		}
	}
	r.requireNothingDone(t)
	for _, op := range ops {
		r.requireOwnOnly(t, op)
	}
	for _, op := range ops {
		for role, secret := range r.keys {
			if may(op, role) {
				requireServed(t, op, role, r.ask(t, op, secret))
			}
		}
	}
}

// may reads the test's table. A key of the old role is an admin's.
func may(op route, role string) bool {
	return slices.Contains(strings.Fields(expected[op.id].may), account.RoleNow(role))
}

func (r *rig) requireKeyNeeded(t *testing.T, op route) {
	t.Helper()
	requireProblem(t, r.ask(t, op, ""), 401, plain(401, "unauthorized", "an API key is required: Authorization: Bearer <key>"))
	for _, secret := range r.revoked {
		requireProblem(t, r.ask(t, op, secret), 401, plain(401, "unauthorized", "the API key is not known, or was revoked"))
	}
}

// requireForbidden wants the sentence that names each role of the test's table.
func requireForbidden(t *testing.T, op route, w *httptest.ResponseRecorder) {
	t.Helper()
	roles := strings.Fields(expected[op.id].may)
	sentence := "this needs a key of role " + strings.Join(roles, ", ")
	if i := strings.LastIndex(sentence, ", "); i >= 0 {
		sentence = sentence[:i] + " or " + sentence[i+2:]
	}
	requireProblem(t, w, 403, plain(403, "wrong_role", sentence))
}

// requireNothingDone: who is refused has changed nothing and been shown nothing.
func (r *rig) requireNothingDone(t *testing.T) {
	t.Helper()
	require.Empty(t, r.decider.origins)
	require.Zero(t, r.accepter.calls)
	require.Zero(t, r.queries.asked)
	require.Empty(t, r.queries.filters)
	require.Empty(t, r.queries.queues)
	require.Empty(t, r.queries.billed)
	require.Zero(t, r.books.asked)
	require.Empty(t, r.parking.asked)
	require.Empty(t, r.hooks.urls)
	require.Empty(t, r.hooks.pages)
	require.Empty(t, r.hooks.resent)
}

// requireOwnOnly: what another account's keys get is never of acc.
func (r *rig) requireOwnOnly(t *testing.T, op route) {
	t.Helper()
	for role, secret := range r.others {
		w := r.ask(t, op, secret)
		if !may(op, role) {
			requireForbidden(t, op, w)
			continue
		}
		require.Equal(t, expected[op.id].other, w.Code, "%s as %s of another account: %s", op.id, role, w.Body)
		require.NotContains(t, w.Body.String(), acc, op.id)
	}
	for _, f := range r.queries.filters {
		require.Equal(t, other, f.Account)
	}
}

// requireServed wants a request to be judged for what it asks.
func requireServed(t *testing.T, op route, role string, w *httptest.ResponseRecorder) {
	t.Helper()
	refused := []int{401, 403, 404, 405, 429}
	require.False(t, slices.Contains(refused, w.Code) || w.Code >= 500, "%s as %s: %d %s", op.id, role, w.Code, w.Body)
}

// No path under /v1 goes round the table.
func TestEveryPathIsAnOperation(t *testing.T) {
	t.Parallel()
	api := setup(t).api
	var known []string
	for _, op := range routes(t, api) {
		known = append(known, op.method+" "+op.path)
	}
	mux, ok := api.Handler.(chi.Routes)
	require.True(t, ok)
	require.NoError(t, chi.Walk(mux, func(method, path string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if strings.HasPrefix(path, "/v1/") {
			require.Contains(t, known, method+" "+path)
		}
		return nil
	}))
}

// Keys of the installation name the account whose month, or endpoints, they ask for.
func TestAccountIsNamed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ask := func(role, path string) *httptest.ResponseRecorder {
		return r.call(request{method: http.MethodGet, path: path, key: r.keys[role]})
	}
	required := problem(422, "required", "account", "is required with a key of the installation")
	there := plain(404, "not_found", "there is nothing of that name here")
	nobody := uuid.NewString()
	for _, path := range []string{"/v1/billing/2026-11", "/v1/webhooks"} {
		requireProblem(t, ask("auditor", path), 422, required)
		requireProblem(t, ask("auditor", path+"?account="+nobody), 404, there)
		requireProblem(t, ask("client-viewer", path+"?account="+other), 404, there)
		require.Equal(t, http.StatusOK, ask("client-viewer", path+"?account="+acc).Code)
		require.Equal(t, http.StatusOK, ask("client-viewer", path).Code)
	}
	require.Equal(t, http.StatusOK, ask("billing", "/v1/billing/2026-11?account="+other).Code)
	require.Equal(t, []string{acc, acc, other}, r.queries.billed)
	require.Empty(t, decode[httpapi.WebhookList](t, ask("auditor", "/v1/webhooks?account="+other)).Webhooks)
	require.Len(t, decode[httpapi.WebhookList](t, ask("auditor", "/v1/webhooks?account="+acc)).Webhooks, 1)
	require.Len(t, decode[httpapi.SenderList](t, ask("billing", "/v1/senders")).Senders, 3, "of all accounts")
}

// The API takes the old name, and answers with the new one.
func TestKeysAreIssuedForRoles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, c := range []struct{ of, asked, issued string }{
		{acc, "", "client-admin"},
		{acc, "client", "client-admin"},
		{acc, "client-admin", "client-admin"},
		{acc, "client-viewer", "client-viewer"},
		{account.Installation, "", "operator"},
		{account.Installation, "billing", "billing"},
		{account.Installation, "auditor", "auditor"},
	} {
		w := b.operator("POST", "/v1/accounts/"+c.of+"/keys", fmt.Sprintf(`{"role":%q,"label":"x"}`, c.asked))
		require.Equal(t, http.StatusCreated, w.Code, w.Body)
		issued := decode[httpapi.KeyBody](t, w)
		require.Equal(t, c.issued, issued.Role)
		k, ok := b.view.KeyByHash(account.HashKey(issued.Key))
		require.True(t, ok)
		require.Equal(t, c.issued, k.Role)
		require.Equal(t, c.of, k.Account)
	}
}

const (
	rolesBegin = "<!-- generated from adapters/httpapi: begin -->\n"
	rolesEnd   = "<!-- generated from adapters/httpapi: end -->\n"
)

// The page shows the table that is enforced. With GONIEC_UPDATE=1 the test writes it.
func TestRolesPage(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "roles.md")
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(page), rolesBegin)
	require.True(t, ok)
	drawn, after, ok := strings.Cut(rest, rolesEnd)
	require.True(t, ok)
	want := rolesTable(routes(t, setup(t).api))
	if os.Getenv("GONIEC_UPDATE") != "" {
		require.NoError(t, os.WriteFile(path, []byte(before+rolesBegin+want+rolesEnd+after), 0o644))
		return
	}
	require.Equal(t, want, drawn, "docs/roles.md is not what the table says: make generate")
}

func rolesTable(ops []route) string {
	slices.SortFunc(ops, func(x, y route) int { return strings.Compare(x.path+" "+x.method, y.path+" "+y.method) })
	var b strings.Builder
	b.WriteString("\n| request | | " + strings.Join(account.Roles(), " | ") + " |\n|---|---|" + strings.Repeat(":-:|", len(account.Roles())) + "\n")
	for _, op := range ops {
		fmt.Fprintf(&b, "| `%s %s` | %s |", op.method, op.path, op.summary)
		for _, role := range account.Roles() {
			mark := " "
			if slices.Contains(op.roles, role) {
				mark = " yes "
			}
			b.WriteString(mark + "|")
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	return b.String()
}

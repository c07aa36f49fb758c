package httpapi_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/domain/account"
)

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// publish publishes a version with that text from that day on.
func (b *bundle) publish(text, from string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.operator("POST", "/v1/regulations", `{"title":"Regulations","text":"`+base64Of(text)+`","content_type":"text/markdown","valid_from":"`+from+`",
		"minimums":[{"country":"PL","currency":"PLN","amount":"250"}]}`)
}

// B12, B2: published, read as it was, accepted, and then messages go.
func TestRegulations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	none := decode[httpapi.RegulationsList](t, b.get("/v1/regulations"))
	require.Equal(t, httpapi.RegulationsList{Versions: []httpapi.RegulationsBody{}, Accepted: []httpapi.AcceptanceBody{}, Missing: []account.Item{}}, none)

	w := b.publish("# Zasady", "2026-11-10")
	require.Equal(t, http.StatusCreated, w.Code, w.Body.String())
	published := decode[httpapi.RegulationsBody](t, w)
	require.Equal(t, int64(1), published.Version)
	require.Equal(t, "2026-11-10", published.ValidFrom)
	require.True(t, b.view.Regulations()[0].ValidFrom.Equal(time.Date(2026, 11, 9, 23, 0, 0, 0, time.UTC)), "the day's first instant in the billing zone")
	require.Equal(t, "250.00", published.Minimums[0].Amount)
	require.Equal(t, http.StatusCreated, b.publish("# Nowe zasady", "2026-12-11").Code)

	text := b.get("/v1/regulations/1/text")
	require.Equal(t, []string{"# Zasady", "text/markdown; charset=utf-8", `attachment; filename="regulations-1.md"`, `"` + published.Digest + `"`},
		[]string{text.Body.String(), text.Header().Get("Content-Type"), text.Header().Get("Content-Disposition"), text.Header().Get("ETag")})
	for _, path := range []string{"0", "3", "-1", "01", "x"} {
		require.Equal(t, http.StatusNotFound, b.get("/v1/regulations/"+path+"/text").Code, path)
	}

	w = b.post("/v1/messages", good("text", `"Hello"`))
	require.Equal(t, http.StatusConflict, w.Code)
	p := decode[httpapi.Problem](t, w)
	require.Equal(t, "regulations_not_accepted", p.Code)
	require.Contains(t, p.Detail, "version 1 of the regulations")
	require.Contains(t, p.Detail, "POST /v1/regulations/1/acceptance")
	require.Empty(t, b.accepter.got)

	for _, version := range []string{"1", "2"} { // the coming one before its time, too
		w = b.post("/v1/regulations/"+version+"/acceptance", "")
		require.True(t, decode[httpapi.ChangedBody](t, w).Changed)
	}
	require.False(t, decode[httpapi.ChangedBody](t, b.post("/v1/regulations/1/acceptance", "")).Changed)
	list := decode[httpapi.RegulationsList](t, b.get("/v1/regulations"))
	require.Equal(t, []int64{1, 2}, []int64{list.InForce, list.Coming})
	require.Empty(t, list.Missing)
	require.Equal(t, httpapi.AcceptanceBody{Version: 1, Digest: published.Digest, By: "test", At: now}, list.Accepted[0])
	require.Equal(t, http.StatusAccepted, b.post("/v1/messages", good("text", `"Hello"`)).Code)

	theirs := decode[httpapi.RegulationsList](t, b.call(request{method: "GET", path: "/v1/regulations", key: otherKey}))
	require.Empty(t, theirs.Accepted)
	require.Equal(t, "regulations_missing", theirs.Missing[0].Code)
	require.Equal(t, http.StatusForbidden, b.operator("POST", "/v1/regulations/1/acceptance", "").Code)
	require.Equal(t, http.StatusForbidden, b.post("/v1/regulations", `{}`).Code)
	sealed, err := base64.StdEncoding.DecodeString(b.decider.accepted[0].Address)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(sealed), " for acceptance/"+acc+"/1"), "bound to its place")
	require.NotContains(t, string(sealed)+b.log.String(), "192.0.2.1", "where it was accepted from is sealed")
}

// B1: a client's sender needs the acceptance; an operator registers without.
func TestSenderNeedsAcceptance(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, http.StatusCreated, b.publish("one", "2026-11-10").Code)
	needs := problem(409, "regulations_not_accepted", "accept_regulations", "must be 1, the version in force: read it at /v1/regulations/1/text")
	requireProblem(t, b.post("/v1/senders", `{"company":"Sklep"}`), 409, needs)
	requireProblem(t, b.post("/v1/senders", `{"company":"Sklep","accept_regulations":2}`), 422,
		problem(422, "invalid_value", "accept_regulations", "is not a version of the regulations"))

	path := "/v1/senders/" + account.SenderID(acc, "Waiting", "PL") // made before
	b.patch(path, "", wholeForm(t))
	require.Equal(t, []string{"regulations_missing"}, codes(decode[httpapi.SenderBody](t, b.get(path)).Missing))
	requireProblem(t, b.post(path+"/submit", ""), 409,
		problem(409, "form_incomplete", "accept_regulations", "is missing: acceptance of the regulations, version 1"))

	w := b.post("/v1/senders", `{"company":"Sklep","accept_regulations":1}`)
	require.Equal(t, http.StatusCreated, w.Code, w.Body.String())
	require.Equal(t, http.StatusCreated, b.post("/v1/senders", `{"company":"Sklep2"}`).Code, "accepted before")
	require.Equal(t, "submitted", decode[httpapi.SenderBody](t, b.post(path+"/submit", "")).State)

	byOperator := `{"account":"` + other + `","company":"Sklep"`
	require.Equal(t, http.StatusCreated, b.operator("POST", "/v1/senders", byOperator+`}`).Code)
	requireProblem(t, b.operator("POST", "/v1/senders", byOperator+`,"accept_regulations":1}`), 422,
		problem(422, "invalid_value", "accept_regulations", "is for the client to say, with a key of the account"))
}

func TestRegulationsAreChecked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := func(text, media, from, minimums string) string {
		return `{"title":"R","text":"` + text + `","content_type":"` + media + `","valid_from":"` + from + `","minimums":[` + minimums + `]}`
	}
	for name, c := range map[string]struct {
		body    string
		problem string
	}{
		"no text":         {body("", "text/plain", "2026-11-10", ""), problem(422, "required", "text", "is required")},
		"no base64":       {body("%", "text/plain", "2026-11-10", ""), problem(422, "invalid_value", "text", "is not the file in base64")},
		"no PDF":          {body(base64Of("x"), "application/pdf", "2026-11-10", ""), problem(422, "invalid_value", "text", "is not a PDF, as content_type says")},
		"no UTF-8":        {body(base64Of("\xff"), "text/html", "2026-11-10", ""), problem(422, "invalid_value", "text", "is not a text in UTF-8, as content_type says")},
		"a byte more":     {body(base64Of(strings.Repeat("x", 1_000_001)), "text/plain", "2026-11-10", ""), problem(422, "too_long", "text", "must be at most 1000000 bytes")},
		"no date":         {body(base64Of("x"), "text/plain", "soon", ""), problem(422, "invalid_value", "valid_from", "must be a date such as 2027-01-01")},
		"no country":      {body(base64Of("x"), "text/plain", "2026-11-10", `{"country":"XX"}`), problem(422, "invalid_country", "minimums[0].country", "must be a country by its ISO 3166-1 alpha-2 code, such as PL")},
		"yesterday":       {body(base64Of("x"), "text/plain", "2026-11-08", ""), problem(422, "backdated", "valid_from", "must not lie in the past")},
		"another content": {body(base64Of("x"), "image/png", "2026-11-10", ""), problem(422, "invalid_value", "content_type", "must be application/pdf, text/plain, text/markdown or text/html")},
	} {
		t.Run(name, func(t *testing.T) {
			requireProblem(t, b.with(t).operator("POST", "/v1/regulations", c.body), 422, c.problem)
		})
	}
	require.Equal(t, http.StatusCreated, b.publish("one", "2026-11-10").Code)
	requireProblem(t, b.publish("two", "2026-12-10"), 422, problem(422, "too_soon", "valid_from", "must lie at least 30 days ahead: that long a new version is announced"))
}

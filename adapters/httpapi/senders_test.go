package httpapi_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/domain/account"
)

func logoFile(t *testing.T, width int) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, width, 200))))
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

func wholeForm(t *testing.T) string {
	t.Helper()
	return `{"type":"finance","kind":"one-time codes","communication":"both","samples":["Kod: 1234","Na` + "z\u0307" + `ywo"],"notice_email":"office@example.com",
		"registered_in":"DE","logo":"` + logoFile(t, 200) + `"}`
}

func (b *bundle) patch(path, ifMatch, body string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.call(request{method: http.MethodPatch, path: path, key: clientKey, body: body, header: map[string]string{"If-Match": ifMatch}})
}

func codes(items []account.Item) (out []string) {
	for _, i := range items {
		out = append(out, i.Code)
	}
	return out
}

// A client fills the form in parts, submits it, gets it back with reasons, and submits it again.
func TestClientsWayWithAForm(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.post("/v1/senders", `{"company":"Sklep"}`)
	require.Equal(t, http.StatusCreated, w.Code, w.Body.String())
	require.Equal(t, `"1"`, w.Header().Get("ETag"))
	s := decode[httpapi.SenderBody](t, w)
	require.Equal(t, []string{acc, "Sklep", "Sklep", "PL", "new"}, []string{s.Account, s.Name, s.Company, s.Country, s.State}, "B1, B3: defaults")
	require.Equal(t, []string{"logo_missing", "type_missing", "kind_missing", "communication_missing", "samples_missing", "notice_email_missing"}, codes(s.Missing), "B5")
	path := "/v1/senders/" + s.ID

	w = b.patch(path, `"1"`, `{"kind":"promotions"}`)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	require.Equal(t, `"2"`, w.Header().Get("ETag"))
	requireProblem(t, b.patch(path, `"1"`, `{"kind":"x"}`), 412, problem(412, "version_conflict", "If-Match", "the sender is at version 2, not 1: look at it again"))
	requireProblem(t, b.patch(path, `"99"`, `{"kind":"x"}`), 412, problem(412, "version_conflict", "If-Match", "the sender is at version 2, not 99: look at it again"))
	w = b.patch(path, "", wholeForm(t))
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	s = decode[httpapi.SenderBody](t, b.get(path))
	require.Empty(t, s.Missing)
	require.True(t, s.TwoWay)
	require.Equal(t, []string{"Kod: 1234", "Na\u017cywo"}, s.Form.Samples, "in NFC")
	require.Equal(t, "DE", s.Form.RegisteredIn)
	require.Equal(t, "png", s.Form.Logo.Type)
	require.Nil(t, s.Submission)

	requireState := func(w *httptest.ResponseRecorder, state string) httpapi.SenderBody {
		t.Helper()
		require.Equal(t, http.StatusOK, w.Code, w.Body.String())
		s := decode[httpapi.SenderBody](t, w)
		require.Equal(t, state, s.State)
		return s
	}
	s = requireState(b.call(request{method: "POST", path: path + "/submit", key: clientKey, header: map[string]string{"If-Match": `"3"`}}), "submitted")
	require.Equal(t, 1, s.Submission.Number)
	requireProblem(t, b.patch(path, "", `{"kind":"x"}`), 409, problem(409, "sender_state", "", "the form is frozen while it is under review: withdraw it, change it and submit it again"))
	requireState(b.post(path+"/withdraw", ""), "new")
	requireState(b.post(path+"/submit", ""), "submitted")
	s = requireState(b.operator("POST", path+"/pass", `{"reference":"V-17"}`), "submitted")
	require.Equal(t, "V-17", s.Reference)
	require.Equal(t, now, *s.PassedOn)
	requireProblem(t, b.post(path+"/withdraw", ""), 409, problem(409, "passed_on", "", "the submission was passed to Viber already; ask the operator to return it"))
	stale := b.call(request{method: "POST", path: path + "/return", key: operatorKey, body: `{"reasons":["x"]}`, header: map[string]string{"If-Match": `"1"`}})
	require.Equal(t, http.StatusPreconditionFailed, stale.Code)
	s = requireState(b.operator("POST", path+"/return", `{"reasons":["no such kind"]}`), "new")
	require.Equal(t, []string{"no such kind"}, s.Reasons)

	s = requireState(b.patch(path, "", `{"kind":"debt collection","company":"Sklep2"}`), "new")
	require.Equal(t, []string{"company", "kind"}, s.Submission.Changed, "B8: the difference to the old submission")
	require.Equal(t, "one-time codes", s.Submission.Form.Kind)
	s = requireState(b.post(path+"/submit", ""), "submitted")
	require.Equal(t, 3, s.Submission.Number)
	require.Empty(t, s.Submission.Changed)
	requireState(b.operator("POST", path+"/approve", `{"service_id":9}`), "active")
	for _, line := range decode[httpapi.SenderList](t, b.get("/v1/senders")).Senders {
		require.NotNil(t, line.Missing)
		require.Nil(t, line.Form, "lists are short")
	}
}

func TestSubmissionNamesAllThatIsMissing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := "/v1/senders/" + account.SenderID(acc, "Waiting", "PL")
	b.patch(path, "", `{"type":"finance","kind":"promotions","communication":"1way","notice_email":"a@example.com"}`)
	w := b.post(path+"/submit", "")
	require.Equal(t, http.StatusConflict, w.Code)
	p := decode[httpapi.Problem](t, w)
	require.Equal(t, "form_incomplete", p.Code)
	require.Equal(t, "logo: is missing: a logo of 200×200 pixels", p.Detail)
	require.Equal(t, []httpapi.FieldError{
		{Field: "logo", Code: "form_incomplete", Message: "is missing: a logo of 200×200 pixels"},
		{Field: "samples", Code: "form_incomplete", Message: "is missing: at least one sample message"},
	}, p.Errors)
	require.Equal(t, "new", decode[httpapi.SenderBody](t, b.get(path)).State)
	require.Equal(t, "submitted", decode[httpapi.SenderBody](t, b.operator("POST", path+"/submit", "")).State, "an operator knows of a form elsewhere")
}

func TestFormIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := "/v1/senders/" + account.SenderID(acc, "Waiting", "PL")
	for name, c := range map[string]struct {
		body    string
		status  int
		problem string
	}{
		"company of 12":   {`{"company":"ABCDEFGHIJKL"}`, 422, problem(422, "invalid_name", "company", "must be at most 11 letters A-Z, a-z or digits: ABCDEFGHIJK would do")},
		"no country":      {`{"registered_in":"XX"}`, 422, problem(422, "invalid_country", "registered_in", "must be a country by its ISO 3166-1 alpha-2 code, such as PL")},
		"type of 501":     {`{"type":"` + strings.Repeat("ż", 501) + `"}`, 422, problem(422, "too_long", "type", "must be at most 500 characters")},
		"11 samples":      {`{"samples":[` + strings.Repeat(`"x",`, 10) + `"x"]}`, 422, problem(422, "too_many", "samples", "must be at most 10 samples, each of at most 1000 characters")},
		"sample of 1001":  {`{"samples":["` + strings.Repeat("x", 1001) + `"]}`, 422, problem(422, "too_long", "samples[0]", "must be at most 1000 characters")},
		"logo of 201":     {`{"logo":"` + logoFile(t, 201) + `"}`, 422, problem(422, "invalid_logo", "logo", "has 201×200 pixels: crop or scale it to exactly 200×200")},
		"logo in words":   {`{"logo":"logo.png"}`, 422, problem(422, "invalid_logo", "logo", "is not the file in base64")},
		"another field":   {`{"names":"Other"}`, 400, problem(400, "unknown_field", "names", "is not a field of this request")},
		"list of numbers": {`{"samples":[1]}`, 400, problem(400, "invalid_type", "samples[0]", "must be a string")},
	} {
		t.Run(name, func(t *testing.T) {
			requireProblem(t, b.with(t).patch(path, "", c.body), c.status, c.problem)
		})
	}
	for _, bad := range []string{"1", `W/"1"`, `"x"`, `"0"`, `"1","2"`} {
		requireProblem(t, b.patch(path, bad, `{}`), 422, problem(422, "invalid_value", "If-Match", `must be an ETag of this resource, such as "3", or *`))
	}
	w := b.patch(path, "*", `{}`)
	require.Equal(t, `"1"`, w.Header().Get("ETag"), "nothing changed")
}

// Another account's sender is not there, whatever is asked of it.
func TestSendersOfOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := "/v1/senders/" + account.SenderID(acc, "Waiting", "PL")
	there := plain(404, "not_found", "there is nothing of that name here")
	for _, r := range []request{
		{method: "GET", path: path},
		{method: "PATCH", path: path, body: `{"kind":"x"}`},
		{method: "POST", path: path + "/submit"},
		{method: "POST", path: path + "/withdraw"},
		{method: "POST", path: path + "/disable", body: `{"reason":"x"}`},
		{method: "POST", path: path + "/disable/withdraw"},
		{method: "POST", path: path + "/enable", body: `{}`},
		{method: "POST", path: path + "/enable/withdraw"},
	} {
		r.key = otherKey
		requireProblem(t, b.call(r), 404, there)
	}
	for _, step := range []string{"pass", "approve", "return", "confirm", "suspend", "lift"} {
		require.Equal(t, http.StatusForbidden, b.post(path+"/"+step, `{}`).Code, step)
	}
	w := b.call(request{method: "POST", path: "/v1/senders", key: otherKey, body: `{"account":"` + acc + `","company":"x"}`})
	requireProblem(t, w, 422, problem(422, "invalid_value", "account", "there is no such account"))
	require.Empty(t, decode[httpapi.SenderList](t, b.call(request{method: "GET", path: "/v1/senders", key: otherKey})).Senders)
}

// B9: at most 20 countries of a name, name and country once, look-alikes told to the operator alone.
func TestSendersAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	countries := strings.Fields("PL DE CZ SK AT CH FR ES PT IT GB IE NL BE LU DK SE NO FI EE LV")
	for i, country := range countries {
		w := b.post("/v1/senders", `{"company":"Many","country":"`+country+`"}`)
		if i < account.MaxCountries {
			require.Equal(t, http.StatusCreated, w.Code, w.Body.String())
			continue
		}
		requireProblem(t, w, 422, problem(422, "too_many", "country", "is one too many: a sender name may have 20"))
	}
	require.Equal(t, http.StatusCreated, b.post("/v1/senders", `{"company":"Many","country":"PL"}`).Code, "a repeat")
	requireProblem(t, b.post("/v1/senders", `{"name":"Many","company":"Other","country":"PL"}`), 409,
		problem(409, "already_exists", "name", "names a sender that exists already in this country, with another company name or way of communication: "+
			"change that one's form (PATCH /v1/senders/"+account.SenderID(acc, "Many", "PL")+"), or choose another name"))

	w := b.call(request{method: "POST", path: "/v1/senders", key: otherKey, body: `{"name":"Μаnу","company":"x"}`})
	require.Equal(t, http.StatusCreated, w.Code, w.Body.String())
	like := decode[httpapi.SenderBody](t, w)
	require.Empty(t, like.LooksLike)
	seen := decode[httpapi.SenderBody](t, b.operator("GET", "/v1/senders/"+like.ID, ""))
	require.Len(t, seen.LooksLike, account.MaxCountries)
	require.Equal(t, "Many", seen.LooksLike[0].Name)
}

// F5, B13: what was asked for stands beside the state, with what the operator has to do.
func TestSenderIsSwitched(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := "/v1/senders/" + account.SenderID(acc, "GONIEC", "PL")
	get := func() httpapi.SenderBody {
		return decode[httpapi.SenderBody](t, b.call(request{method: "GET", path: path, key: clientKey}))
	}
	require.Equal(t, &httpapi.SwitchesBody{Off: 2, On: 2}, get().Switches)
	requireProblem(t, b.post(path+"/disable", `{"reason":"x","month":"2026-11-01"}`), 422, problem(422, "invalid_value", "month", "must be a month such as 2026-11"))
	require.Equal(t, http.StatusOK, b.post(path+"/disable", `{"reason":"season is over","month":"2026-12","close":true}`).Code)
	require.Equal(t, &httpapi.NoticeBody{Month: "2026-12", Effect: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), Close: true, Reason: "season is over"}, get().Notice)
	require.Equal(t, "active", get().State)
	require.Equal(t, http.StatusOK, b.operator("POST", path+"/suspend", `{"reason":"complaints"}`).Code)
	require.Equal(t, "operator", get().Suspended.By)
	w := b.call(request{method: "POST", path: "/v1/messages", key: clientKey, body: `{"to":"+48500100201","sender":"GONIEC","text":"Hi","category":"transactional"}`})
	require.Equal(t, http.StatusConflict, w.Code)
	require.Contains(t, w.Body.String(), `"sender_suspended"`)

	change := `{"kind":"promotions"}`
	require.Equal(t, http.StatusOK, b.patch(path, "", change).Code)
	require.Equal(t, []string{"kind"}, get().Change.Changed)
	require.Empty(t, decode[httpapi.TaskList](t, b.operator("GET", "/v1/tasks", "")).Tasks)
	other := "/v1/senders/" + account.SenderID(acc, "Waiting", "PL")
	require.Equal(t, http.StatusOK, b.operator("POST", other+"/submit", "").Code)
	tasks := decode[httpapi.TaskList](t, b.operator("GET", "/v1/tasks", "")).Tasks
	require.Len(t, tasks, 1)
	require.Equal(t, []string{"pass", "Waiting"}, []string{tasks[0].Kind, tasks[0].Name})
}

// rules.md A4: senders are shown with the month's minimum and traffic, and without
// them when they cannot be read.
func TestSendersAreShownWithTheirTraffic(t *testing.T) {
	t.Parallel()
	b := setup(t)
	list := decode[httpapi.SenderList](t, b.get("/v1/senders")).Senders
	require.NotEmpty(t, list)
	require.Nil(t, list[0].Traffic, "none before it was active")
	month := httpapi.SenderTraffic{Month: "2026-11", Currency: "PLN", Minimum: "300.00", Messages: 3, Amount: "0.27", LastMessages: 2, LastAmount: "0.18"}
	b.queries.months = map[string]httpapi.SenderTraffic{list[0].ID: month}
	b.queries.queues = nil
	require.Equal(t, &month, decode[httpapi.SenderList](t, b.get("/v1/senders")).Senders[0].Traffic)
	require.Equal(t, &month, decode[httpapi.SenderBody](t, b.get("/v1/senders/"+list[0].ID)).Traffic)
	b.operator("GET", "/v1/senders", "")
	require.Equal(t, []string{"months " + acc + " 2026-11", "months " + acc + " 2026-11", "months  2026-11"}, b.queries.queues)

	b.queries.err, b.queries.months = errors.New("down"), nil
	w := b.get("/v1/senders")
	require.Equal(t, http.StatusOK, w.Code)
	require.Nil(t, decode[httpapi.SenderList](t, w).Senders[0].Traffic)
}

// B6, F2, F3: what a client is told before the submission, and until the name is active.
func TestWhatFollowsIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := "/v1/senders/" + decode[httpapi.SenderBody](t, b.post("/v1/senders", `{"company":"Sklep"}`)).ID
	follows := func() *httpapi.FollowsBody { return decode[httpapi.SenderBody](t, b.get(path)).Follows }
	require.Equal(t, &httpapi.FollowsBody{
		Withdrawable: true, VerificationDaysMin: 7, VerificationDays: 14, ActivationDaysMin: 14, ActivationDays: 28, MinimumFrom: "2027-01",
	}, follows(), "passed on on the 10th, verified by the 20th (the 11th is a holiday), active on 4 December; no regulations yet")
	require.Equal(t, http.StatusCreated, b.publish("# Zasady", "2026-11-20").Code)
	require.Equal(t, http.StatusCreated, b.operator("POST", "/v1/regulations", `{"title":"Later","text":"`+base64Of("x")+`","content_type":"text/markdown","valid_from":"2027-01-02",
		"minimums":[{"country":"PL","currency":"PLN","amount":"900"}]}`).Code)
	require.Equal(t, "250.00", follows().Minimum.Amount, "of those in force when the month begins")

	require.Equal(t, http.StatusOK, b.operator("POST", path+"/submit", "").Code)
	require.True(t, follows().Withdrawable)
	require.Equal(t, http.StatusOK, b.operator("POST", path+"/pass", `{}`).Code)
	require.False(t, follows().Withdrawable)
	require.Equal(t, "2027-01", follows().MinimumFrom)
	require.Equal(t, http.StatusOK, b.operator("POST", path+"/approve", `{"service_id":9}`).Code)
	require.Nil(t, follows())
	for _, line := range decode[httpapi.SenderList](t, b.get("/v1/senders")).Senders {
		require.Nil(t, line.Follows, "lists are short")
	}
}

package cli

import (
	"bytes"
	"image"
	"image/gif"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/client"
	"goniec/domain/account"
)

func aSender() httpapi.SenderBody {
	return httpapi.SenderBody{
		ID: testID, Name: "Żabka", Company: "Zabka", Country: "PL", State: "new", Version: 3, Reasons: []string{"no such kind"},
		Missing:    []account.Item{{Code: "logo_missing", Field: "logo", Rule: "B3", Needs: "a logo of 200×200 pixels"}},
		Form:       &account.Form{Company: "Zabka", RegisteredIn: "PL", Type: "finance", Samples: []string{"Two\nlines"}},
		Submission: &httpapi.SubmissionBody{Number: 1, Changed: []string{"kind"}},
	}
}

func TestSenderShow(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("GET /v1/senders", 200, httpapi.SenderList{}).says("GET /v1/senders/*", 200, aSender())
	require.Contains(t, f.do("sender", "show").out, "goniec sender create")
	got := f.do("sender", "show", testID)
	for _, line := range []string{
		"Żabka for PL: new, version 3 (" + testID + ")\n", "  returned: no such kind\n", "  missing: a logo of 200×200 pixels\n", "  changed since submission 1: kind\n",
		"type           finance\n", "logo           –\n", "sample 1       Two lines\n",
	} {
		require.Contains(t, got.out, line)
	}
	require.Equal(t, aSender(), decode[httpapi.SenderBody](t, f.do("sender", "show", testID, "--json").out))
	ready := aSender()
	ready.Missing, ready.Follows = nil, &httpapi.FollowsBody{Withdrawable: true, VerificationDaysMin: 7, VerificationDays: 14, ActivationDaysMin: 14, ActivationDays: 28, MinimumFrom: "2027-01", Minimum: &account.Minimum{Amount: "300.00", Currency: "PLN", Unit: account.UnitAmount}}
	f.says("GET /v1/senders/*", 200, ready)
	told := f.do("sender", "show", testID).out
	require.Contains(t, told, "  from the submission on nothing of it can be changed; until it is passed on to Viber it can be withdrawn\n")
	require.Contains(t, told, "  Viber's verification takes 7 to 14 working days from then, the activation of the name 14 to 28 days more\n")
	require.Contains(t, told, "  minimum: 300.00 PLN a month, from the month after its activation on: 2027-01 at the earliest\n")
	ready.Follows.Minimum.Unit, ready.Follows.Minimum.Messages = account.UnitMessages, 5000
	require.Contains(t, f.says("GET /v1/senders/*", 200, ready).do("sender", "show", testID).out, "  minimum: 300.00 PLN a month, unless 5,000 Viber messages are charged, from")
	ready.Follows.Minimum, ready.State = nil, "submitted"
	require.Contains(t, f.says("GET /v1/senders/*", 200, ready).do("sender", "show", testID).out, "withdrawn: goniec sender withdraw "+testID)
	ready.Follows.Withdrawable = false
	require.Contains(t, f.says("GET /v1/senders/*", 200, ready).do("sender", "show", testID).out, "it cannot be withdrawn\n")
	require.Contains(t, f.says("GET /v1/senders/*", 200, ready).do("sender", "show", testID).out, "  minimum: none in the regulations")
	active := aSender()
	active.State, active.Missing, active.Traffic = "active", nil, &httpapi.SenderTraffic{Month: "2026-11", Currency: "PLN", Minimum: "300.00", Messages: 1200, Amount: "120.50", LastAmount: "0.00"}
	f.says("GET /v1/senders", 200, httpapi.SenderList{Senders: []httpapi.SenderBody{aSender(), active}})
	require.Len(t, decode[httpapi.SenderList](t, f.do("sender", "show", "--json").out).Senders, 2)
	list := f.do("sender", "show").out
	require.Regexp(t, testID+` +Żabka +PL +new +1 +- +- +-\n`, list)
	require.Regexp(t, testID+` +Żabka +PL +active +0 +300.00 PLN +1,200, 120.50 PLN +0, 0.00 PLN\n`, list)
	f.says("GET /v1/senders/*", 200, active)
	require.Contains(t, f.do("sender", "show", testID).out, "  on Viber in 2026-11: 1,200, 120.50 PLN; last month 0, 0.00 PLN; minimum: 300.00 PLN\n")
	f.says("GET /v1/senders/*", 404, httpapi.Problem{Status: 404, Code: "not_found", Detail: "x"})
	require.Equal(t, result{ExitRefused, "", "goniec: this account has no such sender (not_found)\n"}, f.do("sender", "show", testID))
}

func TestSenderSteps(t *testing.T) {
	t.Parallel()
	var matches []string
	answer := func(_ int, _ []byte, r *http.Request) (int, any) {
		matches = append(matches, r.Header.Get("If-Match"))
		s := aSender()
		s.State = "submitted"
		return 200, s
	}
	f := newFake(t).on("POST /v1/senders/"+testID+"/submit", answer).on("POST /v1/senders/"+testID+"/withdraw", answer).
		says("POST /v1/senders", 201, aSender())
	require.Equal(t, result{0, "Żabka for PL is submitted, version 3\n", ""}, f.do("sender", "submit", testID, "--if-version", "3"))
	require.Equal(t, 0, f.do("sender", "withdraw", testID).code)
	require.Equal(t, []string{`"3"`, ""}, matches)
	require.Equal(t, 0, f.do("sender", "create", "--company", "Zabka", "--name", "Żabka").code)
	require.JSONEq(t, `{"company":"Zabka","name":"Żabka","country":"PL"}`, f.got("POST /v1/senders")[2].body)
	f.says("POST /v1/senders/"+testID+"/submit", 409, httpapi.Problem{Status: 409, Code: "form_incomplete", Errors: []httpapi.FieldError{
		{Field: "logo", Code: "form_incomplete", Message: "is missing: a logo of 200×200 pixels"},
	}})
	require.Equal(t, result{ExitRefused, "", "goniec: logo: is missing: a logo of 200×200 pixels (form_incomplete)\n"}, f.do("sender", "submit", testID))
}

func TestSenderSet(t *testing.T) {
	t.Parallel()
	var whole, small bytes.Buffer
	require.NoError(t, png.Encode(&whole, image.NewGray(image.Rect(0, 0, 200, 200))))
	require.NoError(t, gif.Encode(&small, image.NewGray(image.Rect(0, 0, 20, 20)), nil))
	f := newFake(t).says("PATCH /v1/senders/*", 200, aSender())
	require.Equal(t, 0, f.do("sender", "set", testID, "--type", "finance", "--sample", "a, b", "--sample", "c", "--logo", file(t, "logo.png", whole.String())).code)
	body := decode[httpapi.FormRequest](t, f.got("PATCH")[0].body)
	require.Equal(t, "finance", *body.Type)
	require.Equal(t, []string{"a, b", "c"}, *body.Samples)
	require.NotEmpty(t, *body.Logo)
	require.Nil(t, body.Kind, "what is not named stays as it is")
	require.Equal(t, 0, f.do("sender", "set", testID, "--kind", "", "--sample", "", "--logo", "").code)
	require.JSONEq(t, `{"kind":"","samples":[],"logo":""}`, f.got("PATCH")[1].body, "what is empty is taken away")

	require.Equal(t, result{ExitRefused, "", "goniec: logo: has 20×20 pixels: crop or scale it to exactly 200×200 (invalid_logo)\n"},
		f.do("sender", "set", testID, "--logo", file(t, "logo.gif", small.String())))
	require.Equal(t, ExitUsage, f.do("sender", "set", testID).code)
	require.Equal(t, ExitUsage, f.do("sender", "set", testID, "--logo", filepath.Join(t.TempDir(), "none")).code)
	require.Equal(t, ExitUsage, f.do("sender", "create").code)
	require.Len(t, f.got("PATCH"), 2)
	f.says("PATCH /v1/senders/*", 412, client.Error{})
	require.Equal(t, ExitRefused, f.do("sender", "set", testID, "--kind", "x", "--if-version", "2").code)
}

func TestSenderLogo(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("GET /v1/senders/"+testID+"/logo", 200, "\x89PNG and so on")
	path := filepath.Join(t.TempDir(), "saved.png")
	require.Equal(t, result{0, path + ": 14 bytes, SHA-256 29a1575c11fb9bb9cc316909eea3477825b394861e0c2204aa51a96a2e6883b3\n", ""}, f.do("sender", "logo", testID, "--out", path))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "\x89PNG and so on", string(data))
	require.Equal(t, ExitUsage, f.do("sender", "logo", testID).code)
	require.Equal(t, ExitUsage, f.do("sender", "logo", testID, "--out", filepath.Join(t.TempDir(), "none", "x")).code)
	f.says("GET /v1/senders/"+testID+"/logo", 404, httpapi.Problem{Status: 404, Code: "not_found", Detail: "x"})
	require.Equal(t, result{ExitRefused, "", "goniec: this account has no such sender or logo (not_found)\n"}, f.do("sender", "logo", testID, "--out", path))
}

// rules.md A4, F2, F3: the minimum in words.
func TestMinimumIsTold(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]*httpapi.SenderTraffic{
		"-":                               nil,
		"none in the month of activation": {Free: "activation_month"},
		"none, it is not active":          {Free: "not_active"},
		"of_a_newer_build":                {Free: "of_a_newer_build"},
		"300.00 PLN":                      {Minimum: "300.00", Currency: "PLN"},
		"5 messages or 300.00 PLN":        {Minimum: "300.00", Currency: "PLN", MinimumMessages: 5},
	} {
		require.Equal(t, want, owedWords(m))
	}
}

package cli

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
)

const testAttempt = "0003b1a2-c3d4-8e5f-8a6b-0123456789ac"

func TestUnknownList(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("GET /v1/unknown", 200, httpapi.UnknownList{})
	require.Equal(t, "no outcome is unknown\n", f.do("unknown", "list").out)
	since := time.Date(2026, 11, 10, 9, 0, 0, 0, time.UTC)
	u := httpapi.UnknownAttempt{Message: testID, Attempt: testAttempt, Account: "a", State: "unknown", Country: "PL", Channel: "viber", Since: since, Reason: "timeout"}
	f.says("GET /v1/unknown", 200, httpapi.UnknownList{Attempts: []httpapi.UnknownAttempt{u}})
	require.Contains(t, f.do("unknown", "list", "--limit", "7").out,
		moment(since)+"  "+testID+"  "+testAttempt+"  Viber    a        PL  unknown  Viber did not answer\n")
	require.Equal(t, "GET /v1/unknown?limit=7", f.got("")[1].at)
	require.Equal(t, u, decode[httpapi.UnknownList](t, f.do("unknown", "list", "--json").out).Attempts[0])
	require.Equal(t, ExitUsage, f.do("unknown", "list", "--limit", "0").code)
}

func TestUnknownResolve(t *testing.T) {
	t.Parallel()
	list := httpapi.UnknownList{Attempts: []httpapi.UnknownAttempt{{Message: testID, Attempt: testAttempt}}}
	const path = "POST /v1/unknown/" + testID + "/resolve"
	f := newFake(t).says("GET /v1/unknown", 200, list).says(path, 200, httpapi.ChangedBody{Changed: true})
	require.Equal(t, result{0, "resolved\n", ""}, f.do("unknown", "resolve", testAttempt, "--as", "not-sent", "--reason", "asked"))
	require.JSONEq(t, `{"attempt":"`+testAttempt+`","as":"not_sent","reason":"asked"}`, f.got("POST")[0].body)
	f.says(path, 200, httpapi.ChangedBody{})
	require.Equal(t, result{0, "resolved; it was so already\n", ""}, f.do("unknown", "resolve", testID, "--as", "send-sms", "--reason", "asked"))
	require.JSONEq(t, `{"as":"send_sms","reason":"asked"}`, f.got("POST")[1].body)

	f.do("unknown", "resolve", testID, "--as", "send_sms", "--reason", "asked")
	require.JSONEq(t, `{"as":"send_sms","reason":"asked"}`, f.got("POST")[2].body, "both spellings")
	require.Equal(t, result{ExitUsage, "", "goniec: --as: must be sent, not-sent or send-sms\n"}, f.do("unknown", "resolve", testID, "--as", "maybe", "--reason", "asked"))

	f.says(path, 409, map[string]any{"status": 409, "code": "nothing_open", "detail": "no outcome is unknown here"})
	got := f.do("unknown", "resolve", testID, "--as", "sent", "--reason", "asked")
	require.Equal(t, ExitRefused, got.code)
	require.Contains(t, got.err, "no outcome is unknown here")
	f.says(path, 404, map[string]any{"status": 404, "code": "not_found", "detail": "no"})
	require.Equal(t, result{ExitRefused, "", "goniec: no attempt of unknown outcome and no message has this id (not_found)\n"},
		f.do("unknown", "resolve", testID, "--as", "sent", "--reason", "asked"))
	require.Equal(t, ExitUsage, f.do("unknown", "resolve", testID, "--as", "sent").code)
	require.Equal(t, ExitUsage, f.do("unknown", "resolve", testID, "--reason", "x").code)
}

func TestUnmatchedList(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("GET /v1/unmatched", 200, httpapi.UnmatchedList{})
	require.Equal(t, "every report fits an attempt\n", f.do("unmatched", "list").out)
	at := time.Date(2026, 11, 10, 9, 0, 0, 0, time.UTC)
	r := httpapi.UnmatchedReport{ID: "r", Route: "viber", CarrierID: "77", Status: "delivered", At: at, Received: at.Add(time.Second), Why: "no_attempt"}
	f.says("GET /v1/unmatched", 200, httpapi.UnmatchedList{Reports: []httpapi.UnmatchedReport{r}})
	require.Contains(t, f.do("unmatched", "list", "--limit", "9").out,
		moment(r.Received)+"  viber  77            delivered  "+moment(at)+"  no attempt has its id, and none to its number is in doubt\n")
	require.Equal(t, "GET /v1/unmatched?limit=9", f.got("")[1].at)
	require.Equal(t, r, decode[httpapi.UnmatchedList](t, f.do("unmatched", "list", "--json").out).Reports[0])
	require.Equal(t, ExitUsage, f.do("unmatched", "list", "--limit", "1001").code)
}

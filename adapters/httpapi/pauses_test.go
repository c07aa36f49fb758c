package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/domain/account"
)

// Each switch but a route's refuses new messages with its name, and nothing of
// them is taken in; when it is off they are taken again.
func TestPausedIsRefused(t *testing.T) {
	t.Parallel()
	id, name := account.SenderID(acc, "GONIEC", "PL"), account.SenderID(acc, "GONIEC", "")
	for _, c := range []struct{ body, sw string }{
		{`"scope":"all"`, "all"},
		{`"scope":"account","account":"` + acc + `"`, "account/" + acc},
		{`"scope":"sender","sender":"` + id + `"`, "sender/" + id},
		{`"scope":"sender","account":"` + acc + `","sender":"GONIEC"`, "sender/" + name},
	} {
		b := setup(t)
		w := b.operator("POST", "/v1/pause", `{`+c.body+`,"reason":"broken"}`)
		require.JSONEq(t, `{"switch":"`+c.sw+`","paused":true,"changed":true}`, w.Body.String())
		require.Equal(t, account.Installation, b.decider.owners[0])
		body := `{"to":"+48500100201","sender":"GONIEC","category":"transactional","text":"Hi"}`
		want := "sending is paused by the operator (switch " + c.sw + "); nothing was accepted, try again when it is resumed"
		requireProblem(t, b.post("/v1/messages", body), http.StatusConflict, problem(409, "paused", "", want))
		batch := decode[httpapi.BatchBody](t, b.post("/v1/messages/batch", `{"messages":[`+body+`]}`))
		require.Equal(t, "paused", batch.Results[0].Code)
		require.Zero(t, b.accepter.calls)

		w = b.operator("POST", "/v1/resume", `{`+c.body+`,"reason":"mended"}`)
		require.JSONEq(t, `{"switch":"`+c.sw+`","paused":false,"changed":true}`, w.Body.String())
		require.Equal(t, http.StatusAccepted, b.post("/v1/messages", body).Code)
	}
}

func TestPausesAreListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.JSONEq(t, `{"pauses":[]}`, b.operator("GET", "/v1/pauses", "").Body.String())
	b.operator("POST", "/v1/pause", `{"scope":"route","route":"sms","reason":"broken"}`)
	w := b.operator("POST", "/v1/pause", `{"scope":"route","route":"sms","reason":"again"}`)
	require.JSONEq(t, `{"switch":"route/sms","paused":true,"changed":false}`, w.Body.String())
	got := decode[httpapi.PauseList](t, b.operator("GET", "/v1/pauses", "")).Pauses
	require.Len(t, got, 1)
	require.Equal(t, httpapi.PauseBody{Switch: "route/sms", Scope: "route", Route: "sms", Reason: "broken", By: got[0].By, Since: now}, got[0])
	require.Contains(t, got[0].By, "key:")
	w = b.post("/v1/messages", `{"to":"+48500100201","sender":"GONIEC","category":"transactional","text":"Hi"}`)
	require.Equal(t, http.StatusAccepted, w.Code, "a paused route refuses nothing")
}

func TestPauseIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nobody := uuid.Nil.String()[:35] + "1"
	for name, c := range map[string]struct{ body, problem string }{
		"no scope":    {`{"reason":"x"}`, problem(422, "required", "scope", "is required")},
		"no reason":   {`{"scope":"all"}`, problem(422, "required", "reason", "is required")},
		"nobody":      {`{"scope":"account","account":"` + nobody + `","reason":"x"}`, problem(422, "invalid_value", "account", "there is no such account")},
		"no sender":   {`{"scope":"sender","sender":"` + nobody + `","reason":"x"}`, problem(422, "invalid_value", "sender", "there is no such sender")},
		"not its own": {`{"scope":"sender","account":"` + other + `","sender":"GONIEC","reason":"x"}`, problem(422, "invalid_value", "sender", "there is no such sender")},
		"no route":    {`{"scope":"route","route":"fax","reason":"x"}`, problem(422, "invalid_value", "route", "must be viber or sms")},
	} {
		t.Run(name, func(t *testing.T) {
			requireProblem(t, b.with(t).operator("POST", "/v1/pause", c.body), 422, c.problem)
			requireProblem(t, b.with(t).operator("POST", "/v1/resume", c.body), 422, c.problem)
		})
	}
	for _, at := range []string{"/v1/pause", "/v1/resume"} {
		require.Equal(t, http.StatusForbidden, b.post(at, `{"scope":"all","reason":"x"}`).Code)
	}
	require.Equal(t, http.StatusForbidden, b.get("/v1/pauses").Code)
}

package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/domain"
	"goniec/domain/message"
)

func TestUnknownAttemptsAreListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.queries.unknown = []httpapi.UnknownAttempt{{Message: msgID, Attempt: keyID, Account: acc, Channel: "sms", Since: now, Reason: "timeout"}}
	got := decode[httpapi.UnknownList](t, b.operator("GET", "/v1/unknown", ""))
	require.Equal(t, b.queries.unknown, got.Attempts)
	b.operator("GET", "/v1/unknown?id="+keyID+"&limit=1000", "")
	require.Equal(t, []string{" 200", keyID + " 1000"}, b.queries.queues)
	for _, limit := range []string{"0", "1001", "x"} {
		requireProblem(t, b.operator("GET", "/v1/unknown?limit="+limit, ""), 422, problem(422, "invalid_value", "limit", "must be from 1 to 1000"))
	}
	requireProblem(t, b.operator("GET", "/v1/unknown?id=500100201", ""), 422, problem(422, "invalid_value", "id", "must be the id of a message or an attempt"))
	require.Equal(t, http.StatusForbidden, b.get("/v1/unknown").Code)
}

func TestAnOutcomeIsResolved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.decider.out.Events = []string{message.TypeOutcomeDecided}
	at := "/v1/unknown/" + msgID + "/resolve"
	w := b.operator("POST", at, `{"attempt":"`+keyID+`","as":"send_sms","reason":"asked"}`)
	require.JSONEq(t, `{"changed":true}`, w.Body.String())
	require.Equal(t, []string{msgID}, b.decider.cancels)
	r := b.decider.resolved[0]
	require.Contains(t, r.By, "key:")
	require.Equal(t, message.Resolve{Attempt: keyID, As: message.AsSMS, Reason: "asked", By: r.By}, r)
	b.decider.out.Events = nil
	require.JSONEq(t, `{"changed":false}`, b.operator("POST", at, `{"as":"sent","reason":"asked"}`).Body.String())

	for code, status := range map[string]int{"nothing_open": 409, "several_open": 409, "no_sms_possible": 409, "not_found": 404} {
		b.decider.err = domain.Refuse(code, "no outcome is unknown here")
		requireProblem(t, b.operator("POST", at, `{"as":"sent","reason":"asked"}`), status, problem(status, code, "", "no outcome is unknown here"))
	}
	requireProblem(t, b.operator("POST", at, `{"as":"sent"}`), 422, problem(422, "required", "reason", "is required"))
	requireProblem(t, b.operator("POST", at, `{"as":"lost","reason":"x"}`), 422, problem(422, "invalid_value", "as", "must be sent, not_sent or send_sms"))
	require.Equal(t, http.StatusNotFound, b.operator("POST", "/v1/unknown/x/resolve", `{"as":"sent","reason":"x"}`).Code)
	require.Equal(t, http.StatusForbidden, b.post(at, `{"as":"sent","reason":"x"}`).Code)
}

func TestUnmatchedReportsAreListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.queries.unmatched = []httpapi.UnmatchedReport{{ID: "r", Route: "viber", Channel: "viber", CarrierID: "77", Status: "delivered", At: now, Received: now, Why: "no_attempt"}}
	got := decode[httpapi.UnmatchedList](t, b.operator("GET", "/v1/unmatched?limit=3", ""))
	require.Equal(t, b.queries.unmatched, got.Reports)
	require.Equal(t, []string{"unmatched 3"}, b.queries.queues)
	requireProblem(t, b.operator("GET", "/v1/unmatched?limit=0", ""), 422, problem(422, "invalid_value", "limit", "must be from 1 to 1000"))
	require.Equal(t, http.StatusForbidden, b.get("/v1/unmatched").Code)
}

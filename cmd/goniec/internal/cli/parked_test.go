package cli

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
)

func TestParked(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 10, 9, 0, 0, 0, time.UTC)
	ended := at.Add(time.Minute)
	first := httpapi.Parked{ID: "p1", State: "parked", Reason: "decision_failed", Detail: "panic: string", Type: "message.request.v1", Stream: "message/1", Lane: "inbox.urgent", Partition: 3, Offset: 7, At: at, Behind: 1, Retries: 1}
	second := httpapi.Parked{ID: "p2", State: "parked", Reason: "behind_parked", Type: "message.cancel.v1", Stream: "message/1", Position: 1, At: at}
	over := httpapi.Parked{ID: "p3", State: "dropped", Reason: "unreadable_record", At: at, EndedAt: &ended, EndedBy: "key:k1", Note: "a test"}
	f := newFake(t).
		on("GET /v1/parked", func(n int, _ []byte, r *http.Request) (int, any) {
			if r.URL.Query().Get("cursor") == "c" {
				return 200, httpapi.ParkedList{Parked: []httpapi.Parked{first}}
			}
			return 200, httpapi.ParkedList{Parked: []httpapi.Parked{second}, Next: "c"}
		}).
		says("GET /v1/parked/p1", 200, httpapi.ParkedThing{Parked: first, Line: []httpapi.Parked{second}}).
		says("GET /v1/parked/p3", 200, httpapi.ParkedThing{Parked: over, Line: []httpapi.Parked{}}).
		says("POST /v1/parked/p1/content", 200, httpapi.ParkedContent{ID: "p1", Key: "message/1", Headers: map[string]string{"cmd_id": "c1"}, Value: "{}"}).
		says("POST /v1/parked/p1/retry", 200, httpapi.UnparkedBody{Decided: 2}).
		says("POST /v1/parked/p2/retry", 409, httpapi.Problem{Status: 409, Code: "waits_behind", Detail: "it waits behind another one"}).
		says("POST /v1/parked/p1/drop", 200, httpapi.UnparkedBody{ParkedAgain: true})
	when := moment(at)
	list := f.do("parked", "list").out
	require.Equal(t, "ID  PARKED               STATE   REASON           TYPE                HOLDS      POSITION  BEHIND\n"+
		"p2  "+when+"  parked  behind_parked    message.cancel.v1   message/1  1         0\n"+
		"p1  "+when+"  parked  decision_failed  message.request.v1  message/1  0         1\n", list)
	require.Equal(t, parkedBody{[]httpapi.Parked{second}, true}, decode[parkedBody](t, f.do("parked", "list", "--json", "--limit", "1").out))
	require.Equal(t, "GET /v1/parked?all=false&limit=1", f.got("GET /v1/parked?")[2].at)

	show := "id        p1\nstate     parked\nreason    decision_failed, panic: string\ntype      message.request.v1\nholds     message/1\n" +
		"parked    " + when + "\ncame by   inbox.urgent/3, offset 7\nretried   1 time, in vain\nbehind it 1\n  p2  " + when + "  message.cancel.v1\n"
	require.Equal(t, result{0, show, ""}, f.do("parked", "show", "p1"))
	require.Empty(t, f.got("POST"), "nothing was shown that has to be recorded")
	require.Equal(t, show+"key       message/1\ncmd_id: c1\n{}\n", f.do("parked", "show", "p1", "--content").out)
	require.Contains(t, f.do("parked", "show", "p3").out, "state     dropped "+moment(ended)+" by API key k1: a test\n")

	require.Equal(t, result{0, "2 commands decided\n", ""}, f.do("parked", "retry", "p1"))
	refused := f.do("parked", "retry", "p2")
	require.Equal(t, result{ExitRefused, "", "goniec: it waits behind another one (waits_behind)\n"}, refused)
	require.Equal(t, ExitUsage, f.do("parked", "drop", "p1").code)
	require.Equal(t, result{ExitFailed, "dropped; 0 commands decided\n", "goniec: one failed again and stays parked: see goniec parked list\n"}, f.do("parked", "drop", "p1", "--reason", "a test"))
	require.JSONEq(t, `{"reason":"a test"}`, f.got("POST /v1/parked/p1/drop")[0].body)
}

// Without a key that was named, the operator's of the running up is used.
func TestParkedUsesTheOperatorsKey(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("GET /v1/parked", 200, httpapi.ParkedList{Parked: []httpapi.Parked{}})
	require.NoError(t, os.WriteFile(f.keyFile(), []byte("gnc_client\n"), 0o600))
	require.Equal(t, result{0, "nothing is parked\n", ""}, f.up("parked", "list"))
	require.Equal(t, result{0, `{"parked":[],"more":false}` + "\n", ""}, f.up("parked", "list", "--json"))
	var body errorBody
	require.NoError(t, json.Unmarshal([]byte(f.up("messages", "list", "--json").err), &body))
	require.NotZero(t, body.Exit)
}

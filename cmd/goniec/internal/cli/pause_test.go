package cli

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/client"
)

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		body string
	}{
		{[]string{"account", testID}, `{"scope":"account","account":"` + testID + `","reason":"why"}`},
		{[]string{"sender", testID}, `{"scope":"sender","sender":"` + testID + `","reason":"why"}`},
		{[]string{"sender", "GONIEC", "--account", testID}, `{"scope":"sender","account":"` + testID + `","sender":"GONIEC","reason":"why"}`},
		{[]string{"route", "viber"}, `{"scope":"route","route":"viber","reason":"why"}`},
		{[]string{"all"}, `{"scope":"all","reason":"why"}`},
	} {
		f := newFake(t).says("POST /v1/pause", 200, httpapi.SwitchBody{Switch: "route/viber", Paused: true, Changed: true}).
			says("POST /v1/resume", 200, httpapi.SwitchBody{Switch: "route/viber"})
		require.Equal(t, result{0, "the route to Viber is paused (route/viber)\n", ""}, f.do(append([]string{"pause", "--reason", "why"}, c.args...)...))
		require.JSONEq(t, c.body, f.got("POST /v1/pause")[0].body)
		require.Equal(t, result{0, "route/viber is resumed; it was not paused\n", ""}, f.do(append([]string{"resume", "--reason", "why"}, c.args...)...))
		require.JSONEq(t, c.body, f.got("POST /v1/resume")[0].body)
	}
}

func TestPauseIsUsedRightly(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for _, args := range [][]string{
		{"pause", "all"}, {"pause", "sender", "GONIEC", "--reason", "x"}, {"pause", "route", "--reason", "x"}, {"resume", "everything", "--reason", "x"},
	} {
		require.Equal(t, ExitUsage, f.do(args...).code, args)
	}
	require.Empty(t, f.got(""))
	f.says("POST /v1/pause", 422, client.Error{})
	require.Equal(t, ExitRefused, f.do("pause", "route", "fax", "--reason", "x").code)
}

func TestPauseList(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("GET /v1/pauses", 200, httpapi.PauseList{})
	require.Equal(t, "nothing is paused\n", f.do("pause", "list").out)
	since := time.Date(2026, 11, 10, 9, 0, 0, 0, time.UTC)
	f.says("GET /v1/pauses", 200, httpapi.PauseList{Pauses: []httpapi.PauseBody{
		{Switch: "sender/x", Account: testID, Sender: "GONIEC", Reason: "complaints", By: "key:k", Since: since},
	}})
	got := f.do("pause", "list")
	require.Contains(t, got.out, "sender GONIEC of account "+testID)
	require.Contains(t, got.out, moment(since)+"  API key k  complaints")
}

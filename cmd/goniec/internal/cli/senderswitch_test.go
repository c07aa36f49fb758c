package cli

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
)

// What stands beside a sender's state is told, in lists too (F5–F7, B13).
func TestSenderIsToldWithItsBadges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s     httpapi.SenderBody
		badge string
		lines []string
	}{
		{httpapi.SenderBody{State: "active"}, "active", nil},
		{
			httpapi.SenderBody{State: "active", Notice: &httpapi.NoticeBody{Month: "2026-11", Reason: "season"}, Switches: &httpapi.SwitchesBody{Off: 1, On: 2}},
			"active, ends 2026-11",
			[]string{"is disabled at the end of 2026-11: season", "this year it can still be switched off 1 time, and on 2 times"},
		},
		{
			httpapi.SenderBody{State: "active", Suspended: &httpapi.SuspendedBody{By: "carrier", Reason: "status 43"}},
			"active, suspended",
			[]string{"suspended by the carrier: status 43"},
		},
		{
			httpapi.SenderBody{State: "disabled", Closed: true, Task: &httpapi.TaskBody{Kind: "switch_off", Due: time.Date(2026, 12, 3, 0, 0, 0, 0, time.UTC), Overdue: true}},
			"disabled, closed",
			[]string{"closed for good", "operator's task: switch_off, due 2026-12-02 (overdue)"},
		},
		{
			httpapi.SenderBody{State: "disabled", Enabling: &httpapi.EnablingBody{From: "2027-01-01"}},
			"disabled, on from 2027-01-01",
			[]string{"asked to be on from 2027-01-01"},
		},
	} {
		require.Equal(t, c.badge, badged(c.s))
		require.Equal(t, c.lines, switchLines(c.s))
	}
}

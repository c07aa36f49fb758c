package message_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/domain/message"
)

var update = flag.Bool("update", false, "write docs/states.md from the transition tables")

const statesPage = "../../docs/states.md"

// docs/states.md draws the tables; run this test with -update after a change of them.
func TestStatesPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(statesPage)
	require.NoError(t, err)
	want := between(t, string(page), "message", message.Mermaid())
	want = between(t, want, "attempt", message.MermaidAttempt())
	if *update {
		require.NoError(t, os.WriteFile(statesPage, []byte(want), 0o644)) // a page of the documentation
		return
	}
	require.Equal(t, want, string(page), "docs/states.md is out of date: go test ./domain/message -run StatesPage -update")
}

// between puts a diagram between the markers of name.
func between(t *testing.T, page, name, diagram string) string {
	begin, end := "<!-- "+name+": begin -->\n", "<!-- "+name+": end -->"
	before, rest, ok := strings.Cut(page, begin)
	require.True(t, ok, "no marker %q", begin)
	_, after, ok := strings.Cut(rest, end)
	require.True(t, ok, "no marker %q", end)
	return before + begin + "```mermaid\n" + diagram + "```\n" + end + after
}

// Every event type has a row, no row leads down, and no two rows contradict each other.
func TestTransitionsAreWhole(t *testing.T) {
	t.Parallel()
	type key struct {
		event string
		from  message.Status
	}
	seen, events := map[key]bool{}, map[string]bool{}
	for _, row := range message.Transitions() {
		events[row.Event] = true
		for _, from := range row.From {
			require.False(t, seen[key{row.Event, from}], "%s from %q twice", row.Event, from)
			seen[key{row.Event, from}] = true
			if row.To != "" {
				require.GreaterOrEqual(t, rank[row.To], rank[from], "%s: %s → %s", row.Event, from, row.To)
			}
		}
	}
	for _, e := range everyEvent() {
		require.True(t, events[e.EventType()], e.EventType())
	}
	require.Len(t, events, len(everyEvent()))
}

func everyEvent() []message.Event {
	return []message.Event{
		message.Accepted{},
		message.Refused{},
		message.Waiting{},
		message.Paused{},
		message.Resumed{},
		message.Released{},
		message.AttemptStarted{},
		message.AttemptAccepted{},
		message.AttemptRefused{},
		message.AttemptUnknown{},
		message.AttemptNotSent{},
		message.AttemptResolved{},
		message.OutcomeDecided{},
		message.PartReported{},
		message.Delivered{},
		message.Read{},
		message.Undelivered{},
		message.FellBack{},
		message.Charged{},
		message.CancelRequested{},
		message.OptedOut{},
		message.Failed{},
		message.Unknown{},
		message.Cancelled{},
	}
}

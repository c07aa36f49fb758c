package decider_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/account"
	"goniec/eventstore"
)

// Who read what is decided as configuration is, see rules.md G1.
func TestWhatIsReadIsAnEvent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir())
	note := account.NoteAccess{What: account.AccessExport, Detail: "all types", By: "shell/ola"}
	b.send(eventstore.InboxUrgent, 1, eventstore.Command{Type: account.CommandNoteAccess, Stream: account.AccessStream, Account: account.Installation, Actor: note.By}, note)
	require.Eventually(t, func() bool {
		events := b.journal(eventstore.Accounts, 1)
		return len(events) == 1 && events[0].Type == account.TypeAccessNoted && events[0].Stream == account.AccessStream && events[0].Actor == note.By
	}, time.Minute, 20*time.Millisecond)
}

package account_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
)

// What people read is recorded, see rules.md G1.
func TestWhatIsReadIsRecorded(t *testing.T) {
	t.Parallel()
	s := account.State{Stream: account.AccessStream}
	ask := account.NoteAccess{What: account.AccessMatch, Subject: "message/x", By: "shell/ola"}
	for range 2 { // each reading is one
		events, err := account.Decide(s, account.Facts{}, ask)
		require.NoError(t, err)
		require.Equal(t, []account.Event{account.AccessNoted(ask)}, events)
		s = account.Evolve(s, events[0], noon)
	}
	require.Equal(t, int64(2), s.Version)

	for field, change := range map[string]func(*account.NoteAccess){
		"what":    func(c *account.NoteAccess) { c.What = "everything" },
		"by":      func(c *account.NoteAccess) { c.By = "" },
		"subject": func(c *account.NoteAccess) { c.Subject = strings.Repeat("x", account.MaxAccessDetail+1) },
		"detail":  func(c *account.NoteAccess) { c.Detail = strings.Repeat("x", account.MaxAccessDetail+1) },
	} {
		bad := ask
		change(&bad)
		_, err := account.Decide(s, account.Facts{}, bad)
		var refused *domain.Error
		require.ErrorAs(t, err, &refused, field)
		require.Equal(t, field, refused.Field)
	}
	_, err := account.Decide(account.State{Stream: "access/other"}, account.Facts{}, ask)
	require.Error(t, err)
}

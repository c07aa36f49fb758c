package account_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
)

// Each role has its side: the installation, or an account.
func TestRolesHaveTheirSide(t *testing.T) {
	t.Parallel()
	const unknown = "must be client-admin, client-viewer, operator, billing or auditor"
	for _, c := range []struct{ account, role, refused string }{
		{acc, "client-admin", ""},
		{acc, "client-viewer", ""},
		{acc, "client", ""},
		{acc, "operator", "operator keys belong to account " + account.Installation},
		{acc, "billing", "billing keys belong to account " + account.Installation},
		{acc, "auditor", "auditor keys belong to account " + account.Installation},
		{account.Installation, "operator", ""},
		{account.Installation, "billing", ""},
		{account.Installation, "auditor", ""},
		{account.Installation, "client-admin", "the installation has operator, billing and auditor keys only"},
		{account.Installation, "client-viewer", "the installation has operator, billing and auditor keys only"},
		{account.Installation, "client", "the installation has operator, billing and auditor keys only"},
		{acc, "", unknown},
		{acc, "Client-Admin", unknown},
		{account.Installation, "root", unknown},
	} {
		stream := account.AccountStream(c.account)
		issue := account.IssueKey{Key: key, Hash: hash, Role: c.role, Label: "x"}
		events, err := account.Decide(given(t, stream, account.Create{Name: "x"}), facts(now), issue)
		if c.refused == "" {
			require.NoError(t, err, c)
			issue.Role = account.RoleNow(c.role)
			require.Equal(t, []account.Event{account.KeyIssued(issue)}, events)
			continue
		}
		var refusal *domain.Error
		require.ErrorAs(t, err, &refusal, c)
		require.Equal(t, domain.Error{Code: "invalid_value", Field: "role", Message: c.refused}, *refusal)
	}
	for _, role := range account.Roles() {
		require.NotEqual(t, "client", role)
		require.Equal(t, role, account.RoleNow(role))
	}
}

// An event of before says "client": its key is a client-admin's, and asking for it
// again by either name changes nothing.
func TestOldKeysAreAdmins(t *testing.T) {
	t.Parallel()
	stream := account.AccountStream(acc)
	var old account.KeyIssued
	require.NoError(t, json.Unmarshal([]byte(`{"key":"`+key+`","hash":"`+hash+`","role":"client","label":"x"}`), &old))
	view := account.NewView()
	view.Apply(stream, 1, account.AccountCreated{Name: "x"}, now)
	view.Apply(stream, 2, old, now)
	k, ok := view.KeyByHash(hash)
	require.True(t, ok)
	require.Equal(t, account.RoleClientAdmin, k.Role)

	s := account.Evolve(given(t, stream, account.Create{Name: "x"}), old, now)
	for _, role := range []string{account.RoleClient, account.RoleClientAdmin} {
		events, err := account.Decide(s, facts(now), account.IssueKey{Key: key, Hash: hash, Role: role, Label: "x"})
		require.NoError(t, err)
		require.Empty(t, events)
	}
	_, err := account.Decide(s, facts(now), account.IssueKey{Key: key, Hash: hash, Role: account.RoleClientViewer, Label: "x"})
	require.Equal(t, account.CodeAlreadyExists, domain.CodeOf(err))
}

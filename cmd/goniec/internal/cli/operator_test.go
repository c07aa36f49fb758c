package cli

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/cmd/goniec/internal/run"
	"goniec/domain/account"
)

func TestKeysOfRoles(t *testing.T) {
	t.Parallel()
	const of = "00000000-0000-8000-8000-000000000001"
	for _, c := range []struct {
		asked, want run.WantedKey
		refused     string
	}{
		{run.WantedKey{}, run.WantedKey{Account: account.Installation, Role: "operator", File: "operator_key"}, ""},
		{run.WantedKey{Role: "auditor"}, run.WantedKey{Account: account.Installation, Role: "auditor", File: "auditor_key"}, ""},
		{run.WantedKey{Role: "billing", File: "f"}, run.WantedKey{Account: account.Installation, Role: "billing", File: "f"}, ""},
		{run.WantedKey{Account: of}, run.WantedKey{Account: of, Role: "client-admin", File: "client_admin_key"}, ""},
		{run.WantedKey{Account: of, Role: "client"}, run.WantedKey{Account: of, Role: "client-admin", File: "client_admin_key"}, ""},
		{run.WantedKey{Account: of, Role: "client-viewer"}, run.WantedKey{Account: of, Role: "client-viewer", File: "client_viewer_key"}, ""},
		{asked: run.WantedKey{Account: of, Role: "operator"}, refused: "operator keys belong to account " + account.Installation},
		{asked: run.WantedKey{Role: "client"}, refused: "the installation has operator, billing and auditor keys only"},
		{asked: run.WantedKey{Role: "root"}, refused: "must be client-admin, client-viewer, operator, billing or auditor"},
	} {
		got := c.asked
		err := fillKey(&got)
		if c.refused == "" {
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			continue
		}
		require.ErrorContains(t, err, c.refused)
	}
	require.Equal(t, ExitUsage, runCLI(t, "", "", "operator", "key", "--role", "root", "--out", filepath.Join(t.TempDir(), "k")).code)
}

// requireRoles asks a running installation for keys of other roles, and uses one.
func requireRoles(t *testing.T, do func(...string) result, dir, url string) {
	t.Helper()
	file := filepath.Join(dir, "billing_key")
	require.Equal(t, result{0, "a key of role billing is in " + file + "\n", ""}, do("operator", "key", "--role", "billing", "--out", file))
	require.Equal(t, result{ExitUsage, "", "goniec: issue the key: " + run.ErrOtherKey.Error() + "\n"}, do("operator", "key", "--role", "auditor", "--out", file))
	require.Equal(t, result{ExitUsage, "", "goniec: " + run.ErrNoAccount.Error() + "\n"},
		do("operator", "key", "--account", "00000000-0000-8000-8000-000000000009", "--out", filepath.Join(dir, "nobody_key")))
	at := []string{"--url", url, "--key-file", file}
	require.Equal(t, result{ExitRefused, "", "goniec: this needs a key of role operator (wrong_role)\n"}, do(append([]string{"pause", "all", "--reason", "x"}, at...)...))
	got := do(append([]string{"billing", "totals", "2026-11", "--account", account.Installation}, at...)...)
	require.Equal(t, result{0, "2026-11: nothing was charged\n", ""}, got)
}

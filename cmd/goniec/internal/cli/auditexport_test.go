package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/cmd/goniec/internal/run"
	"goniec/domain/account"
	"goniec/eventstore"
	"goniec/internal/kafkatest"
)

func TestAuditExport(t *testing.T) {
	t.Parallel()
	config, id := auditable(t, nil)
	dir := filepath.Join(t.TempDir(), "out")
	key := filepath.Join(t.TempDir(), "key")
	audit := func(args ...string) result {
		return runCLI(t, "", "", append([]string{"--config", config, "audit"}, args...)...)
	}
	require.Equal(t, ExitOK, audit("keygen", "--out", key).code)
	r := audit("checkpoint", "--key", key, "--dir", filepath.Dir(key), "--json")
	require.Equal(t, ExitOK, r.code, r.err)
	var made madeCheckpoint
	require.NoError(t, json.Unmarshal([]byte(r.out), &made))

	r = audit("export", dir, "--format", "ndjson", "--format", "parquet")
	require.Equal(t, ExitOK, r.code, r.err)
	require.Contains(t, r.out, "4 events in 2 files, ")
	lines, err := os.ReadFile(filepath.Join(dir, "messages-000-000000000000.ndjson"))
	require.NoError(t, err)
	require.Contains(t, string(lines), `"stream":"message/`+id+`"`)
	r = audit("verify-export", dir, "--checkpoint", made.File, "--key", key+".pub")
	require.Equal(t, ExitOK, r.code, r.err)
	require.Equal(t, "intact: 4 events in 2 files of 1 export\nagrees with 1 checkpoint\n", r.out)

	manifests, err := filepath.Glob(filepath.Join(dir, "manifest-*.json"))
	require.NoError(t, err)
	r = audit("export", dir, "--since", manifests[0])
	require.Equal(t, ExitOK, r.code, r.err)
	require.Contains(t, r.out, "0 events in 0 files")
	r = audit("export", dir)
	require.Equal(t, ExitUsage, r.code)
	require.Contains(t, r.err, "was exported already: name another directory, or go on with --since")
	r = audit("export", dir+"-early", "--to", "2100-01-01T00:00:00Z")
	require.Equal(t, ExitOK, r.code, r.err)
	require.Contains(t, r.out, "the period is not over: what is recorded from now on is not in this export\n")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "messages-000-000000000000.ndjson"), lines[1:], 0o600))
	r = audit("verify-export", dir)
	require.Equal(t, ExitFailed, r.code)
	require.Contains(t, r.out, "broken: messages-000-000000000000.ndjson: its bytes are not those that were exported")
}

func TestAuditExportRefusals(t *testing.T) {
	t.Parallel()
	config, _ := auditable(t, nil)
	for say, args := range map[string][]string{
		"--month: must be a month":                {"export", "x", "--month", "november"},
		"--from: must be a time":                  {"export", "x", "--from", "soon"},
		"--since: nothing.json: there is no such": {"export", "x", "--since", "nothing.json"},
		`no event is called "goniec.mesage.*"`:    {"export", "x", "--type", "goniec.mesage.*"},
		`"csv" is not one of parquet, ndjson`:     {"export", "x", "--format", "csv"},
		"[from month]":                            {"export", "x", "--month", "2026-11", "--from", "2026-11-01"},
		"no export: there is no manifest":         {"verify-export", t.TempDir()},
		"--checkpoint: there is no such file":     {"verify-export", t.TempDir(), "--checkpoint", "none", "--key", writeKey(t)},
	} {
		r := runCLI(t, "", "", append([]string{"--config", config, "audit"}, args...)...)
		require.Equal(t, ExitUsage, r.code, "%s: %s", say, r.err)
		require.Contains(t, r.err, say)
	}
	require.NoDirExists(t, "x")
}

// writeKey makes a key pair and returns the public key's file.
func writeKey(t *testing.T) string {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	require.Equal(t, ExitOK, runCLI(t, "", "", "audit", "keygen", "--out", key).code)
	return key + ".pub"
}

// Who reads what a recipient said or was sent, or takes the journal away, leaves a
// command that becomes an event, see rules.md G1.
func TestReadingIsRecorded(t *testing.T) {
	t.Parallel()
	config, id := auditable(t, nil)
	opened(t, config)
	text, number := filepath.Join(t.TempDir(), "text"), filepath.Join(t.TempDir(), "number")
	require.NoError(t, os.WriteFile(text, []byte("Zażółć gęślą jaźń"), 0o600))
	require.NoError(t, os.WriteFile(number, []byte("+48600100200"), 0o600))
	for _, args := range [][]string{
		{"match", id, "--text-file", text},
		{"consent", "--number-file", number, "--account", account.Installation},
		{"export", filepath.Join(t.TempDir(), "out"), "--type", "goniec.message.*"},
	} {
		r := runCLI(t, "", "", append([]string{"--config", config, "audit"}, args...)...)
		require.Equal(t, ExitOK, r.code, r.err)
	}
	notes := inboxOf(t, config)
	require.Len(t, notes, 3)
	require.Equal(t, []string{account.AccessMatch, account.AccessConsent, account.AccessExport}, []string{notes[0].What, notes[1].What, notes[2].What})
	require.Equal(t, "message/"+id, notes[0].Subject)
	require.Regexp(t, "^recipient/0000[0-9a-f-]{32}$", notes[1].Subject)
	require.Equal(t, "the beginning to now, goniec.message.*", notes[2].Detail)
	for _, n := range notes {
		require.Regexp(t, "^shell/.+", n.By)
	}
}

// inboxOf are the readings that wait in the inbox.
func inboxOf(t *testing.T, config string) (notes []account.NoteAccess) {
	t.Helper()
	cfg, err := run.Load(run.Defaults(), config)
	require.NoError(t, err)
	kafka, err := cfg.Kafka.Store()
	require.NoError(t, err)
	_, err = eventstore.ReadAll(t.Context(), kafkatest.Client(t, kafka), kafka.Topics().Name(eventstore.InboxUrgent), 0, func(r *eventstore.Record) error {
		c, err := eventstore.ParseCommand(r)
		require.NoError(t, err)
		require.Equal(t, account.CommandNoteAccess, c.Type)
		decoded, err := account.DecodeCommand(c.Type, c.Data)
		require.NoError(t, err)
		notes = append(notes, decoded.(account.NoteAccess)) //nolint:forcetypeassert // its type is the command's
		return nil
	})
	require.NoError(t, err)
	return notes
}

// An auditor has the brokers' address and the installation's id, and no secrets.
func TestAuditWithoutSecrets(t *testing.T) {
	t.Parallel()
	config, _ := auditable(t, nil)
	cfg, err := run.Load(run.Defaults(), config)
	require.NoError(t, err)
	secrets, err := run.ReadSecrets(cfg.Secrets)
	require.NoError(t, err)
	require.NoError(t, os.Remove(cfg.Secrets))
	r := runCLI(t, "", "", "--config", config, "audit", "verify")
	require.Equal(t, ExitUsage, r.code)
	require.Contains(t, r.err, "--installation")
	r = runCLI(t, "", "", "--config", config, "audit", "verify", "--installation", secrets.Installation)
	require.Equal(t, ExitOK, r.code, r.err)
	r = runCLI(t, "", "", "--config", config, "audit", "verify", "--installation", "another")
	require.Equal(t, ExitFailed, r.code)
	require.Contains(t, r.err, "first at ")
}

package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/eventstore/audit"
)

func TestAuditReport(t *testing.T) {
	t.Parallel()
	config, _ := auditable(t, nil)
	r := runCLI(t, "", "", "--config", config, "audit", "report", "2026-11")
	require.Equal(t, ExitOK, r.code, r.err)
	require.Contains(t, r.out, "# Journal of 2026-11\n\n4 events, recorded from 2026-10-31T23:00:00Z to 2026-11-30T23:00:00Z")
	require.Contains(t, r.out, "## Parked, retried, dropped: 0\n\nNone.\n")

	file := filepath.Join(t.TempDir(), "november.json")
	r = runCLI(t, "", "", "--config", config, "--json", "audit", "report", "2026-11", "--out", file)
	require.Equal(t, ExitOK, r.code, r.err)
	var got reportBody
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &got))
	require.Len(t, got.Sections, len(audit.Sections()))
	for _, s := range got.Sections {
		require.NotEmpty(t, s.Title, s.Name)
	}

	r = runCLI(t, "", "", "--config", config, "audit", "report", "november")
	require.Equal(t, ExitUsage, r.code)
	require.Contains(t, r.err, "MONTH: must be a month")
	config, _ = auditable(t, func(m []*sarama.ProducerMessage) { m[1].Key = sarama.StringEncoder("message/x") })
	r = runCLI(t, "", "", "--config", config, "audit", "report", "2026-11")
	require.Equal(t, ExitFailed, r.code)
	require.Contains(t, r.err, "the journal is not what was written: first at ")
}

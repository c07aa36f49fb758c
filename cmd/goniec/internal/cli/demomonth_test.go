package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/closing"
	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/demo"
)

func TestMonthIsToldAndLeft(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 23, 59, 59, 0, time.UTC)
	r := &demo.MonthReport{
		Happenings: []demo.Happening{{At: at, Who: "Apteka Lipowa", What: "LIPA: notice"}},
		Statements: []httpapi.StatementBody{{
			Account: testID, Name: "Apteka Lipowa", Month: "2026-11", State: "closed", ClosedAt: &at, Currency: "PLN", Total: "3.47",
			Lines: []httpapi.StatementLine{{Kind: "minimum", Rule: "F3", Sender: "LIPA", Country: "PL", Exact: "3.470000", Amount: "3.47"}},
		}, {Name: "Zielony Targ", Month: "2026-11", Currency: "PLN", Total: "0.00"}},
		Senders:    []httpapi.SenderBody{{Name: "LIPA", State: "disabled", Closed: true}},
		Recomputed: []closing.Verdict{{Account: testID, Month: "2026-11", Agrees: true, Currency: "PLN", Written: "3.47", Computed: "3.47"}},
		Checks:     []demo.Check{{Name: "all of it", OK: true, Detail: "1"}}, Data: t.TempDir(), Look: "goniec up",
	}
	var out bytes.Buffer
	a := &app{out: &out}
	a.sayMonth(r)
	for _, told := range []string{"LIPA, up to the minimum", "total: 3.47 PLN", "LIPA: disabled, closed", "ok      all of it (1)", "1 happening"} {
		require.Contains(t, out.String(), told)
	}
	require.NotContains(t, out.String(), "Zielony Targ", "a statement without lines is only left as a file")

	require.NoError(t, a.writeMonth(r))
	var names []string
	files, err := filepath.Glob(filepath.Join(r.Data, monthDir, "*"))
	require.NoError(t, err)
	for _, f := range files {
		names = append(names, filepath.Base(f))
	}
	require.Equal(t, []string{
		"2026-11-apteka-lipowa.json", "2026-11-apteka-lipowa.txt", "2026-11-zielony-targ.json", "2026-11-zielony-targ.txt",
		"calendar.txt", "recomputed.json", "senders.json",
	}, names)
	calendar, err := os.ReadFile(filepath.Join(r.Data, monthDir, "calendar.txt"))
	require.NoError(t, err)
	require.Equal(t, "Tue 24 Nov 2026 23:59:59  Apteka Lipowa  LIPA: notice\n", string(calendar))
}

func TestMonthIsMisused(t *testing.T) {
	t.Parallel()
	full := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(full, "file"), nil, 0o600))
	for _, args := range [][]string{
		{"--messages", "100"}, {"--break"}, {"--kills", "1"}, {"--all"}, {"--keep", full},
	} {
		r := runCLI(t, "", "", append([]string{"demo", "--month"}, args...)...)
		require.Equal(t, ExitUsage, r.code, args)
	}
}

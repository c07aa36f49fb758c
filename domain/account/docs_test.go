package account_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/domain/account"
)

const (
	begin = "<!-- generated from domain/account: begin -->\n"
	stop  = "<!-- generated from domain/account: end -->\n"
)

// The page shows the table that the code decides by. With GONIEC_UPDATE=1 the
// test writes the picture instead of comparing it.
func TestStatesAreDrawnAsDecided(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "states-sender.md")
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(page), begin)
	require.True(t, ok)
	drawn, after, ok := strings.Cut(rest, stop)
	require.True(t, ok)
	if os.Getenv("GONIEC_UPDATE") != "" {
		require.NoError(t, os.WriteFile(path, []byte(before+begin+account.SenderDiagram()+stop+after), 0o644))
		return
	}
	require.Equal(t, account.SenderDiagram(), drawn)
}

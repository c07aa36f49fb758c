package storetest_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/eventstore/storetest"
)

var update = flag.Bool("update", false, "write docs/guarantees.md from the table of guarantees")

const guaranteesPage = "../../docs/guarantees.md"

// docs/guarantees.md is made from the tables; run this test with -update after a change of them.
func TestGuaranteesPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(guaranteesPage)
	require.NoError(t, err)
	begin, end := "<!-- guarantees: begin -->\n", "<!-- guarantees: end -->"
	before, rest, ok := strings.Cut(string(page), begin)
	require.True(t, ok)
	_, after, ok := strings.Cut(rest, end)
	require.True(t, ok)
	want := before + begin + storetest.Page(caughtBy()) + end + after
	if *update {
		require.NoError(t, os.WriteFile(guaranteesPage, []byte(want), 0o644)) // a page of the documentation
		return
	}
	require.Equal(t, want, string(page), "docs/guarantees.md is out of date: go test ./eventstore/storetest -run GuaranteesPage -update")
}

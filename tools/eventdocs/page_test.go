package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/domain/catalog"
)

func TestPageIsUpToDate(t *testing.T) {
	t.Parallel()
	want, err := Page("../..")
	require.NoError(t, err)
	have, err := os.ReadFile("../../" + page)
	require.NoError(t, err)
	require.Equal(t, want, string(have), "run: go run ./tools/eventdocs")
	for _, typ := range catalog.Types() {
		require.Contains(t, want, "### `"+typ+"`")
	}
}

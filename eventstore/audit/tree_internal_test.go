package audit

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
)

// The right edge alone gives the roots that tlog gives from all hashes.
func TestTheEdgeIsEnough(t *testing.T) {
	t.Parallel()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return out, nil
	})
	var edge tree
	for n := range int64(200) {
		want, err := tlog.TreeHash(n, reader)
		require.NoError(t, err)
		require.Equal(t, want, edge.root(), "size %d", n)
		require.True(t, edge.whole())
		h := tlog.RecordHash([]byte(fmt.Sprint(n)))
		more, err := tlog.StoredHashesForRecordHash(n, h, reader)
		require.NoError(t, err)
		stored = append(stored, more...)
		edge.add(h)
	}
}

package audit

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// What lies in the temporary directory is remembered as what lies in memory.
func TestVersionsAreRememberedWhereverTheyLie(t *testing.T) {
	t.Parallel()
	v, want := newVersions(1), map[string]int64{}
	v.most = 50
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test's
	for range 20_000 {
		name := fmt.Sprint("message/", random.IntN(1000))
		version := want[name] + 1
		if random.IntN(10) == 0 {
			version = 0
		}
		have, err := v.advance(name, version)
		require.NoError(t, err)
		require.Equal(t, want[name], have, name)
		want[name] = version
		if version == 0 {
			delete(want, name)
		}
		require.LessOrEqual(t, len(v.near), 50)
	}
	require.Equal(t, int64(len(want)), v.known)
	require.DirExists(t, v.dir)
	require.NoError(t, v.Close())
	_, err := os.Stat(v.dir)
	require.ErrorIs(t, err, os.ErrNotExist)
}

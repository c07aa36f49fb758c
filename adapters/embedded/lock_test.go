package embedded

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLockDirNamesTheHolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	release, err := LockDir(dir)
	require.NoError(t, err)

	_, err = LockDir(dir)
	var locked *LockedError
	require.ErrorAs(t, err, &locked)
	require.Equal(t, os.Getpid(), locked.PID)
	require.ErrorContains(t, err, dir)

	require.NoError(t, release())
	release, err = LockDir(dir)
	require.NoError(t, err)
	require.NoError(t, release())
}

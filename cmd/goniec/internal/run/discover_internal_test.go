package run

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The one of the default directory is meant, else the only one that is listed: never one of several.
func TestFind(t *testing.T) { // not parallel: it sets the environment
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	up := func(pid int, dir string, listed bool) (Running, func()) {
		require.NoError(t, os.MkdirAll(dir, 0o700))
		r := Running{Ready: true, Data: dir, PID: pid}
		withdraw, err := announce(r, listed)
		require.NoError(t, err)
		return r, withdraw
	}
	_, err := Find("")
	require.ErrorIs(t, err, ErrNotRunning)
	unlisted, _ := up(os.Getpid(), filepath.Join(t.TempDir(), "unlisted"), false)
	_, err = Find("")
	require.ErrorIs(t, err, ErrNotRunning, "a test's, or a demo's")
	got, err := Find(unlisted.Data)
	require.NoError(t, err)
	require.Equal(t, unlisted, got)

	one, _ := up(os.Getpid(), filepath.Join(t.TempDir(), "one"), true)
	got, err = Find("")
	require.NoError(t, err)
	require.Equal(t, one, got)
	two, withdraw := up(os.Getppid(), filepath.Join(t.TempDir(), "two"), true)
	_, err = Find("")
	require.Equal(t, &SeveralError{Data: []string{one.Data, two.Data}}, err)
	require.ErrorContains(t, err, "2 running goniec found: name one with --data")
	withdraw()
	got, err = Find("")
	require.NoError(t, err)
	require.Equal(t, one, got)

	left, withdraw := up(os.Getppid(), filepath.Join(t.TempDir(), "left"), true) // killed, and its number given to another process
	require.NoError(t, os.RemoveAll(left.Data))
	got, err = Find("")
	require.NoError(t, err)
	require.Equal(t, one, got)
	withdraw()

	usual, _ := up(os.Getppid(), DefaultData(), true)
	got, err = Find("")
	require.NoError(t, err)
	require.Equal(t, usual, got)
}

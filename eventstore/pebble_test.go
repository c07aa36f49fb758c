package eventstore_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/eventstore"
)

// A store that cannot go on ends the process at once, whatever is deferred, and says why.
func TestAStoreThatCannotGoOnEndsTheProcess(t *testing.T) {
	t.Parallel()
	const in = "GONIEC_TEST_FATAL"
	if os.Getenv(in) != "" {
		defer t.Log("unwound")
		eventstore.QuietPebble{}.Fatalf("%s cannot be written: %v", "state", os.ErrClosed)
	}
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), exe, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), in+"=1")
	out, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	require.ErrorAs(t, err, &ended)
	require.Equal(t, 2, ended.ExitCode())
	require.Contains(t, string(out), "pebble: state cannot be written: file already closed\n")
	require.NotContains(t, string(out), "unwound")
	require.NotContains(t, string(out), "panic")
}

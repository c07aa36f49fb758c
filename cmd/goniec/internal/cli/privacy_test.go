package cli

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is not whole is not left behind: it holds a person's texts, and the command that is
// repeated writes to a new file only.
func TestAnExportOfAPersonThatIsNotWhole(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.on("POST /v1/privacy/export", func(n int, _ []byte, _ *http.Request) (int, any) {
		if n == 1 {
			return http.StatusOK, `{"number":"+48500100201","accounts":[],"complete":false}`
		}
		return http.StatusOK, `{"number":"+48500100201","accounts":[],"complete":true}`
	})
	file := filepath.Join(t.TempDir(), "person.json")
	args := []string{"--url", f.URL, "--key-file", f.operatorKeyFile(), "privacy", "export", "--number-file", "-", "--out", file}
	r := runCLI(t, "", "500 100 201", args...)
	require.Equal(t, ExitFailed, r.code, r.err)
	require.Contains(t, r.err, "it is not whole")
	require.NoFileExists(t, file)

	r = runCLI(t, "", "500 100 201", args...)
	require.Equal(t, ExitOK, r.code, r.err)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), `"complete":true`)

	r = runCLI(t, "", "500 100 201", args...)
	require.Equal(t, ExitUsage, r.code, "it overwrites nothing")
	require.FileExists(t, file)
}

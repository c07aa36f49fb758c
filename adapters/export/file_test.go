package export

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// FileOf is what a manifest says of a file.
func FileOf(t *testing.T, dir, name string) File {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	sum := sha256.Sum256(b)
	return File{Name: name, Bytes: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}
}

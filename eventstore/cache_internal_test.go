package eventstore

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

func TestALongOpeningSaysSoEveryMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		c := &cache{dir: "d", opts: &pebble.Options{FS: vfs.NewMem()}, log: slog.New(slog.NewTextHandler(&said, nil))}
		db, err := c.watched(t.Context(), func(opening) (*pebble.DB, error) {
			<-time.After(3*time.Minute + time.Second)
			return nil, nil //nolint:nilnil // nobody uses it
		})
		require.NoError(t, err)
		require.Nil(t, db)
		require.Equal(t, 3, strings.Count(said.String(), "opening a local cache takes long"))
		require.Contains(t, said.String(), "since=3m0s free_bytes=-1")
	})
}

// removals notes in which order files go.
type removals struct {
	vfs.FS

	names []string
}

func (r *removals) RemoveAll(name string) error {
	r.names = append(r.names, r.PathBase(name))
	return r.FS.RemoveAll(name)
}

// Of what is cleared nothing may be left that would be taken for a state with a gap.
func TestTheNewestLogIsClearedFirst(t *testing.T) {
	t.Parallel()
	fs := &removals{FS: vfs.NewMem()}
	require.NoError(t, fs.MkdirAll("d", 0o700))
	want := []string{"000007.log", "000003.log", "000004.sst", "MANIFEST-000001", "marker.manifest.000001.MANIFEST-000001"}
	for _, name := range append(slices.Clone(want), lockName) {
		f, err := fs.Create(fs.PathJoin("d", name), vfs.WriteCategoryUnspecified)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	require.NoError(t, (&cache{dir: "d", opts: &pebble.Options{FS: fs}}).clear())
	require.Equal(t, want, fs.names)
}

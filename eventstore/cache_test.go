package eventstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"goniec/eventstore"
)

// crashed is a disk with a cache of which all is still in the logs, as after a
// crash: the next opening writes tables.
type crashed struct {
	vfs.FS

	free   uint64       // what it says is left, in bytes
	tables atomic.Int64 // bytes of tables that can be written before it is full

	mu  sync.Mutex
	log bytes.Buffer
}

const cacheDir = "cache"

func newCrashed(t *testing.T) *crashed {
	t.Helper()
	d := &crashed{free: 1 << 40}
	d.tables.Store(1 << 40)
	mem := vfs.NewCrashableMem()
	d.FS = mem
	opts := d.options()
	opts.MemTableSize = 16 << 20 // nothing is flushed
	db, err := pebble.Open(cacheDir, opts)
	require.NoError(t, err)
	noise := rand.NewChaCha8([32]byte{}) // it does not get smaller in a table
	for i := range 4096 {
		value := make([]byte, 1024)
		_, _ = noise.Read(value) // never fails
		require.NoError(t, db.Set(fmt.Appendf(nil, "key %d", i), value, pebble.NoSync))
	}
	require.NoError(t, db.LogData(nil, pebble.Sync))
	after := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
	require.NoError(t, db.Close())
	d.FS = errorfs.Wrap(after, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileWrite && strings.HasSuffix(op.Path, ".sst") && d.tables.Add(-4096) < 0 {
			return &os.PathError{Op: "write", Path: op.Path, Err: syscall.ENOSPC}
		}
		return nil
	}))
	return d
}

func (d *crashed) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free, TotalBytes: 1 << 40}, nil
}

func (d *crashed) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Write(p)
}

func (d *crashed) said() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.String()
}

func (d *crashed) options() *pebble.Options {
	return &pebble.Options{FS: d, MemTableSize: 1 << 20, Logger: eventstore.QuietPebble{}, FormatMajorVersion: pebble.FormatNewest}
}

func (d *crashed) open(ctx context.Context) (*pebble.DB, error) {
	return eventstore.OpenCache(ctx, cacheDir, d.options(), slog.New(slog.NewTextHandler(d, nil)))
}

// holds opens what is there and tells how many keys it has.
func (d *crashed) holds(t *testing.T) (n int) {
	t.Helper()
	db, err := d.open(t.Context())
	require.NoError(t, err)
	it, err := db.NewIter(nil)
	require.NoError(t, err)
	for ok := it.First(); ok; ok = it.Next() {
		n++
	}
	require.NoError(t, errors.Join(it.Close(), db.Close()))
	return n
}

func TestACacheIsOpenedAsItWasLeft(t *testing.T) {
	t.Parallel()
	d := newCrashed(t)
	require.Equal(t, 4096, d.holds(t))
	require.Equal(t, 4096, d.holds(t))
	require.Empty(t, d.said())
}

func TestADiskThatBecomesFullEndsTheOpening(t *testing.T) {
	t.Parallel()
	d := newCrashed(t)
	d.tables.Store(1 << 20)
	_, err := d.open(t.Context())
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorContains(t, err, "was removed; free disk space if it is full, and start again")
	names, err := d.List(cacheDir)
	require.NoError(t, err)
	require.Equal(t, []string{"LOCK"}, names)
	require.Contains(t, d.said(), "a local cache is dropped and read anew")
}

func TestACacheThatTheDiskHasNoRoomToOpenIsDropped(t *testing.T) {
	t.Parallel()
	d := newCrashed(t)
	d.free = 32<<20 - 1
	require.Zero(t, d.holds(t))
	require.Contains(t, d.said(), "dir=cache free_bytes=33554431 why=\"the disk has too little room to open it: 33554431 bytes are free, 33554432 are needed\"")
	require.Equal(t, 1, strings.Count(d.said(), "\n"))
}

// Large logs need as much room again.
func TestTheRoomForACacheGrowsWithItsLogs(t *testing.T) {
	t.Parallel()
	d := newCrashed(t)
	d.free = 40 << 20
	require.Equal(t, 4096, d.holds(t))
	f, err := d.Create(d.PathJoin(cacheDir, "000001.log"), vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	_, err = f.Write(make([]byte, 41<<20))
	require.NoError(t, errors.Join(err, f.Close()))
	require.Zero(t, d.holds(t))
	require.Contains(t, d.said(), "are needed")
}

func TestACacheThatIsInUseIsNotDropped(t *testing.T) {
	t.Parallel()
	d := newCrashed(t)
	db, err := d.open(t.Context())
	require.NoError(t, err)
	d.free = 0
	_, err = d.open(t.Context())
	require.Error(t, err)
	require.Empty(t, d.said())
	require.NoError(t, db.Close())
	d.free = 1 << 40
	require.Equal(t, 4096, d.holds(t))
}

func TestTheEndOfTheContextEndsTheOpening(t *testing.T) {
	t.Parallel()
	d := newCrashed(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begun, goOn := make(chan struct{}), make(chan struct{})
	defer close(goOn)
	var once sync.Once
	d.FS = errorfs.Wrap(d.FS, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileWrite && strings.HasSuffix(op.Path, ".sst") {
			once.Do(func() { close(begun) })
			<-goOn
		}
		return nil
	}))
	go func() { <-begun; cancel() }()
	_, err := d.open(ctx)
	require.ErrorIs(t, err, context.Canceled)
	names, err := d.List(cacheDir)
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, ".log") }), "nothing was dropped")
}

// last is a logger that is told of the end; Fatalf ends whoever calls it.
type last struct {
	eventstore.QuietPebble

	said chan string
}

func (l last) Fatalf(format string, args ...any) {
	select {
	case l.said <- fmt.Sprintf(format, args...):
	default:
	}
	select {} // in a process nothing comes after it
}

// A disk that is full in the middle of the work, for a table or for a new log: who
// writes would stand still for ever, or end in words that nobody understands.
func TestADiskThatBecomesFullEndsTheProcess(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{".sst", ".log"} {
		t.Run(suffix, func(t *testing.T) {
			t.Parallel()
			d := newCrashed(t)
			var isFull atomic.Bool
			d.FS = errorfs.Wrap(d.FS, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if isFull.Load() && strings.HasSuffix(op.Path, suffix) && (op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpCreate) {
					return &os.PathError{Op: "write", Path: op.Path, Err: syscall.ENOSPC}
				}
				return nil
			}))
			opts := d.options()
			end := last{said: make(chan string, 1)}
			opts.Logger = end
			db, err := eventstore.OpenCache(t.Context(), cacheDir, opts, slog.New(slog.NewTextHandler(d, nil)))
			require.NoError(t, err)
			isFull.Store(true)
			go func() {
				value := make([]byte, 64<<10)
				for i := range 1000 { // it stands still soon
					if db.Set(fmt.Appendf(nil, "more %d", i), value, pebble.NoSync) != nil {
						return
					}
				}
			}()
			require.Equal(t, "cache cannot be written: no space left on device", <-end.said)
		})
	}
}

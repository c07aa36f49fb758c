package eventstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// cacheRoom is the free space in bytes without which no cache is opened: a
	// new log of the state store takes 18 MiB at once, a table of it up to 16.
	cacheRoom = 32 << 20
	// cacheTelling is how often an opening that takes long says so.
	cacheTelling = time.Minute
)

// OpenCache opens or creates the database in dir, whose content can be read anew
// from Kafka. It is dropped, which log tells, when it is damaged or when the disk
// has too little room to open it. The end of ctx ends the opening. A disk that
// becomes full meanwhile ends it too, with the content dropped and an error that
// says so: Pebble would write the same tables again and again. Later, opts.Logger's
// Fatalf is told, which has to end the process.
//
// After an error because of ctx or the disk the directory stays locked until the
// process ends.
func OpenCache(ctx context.Context, dir string, opts *pebble.Options, log *slog.Logger) (*pebble.DB, error) {
	if opts.FS == nil {
		opts.FS = vfs.Default
	}
	c := &cache{dir: dir, opts: opts, log: log}
	if err := opts.FS.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if why := c.cramped(); why != "" {
		if err := c.drop(why); err != nil {
			return nil, err
		}
	}
	db, err := c.watched(ctx, c.open)
	if err == nil || ctx.Err() != nil || errors.As(err, new(*stuckError)) || !damaged(err) {
		return db, err
	}
	if dropErr := c.drop("it is damaged: " + err.Error()); dropErr != nil {
		return nil, errors.Join(err, dropErr)
	}
	return c.watched(ctx, c.open)
}

// damaged tells what lies in the files from a disk that is full or not ours.
func damaged(err error) bool {
	return !errors.As(err, new(syscall.Errno)) || errors.Is(err, fs.ErrNotExist)
}

func full(err error) bool {
	return vfs.IsNoSpaceError(err) || errors.Is(err, syscall.EDQUOT)
}

// stuckError is a write that failed while a database was being opened. Who opens it
// stands still in it, with the directory locked.
type stuckError struct{ err error }

func (e *stuckError) Error() string { return e.err.Error() }
func (e *stuckError) Unwrap() error { return e.err }

// cache is a database that is being opened.
type cache struct {
	dir  string
	opts *pebble.Options
	log  *slog.Logger
}

// opening is one try.
type opening struct {
	stuck chan error    // why it stands still
	taken chan struct{} // closed when the database is handed out
}

// open is pebble.Open, but a write of tables that fails meanwhile stands still
// instead of being tried again. A flush does so with the database's lock, so
// nothing else goes on either.
func (c *cache) open(o opening) (*pebble.DB, error) {
	opts := *c.opts
	opts.FS = vfs.OnDiskFull(c.opts.FS, func() {
		select {
		case <-o.taken:
			c.end(syscall.ENOSPC)
		default: // whoever opens it says what to do
		}
	})
	opts.EventListener = &pebble.EventListener{BackgroundError: func(err error) {
		select {
		case <-o.taken:
			c.failed(err)
			return
		default:
		}
		select {
		case o.stuck <- err:
		default: // another was first
		}
		<-o.taken
	}}
	return pebble.Open(c.dir, &opts)
}

// failed ends the process when the file system refuses what is written in the
// background.
func (c *cache) failed(err error) {
	if !full(err) && !errors.As(err, new(syscall.Errno)) {
		c.log.Error("a local cache could not be written in the background; it is tried again", "dir", c.dir, "error", err)
		return
	}
	c.end(err)
}

// end ends the process. Pebble does so itself when it cannot write its log, in words
// of its own; a table it would write again and again, and whoever owns a partition
// would stand still in its next write, owning it. Without the process another one
// takes the partition over.
func (c *cache) end(err error) {
	c.opts.Logger.Fatalf("%s cannot be written: %v", c.dir, err)
}

// watched opens the database and waits: for it, for the end of ctx, for a full disk.
func (c *cache) watched(ctx context.Context, open func(opening) (*pebble.DB, error)) (*pebble.DB, error) {
	type opened struct {
		db  *pebble.DB
		err error
	}
	o, done, left := opening{make(chan error, 1), make(chan struct{})}, make(chan opened), make(chan struct{})
	go func() {
		db, err := open(o)
		select {
		case done <- opened{db, err}:
		case <-left:
			if err == nil {
				_ = db.Close() // the process ends
			}
		}
	}()
	began, tick := time.Now(), time.NewTicker(cacheTelling)
	defer tick.Stop()
	for {
		select {
		case got := <-done:
			close(o.taken)
			return got.db, got.err
		case <-ctx.Done():
			close(left)
			return nil, fmt.Errorf("open %s: %w", c.dir, context.Cause(ctx))
		case err := <-o.stuck:
			close(left)
			return nil, c.giveUp(err)
		case <-tick.C:
			c.log.Warn("opening a local cache takes long", "dir", c.dir, "since", time.Since(began).Round(time.Second), "free_bytes", c.free())
		}
	}
}

// giveUp drops what cannot be opened: whoever starts next begins with nothing.
func (c *cache) giveUp(err error) error {
	if !full(err) && !damaged(err) {
		return &stuckError{fmt.Errorf("open %s: %w", c.dir, err)}
	}
	c.tell("it cannot be opened: " + err.Error())
	if clearErr := c.clear(); clearErr != nil {
		return &stuckError{fmt.Errorf("open %s: %w (%w): free disk space, remove what is in the directory, a cache, and start again", c.dir, err, clearErr)}
	}
	return &stuckError{fmt.Errorf("open %s: %w: what was in it, a cache, was removed; free disk space if it is full, and start again", c.dir, err)}
}

// cramped says why the disk has no room to open what is in the directory, "" if
// it has. An opening writes what its logs hold once more, as tables, before it
// deletes them, and a new log.
func (c *cache) cramped() string {
	usage, err := c.opts.FS.GetDiskUsage(c.dir)
	if err != nil {
		return "" // not a file system that knows
	}
	names, err := c.opts.FS.List(c.dir)
	if err != nil || !slices.ContainsFunc(names, func(n string) bool { return n != lockName }) {
		return "" // nothing there, or the opening says what is wrong
	}
	need := uint64(cacheRoom)
	var logs uint64
	for _, name := range names {
		if info, err := c.opts.FS.Stat(c.opts.FS.PathJoin(c.dir, name)); err == nil && strings.HasSuffix(name, logSuffix) {
			logs += uint64(max(0, info.Size()))
		}
	}
	if need = max(need, logs); usage.AvailBytes >= need {
		return ""
	}
	return fmt.Sprintf("the disk has too little room to open it: %d bytes are free, %d are needed", usage.AvailBytes, need)
}

// free is the free space in bytes, -1 when it cannot be told.
func (c *cache) free() int64 {
	usage, err := c.opts.FS.GetDiskUsage(c.dir)
	if err != nil {
		return -1
	}
	return int64(usage.AvailBytes) // disks are smaller than 8 EiB
}

func (c *cache) tell(why string) {
	c.log.Warn("a local cache is dropped and read anew", "dir", c.dir, "free_bytes", c.free(), "why", why)
}

// drop empties the directory, unless another process has it.
func (c *cache) drop(why string) error {
	lock, err := pebble.LockDirectory(c.dir, c.opts.FS)
	if err != nil {
		return err
	}
	c.tell(why)
	return errors.Join(c.clear(), lock.Close())
}

const (
	lockName  = "LOCK"
	logSuffix = ".log"
)

// clear removes the logs first, the newest of them before the others: whenever it
// is cut off, what is left is an earlier state or is damaged, never one with a gap.
func (c *cache) clear() error {
	names, err := c.opts.FS.List(c.dir)
	if err != nil {
		return fmt.Errorf("clear %s: %w", c.dir, err)
	}
	slices.SortFunc(names, func(a, b string) int {
		logA, logB := strings.HasSuffix(a, logSuffix), strings.HasSuffix(b, logSuffix)
		switch {
		case logA && logB:
			return cmp.Compare(b, a)
		case logA:
			return -1
		case logB:
			return 1
		}
		return cmp.Compare(a, b) // tables before what lists them
	})
	for _, name := range names {
		if name == lockName {
			continue
		}
		if err := c.opts.FS.RemoveAll(c.opts.FS.PathJoin(c.dir, name)); err != nil {
			return fmt.Errorf("clear %s: %w", c.dir, err)
		}
	}
	return nil
}

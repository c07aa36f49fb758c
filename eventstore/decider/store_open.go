package decider

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// openOrReset opens the database in dir. One that is damaged is dropped, since
// it is a cache; lost says what was wrong with it.
func openOrReset(dir string, opts *pebble.Options) (db *pebble.DB, lost, err error) {
	db, err = pebble.Open(dir, opts)
	if err == nil || !damaged(err) {
		return db, nil, err
	}
	lock, lockErr := pebble.LockDirectory(dir, vfs.Default)
	if lockErr != nil { // another process has it
		return nil, nil, err
	}
	lost = err
	if err := errors.Join(removeContents(dir), lock.Close()); err != nil {
		return nil, lost, err
	}
	db, err = pebble.Open(dir, opts)
	return db, lost, err
}

// damaged tells what lies in the files from a disk that is full or not ours.
func damaged(err error) bool {
	return !errors.As(err, new(syscall.Errno)) || errors.Is(err, fs.ErrNotExist)
}

func removeContents(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("clear state store: %w", err)
	}
	for _, e := range entries {
		if e.Name() == "LOCK" {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("clear state store: %w", err)
		}
	}
	return nil
}

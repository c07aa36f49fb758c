// Package wholefile writes files that are there whole or not at all, whatever dies
// in between: under another name beside, to the disk, then renamed.
package wholefile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// File is being written; nobody sees it under its name before Keep.
type File struct {
	*os.File
	path string
}

// Create begins a file that only its owner may read. Keep or Drop it.
func Create(path string) (*File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new*")
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return &File{f, path}, nil
}

// Keep makes the file last under its name, in place of what was there. After an
// error it is dropped.
func (f *File) Keep() error {
	err := f.Sync()
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), f.path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the error above counts
		return fmt.Errorf("write %s: %w", filepath.Base(f.path), err)
	}
	return nil
}

// Drop forgets the file; after Keep it does nothing.
func (f *File) Drop() {
	if f.Close() == nil {
		_ = os.Remove(f.Name()) // what is left is called .new
	}
}

// Write writes a file of these bytes.
func Write(path string, data []byte) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Drop()
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return f.Keep()
}

//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// smallDisk is a file system of its own that can be filled up.
type smallDisk struct{ dir string }

const (
	diskSize   = "size=256m,mode=700"
	fillerName = "filler"
	chunk      = 1 << 20
)

// errNoDisk says that this machine does not let us mount a file system.
var errNoDisk = errors.New("a small file system cannot be mounted here (it needs root): the full disk is not tried")

func mountDisk(dir string) (*smallDisk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, diskSize); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoDisk, err)
	}
	return &smallDisk{dir}, nil
}

// fill leaves no byte free.
func (d *smallDisk) fill() error {
	f, err := os.Create(filepath.Join(d.dir, fillerName))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // the disk is full
	block := make([]byte, chunk)
	for {
		if _, err := f.Write(block); err != nil {
			if errors.Is(err, syscall.ENOSPC) {
				return nil
			}
			return err
		}
	}
}

// free gives the space back.
func (d *smallDisk) free() error {
	err := os.Remove(filepath.Join(d.dir, fillerName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (d *smallDisk) unmount() error { return syscall.Unmount(d.dir, syscall.MNT_DETACH) }

//go:build unix

package run

import "golang.org/x/sys/unix"

// diskSpace says how much room is left on the disk of a directory.
func diskSpace(dir string) (free, size uint64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return s.Bavail * uint64(s.Bsize), s.Blocks * uint64(s.Bsize), nil // block sizes are positive
}

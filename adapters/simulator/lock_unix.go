//go:build unix

package simulator

import (
	"os"
	"syscall"
)

// lock keeps a second simulator from writing the same log; it ends with the process.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

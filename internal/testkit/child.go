package testkit

import (
	"os/exec"
	"runtime"
)

// startChild starts a process that the kernel ends when this program dies, however it dies. A goroutine keeps the
// thread that started it, since the kernel watches that thread.
func startChild(cmd *exec.Cmd) (done <-chan error, err error) {
	endWithParent(cmd)
	ended := make(chan error, 1)
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	return ended, <-started
}

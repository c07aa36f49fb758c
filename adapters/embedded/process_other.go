//go:build unix && !linux

package embedded

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stopWithParent does nothing here: a server that outlives a killed process is stopped at the next start.
func stopWithParent(*syscall.SysProcAttr) {}

func enterAnyDirectory(*syscall.SysProcAttr) {}

const parentDeathUnknown = true

func commandLineNames(pid int, data string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), "postgres") && strings.Contains(string(out), data)
}

//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func child(t *testing.T, name, script string, ready func(context.Context) bool) *process {
	t.Helper()
	p := &process{name: name, stopBudget: time.Millisecond, log: filepath.Join(t.TempDir(), "log"), note: t.Logf, ready: ready, cmd: func() *exec.Cmd {
		return exec.Command("/bin/sh", "-c", script)
	}}
	t.Cleanup(func() {
		p.stopBudget = time.Minute
		require.NoError(t, p.end(syscall.SIGKILL))
	})
	return p
}

// One that hangs is named, and nobody else: what it waited is not another's fault.
func TestOnlyWhoIsNotReadyIsNamed(t *testing.T) {
	t.Parallel()
	hangs := child(t, "p1", "", func(context.Context) bool { return false })
	late := child(t, "p2", "", func(ctx context.Context) bool { return ctx.Err() == nil })
	errs := awaitAll(t.Context(), []*process{hangs, late}, time.Second)
	require.Len(t, errs, 1)
	require.ErrorContains(t, errs[0], "p1 is not ready")
}

func TestWhoDoesNotHeedASignalIsNamedAndEnded(t *testing.T) {
	t.Parallel()
	up := filepath.Join(t.TempDir(), "up")
	deaf := child(t, "p1", `trap "" TERM QUIT; touch `+up+`; while :; do sleep 1; done`, nil)
	require.NoError(t, deaf.start())
	require.Eventually(t, func() bool { _, err := os.Stat(up); return err == nil }, time.Minute, 10*time.Millisecond)
	require.ErrorContains(t, deaf.end(syscall.SIGTERM), "p1 did not end within 1ms of terminated")
	require.False(t, deaf.signal(0), "it runs")
}

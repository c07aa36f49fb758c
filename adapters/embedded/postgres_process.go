package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// process is the server's main process, our child.
type process struct {
	pid  int
	done chan struct{}
	err  error // how it ended; read after done
}

// spawn starts the server. A goroutine of its own holds the operating system thread that started it, since the
// kernel ties "tell the child when its parent dies" to that thread, and ends with the server.
func (p *Postgres) spawn() (*process, error) {
	log, err := p.openLog()
	if err != nil {
		return nil, err
	}
	cmd := p.owner.command(context.Background(), filepath.Join(p.bin, "postgres"), p.settings()...)
	cmd.Stdout, cmd.Stderr = log, log
	// A group of its own: Ctrl-C in a terminal is for us, and we stop the server when its users are done.
	cmd.SysProcAttr.Setpgid = true
	if !p.cfg.survive {
		stopWithParent(cmd.SysProcAttr)
	}
	proc := &process{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer log.Close() //nolint:errcheck // the child has its own handle
		err := cmd.Start()
		if err == nil {
			proc.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			proc.err = cmd.Wait()
			close(proc.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("run the server: %w", err)
	}
	return proc, nil
}

// stop asks for a fast shutdown (sessions end, data is written), then an immediate one, then kills.
func (p *process) stop() error {
	for _, step := range []struct {
		sig    syscall.Signal
		budget time.Duration
	}{{syscall.SIGINT, stopBudget}, {syscall.SIGQUIT, killBudget}, {syscall.SIGKILL, killBudget}} {
		if err := signalProcess(p.pid, step.sig); err != nil {
			break // gone: wait below for its end to be noticed
		}
		if p.ended(step.budget) {
			return nil
		}
	}
	if !p.ended(killBudget) {
		return fmt.Errorf("PostgreSQL process %d does not end", p.pid)
	}
	return nil
}

func (p *process) ended(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		return false
	}
}

func signalProcess(pid int, sig syscall.Signal) error {
	if err := syscall.Kill(pid, sig); err != nil {
		return fmt.Errorf("signal process %d: %w", pid, err)
	}
	return nil
}

// stopLeftover stops a server that still runs in our data directory: its owner was killed, and either the kernel's
// notice has not ended it yet or the system knows no such notice.
func (p *Postgres) stopLeftover(ctx context.Context) error {
	data := filepath.Join(p.cfg.Dir, postgresDataDir)
	pid := readPID(filepath.Join(data, "postmaster.pid"))
	if pid == 0 || !servesDirectory(pid, data) {
		return nil
	}
	p.cfg.Progress(Progress{Step: "stopping a PostgreSQL left over from a crash"})
	p.cfg.Logger.Info("stopping a PostgreSQL that outlived its owner", slog.Int("pid", pid))
	for _, step := range []struct {
		sig    syscall.Signal
		budget time.Duration
	}{{syscall.SIGINT, stopBudget}, {syscall.SIGQUIT, killBudget}, {syscall.SIGKILL, killBudget}} {
		if err := signalProcess(pid, step.sig); errors.Is(err, syscall.ESRCH) {
			return nil
		} else if err != nil {
			return err
		}
		if gone, err := awaitGone(ctx, pid, data, step.budget); gone || err != nil {
			return err
		}
	}
	return fmt.Errorf("PostgreSQL process %d from an earlier run does not end", pid)
}

func awaitGone(ctx context.Context, pid int, data string, within time.Duration) (bool, error) {
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, fmt.Errorf("wait for an earlier PostgreSQL to end: %w", ctx.Err())
		case <-deadline.C:
			return false, nil
		case <-tick.C:
			if !servesDirectory(pid, data) {
				return true, nil
			}
		}
	}
}

// servesDirectory reports whether the process is a PostgreSQL server of that data directory, as far as the system
// lets us see: process ids are used again.
func servesDirectory(pid int, data string) bool {
	if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
		return false
	}
	if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err == nil {
		return sameDir(cwd, data)
	} else if runtime.GOOS == "linux" {
		return false // a zombie, or another user's: not ours to stop
	}
	return commandLineNames(pid, data)
}

func sameDir(a, b string) bool {
	ia, errA := os.Stat(a)
	ib, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(ia, ib)
}

//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a child that is started again whenever it ends by itself.
type process struct {
	name  string
	log   string // its output, over all its lives
	cmd   func() *exec.Cmd
	note  func(format string, args ...any)
	ready func(ctx context.Context) bool

	stopBudget time.Duration // of its heeding a signal

	mu     sync.Mutex
	env    []string // of the next start, besides the command's own
	run    *life
	halted bool // down on purpose
	ended  int  // how often it ended by itself
	early  int  // … before it was ready
}

// life is one run of a process.
type life struct {
	cmd  *exec.Cmd
	done chan struct{}
	meant,
	ready bool
}

const (
	reviveAfter = time.Second
	stopBudget  = time.Minute
)

// start starts it. Idempotent.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.halted = false
	if p.run != nil {
		return nil
	}
	return p.launch()
}

// launch starts the child; the caller holds mu. The kernel ends it when the
// thread that started it ends, so a goroutine keeps that thread.
func (p *process) launch() error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd := p.cmd()
	cmd.Env = append(append(plainEnv(), cmd.Env...), p.env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	fmt.Fprintf(log, "--- %s started at %s %v\n", p.name, time.Now().Format(time.RFC3339Nano), p.env)
	l := &life{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer log.Close() //nolint:errcheck // the child has its own handle
		err := cmd.Start()
		started <- err
		if err == nil {
			err = cmd.Wait()
			fmt.Fprintf(log, "--- %s ended at %s: %v\n", p.name, time.Now().Format(time.RFC3339Nano), err)
			p.over(l, err)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.run = l
	return nil
}

// over notes the end of a life, and begins another unless it is to be down.
func (p *process) over(l *life, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.run = nil
	close(l.done)
	if l.meant {
		return
	}
	if l.ready {
		p.ended++
	} else {
		p.early++
	}
	p.note("%s ended by itself (had been ready: %t): %v", p.name, l.ready, err)
	time.AfterFunc(reviveAfter, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.run == nil && !p.halted {
			if err := p.launch(); err != nil {
				p.note("%v", err)
			}
		}
	})
}

// end ends it with the signal and waits; it stays down until start. One that does
// not heed the signal within stopBudget is made to write its goroutines into its
// log, and is killed when it does not do that either: that is an error.
func (p *process) end(sig syscall.Signal) error {
	p.mu.Lock()
	p.halted = true
	l := p.run
	if l != nil {
		l.meant = true
		_ = syscall.Kill(l.cmd.Process.Pid, sig) // gone already: that was the aim
		if sig != syscall.SIGKILL {
			_ = syscall.Kill(l.cmd.Process.Pid, syscall.SIGCONT)
		}
	}
	p.mu.Unlock()
	if l == nil || l.over(p.stopBudget) {
		return nil
	}
	_ = syscall.Kill(l.cmd.Process.Pid, syscall.SIGQUIT) // gone in the meantime: then over says so
	if !l.over(p.stopBudget) {
		_ = syscall.Kill(l.cmd.Process.Pid, syscall.SIGKILL)
		<-l.done
	}
	return fmt.Errorf("%s did not end within %s of %v; see %s", p.name, p.stopBudget, sig, p.log)
}

// over waits for the end of a life, for so long.
func (l *life) over(within time.Duration) bool {
	t := time.NewTimer(within)
	defer t.Stop()
	select {
	case <-l.done:
		return true
	case <-t.C:
		return false
	}
}

// signal sends what does not end it; false when it is not running.
func (p *process) signal(sig syscall.Signal) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.run != nil && syscall.Kill(p.run.cmd.Process.Pid, sig) == nil
}

// setEnv sets variables of the next start.
func (p *process) setEnv(env ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.env = env
}

// awaitReady waits until it answers, through as many starts as that takes.
func (p *process) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if p.ready(ctx) {
			p.mu.Lock()
			if p.run != nil {
				p.run.ready = true
			}
			p.mu.Unlock()
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w; see %s", p.name, context.Cause(ctx), p.log)
		case <-tick.C:
		}
	}
}

// watch notes which lives became ready, so that an end by itself can be judged.
func (p *process) watch(ctx context.Context) {
	for ctx.Err() == nil {
		look, cancel := context.WithTimeout(ctx, 5*time.Second)
		_ = p.awaitReady(look) // asked again
		cancel()
		_ = pause(ctx, time.Second)
	}
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// plainEnv is the environment without what would configure goniec.
func plainEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GONIEC_") })
}

// command runs a program to its end and returns what it printed.
func command(ctx context.Context, log string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var said bytes.Buffer
	errs, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	defer errs.Close() //nolint:errcheck // it was written
	cmd.Stderr = io.MultiWriter(errs, &said)
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %v: %w: %s%s; see %s", filepath.Base(name), args, err, said.Bytes(), out, log)
	}
	return string(out), errors.Join(err)
}

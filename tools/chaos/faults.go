//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"
)

// campaign carries a plan out and keeps count.
type campaign struct {
	w     *world
	held  sync.Map // by what faults hold: a mutex, since on a slow machine a fault may last longer than planned
	mu    sync.Mutex
	done  map[kind]int
	wrong []string // what could not be done
}

// run carries the plan out; it returns when the last fault is undone.
func (c *campaign) run(ctx context.Context, plan []fault) {
	began := time.Now()
	var wg sync.WaitGroup
	for _, f := range plan {
		wg.Go(func() {
			if pause(ctx, time.Until(began.Add(f.At))) == nil {
				defer c.hold(ctx, f)()
				c.one(ctx, f)
			}
		})
	}
	wg.Wait()
}

// hold waits until nothing else is done to what the fault holds. Brokers stay
// held until their replicas have had time to catch up.
func (c *campaign) hold(ctx context.Context, f fault) (release func()) {
	v, _ := c.held.LoadOrStore(f.holds(), &sync.Mutex{})
	mu := v.(*sync.Mutex)
	mu.Lock()
	return func() {
		if f.holds() == "brokers" {
			_ = pause(ctx, f.rest()) // at the end it makes no difference
		}
		mu.Unlock()
	}
}

func (c *campaign) one(ctx context.Context, f fault) {
	if f.Kind == fullDisk && c.w.disk == nil {
		return // buildDisk has said so, and the report says so again
	}
	c.w.note("fault: %s %s for %s %s", f.Kind, f.Target, f.For, argOf(f))
	undo, err := c.begin(ctx, f)
	if err == nil {
		_ = pause(ctx, f.For) // it is undone in any case
	}
	if undo != nil {
		err = errors.Join(err, undo())
	}
	c.w.note("over:  %s %s", f.Kind, f.Target)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.wrong = append(c.wrong, fmt.Sprintf("%s: %v", f, err))
		c.w.note("the fault could not be made or undone: %v", err)
		return
	}
	c.done[f.Kind]++
}

func argOf(f fault) string {
	if f.Arg == 0 {
		return ""
	}
	return "(" + f.Arg.String() + ")"
}

// begin makes the fault and returns what undoes it.
func (c *campaign) begin(ctx context.Context, f fault) (undo func() error, err error) {
	w := c.w
	switch f.Kind {
	case killProcess:
		return w.down(f.Target, w.procs[f.Target])
	case freeze:
		return w.freeze(f.Target)
	case wrongClock:
		return w.wrongClock(f.Target, f.Arg)
	case fullDisk:
		return w.fillDisk(ctx, f.For/2)
	case cut:
		return w.links.cut(f.Target), nil
	case mute:
		return w.links.mute(ctx, f.Target)
	case slow:
		return w.links.slow(ctx, f.Target, f.Arg)
	case killBroker, noQuorum:
		return w.killBrokers(ctx, strings.Split(f.Target, "+"))
	case killDB:
		return func() error { return w.db.start(context.WithoutCancel(ctx)) }, w.db.crash()
	case killCarrier:
		return w.down("carriers", w.carriers)
	case viberFaults:
		w.gate.down.Store(true)
		return func() error {
			w.gate.down.Store(false)
			return nil
		}, nil
	}
	return nil, fmt.Errorf("no such kind of fault: %q", f.Kind)
}

func (w *world) down(name string, p *process) (func() error, error) {
	if p == nil {
		return nil, fmt.Errorf("no such process: %q", name)
	}
	return p.start, p.end(syscall.SIGKILL)
}

func (w *world) freeze(name string) (func() error, error) {
	p := w.procs[name]
	if p == nil || !p.signal(syscall.SIGSTOP) {
		return nil, fmt.Errorf("%s does not run", name)
	}
	return func() error {
		if !p.signal(syscall.SIGCONT) {
			return fmt.Errorf("%s was gone when it was to go on", name)
		}
		return nil
	}, nil
}

// fillDisk fills the small disk under its process, and after a while kills the
// process too: what it has reserved lets it go on, a start has to drop its caches.
func (w *world) fillDisk(ctx context.Context, after time.Duration) (func() error, error) {
	if err := w.disk.fill(); err != nil {
		return w.disk.free, err
	}
	p := w.procs[diskProcess]
	_ = pause(ctx, after) // it is undone in any case
	return w.disk.free, errors.Join(p.end(syscall.SIGKILL), p.start())
}

func (w *world) wrongClock(name string, by time.Duration) (func() error, error) {
	p := w.procs[name]
	if p == nil {
		return nil, fmt.Errorf("no such process: %q", name)
	}
	err := p.end(syscall.SIGKILL)
	p.setEnv("GONIEC_CLOCK_OFFSET=" + by.String())
	return func() error {
		err := p.end(syscall.SIGKILL)
		p.setEnv()
		return errors.Join(err, p.start())
	}, errors.Join(err, p.start())
}

func (w *world) killBrokers(ctx context.Context, names []string) (func() error, error) {
	for _, n := range names {
		if err := w.kafka.kill(ctx, n[1:]); err != nil {
			return nil, err
		}
	}
	return func() error {
		errs := make([]error, len(names))
		var wg sync.WaitGroup
		for i, n := range names {
			wg.Go(func() { errs[i] = w.kafka.up(context.WithoutCancel(ctx), n[1:]) })
		}
		wg.Wait()
		return errors.Join(errs...)
	}, nil
}

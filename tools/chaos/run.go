//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"goniec/tools/chaos/check"
)

// run is one whole run.
type run struct {
	w    *world
	plan []fault
	load *load
	c    *campaign
	rep  report
}

const (
	settleBudget = 4 * time.Minute
	checkBudget  = 5 * time.Minute
	settleLook   = 2 * time.Second
)

// chaos builds the world, sends, breaks, waits, checks.
func chaos(ctx context.Context, opt options, plan []fault) (rep *report, err error) {
	log, err := os.OpenFile(filepath.Join(opt.dir, "chaos.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	w := &world{opt: opt, links: newLinks(), procs: map[string]*process{}, settings: map[int][]string{}, log: log, out: os.Stdout}
	r := &run{w: w, plan: plan, c: &campaign{w: w, done: map[kind]int{}}}
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		w.note("stop")
		err = errors.Join(err, w.close(ctx))
		cancel()
		err = errors.Join(err, log.Close())
	}()
	if err := w.build(ctx); err != nil {
		return nil, err
	}
	key, err := w.install(ctx)
	if err != nil {
		return nil, fmt.Errorf("make the account: %w", err)
	}
	if err := r.live(ctx, key); err != nil {
		return nil, err
	}
	if err := r.judge(ctx); err != nil {
		return nil, err
	}
	return &r.rep, nil
}

// live sends the load, carries out the plan, and waits until all is calm again.
func (r *run) live(ctx context.Context, key string) error {
	length := r.w.opt.length()
	for _, f := range r.plan {
		length = max(length, f.At+f.For)
	}
	r.load = newLoad(key, r.w.apis, int(length.Seconds()*r.w.opt.rate), r.w.opt.rate)
	r.w.note("load: %d messages at %.1f a second; %d faults", len(r.load.plan.Sendings), r.w.opt.rate, len(r.plan))
	r.rep.From = time.Now()
	watching, stop := context.WithCancel(ctx)
	var wg, watch sync.WaitGroup
	for _, p := range r.w.procs {
		watch.Go(func() { p.watch(watching) })
	}
	wg.Go(func() { r.load.run(ctx) })
	wg.Go(func() { r.c.run(ctx, r.plan) })
	wg.Wait()
	r.rep.To = time.Now()
	stop()
	watch.Wait()
	r.w.note("sent: %d of %d were answered 202, in %d tries", r.load.accepted(), len(r.load.sent), r.load.tries)
	for _, err := range awaitAll(ctx, append(procsOf(r.w), r.w.carriers), startBudget) {
		r.w.note("%v", err)
		r.rep.fault("%v", err)
	}
	return r.settle(ctx)
}

// awaitAll waits for all processes at once, so that one that hangs takes no time
// from another, and returns what is wrong with those that are not ready within
// budget. They are made to write their goroutines into their logs, which ends
// them, and are started again.
func awaitAll(ctx context.Context, procs []*process, budget time.Duration) []error {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	errs := make([]error, len(procs))
	var wg sync.WaitGroup
	for i, p := range procs {
		wg.Go(func() {
			if errs[i] = p.awaitReady(ctx); errs[i] != nil {
				p.signal(syscall.SIGQUIT)
			}
		})
	}
	wg.Wait()
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

func procsOf(w *world) (out []*process) {
	for _, p := range w.procs {
		out = append(out, p)
	}
	return out
}

// checkConfig is what the checker is told.
func (r *run) checkConfig() check.Config {
	return check.Config{
		Brokers: r.w.kafka.addresses, Prefix: prefix, Partitions: partitions, Installation: r.w.origin, Carriers: "http://" + r.w.viber,
		Postgres: r.w.pgURL, Sent: r.load.sent, From: r.rep.From, To: r.rep.To,
	}
}

// settle waits until nothing is left to happen: every story has its end, the
// carriers owe no report, the read models are at the journal's end. What does not
// come to that in time is what the checks are for.
func (r *run) settle(ctx context.Context) error {
	began := time.Now()
	last, calm := "", 0
	for time.Since(began) < settleBudget && calm < 3 {
		if err := pause(ctx, settleLook); err != nil {
			return err
		}
		now, over := r.look(ctx)
		if over && now == last {
			calm++
		} else {
			calm = 0
		}
		last = now
	}
	r.rep.Settled = time.Since(began)
	if calm < 3 {
		r.w.note("not settled within %s: %s", r.rep.Settled.Round(time.Second), last)
		r.unready(ctx)
		return nil
	}
	r.w.note("settled after %s: %s", r.rep.Settled.Round(time.Second), last)
	return nil
}

// unready says which processes do not answer or wait for something.
func (r *run) unready(ctx context.Context) {
	for _, p := range append(procsOf(r.w), r.w.carriers) {
		if !p.ready(ctx) {
			r.w.note("%s is not ready; see %s", p.name, p.log)
		}
	}
}

// look asks how far everything is.
func (r *run) look(ctx context.Context) (state string, over bool) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	got, err := check.Run(ctx, r.checkConfig())
	if err != nil {
		return err.Error(), false
	}
	pending, err := r.pending(ctx)
	if err != nil {
		return err.Error(), false
	}
	open := slices.ContainsFunc(got.Findings, func(f check.Finding) bool {
		return slices.Contains([]string{check.Unfinished, check.Model, check.Lost}, f.Kind)
	})
	return fmt.Sprintf("%d events, %d of %d messages ended, %d reports owed", got.Stats.Events, got.Stats.Ended, got.Stats.Messages, pending), !open && pending == 0
}

// pending is how many reports the carriers still owe.
func (r *run) pending(ctx context.Context) (int64, error) {
	c := &client{http: &http.Client{Timeout: 5 * time.Second}, apis: []string{r.w.viber}}
	a, err := c.do(ctx, 0, http.MethodGet, "/stats", "", nil)
	if err != nil {
		return 0, err
	}
	var s struct {
		Pending int64 `json:"pending"`
	}
	err = jsonInto(a.body, &s)
	return s.Pending, err
}

// judge lets the checker speak, rebuilds the read models, and lets it speak again.
func (r *run) judge(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkBudget)
	defer cancel()
	r.w.note("check")
	var err error
	if r.rep.Check, err = check.Run(ctx, r.checkConfig()); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	if err := r.rebuild(ctx); err != nil {
		r.rep.fault("rebuild: %v", err)
	}
	if _, err := r.w.goniec(ctx, "audit", "verify"); err != nil {
		r.rep.fault("goniec audit verify: %v", err)
	}
	r.rep.finish(r)
	return nil
}

// rebuild makes every read model anew, as an operator does, and compares.
func (r *run) rebuild(ctx context.Context) error {
	before, err := check.Digests(ctx, r.w.pgURL)
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for table := range before {
		name, _, _ := strings.Cut(table, ".")
		names[name] = true
	}
	for name := range names {
		r.w.note("rebuild %s", name)
		if _, err := r.w.goniec(ctx, "projections", "rebuild", name); err != nil {
			return err
		}
	}
	after, err := check.Digests(ctx, r.w.pgURL)
	if err != nil {
		return err
	}
	for table, sum := range before {
		if after[table] != sum {
			r.rep.fault("read model %s: %s; rebuilt from the journal: %s", table, sum, after[table])
		}
	}
	r.rep.Rebuilt = len(names)
	return nil
}

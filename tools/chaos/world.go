//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"goniec/adapters/embedded"
	"goniec/internal/freeport"
)

// world is the whole installation under test.
type world struct {
	opt      options
	links    *links
	kafka    kafka
	db       database
	disk     *smallDisk
	gate     gate
	carriers *process
	procs    map[string]*process
	apis     []string // addresses of the API processes, which stay
	viber    string   // of the simulator's HTTP
	smpp     string
	pgURL    string // past the proxies
	origin   string // id of the installation
	settings map[int][]string

	mu  sync.Mutex
	log *os.File // of what happened
	out io.Writer
}

// note writes a line of what happened.
func (w *world) note(format string, args ...any) {
	line := time.Now().Format("15:04:05.000") + "  " + fmt.Sprintf(format, args...)
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintln(w.log, line)
	fmt.Fprintln(w.out, line)
}

// build starts everything that goniec stands on, then goniec.
func (w *world) build(ctx context.Context) error {
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"disk", w.buildDisk},
		{"Kafka, three brokers", w.buildKafka},
		{"Postgres", w.buildDatabase},
		{"simulated carriers", w.buildCarriers},
		{"configuration and topics", w.buildConfig},
		{"goniec, three processes", w.buildProcesses},
	} {
		w.note("start: %s", step.what)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("start: %s: %w", step.what, err)
		}
	}
	return nil
}

// buildDisk mounts the small disk; where that is refused the run goes on, loudly,
// and ends as failed unless told otherwise.
func (w *world) buildDisk(context.Context) (err error) {
	w.disk, err = mountDisk(w.dataOf(diskProcess))
	if errors.Is(err, errNoDisk) {
		w.note("NOT TRIED: %v", err)
		return nil
	}
	return err
}

func (w *world) dataOf(name string) string { return filepath.Join(w.opt.dir, name) }

func (w *world) buildKafka(ctx context.Context) error {
	w.kafka = kafka{script: w.opt.kafka, dir: filepath.Join(w.opt.dir, "kafka")}
	if err := os.MkdirAll(w.kafka.dir, 0o700); err != nil {
		return err
	}
	free, err := freeport.Addrs(processes * brokers)
	if err != nil {
		return err
	}
	var proxied [][]string
	for p := range processes {
		proxied = append(proxied, free[p*brokers:(p+1)*brokers])
	}
	if err := w.kafka.start(ctx, proxied); err != nil {
		return err
	}
	for p := range processes {
		for b := range brokers {
			upstream, err := w.kafka.upstream(b+1, p+1)
			if err != nil {
				return err
			}
			if _, err := w.links.open(proxied[p][b], upstream, fmt.Sprintf("p%d/kafka", p+1), fmt.Sprintf("b%d", b+1)); err != nil {
				return err
			}
		}
		w.setting(p+1, "KAFKA_BROKERS", strings.Join(proxied[p], ","))
	}
	return nil
}

func (w *world) buildDatabase(ctx context.Context) error {
	w.db.cfg = embedded.PostgresConfig{Dir: filepath.Join(w.opt.dir, "postgres"), BinDir: w.opt.postgres, Settings: map[string]string{"max_connections": "200"}}
	if err := w.db.start(ctx); err != nil {
		return err
	}
	w.pgURL = w.db.pg.URL()
	for p := range processes {
		u, err := url.Parse(w.pgURL)
		if err != nil {
			return err
		}
		if u.Host, err = w.links.open("", u.Host, fmt.Sprintf("p%d/postgres", p+1)); err != nil {
			return err
		}
		w.setting(p+1, "POSTGRES_URL", u.String())
	}
	return nil
}

func (w *world) buildCarriers(ctx context.Context) error {
	addrs, err := freeport.Addrs(4 + processes)
	if err != nil {
		return err
	}
	w.viber, w.smpp, w.apis = addrs[0], addrs[1], addrs[4:]
	if err := serve(ctx, addrs[2], w.gate.handler(w.viber)); err != nil {
		return err
	}
	if err := serve(ctx, addrs[3], callbacks(w.apis)); err != nil {
		return err
	}
	w.carriers = w.child("carriers", func() *exec.Cmd {
		return exec.Command(w.opt.goniec, "simulator", "--addr", w.viber, "--smpp-addr", w.smpp, "--dir", filepath.Join(w.opt.dir, "carriers"), //nolint:noctx // it is ended by signals
			"--sync", "--callback", "http://"+addrs[3]+"/callbacks/viber/viber")
	}, "http://"+w.viber+"/healthz")
	for p := range processes {
		for name, upstream := range map[string]string{"viber": addrs[2], "smpp": w.smpp} {
			addr, err := w.links.open("", upstream, fmt.Sprintf("p%d/%s", p+1, name))
			if err != nil {
				return err
			}
			if name == "viber" {
				w.setting(p+1, "VIBER_URL", "http://"+addr)
			} else {
				w.setting(p+1, "SMPP_ADDR", addr)
			}
		}
	}
	return errors.Join(w.carriers.start(), w.carriers.awaitReady(ctx))
}

// child prepares a process whose readiness a URL tells.
func (w *world) child(name string, cmd func() *exec.Cmd, health string) *process {
	probe := &http.Client{Timeout: 2 * time.Second}
	return &process{name: name, stopBudget: stopBudget, log: filepath.Join(w.opt.dir, name+".log"), cmd: cmd, note: w.note, ready: func(ctx context.Context) bool {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, health, nil)
		if err != nil {
			return false
		}
		resp, err := probe.Do(req)
		if err != nil {
			return false
		}
		_ = resp.Body.Close() // only its status counts
		return resp.StatusCode == http.StatusOK
	}}
}

func (w *world) buildConfig(ctx context.Context) error {
	secrets := filepath.Join(w.opt.dir, "secrets.json")
	out, err := command(ctx, filepath.Join(w.opt.dir, "commands.log"), plainEnv(), w.opt.goniec, "secrets", "new", "--out", secrets, "--json")
	if err != nil {
		return err
	}
	var made struct {
		Installation string `json:"installation"`
	}
	if err := json.Unmarshal([]byte(out), &made); err != nil {
		return err
	}
	w.origin = made.Installation
	if err := writeConfig(w.config(), secrets, w.pgURL); err != nil {
		return err
	}
	_, err = w.goniec(ctx, "topics", "create")
	return err
}

func (w *world) config() string { return filepath.Join(w.opt.dir, "goniec.yaml") }

// goniec runs a command of the program, past all proxies.
func (w *world) goniec(ctx context.Context, args ...string) (string, error) {
	env := append(plainEnv(),
		"GONIEC_KAFKA_BROKERS="+strings.Join(w.kafka.addresses, ","), "GONIEC_POSTGRES_URL="+w.pgURL,
		"GONIEC_VIBER_URL=http://"+w.viber, "GONIEC_SMPP_ADDR="+w.smpp,
	)
	return command(ctx, filepath.Join(w.opt.dir, "commands.log"), env, w.opt.goniec, append(args, "--config", w.config())...)
}

// setting is what only one process has.
func (w *world) setting(p int, name, value string) {
	w.settings[p] = append(w.settings[p], "GONIEC_"+name+"="+value)
}

func (w *world) buildProcesses(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startBudget)
	defer cancel()
	for p := 1; p <= processes; p++ {
		name := fmt.Sprintf("p%d", p)
		w.setting(p, "DATA", w.dataOf(name))
		w.setting(p, "HTTP_ADDR", w.apis[p-1])
		w.procs[name] = w.child(name, func() *exec.Cmd {
			cmd := exec.Command(w.opt.goniec, "serve", "--config", w.config()) //nolint:noctx // it is ended by signals
			cmd.Env = w.settings[p]
			return cmd
		}, "http://"+w.apis[p-1]+"/readyz")
		if err := w.procs[name].start(); err != nil {
			return err
		}
	}
	for _, p := range w.procs {
		if err := p.awaitReady(ctx); err != nil {
			return err
		}
	}
	return nil
}

// close ends everything. Idempotent as far as its parts are.
func (w *world) close(ctx context.Context) error {
	var errs []error
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, p := range w.procs {
		wg.Go(func() {
			err := p.end(syscall.SIGTERM)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wg.Wait()
	if w.carriers != nil {
		errs = append(errs, w.carriers.end(syscall.SIGTERM))
	}
	w.links.close()
	errs = append(errs, w.db.stop())
	if w.kafka.dir != "" {
		errs = append(errs, w.kafka.stop(ctx))
	}
	if w.disk != nil {
		errs = append(errs, w.disk.unmount())
	}
	return errors.Join(errs...)
}

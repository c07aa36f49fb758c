//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"goniec/adapters/embedded"
)

// kafka is a cluster of three brokers, driven by .ci/kafka/kafka.
type kafka struct {
	script, dir string
	addresses   []string // real ones, past all proxies
}

const startBudget = 3 * time.Minute

// start starts the cluster; proxied has for each process the addresses of its
// own proxies to the brokers.
func (k *kafka) start(ctx context.Context, proxied [][]string) error {
	words := make([]string, len(proxied))
	for i, addrs := range proxied {
		words[i] = strings.Join(addrs, ",")
	}
	ctx, cancel := context.WithTimeout(ctx, startBudget)
	defer cancel()
	out, err := k.run(ctx, []string{"GONIEC_KAFKA_PROXIES=" + strings.Join(words, " ")}, "start", strconv.Itoa(brokers))
	k.addresses = strings.Split(strings.TrimSpace(out), ",")
	return err
}

// run runs a command of the script. The heap is small: three brokers share a machine.
func (k *kafka) run(ctx context.Context, env []string, what string, args ...string) (string, error) {
	env = append(append([]string{"GONIEC_KAFKA_HEAP=320m"}, os.Environ()...), env...)
	return command(ctx, filepath.Join(k.dir, "script.log"), env, k.script, append([]string{what, k.dir}, args...)...)
}

// upstream is the real address behind a process's proxy to a broker.
func (k *kafka) upstream(broker, process int) (string, error) {
	raw, err := os.ReadFile(filepath.Join(k.dir, fmt.Sprintf("node-%d", broker), fmt.Sprintf("proxied-%d", process)))
	return strings.TrimSpace(string(raw)), err
}

// kill ends a broker with SIGKILL and keeps its log, which a start empties.
func (k *kafka) kill(ctx context.Context, broker string) error {
	_, err := k.run(ctx, nil, "kill", broker)
	return errors.Join(err, k.keepLog(broker))
}

func (k *kafka) keepLog(broker string) error {
	node := filepath.Join(k.dir, "node-"+broker)
	from, err := os.Open(filepath.Join(node, "log"))
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // it was read
	to, err := os.OpenFile(filepath.Join(node, "log.before"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// up starts a broker again and waits until it serves.
func (k *kafka) up(ctx context.Context, broker string) error {
	ctx, cancel := context.WithTimeout(ctx, startBudget)
	defer cancel()
	_, err := k.run(ctx, nil, "up", broker)
	return err
}

func (k *kafka) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	_, err := k.run(ctx, nil, "stop")
	return err
}

// database is a Postgres that can be shut down without warning.
type database struct {
	cfg embedded.PostgresConfig
	pg  *embedded.Postgres
}

func (d *database) start(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, startBudget)
	defer cancel()
	d.pg, err = embedded.StartPostgres(ctx, d.cfg)
	return err
}

// crash is Postgres's immediate shutdown: no checkpoint, sessions are cut.
func (d *database) crash() error {
	raw, err := os.ReadFile(filepath.Join(d.cfg.Dir, "data", "postmaster.pid"))
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return fmt.Errorf("postmaster.pid: %w", err)
	}
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		return fmt.Errorf("stop Postgres: %w", err)
	}
	<-d.pg.Done()
	return nil
}

func (d *database) stop() error {
	if d.pg == nil {
		return nil
	}
	return d.pg.Close()
}

package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"goniec/adapters/simulator"
	"goniec/cmd/goniec/internal/run"
	"goniec/internal/freeport"
	"goniec/internal/suffixes"
)

// ChildCommand is the hidden command, followed by a role, by which this program
// is started as a child.
const ChildCommand = "demo-child"

// Roles of a child.
const (
	RoleNode     = "node"     // everything but the carriers: what is killed
	RoleCarriers = "carriers" // the carriers, whose log is synced before they answer: what outlives it
)

// ChildConfig is what a child reads from its standard input as one JSON object.
// It ends when its standard input does, so that none outlives its parent.
type ChildConfig struct {
	Dir      string   `json:"dir"`
	HTTP     string   `json:"http,omitempty"` // of a node: fixed, since the carriers report there
	Brokers  []string `json:"brokers,omitempty"`
	Prefix   string   `json:"prefix,omitempty"`
	ViberURL string   `json:"viber_url,omitempty"`
	SMPP     string   `json:"smpp,omitempty"`
	Callback string   `json:"callback,omitempty"` // of carriers
}

// Carriers is what carriers answer once they listen; a node answers run.Running.
type Carriers struct {
	URL  string `json:"url"`
	SMPP string `json:"smpp"`
}

// RunChild is a child's whole life.
func RunChild(ctx context.Context, role string, in io.Reader, out, log io.Writer) error {
	dec := json.NewDecoder(in)
	var cfg ChildConfig
	if err := dec.Decode(&cfg); err != nil {
		return fmt.Errorf("configuration on standard input: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, in) // the parent writes no more: its end is ours
		cancel()
	}()
	switch role {
	case RoleNode:
		return runNode(ctx, cfg, out, log)
	case RoleCarriers:
		return runCarriers(ctx, cfg, out, log)
	}
	return fmt.Errorf("no such role %q", role)
}

func runNode(ctx context.Context, c ChildConfig, out, log io.Writer) error {
	cfg := upConfig(c.Dir, c.HTTP, c.Brokers, c.Prefix, log)
	cfg.ViberURL, cfg.SMPP = c.ViberURL, c.SMPP
	u, err := run.StartUp(ctx, cfg)
	if err != nil {
		return err
	}
	err = json.NewEncoder(out).Encode(u.Running())
	if err == nil {
		err = u.Wait(ctx)
	}
	return errors.Join(err, u.Close())
}

func runCarriers(ctx context.Context, c ChildConfig, out, log io.Writer) error {
	s, err := simulator.New(simulator.Config{
		Dir: filepath.Join(c.Dir, "simulator"), SyncLog: true, Services: suffixes.Services(), CallbackURL: c.Callback, Delays: delays,
		RetryMax: time.Second, // soon after a start the reports of the time before are in
		Logger:   slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(Carriers{URL: s.URL(), SMPP: s.SMPPAddr()}); err != nil {
		return errors.Join(err, s.Close())
	}
	return s.Run(ctx)
}

// child is a process of ours.
type child struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	log  *os.File
	done chan struct{}
	err  error
}

// childBudget is how long a child may take to be ready, and to end.
const (
	readyBudget = 2 * time.Minute
	endBudget   = 40 * time.Second
)

// spawn starts this program again in the role and reads what it answers.
func spawn(ctx context.Context, exe, role string, cfg ChildConfig, answer any) (*child, error) {
	log, err := os.OpenFile(filepath.Join(cfg.Dir, "goniec-"+role+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.CommandContext(context.WithoutCancel(ctx), exe, ChildCommand, role), log: log, done: make(chan struct{})} // this program itself
	c.cmd.Stderr = log
	out, err := c.cmd.StdoutPipe()
	if err == nil {
		c.in, err = c.cmd.StdinPipe()
	}
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", role, err), log.Close())
	}
	ready := make(chan error, 1)
	go func() {
		ready <- json.NewDecoder(out).Decode(answer)
		_, _ = io.Copy(io.Discard, out)
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	if err := json.NewEncoder(c.in).Encode(cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", role, err), c.kill())
	}
	return c, c.await(ctx, role, ready)
}

func (c *child) await(ctx context.Context, role string, ready <-chan error) error {
	t := time.NewTimer(readyBudget)
	defer t.Stop()
	var err error
	select {
	case err = <-ready:
		if err != nil {
			err = fmt.Errorf("%s did not start; see %s", role, c.log.Name())
		}
	case <-t.C:
		err = fmt.Errorf("%s is not ready after %s; see %s", role, readyBudget, c.log.Name())
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return errors.Join(err, c.kill())
	}
	return nil
}

// kill ends the process with SIGKILL and waits for its end.
func (c *child) kill() error {
	err := c.cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-c.done
	return errors.Join(err, c.log.Close())
}

// stop lets it end by itself: it does when its standard input ends.
func (c *child) stop() error {
	_ = c.in.Close() // that is the message
	t := time.NewTimer(endBudget)
	defer t.Stop()
	select {
	case <-c.done:
		return errors.Join(c.err, c.log.Close())
	case <-t.C:
		return errors.Join(errors.New("a child did not end by itself"), c.kill())
	}
}

// children runs the node and the carriers in processes of their own.
type children struct {
	opt      Options
	node     *child
	carriers *child
	cfg      ChildConfig // of the node
	at       Carriers
	end      chan error
}

func (h *children) start(ctx context.Context) (target, error) {
	if h.carriers == nil {
		if err := h.startCarriers(ctx); err != nil {
			return target{}, err
		}
	}
	var r run.Running
	node, err := spawn(ctx, h.opt.Exe, RoleNode, h.cfg, &r)
	if err != nil {
		return target{}, err
	}
	h.node, h.end = node, make(chan error, 1)
	go func(end chan<- error) {
		<-node.done
		end <- fmt.Errorf("the node ended: %w", node.err)
	}(h.end)
	secrets, err := run.ReadSecrets(r.Secrets)
	return target{running: r, carriers: h.at.URL, installation: secrets.Installation}, err
}

func (h *children) startCarriers(ctx context.Context) (err error) {
	h.cfg = ChildConfig{Dir: h.opt.Dir, Brokers: h.opt.Brokers, Prefix: h.opt.Prefix}
	addrs, err := freeport.Addrs(1) // it stays the same over restarts
	if err != nil {
		return err
	}
	h.cfg.HTTP = addrs[0]
	cfg := ChildConfig{Dir: h.opt.Dir, Callback: "http://" + h.cfg.HTTP + "/callbacks/viber/viber"}
	if h.carriers, err = spawn(ctx, h.opt.Exe, RoleCarriers, cfg, &h.at); err != nil {
		return err
	}
	h.cfg.ViberURL, h.cfg.SMPP = h.at.URL, h.at.SMPP
	return nil
}

func (h *children) failed() <-chan error { return h.end }

func (h *children) kill() error {
	node := h.node
	h.node, h.end = nil, nil
	return node.kill()
}

func (h *children) close() error {
	var errs []error
	for _, c := range []*child{h.node, h.carriers} {
		if c != nil {
			errs = append(errs, c.stop())
		}
	}
	return errors.Join(errs...)
}

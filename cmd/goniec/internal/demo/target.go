package demo

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"goniec/adapters/simulator"
	"goniec/cmd/goniec/internal/run"
	"goniec/domain/account"
	"goniec/eventstore"
)

// target is a running installation, as the checks see it.
type target struct {
	running      run.Running
	carriers     string // URL of the carriers' log
	installation string
	client       sarama.Client
}

func (t target) topics() eventstore.Topics { return eventstore.Topics{Prefix: t.running.Prefix} }

func (t target) kafka() eventstore.KafkaConfig {
	return eventstore.KafkaConfig{Brokers: strings.Split(t.running.Kafka, ","), Prefix: t.running.Prefix, ClientID: "goniec-demo"}
}

// host runs the installation: in this process, or in others that can be killed.
type host interface {
	start(ctx context.Context) (target, error)
	// failed is closed when the installation has ended by itself.
	failed() <-chan error
	// kill ends it with SIGKILL; the carriers live on.
	kill() error
	close() error
}

var errNotKillable = errors.New("the installation runs in this process")

// settings of the demo account: what waits for an SMS's report for a day waits for seconds.
func settings() account.Settings {
	s := account.DefaultSettings()
	s.SMSValidity = (11 * time.Second).Milliseconds()
	s.ReportWait = (5 * time.Second).Milliseconds()
	return s
}

// delays of the carriers: what comes "just before the deadline" counts from their
// submit, which a busy machine makes some seconds later than the request.
var delays = simulator.Delays{Margin: 3 * time.Second}

// inProcess runs everything here.
type inProcess struct {
	opt  Options
	up   *run.Up
	log  *os.File
	end  chan error
	stop context.CancelFunc  // of who waits for its end
	set  func(*run.UpConfig) // changes how it is started; may be nil
}

func (h *inProcess) start(ctx context.Context) (target, error) {
	var err error
	if h.log, err = os.OpenFile(filepath.Join(h.opt.Dir, "goniec.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return target{}, err
	}
	cfg := upConfig(h.opt.Dir, "127.0.0.1:0", h.opt.Brokers, h.opt.Prefix, h.log)
	cfg.Step, cfg.Progress = h.opt.Step, h.opt.Progress
	if h.set != nil {
		h.set(&cfg)
	}
	if h.up, err = run.StartUp(ctx, cfg); err != nil {
		return target{}, err
	}
	h.end = make(chan error, 1)
	wait, stop := context.WithCancel(context.WithoutCancel(ctx))
	h.stop = stop
	go func() {
		defer close(h.end)
		h.end <- h.up.Wait(wait)
	}()
	r := h.up.Running()
	return target{running: r, carriers: r.Simulator, installation: h.up.Secrets().Installation}, nil
}

// upConfig is `up` as the demo starts it, here or in a child.
func upConfig(dir, http string, brokers []string, prefix string, log io.Writer) run.UpConfig {
	s := settings()
	return run.UpConfig{
		Data: dir, HTTP: http, Brokers: brokers, Prefix: prefix, Settings: &s, Delays: delays,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

func (h *inProcess) failed() <-chan error { return h.end }

func (h *inProcess) kill() error { return errNotKillable }

func (h *inProcess) close() error {
	var err error
	if h.up != nil {
		h.stop()
		err = errors.Join(<-h.end, h.up.Close())
	}
	if h.log != nil {
		err = errors.Join(err, h.log.Close())
	}
	return err
}

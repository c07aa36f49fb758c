package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"goniec/adapters/embedded"
	"goniec/internal/suffixes"
)

// Options of a run.
type Options struct {
	Messages int
	Dir      string   // kept afterwards; "" = a new one among the temporary files
	Brokers  []string // another Kafka than the embedded one
	Prefix   string   // of topics; with Brokers a new one by default
	Kills    int      // how often everything is killed in the middle; 0 = never
	Exe      string   // this program, for children; required with Kills

	Step     func(name string)       // told what begins; may be nil
	Live     func(line string)       // told some times a second how far the run is; may be nil
	Progress func(embedded.Progress) // told of downloads; may be nil
}

// Errors of Options.
var (
	ErrMessages = fmt.Errorf("the number of messages must be from %d to %d", suffixes.MinMessages, suffixes.MaxMessages)
	ErrKills    = fmt.Errorf("at most %d kills", MaxKills)
	ErrDir      = errors.New("the directory is not empty: a demo needs one of its own")
)

// check says what of the number of messages or of kills is out of bounds.
func (o *Options) check() error {
	if o.Messages < suffixes.MinMessages || o.Messages > suffixes.MaxMessages {
		return ErrMessages
	}
	if o.Kills < 0 || o.Kills > MaxKills {
		return ErrKills
	}
	return nil
}

func (o *Options) setDefaults() error {
	if o.Step == nil {
		o.Step = func(string) {}
	}
	if o.Live == nil {
		o.Live = func(string) {}
	}
	if o.Progress == nil {
		o.Progress = func(embedded.Progress) {}
	}
	switch {
	case o.Prefix != "":
	case len(o.Brokers) > 0:
		o.Prefix = "demo-" + strings.ToLower(rand.Text()[:8]) + "." // what others did there is not ours
	default:
		o.Prefix = "goniec."
	}
	return o.ownDir()
}

// ownDir makes the run's directory, or takes an empty one.
func (o *Options) ownDir() (err error) {
	if o.Dir == "" {
		o.Dir, err = os.MkdirTemp("", "goniec-demo-")
		return err
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(o.Dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s: %w", o.Dir, ErrDir)
	}
	return err
}

// demo is one run.
type demo struct {
	opt     Options
	host    host
	target  target
	book    *Book
	plan    suffixes.Plan
	sent    *Sent
	outages []Outage
	killed  int
	report  *Report
	began   time.Time
	phase   time.Time
}

// Run does all of it: starts, sends, waits, checks, stops. The report is whole
// when err is nil, also if some check in it failed: see Report.OK. Err says that
// the run could not be finished.
func Run(ctx context.Context, opt Options) (*Report, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	if err := opt.setDefaults(); err != nil {
		return nil, err
	}
	d := &demo{opt: opt, plan: suffixes.NewPlan(opt.Messages), sent: newSent(opt.Messages), began: time.Now(), phase: time.Now()}
	d.report = &Report{Messages: opt.Messages, Data: opt.Dir, Look: opt.look(), Kills: []Outage{}}
	d.host = &inProcess{opt: opt}
	if opt.Kills > 0 {
		d.host = &children{opt: opt}
	}
	err := d.run(ctx)
	d.opt.Step("stopping")
	err = errors.Join(err, d.detach(), d.host.close())
	d.report.Seconds = time.Since(d.began).Seconds()
	d.report.finish()
	return d.report, err
}

// look is how to look around in what the run left behind.
func (o *Options) look() string {
	s := "goniec up --data " + o.Dir
	if len(o.Brokers) > 0 {
		s += " --brokers " + strings.Join(o.Brokers, ",") + " --prefix " + o.Prefix
	}
	return s
}

// timed ends a phase and notes how long it took.
func (d *demo) timed(into *float64) {
	*into = time.Since(d.phase).Seconds()
	d.phase = time.Now()
}

func (d *demo) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if d.opt.Kills > 0 {
		d.opt.Step("start in processes of their own")
	}
	if err := d.attach(ctx); err != nil {
		return err
	}
	d.timed(&d.report.Took.Start)
	d.opt.Step(fmt.Sprintf("send %d messages", d.opt.Messages))
	if err := d.live(ctx); err != nil {
		return err
	}
	d.opt.Step("check")
	err := d.check(ctx)
	d.timed(&d.report.Took.Check)
	return err
}

// attach starts the installation and follows its journal.
func (d *demo) attach(ctx context.Context) (err error) {
	if d.target, err = d.host.start(ctx); err != nil {
		return err
	}
	if d.target.client, err = d.target.kafka().NewClient(); err != nil {
		return err
	}
	d.book, err = Follow(ctx, d.target.kafka(), d.target.running.Partitions)
	return err
}

// detach ends what reads the installation.
func (d *demo) detach() error {
	var errs []error
	if d.book != nil {
		errs = append(errs, d.book.Close())
		d.book = nil
	}
	if d.target.client != nil {
		errs = append(errs, d.target.client.Close())
		d.target.client = nil
	}
	return errors.Join(errs...)
}

// live sends everything, kills what is to be killed, and waits until all has ended.
func (d *demo) live(ctx context.Context) error {
	api, err := d.target.apiClient()
	if err != nil {
		return err
	}
	sending := make(chan error, 1)
	go func() { sending <- d.sent.send(ctx, api, d.plan) }()
	err = d.watch(ctx, sending)
	if err != nil {
		return err
	}
	d.report.Latency = d.sent.latency()
	d.timed(&d.report.Took.Live)
	return nil
}

const (
	glance = 100 * time.Millisecond // between two looks at the run
	// calm is how long the journal has to be silent, with no report left to come,
	// before everything is over.
	calm = time.Second
	// lifeBudget is how long messages may take to end: validity, SMS, reports,
	// retries, and the grace after a kill.
	lifeBudget = 75 * time.Second
	killBudget = 45 * time.Second // more for each kill
)

var errTooSlow = errors.New("not every message has ended in time")

// watch looks at the run until everything is sent and over.
func (d *demo) watch(ctx context.Context, sending <-chan error) error {
	t := time.NewTicker(glance)
	defer t.Stop()
	deadline := time.Now().Add(lifeBudget + time.Duration(d.opt.Kills)*killBudget)
	all := false
	for {
		select {
		case err := <-sending:
			if err != nil {
				return err
			}
			all = true
			d.timed(&d.report.Took.Send)
			d.opt.Step("wait until all have ended")
		case err := <-d.host.failed():
			return fmt.Errorf("goniec ended by itself: %w", err)
		case <-t.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		over, err := d.glance(ctx, all)
		if err != nil || over {
			return err
		}
		if time.Now().After(deadline) {
			d.report.note(errTooSlow.Error()) // which ones, the checks say
			return nil
		}
	}
}

// glance looks once: kills if the moment has come, and says whether all is over.
func (d *demo) glance(ctx context.Context, all bool) (over bool, err error) {
	c, err := d.book.Count()
	if err != nil {
		return false, err
	}
	d.opt.Live(liveLine(int(d.sent.count.Load()), d.opt.Messages, c))
	if d.killed < d.opt.Kills && momentsOf(d.opt.Kills)[d.killed].come(int(d.sent.count.Load()), c, d.opt.Messages) {
		return false, d.kill(ctx)
	}
	if !all || c.Messages < d.opt.Messages || c.Ended < c.Messages || c.Quiet < calm || d.killed < d.opt.Kills {
		return false, nil
	}
	s, err := carrierStats(ctx, d.target.carriers)
	if err != nil {
		return false, fmt.Errorf("carriers: %w", err)
	}
	return s.Pending == 0, nil
}

func liveLine(sent, of int, c Count) string {
	line := fmt.Sprintf("sent %d of %d", sent, of)
	for _, s := range []string{"sending", "sent", "delivered", "read", "failed", "unknown"} {
		line += fmt.Sprintf(" · %s %d", s, c.States[s])
	}
	return line + fmt.Sprintf(" · ended %d", c.Ended)
}

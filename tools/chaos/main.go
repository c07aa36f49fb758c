//go:build linux

// Command chaos breaks a whole installation, again and again, and checks that it
// kept its promises: several `goniec serve` on a cluster of three Apache Kafka
// brokers, a Postgres and simulated carriers in processes of their own, under a
// load that covers every suffix of rules.md. Processes and brokers are killed and
// stopped, connections cut, muted and slowed, disks filled, clocks set wrong.
//
// What is done when follows from the seed, and is printed as a plan that -plan
// replays. Afterwards tools/chaos/check judges from the outside. `.ci/chaos`
// builds what it needs and runs it:
//
//	.ci/chaos -seconds 120 -faults 20 -seed 1
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

type options struct {
	goniec, kafka, postgres, dir string
	seconds, faults              int
	seed                         uint64
	rate                         float64
	plan                         string
	planOnly, noDisk             bool

	minTakeovers, minRestarts, minUnknown, minEnded int
}

func (o options) length() time.Duration { return time.Duration(o.seconds) * time.Second }

// String is how the same run is asked for again.
func (o options) String() string {
	return fmt.Sprintf("-seconds %d -faults %d -seed %d -rate %g", o.seconds, o.faults, o.seed, o.rate)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := begin(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be undone
	}
}

func flags(args []string) (o options, err error) {
	f := flag.NewFlagSet("chaos", flag.ContinueOnError)
	f.StringVar(&o.goniec, "goniec", "", "the program under test")
	f.StringVar(&o.kafka, "kafka", ".ci/kafka/kafka", "script that runs Apache Kafka")
	f.StringVar(&o.postgres, "postgres", "", "directory of Postgres's programs; none = they are downloaded")
	f.StringVar(&o.dir, "dir", "", "directory for everything: it must be new or empty")
	f.IntVar(&o.seconds, "seconds", 600, "length of the load")
	f.IntVar(&o.faults, "faults", 100, "how many faults")
	f.Uint64Var(&o.seed, "seed", 1, "what the plan follows from")
	f.Float64Var(&o.rate, "rate", 10, "messages a second")
	f.StringVar(&o.plan, "plan", "", "file with a plan to be replayed, instead of one from the seed")
	f.BoolVar(&o.planOnly, "plan-only", false, "print the plan and end")
	f.BoolVar(&o.noDisk, "no-disk", false, "accept that no disk can be filled where mounting is refused")
	f.IntVar(&o.minTakeovers, "min-takeovers", -1, "fewer fail the run (default: a fifth of the faults)")
	f.IntVar(&o.minRestarts, "min-restarts", -1, "fewer ownerships that start over fail the run (default: a tenth of the faults)")
	f.IntVar(&o.minUnknown, "min-unknown", 1, "fewer attempts of unknown outcome fail the run")
	f.IntVar(&o.minEnded, "min-ended", 60, "fewer messages ended fail the run")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.minTakeovers < 0 {
		o.minTakeovers = o.faults / 5
	}
	if o.minRestarts < 0 {
		o.minRestarts = o.faults / 10
	}
	if o.seconds < 1 || o.faults < 0 || o.rate <= 0 {
		return o, errors.New("-seconds and -rate must be positive, -faults not negative")
	}
	return o, nil
}

func begin(ctx context.Context, args []string) error {
	opt, err := flags(args)
	if err != nil {
		return err
	}
	plan := newPlan(opt.seed, opt.length(), opt.faults)
	if opt.plan != "" {
		if plan, err = readPlan(opt.plan); err != nil {
			return err
		}
	}
	for _, f := range plan {
		fmt.Fprintln(os.Stdout, f)
	}
	if opt.planOnly {
		return nil
	}
	if err := opt.prepare(plan); err != nil {
		return err
	}
	rep, err := chaos(ctx, opt, plan)
	if err == nil {
		err = conclude(opt, rep)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "Everything is kept in %s.\nOnce more: .ci/chaos %s\nThe very same plan: .ci/chaos %s -plan %s/plan.txt\n", opt.dir, opt, opt, opt.dir)
	}
	return err
}

// prepare makes the directory, which nothing else may be in, and writes the plan there.
func (o *options) prepare(plan []fault) (err error) {
	if o.dir == "" || o.goniec == "" {
		return errors.New("-dir and -goniec are required")
	}
	for _, path := range []*string{&o.dir, &o.goniec, &o.kafka} {
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil { // Postgres's user has to pass through it
		return err
	}
	return writePlan(filepath.Join(o.dir, "plan.txt"), plan)
}

var errFound = errors.New("not everything is as it must be")

func conclude(opt options, rep *report) error {
	raw, err := json.MarshalIndent(rep, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(opt.dir, "report.json"), append(raw, '\n'), 0o600)
	}
	if err != nil {
		return err
	}
	rep.write(os.Stdout)
	if !rep.OK {
		return errFound
	}
	fmt.Fprintf(os.Stdout, "ok: %d faults, %d messages, every promise kept\n", opt.faults, rep.Sent)
	return nil
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"goniec/cmd/goniec/internal/demo"
	"goniec/cmd/goniec/internal/words"
	"goniec/internal/suffixes"
)

// standardKills of demo --break: in the middle of sending, and of the fallbacks.
const standardKills = 2

func (a *app) demoCommand() *cobra.Command {
	opt := demo.Options{}
	var all, breakIt, month bool
	cmd := &cobra.Command{
		Use: "demo", Short: "Send 1,000 messages through simulated carriers, wait for their ends, check every promise", Args: cobra.NoArgs,
		Long: "Start everything on free ports in a directory of its own, send messages to every number suffix of the simulated carriers,\n" +
			"wait until all have ended, and check: each ended as it must, totals, the carriers' log, hash chain, rebuilt read models,\n" +
			"no number or text in clear. Ends with 0 only if all of it holds.\n\n" +
			"With --month: the story of two accounts and four senders from November to January, told as a calendar. Everything is real but\n" +
			"for the clock; it ends with the months' statements, the senders' states, and the statements computed again from the journal. The\n" +
			"folder statements in the directory of --keep is equal, byte for byte, in all runs on a machine, on whatever Kafka.",
		Example: "goniec demo\ngoniec demo --month --keep story",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if month {
				return a.demoMonth(cmd.Context(), opt)
			}
			if breakIt && opt.Kills == 0 {
				opt.Kills = standardKills
			}
			return a.demo(cmd.Context(), opt, all)
		},
	}
	f := cmd.Flags()
	f.IntVar(&opt.Messages, "messages", 1000, fmt.Sprintf("how many messages, %d to %d", suffixes.MinMessages, suffixes.MaxMessages))
	f.BoolVar(&all, "all", false, "show the table of all suffixes")
	f.StringSliceVar(&opt.Brokers, "brokers", nil, "use this Kafka instead of the embedded one")
	f.StringVar(&opt.Prefix, "prefix", "", "of topics (default \"goniec.\"; with --brokers a new one)")
	f.BoolVar(&breakIt, "break", false, "kill everything but the carriers with -9 in the middle, and go on")
	f.IntVar(&opt.Kills, "kills", 0, fmt.Sprintf("how often, with --break (default %d, at most %d)", standardKills, demo.MaxKills))
	f.BoolVar(&month, "month", false, "tell two months of billing in virtual time instead")
	f.StringVar(&opt.Dir, "keep", "", "keep the data in this directory, which must be empty (default a new one among the temporary files)")
	for _, other := range []string{"messages", "all", "break", "kills"} {
		cmd.MarkFlagsMutuallyExclusive("month", other)
	}
	return cmd
}

// demoChildCommand is what `demo --break` starts: see demo.RunChild.
func (a *app) demoChildCommand() *cobra.Command {
	return &cobra.Command{
		Use: demo.ChildCommand + " ROLE", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return demo.RunChild(cmd.Context(), args[0], a.in, a.out, a.err)
		},
	}
}

var errDemo = errors.New("not everything is as it must be")

func (a *app) demo(ctx context.Context, opt demo.Options, all bool) error {
	var err error
	if opt.Exe, err = os.Executable(); err != nil {
		return err
	}
	steps, live := &steps{out: a.out, quiet: a.json}, a.progress()
	opt.Step = func(name string) {
		live.end()
		steps.begin(name)
	}
	opt.Live = func(line string) { live.show("  %s", line) }
	opt.Progress = steps.progress
	report, err := demo.Run(ctx, opt)
	live.end()
	steps.end()
	if report == nil {
		return demoMisused(err)
	}
	if ctx.Err() != nil {
		a.say("Nothing was checked. What there is: %s", report.Look)
		return context.Cause(ctx)
	}
	if shown := a.show(report, func() { a.sayDemo(report, all) }); shown != nil {
		return shown
	}
	if err == nil && !report.OK {
		err = errDemo
	}
	if err != nil {
		return failWith(ExitFailed, err)
	}
	return nil
}

// demoMisused is what kept a demo from beginning.
func demoMisused(err error) error {
	if errors.Is(err, demo.ErrMessages) || errors.Is(err, demo.ErrKills) || errors.Is(err, demo.ErrDir) {
		return failWith(ExitUsage, err)
	}
	return err
}

func (a *app) sayChecks(checks []demo.Check) {
	for _, c := range checks {
		mark := "ok    "
		if !c.OK {
			mark = "FAILED"
		}
		a.say("%s  %s (%s)", mark, c.Name, c.Detail)
		for _, f := range c.Faults {
			a.say("          %s", f)
		}
		if c.More > 0 {
			a.say("          and %d more", c.More)
		}
	}
}

func (a *app) sayDemo(r *demo.Report, all bool) {
	for _, s := range r.Stories {
		a.say("\n%s (…%s, message %s)\n  %s", s.Title, s.Suffix, s.ID, s.Text)
	}
	if len(r.States) > 0 {
		a.say("")
		a.sayTotals(r)
	}
	if all {
		a.say("")
		a.saySuffixes(r)
	}
	a.say("")
	for _, o := range r.Kills {
		a.say("kill -9 at %s, %s; up again after %.1f s", clock(o.Killed), o.When, o.Back.Sub(o.Killed).Seconds())
	}
	a.sayChecks(r.Checks)
	for _, n := range r.Notes {
		a.say("FAILED  %s", n)
	}
	took := time.Duration(r.Seconds * float64(time.Second)).Round(100 * time.Millisecond)
	a.say("\n%s in %s; a request took %.1f ms (p99 %.1f ms) to its 202\nLook around in it: %s", words.Count(r.Messages, "message"), took, r.Latency.P50, r.Latency.P99, r.Look)
}

func (a *app) sayTotals(r *demo.Report) {
	line := "States:"
	for _, s := range []string{"read", "delivered", "failed", "unknown", "cancelled", "sent", "sending", "waiting", "accepted"} {
		if n := r.States[s]; n > 0 {
			line += fmt.Sprintf("  %s %s", s, words.Thousands(int64(n)))
		}
	}
	a.say("%s", line)
	for _, t := range r.Totals {
		a.say("%s %s: %s, %s, %s", t.Month, words.Channel(t.Channel), words.Count(int(t.Count), "charge"), words.Count(int(t.Parts), "part"), words.Money(t.Amount, t.Currency))
	}
}

func (a *app) saySuffixes(r *demo.Report) {
	rows := make([][]string, 0, len(r.Rows))
	for _, row := range r.Rows {
		first := true
		for ended, n := range row.Ended {
			cells := []string{"", "", fmt.Sprint(n), ended}
			if first {
				cells[0], cells[1] = row.Suffix, row.Does
			}
			rows, first = append(rows, cells), false
		}
	}
	a.table([]string{"suffix", "the carriers", "messages", "ended as (charges Viber/SMS, besides)"}, rows)
}

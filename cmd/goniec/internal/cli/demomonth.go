package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/demo"
	"goniec/cmd/goniec/internal/words"
)

// monthDir is the folder of a month's demo that holds what is equal in all runs.
const monthDir = "statements"

// demoMonth tells two months in virtual time.
func (a *app) demoMonth(ctx context.Context, opt demo.Options) error {
	steps := &steps{out: a.out, quiet: a.json}
	opt.Step, opt.Progress = steps.begin, steps.progress
	tell := func(h demo.Happening) { a.say("%s", happening(h)) }
	report, err := demo.RunMonth(ctx, demo.MonthOptions{Options: opt, Tell: tell})
	steps.end()
	if report == nil {
		return demoMisused(err)
	}
	if err != nil {
		a.say("It was not finished. What there is: %s", report.Look)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return failWith(ExitFailed, err)
	}
	if err := a.writeMonth(report); err != nil {
		return err
	}
	if err := a.show(report, func() { a.sayMonth(report) }); err != nil {
		return err
	}
	if !report.OK {
		return failWith(ExitFailed, errDemo)
	}
	return nil
}

// happening is a line of the calendar, in the billing zone.
func happening(h demo.Happening) string {
	return fmt.Sprintf("%s  %-13s  %s", h.At.Format("Mon 2 Jan 2006 15:04:05"), h.Who, h.What)
}

func (a *app) sayMonth(r *demo.MonthReport) {
	for _, s := range r.Statements {
		if len(s.Lines) > 0 {
			a.say("")
			a.sayStatement(s)
		}
	}
	a.say("")
	for _, s := range r.Senders {
		a.say("%s: %s", s.Name, badged(s))
	}
	a.say("")
	rows := make([][]string, len(r.Recomputed))
	for i, v := range r.Recomputed {
		rows[i] = []string{v.Month, v.Account, words.Money(v.Written, v.Currency), words.Money(v.Computed, v.Currency), words.Thousands(v.Charges)}
	}
	a.table([]string{"MONTH", "ACCOUNT", "DECIDED", "FROM THE JOURNAL", "CHARGES"}, rows)
	a.say("")
	a.sayChecks(r.Checks)
	a.say("\n%s in %s of the clock, %.1f s; what is equal in every run: %s\nLook around in it: %s",
		words.Count(len(r.Happenings), "happening"), words.Count(r.Steps, "step"), r.Seconds, filepath.Join(r.Data, monthDir), r.Look)
}

// writeMonth leaves the calendar, the statements and the senders as files.
func (a *app) writeMonth(r *demo.MonthReport) error {
	dir := filepath.Join(r.Data, monthDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var calendar bytes.Buffer
	for _, h := range r.Happenings {
		fmt.Fprintln(&calendar, happening(h))
	}
	files := map[string][]byte{"calendar.txt": calendar.Bytes()}
	values := map[string]any{"senders.json": r.Senders, "recomputed.json": r.Recomputed}
	for _, s := range r.Statements {
		name := s.Month + "-" + strings.ToLower(strings.ReplaceAll(s.Name, " ", "-"))
		files[name+".txt"], values[name+".json"] = a.statementText(s), s
	}
	for name, v := range values {
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return err
		}
		files[name] = append(b, '\n')
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// statementText is a statement as people read it.
func (a *app) statementText(s httpapi.StatementBody) []byte {
	var b bytes.Buffer
	to := *a
	to.out, to.json = &b, false
	to.sayStatement(s)
	return b.Bytes()
}

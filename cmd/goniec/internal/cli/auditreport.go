package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"goniec/cmd/goniec/internal/words"
	"goniec/domain/calendar"
	"goniec/eventstore/audit"
)

func (a *app) auditReport() *cobra.Command {
	var limit int
	var out string
	cmd := &cobra.Command{
		Use: "report MONTH", Short: "Write one file with what was not ordinary in a month", Args: cobra.ExactArgs(1),
		Long: `Tells of a month of the billing zone, from the journal alone: what was parked or dropped,
outcomes that nobody knew, matches that were inferred, reports that matched nothing, late
and double deliveries, adjustments, credits and waivers, pauses, changes of configuration,
seals and closes, who read what, and what was erased. Each with who, when, why and where it stands. The
journal is checked on the way. The month is that in which it was recorded.`,
		Example: "goniec audit report 2026-11 --out november.md",
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := monthOf("MONTH", args[0])
			if err != nil {
				return err
			}
			if limit < 1 || limit > 100_000 {
				return failWith(ExitUsage, errors.New("--limit: must be from 1 to 100000"))
			}
			return a.auditMonth(cmd.Context(), m, limit, out)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 1000, "how many of each kind are told; all are counted")
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write, Markdown or with --json JSON (default: standard output)")
	return cmd
}

// reportBody is what `audit report` says with --json.
type reportBody struct {
	Month    string          `json:"month"`
	From     time.Time       `json:"from"`
	To       time.Time       `json:"to"`
	Events   int64           `json:"events"`
	Sections []reportSection `json:"sections"`
}

type reportSection struct {
	Name  string     `json:"name"`
	Title string     `json:"title"`
	Count int64      `json:"count"`
	First []toldStep `json:"first"`
}

// sectionTitles says what a section holds.
var sectionTitles = map[string]string{
	audit.SectionParked:    "Parked, retried, dropped",
	audit.SectionUnknown:   "Outcomes that nobody knew, and what was decided about them",
	audit.SectionInferred:  "Reports matched without the carrier's id",
	audit.SectionUnmatched: "Reports that matched nothing when they came",
	audit.SectionLate:      "Late and double deliveries",
	audit.SectionAdjusted:  "Charges of sealed months",
	audit.SectionCredits:   "Credits and waivers",
	audit.SectionPauses:    "Pauses",
	audit.SectionChanges:   "Changes of configuration",
	audit.SectionBills:     "Seals and closes",
	audit.SectionReads:     "Who read what",
	audit.SectionErased:    "Personal data that was destroyed",
}

func (a *app) auditMonth(ctx context.Context, m calendar.Month, limit int, file string) error {
	j, err := a.journalOf(m)
	if err != nil {
		return err
	}
	defer j.close()
	d, err := audit.Exceptions(ctx, j.Config, j.from, j.to, limit)
	if err != nil {
		return unread(ctx, err)
	}
	out := reportBody{Month: m.String(), From: d.From, To: d.To, Events: d.Events}
	for _, s := range d.Sections {
		out.Sections = append(out.Sections, reportSection{Name: s.Name, Title: sectionTitles[s.Name], Count: s.Count, First: tellSteps(s.First)})
	}
	return a.saveReport(out, file)
}

// saveReport writes the report to a file, or shows it.
func (a *app) saveReport(r reportBody, file string) error {
	if file == "" {
		return a.show(r, func() { a.say("%s", strings.TrimSuffix(r.markdown(), "\n")) })
	}
	text := []byte(r.markdown())
	if a.json {
		var err error
		if text, err = json.MarshalIndent(r, "", "  "); err != nil {
			return err
		}
	}
	return a.saveFile(file, text)
}

// markdown is the report as people read it.
func (r reportBody) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Journal of %s\n\n%s, recorded from %s to %s; the chain is intact from the first event to the last of them. Times are UTC.\n",
		r.Month, words.Count(int(r.Events), "event"), r.From.Format(time.RFC3339), r.To.Format(time.RFC3339))
	for _, s := range r.Sections {
		fmt.Fprintf(&b, "\n## %s: %s\n\n", s.Title, words.Thousands(s.Count))
		for _, step := range s.First {
			fmt.Fprintf(&b, "- %s %s: %s\n  by %s%s\n", step.Recorded.UTC().Format("2006-01-02 15:04:05"), step.Stream, orType(step), who(step), whence(step))
		}
		switch more := s.Count - int64(len(s.First)); {
		case s.Count == 0:
			b.WriteString("None.\n")
		case more > 0:
			fmt.Fprintf(&b, "\nand %s more: `goniec audit export` has them all\n", words.Thousands(more))
		}
	}
	return b.String()
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"goniec/adapters/export"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain/account"
	"goniec/eventstore/audit"
)

// exportFlags say what is exported.
type exportFlags struct {
	month, from, to, since string
	types, formats         []string
}

func (a *app) auditExport() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use: "export DIR", Short: "Write the journal as Parquet or NDJSON files that others can query and check", Args: cobra.ExactArgs(1),
		Long: `Writes the events of a period to DIR: a file for each journal partition, and at last a
manifest with their hashes. Each event is checked on the way. A period is of the time at
which events were recorded: each event is in one period, and none is added to a period
later. --since goes on where an earlier export ended; its types and formats stay.
The files hold no phone numbers and no texts, but the pseudonyms of the journal: that they
were taken is an event.`,
		Example: `goniec audit export november --month 2026-11
goniec audit export all --format ndjson --type "goniec.message.*"
goniec audit export all --since all/manifest-20261128T200000.000000Z.json`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.export(cmd.Context(), args[0], &f) },
	}
	cmd.Flags().StringVar(&f.month, "month", "", "the `month`, in the billing zone")
	cmd.Flags().StringVar(&f.from, "from", "", "the first `time` (default: the beginning)")
	cmd.Flags().StringVar(&f.to, "to", "", "the `time` before which (default: now)")
	cmd.Flags().StringVar(&f.since, "since", "", "`file` with the manifest of the export to go on from")
	cmd.Flags().StringArrayVar(&f.types, "type", nil, "`type` of events, with * at its end for all that begin so; may be repeated (default: all)")
	cmd.Flags().StringArrayVar(&f.formats, "format", []string{export.Parquet}, "`format` of the files: "+strings.Join(export.Formats(), ", ")+"; may be repeated")
	cmd.MarkFlagsMutuallyExclusive("month", "from")
	cmd.MarkFlagsMutuallyExclusive("month", "to")
	for _, other := range []string{"month", "from", "type", "format"} {
		cmd.MarkFlagsMutuallyExclusive("since", other)
	}
	return cmd
}

// exported is what `audit export` says with --json.
type exported struct {
	Manifest string `json:"manifest"`
	Events   int64  `json:"events"`
	Bytes    int64  `json:"bytes"`
	Files    int    `json:"files"`
}

func (a *app) export(ctx context.Context, dir string, f *exportFlags) error {
	now := time.Now()
	cfg := export.Config{Dir: dir, Types: f.types, Formats: f.formats, Now: now}
	if err := a.exportPeriod(&cfg, f, now); err != nil {
		return err
	}
	if f.since != "" {
		m, err := export.ReadManifest(f.since)
		if err != nil {
			return failWith(ExitUsage, fmt.Errorf("--since: %w", err))
		}
		cfg.Since = &m
	}
	journal, closed, err := a.journal()
	if err != nil {
		return err
	}
	defer closed()
	cfg.Journal = journal
	if err := cfg.Validate(); err != nil {
		return failWith(ExitUsage, err)
	}
	where, err := a.cluster()
	if err != nil {
		return err
	}
	if err := a.noteAccess(ctx, where.Kafka, account.NoteAccess{What: account.AccessExport, Detail: exportDetail(cfg)}); err != nil {
		return err
	}
	m, path, err := export.Write(ctx, cfg)
	switch {
	case errors.Is(err, export.ErrExists):
		return failWith(ExitUsage, fmt.Errorf("%w: name another directory, or go on with --since", err))
	case err != nil:
		return unread(ctx, err)
	}
	out := exported{Manifest: path}
	for _, p := range m.Partitions {
		out.Events += p.Events
		for _, file := range p.Files {
			out.Files++
			out.Bytes += file.Bytes
		}
	}
	return a.show(out, func() {
		a.say("%s in %s, %s bytes: %s", words.Count(int(out.Events), "event"), words.Count(out.Files, "file"), words.Thousands(out.Bytes), out.Manifest)
		if cfg.To.After(now) {
			a.say("the period is not over: what is recorded from now on is not in this export")
		}
	})
}

// exportDetail says what is exported.
func exportDetail(cfg export.Config) string {
	types := "all types"
	if cfg.Since != nil {
		cfg.Types = cfg.Since.Types
	}
	if len(cfg.Types) > 0 {
		types = strings.Join(cfg.Types, " ")
	}
	out := []rune(span(cfg.From, "the beginning") + " to " + span(cfg.To, "now") + ", " + types)
	return string(out[:min(len(out), account.MaxAccessDetail)])
}

func span(t time.Time, otherwise string) string {
	if t.IsZero() {
		return otherwise
	}
	return t.UTC().Format(time.RFC3339)
}

// exportPeriod reads the flags that name a period.
func (a *app) exportPeriod(cfg *export.Config, f *exportFlags, now time.Time) error {
	if f.month != "" {
		m, err := monthOf("--month", f.month)
		if err != nil {
			return err
		}
		zone, err := a.billingZone()
		if err != nil {
			return err
		}
		cfg.From, cfg.To = m.Begins(zone), m.Ends(zone)
		return nil
	}
	for _, t := range []struct {
		flag, text string
		to         *time.Time
	}{{"--from", f.from, &cfg.From}, {"--to", f.to, &cfg.To}} {
		if t.text == "" {
			continue
		}
		at, err := parseDated(t.text, now.Location())
		if err != nil {
			return failWith(ExitUsage, fmt.Errorf("%s: must be a time, such as 2026-11-28T20:00:00Z", t.flag))
		}
		*t.to = at
	}
	return nil
}

func (a *app) auditVerifyExport() *cobra.Command {
	var key keyFlag
	var checkpoints []string
	cmd := &cobra.Command{
		Use: "verify-export DIR", Short: "Check exported files against their manifests, and against checkpoints", Args: cobra.ExactArgs(1),
		Long: `Checks the files of a directory without a broker: their bytes against the manifests, each
event's hash, that none is missing between two, that an export begins where the one before
it ended. With --checkpoint also that they are what the signed checkpoint counted: for that
the exports must be of all types, from the journal's beginning on. It ends with 1 at a fault.`,
		Example: "goniec audit verify-export all --checkpoint kept.checkpoint --key audit.key.pub",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.verifyExport(cmd.Context(), args[0], key, checkpoints)
		},
	}
	key.add(cmd)
	cmd.Flags().StringArrayVar(&checkpoints, "checkpoint", nil, "`file` with a checkpoint; may be repeated")
	return cmd
}

func (a *app) verifyExport(ctx context.Context, dir string, key keyFlag, checkpoints []string) error {
	var kept []audit.Checkpoint
	if len(checkpoints) > 0 {
		verifier, err := a.verifier(key)
		if err != nil {
			return err
		}
		for _, path := range checkpoints {
			cp, err := openCheckpoint("--checkpoint", path, verifier)
			if err != nil {
				return err
			}
			kept = append(kept, cp)
		}
	}
	r, err := export.Verify(ctx, dir, kept)
	if err != nil {
		return interrupted(ctx, failWith(ExitUsage, err))
	}
	if err := a.show(r, func() { a.sayVerifiedExport(r, len(kept)) }); err != nil {
		return err
	}
	if !r.Intact {
		return failWith(ExitFailed, errTold)
	}
	return nil
}

func (a *app) sayVerifiedExport(r export.Report, kept int) {
	for _, b := range r.Broken {
		a.say("broken: %s", b)
	}
	if !r.Intact {
		return
	}
	a.say("intact: %s in %s of %s", words.Count(int(r.Events), "event"), words.Count(r.Files, "file"), words.Count(r.Manifests, "export"))
	if kept > 0 {
		a.say("agrees with %s", words.Count(kept, "checkpoint"))
	}
}

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"goniec/cmd/goniec/internal/words"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/calendar"
	"goniec/domain/money"
	"goniec/domain/whatif"
	"goniec/eventstore/audit"
)

// whatIfFlags are what the settings are made of.
type whatIfFlags struct {
	month, validity, prices, currency string
	policies                          []string
}

func (a *app) auditWhatIf() *cobra.Command {
	var f whatIfFlags
	cmd := &cobra.Command{
		Use: "what-if --month MONTH", Short: "Decide a month's messages again under other settings, and compare: nothing is sent or written", Args: cobra.NoArgs,
		Long: `Takes the facts of the messages that were requested in a month of the billing zone, and
lets the same rules decide again, under another validity, another policy, other prices:
who would have been reached on what way, how many would have fallen back and why, how many
would have got both, and at what cost. It reads the journal, and sends and writes nothing.

What the journal cannot tell, since it never happened, is assumed: how many messages each
assumption concerns stands below the figures. Costs are those of these messages, in
whatever month they were charged. Without other settings nothing differs.

Policies: ` + strings.Join(whatif.Policies(), ", ") + `.
The file of --prices is one of prices publish; it stands for all lists, of accounts of its currency.`,
		Example: `goniec audit what-if --month 2026-11 --validity 60s
goniec audit what-if --month 2026-11 --policy fallback_at_once=false --policy late_policy=waive_viber --json
goniec audit what-if --month 2026-11 --prices offer.csv`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := monthOf("--month", f.month)
			if err != nil {
				return err
			}
			s, err := f.settings(time.Now())
			if err != nil {
				return err
			}
			return a.whatIf(cmd.Context(), m, s, f)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.month, "month", "", "the `month`")
	fs.StringVar(&f.validity, "validity", "", "validity of every message, such as 60s")
	fs.StringArrayVar(&f.policies, "policy", nil, "a policy, `NAME=VALUE`; may be repeated")
	fs.StringVar(&f.prices, "prices", "", "a price list: a .csv, .yaml or .json `file`")
	fs.StringVar(&f.currency, "currency", "PLN", "`currency` of --prices, ISO 4217")
	_ = cmd.MarkFlagRequired("month") // it was defined above
	return cmd
}

func (f *whatIfFlags) settings(now time.Time) (s whatif.Settings, err error) {
	if f.validity != "" {
		if err := s.SetValidity(f.validity); err != nil {
			return s, failWith(ExitUsage, fmt.Errorf("--validity: %s", saidOf(err)))
		}
	}
	for _, p := range f.policies {
		name, value, ok := strings.Cut(p, "=")
		if !ok {
			return s, failWith(ExitUsage, errors.New("--policy: must be a name and a value, such as fallback_at_once=false"))
		}
		if err := s.Set(name, value); err != nil {
			return s, failWith(ExitUsage, fmt.Errorf("--policy %s: %s; it may be %s", name, saidOf(err), strings.Join(whatif.Policies(), ", ")))
		}
	}
	if f.prices != "" {
		s.Prices, err = f.list(now)
	}
	return s, err
}

// saidOf is a refusal without its code and field.
func saidOf(err error) string {
	var e *domain.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}

// list reads and checks the list as if it were published.
func (f *whatIfFlags) list(now time.Time) (*account.PricesPublished, error) {
	rows, err := readPrices("--prices", f.prices)
	if err != nil {
		return nil, err
	}
	events, err := account.Decide(account.State{Stream: account.PricesStream(account.DefaultPrices)}, account.Facts{Now: now}, account.PublishPrices{Currency: f.currency, Prices: rows})
	if err != nil {
		return nil, failWith(ExitUsage, fmt.Errorf("--prices: %w", err))
	}
	for _, e := range events {
		if p, ok := e.(account.PricesPublished); ok {
			return &p, nil
		}
	}
	return nil, failWith(ExitUsage, errors.New("--prices: holds no price"))
}

// whatIfBody is what `audit what-if` says with --json.
type whatIfBody struct {
	Month    string   `json:"month"`
	Settings []string `json:"settings"` // that are tried
	whatif.Result
}

func (a *app) whatIf(ctx context.Context, m calendar.Month, s whatif.Settings, f whatIfFlags) error {
	j, err := a.journalOf(m)
	if err != nil {
		return err
	}
	defer j.close()
	r, err := audit.WhatIf(ctx, j.Config, audit.Trial{From: j.from, To: j.to, Settings: s, Zone: j.zone})
	if err != nil {
		return interrupted(ctx, unavailable(err))
	}
	out := whatIfBody{Month: m.String(), Settings: f.told(), Result: r}
	return a.show(out, func() { a.sayWhatIf(out) })
}

// told are the settings that are tried, in words.
func (f *whatIfFlags) told() []string {
	out := []string{}
	if f.validity != "" {
		out = append(out, "validity="+f.validity)
	}
	out = append(out, f.policies...)
	if f.prices != "" {
		out = append(out, "prices="+f.prices+" ("+f.currency+")")
	}
	return out
}

func (a *app) sayWhatIf(b whatIfBody) {
	tried := strings.Join(b.Settings, ", ")
	if tried == "" {
		tried = "the settings that were in force"
	}
	a.say("%s of %s, decided again with %s", words.Count(int(b.Real.Messages), "message"), b.Month, tried)
	a.table([]string{"", "REAL", "WHAT IF", "DIFFERENCE"}, whatIfRows(b.Result))
	if b.Open > 0 {
		a.say("left out: %s that had not ended", words.Count(int(b.Open), "message"))
	}
	if len(b.Assumed) == 0 {
		a.say("nothing had to be assumed")
		return
	}
	a.say("assumed:")
	for _, x := range b.Assumed {
		a.say("  %s: %s", words.Count(int(x.Messages), "message"), x.Meaning)
	}
}

func whatIfRows(r whatif.Result) [][]string {
	var rows [][]string
	count := func(name string, of func(whatif.Figures) int64) {
		rows = append(rows, []string{name, words.Thousands(of(r.Real)), words.Thousands(of(r.WhatIf)), signed(words.Thousands(of(r.Difference)), of(r.Difference) > 0)})
	}
	count("messages", func(f whatif.Figures) int64 { return f.Messages })
	count("  delivered by Viber", func(f whatif.Figures) int64 { return f.ByViber })
	count("  delivered by SMS", func(f whatif.Figures) int64 { return f.BySMS })
	count("  not delivered", func(f whatif.Figures) int64 { return f.Undelivered })
	count("  unknown", func(f whatif.Figures) int64 { return f.Unknown })
	count("  refused", func(f whatif.Figures) int64 { return f.Refused })
	count("fell back to SMS", func(f whatif.Figures) int64 { return f.FellBack })
	for _, reason := range reasonsOf(r) {
		count("  "+words.Reason(reason)+" ("+reason+")", func(f whatif.Figures) int64 { return f.Fallbacks[reason] })
	}
	count("late on Viber", func(f whatif.Figures) int64 { return f.Late })
	count("delivered on both", func(f whatif.Figures) int64 { return f.Double })
	for _, currency := range slices.Sorted(maps.Keys(r.Difference.Cost)) {
		cost := func(name string, of func(whatif.Cost) money.Amount) {
			d := of(r.Difference.Cost[currency])
			rows = append(rows, []string{name, of(r.Real.Cost[currency]).Cents(), of(r.WhatIf.Cost[currency]).Cents(), signed(d.Cents(), d > 0)})
		}
		cost("cost, "+currency, func(c whatif.Cost) money.Amount { return c.Total })
		cost("  Viber", func(c whatif.Cost) money.Amount { return c.Viber })
		cost("  SMS", func(c whatif.Cost) money.Amount { return c.SMS })
	}
	return rows
}

// reasonsOf are the reasons for fallbacks, the most frequent first.
func reasonsOf(r whatif.Result) []string {
	most := func(reason string) int64 { return max(r.Real.Fallbacks[reason], r.WhatIf.Fallbacks[reason]) }
	return slices.SortedFunc(maps.Keys(r.Difference.Fallbacks), func(a, b string) int {
		return cmp.Or(cmp.Compare(most(b), most(a)), cmp.Compare(a, b))
	})
}

// signed shows that a difference is more, and not just as much.
func signed(s string, more bool) string {
	if more {
		return "+" + s
	}
	return s
}

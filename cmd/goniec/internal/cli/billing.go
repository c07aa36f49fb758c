package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/run"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain/calendar"
	"goniec/domain/money"
	"goniec/projections/query"
)

func (a *app) billingCommand() *cobra.Command {
	return group("billing", "Months: totals, statements, credits, closing", a.billingTotals(), a.billingForecast(), a.billingStatement(), a.billingClose(), a.billingRecompute(), a.billingReconcile(), a.billingCredit(), a.billingWaive())
}

func (a *app) billingTotals() *cobra.Command {
	var all bool
	var of string
	cmd := &cobra.Command{
		Use: "totals [MONTH]", Short: "Show a month's lines and their sum", Args: cobra.MaximumNArgs(1),
		Long: `Shows what a month has cost so far, in lines of sender, country, channel, category,
content and price version, each rounded once, and their sums. The month is a
calendar month in the billing zone; without one it is the current month.

With a billing or auditor key --account names the account.

With --all it shows every account's lines, read from the view billing_month_totals
in Postgres: the one that a billing job reads. It needs --config, or a running up.`,
		Example: "goniec billing totals\ngoniec billing totals 2026-11 --json\ngoniec billing totals 2026-11 --account 00000000-0000-8000-8000-000000000001 --key-file billing_key\ngoniec billing totals 2026-11 --all",
		RunE: func(cmd *cobra.Command, args []string) error {
			month, err := a.month(args)
			if err != nil {
				return err
			}
			if all {
				return a.totalsOfAll(cmd.Context(), month)
			}
			api, err := a.api()
			if err != nil {
				return err
			}
			b, err := api.Billing(cmd.Context(), month, of)
			if err != nil {
				return err
			}
			return a.show(b, func() { a.sayBilling(b) })
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "of all accounts, from the read models themselves")
	cmd.Flags().StringVar(&of, "account", "", "the `id` of the account, with a key of the installation")
	cmd.MarkFlagsMutuallyExclusive("all", "account")
	return cmd
}

func (a *app) month(args []string) (string, error) {
	if len(args) == 1 {
		if _, err := calendar.ParseMonth(args[0]); err != nil {
			return "", failWith(ExitUsage, errors.New("the month must be one such as 2026-11"))
		}
		return args[0], nil
	}
	cfg, err := run.Load(run.Defaults(), a.config)
	if err != nil {
		return "", failWith(ExitUsage, err)
	}
	zone, err := time.LoadLocation(cfg.Zone)
	if err != nil {
		return "", failWith(ExitUsage, fmt.Errorf("zone: %w", err))
	}
	return calendar.MonthOf(time.Now(), zone).String(), nil
}

func (a *app) sayBilling(b httpapi.BillingBody) {
	if len(b.Lines) == 0 {
		a.say("%s: nothing was charged", b.Month)
		return
	}
	var rows [][]string
	for _, l := range b.Lines {
		rows = append(rows, []string{
			l.Sender, l.Country, words.Channel(l.Channel), l.Category, l.Content, words.Thousands(l.Count), words.Thousands(l.Parts),
			words.Money(l.Amount, l.Currency), l.PriceVersion,
		})
	}
	a.table([]string{"SENDER", "TO", "CHANNEL", "PRICED AS", "CONTENT", "MESSAGES", "PARTS", "AMOUNT", "PRICES"}, rows)
	for _, t := range b.Totals {
		a.say("%s: %s", b.Month, words.Money(t.Amount, t.Currency))
	}
}

// allBody is what `billing totals --all` says with --json.
type allBody struct {
	Month  string                 `json:"month"`
	Lines  []query.BillingLine    `json:"lines"`
	Totals []httpapi.BillingTotal `json:"totals"`
}

func (a *app) totalsOfAll(ctx context.Context, month string) error {
	cfg, err := a.cluster()
	if err != nil {
		return err
	}
	reader, err := readerOf(cfg)
	if err != nil {
		return err
	}
	defer reader.Close()
	lines, err := reader.BillingOfAll(ctx, month)
	if err != nil {
		return unavailable(err)
	}
	out := allBody{Month: month, Lines: lines, Totals: []httpapi.BillingTotal{}}
	if out.Totals, err = sums(lines); err != nil {
		return err
	}
	return a.show(out, func() { a.sayAll(out) })
}

// readerOf reads the read models, by one connection.
func readerOf(cfg run.Config) (*query.Reader, error) {
	url, err := cfg.Postgres.ReadURL()
	if err != nil {
		return nil, failWith(ExitUsage, err)
	}
	reader, err := query.Open(url, 1)
	if err != nil {
		return nil, failWith(ExitUsage, err)
	}
	return reader, nil
}

func sums(lines []query.BillingLine) ([]httpapi.BillingTotal, error) {
	sum, order := map[string]money.Amount{}, []string{}
	for _, l := range lines {
		amount, err := money.Parse(l.LineAmount)
		if err != nil {
			return nil, err
		}
		if _, seen := sum[l.Currency]; !seen {
			order = append(order, l.Currency)
		}
		if sum[l.Currency], err = sum[l.Currency].Plus(amount); err != nil {
			return nil, err
		}
	}
	out := make([]httpapi.BillingTotal, 0, len(order))
	for _, c := range order {
		out = append(out, httpapi.BillingTotal{Currency: c, Amount: sum[c].Cents()})
	}
	return out, nil
}

func (a *app) sayAll(b allBody) {
	if len(b.Lines) == 0 {
		a.say("%s: nothing was charged", b.Month)
		return
	}
	var rows [][]string
	for _, l := range b.Lines {
		rows = append(rows, []string{
			l.Account, l.Sender, l.Country, words.Channel(l.Channel), l.Category, l.Content, words.Thousands(l.Count), words.Thousands(l.Parts),
			words.Money(l.LineAmount, l.Currency), l.PriceVersion,
		})
	}
	a.table([]string{"ACCOUNT", "SENDER", "TO", "CHANNEL", "PRICED AS", "CONTENT", "MESSAGES", "PARTS", "AMOUNT", "PRICES"}, rows)
	for _, t := range b.Totals {
		a.say("%s: %s", b.Month, words.Money(t.Amount, t.Currency))
	}
}

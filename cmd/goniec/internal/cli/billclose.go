package cli

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"goniec/adapters/closing"
	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain/calendar"
)

func (a *app) billingClose() *cobra.Command {
	var of string
	var yes bool
	cmd := &cobra.Command{
		Use: "close MONTH", Short: "Close a month: say what would be written, or write it with --yes", Args: cobra.ExactArgs(1),
		Long: `Closes a month of every account, or of one: its statement is computed, decided and kept
for ever. Without --yes nothing is written: it says what each account would be asked for.
A month can be closed when every partition has sealed it, some days after its end, and
the read models have seen that; accounts' months are closed one after another. Repeating
it changes nothing. Ends with 1 when an account's month could not be closed.

It needs an operator's or a billing key; with a running up that is found by itself.`,
		Example: "goniec billing close 2026-11\ngoniec billing close 2026-11 --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.closeMonth(cmd.Context(), args[0], httpapi.CloseRequest{Account: of, Confirm: yes})
		},
	}
	cmd.Flags().StringVar(&of, "account", "", "the `id` of one account; without it all")
	cmd.Flags().BoolVar(&yes, "yes", false, "write it")
	return cmd
}

// errOpen says that something keeps a month from being closed, which was told.
var errOpen = errors.New("not every account's month could be closed")

func (a *app) closeMonth(ctx context.Context, month string, in httpapi.CloseRequest) error {
	if _, err := a.month([]string{month}); err != nil {
		return err
	}
	api, err := a.operatorAPI()
	if err != nil {
		return err
	}
	out, err := api.CloseMonth(ctx, month, in)
	if err != nil {
		return err
	}
	if err := a.show(out, func() { a.sayClosed(out, in.Confirm) }); err != nil {
		return err
	}
	for _, x := range out.Accounts {
		if x.Code != "" || out.Left > 0 {
			return failWith(ExitFailed, errOpen)
		}
	}
	return nil
}

func (a *app) sayClosed(b httpapi.CloseBody, confirmed bool) {
	if len(b.Accounts) == 0 {
		a.say("%s: there were no accounts", b.Month)
		return
	}
	var rows [][]string
	for _, x := range b.Accounts {
		total := "–"
		if x.Total != "" {
			total = words.Money(x.Total, x.Currency)
		}
		rows = append(rows, []string{x.Account, x.Name, total, closedWords(x)})
	}
	a.table([]string{"ACCOUNT", "NAME", "TOTAL", ""}, rows)
	for _, t := range b.Totals {
		a.say("%s: %s", b.Month, words.Money(t.Amount, t.Currency))
	}
	if b.Left > 0 {
		a.say("%s left: repeat the command", words.Count(b.Left, "account"))
	}
	if !confirmed {
		a.say("Nothing was written: repeat with --yes to close the month.")
	}
}

func closedWords(x httpapi.ClosedBody) string {
	switch {
	case x.Code != "":
		return x.Detail + " (" + x.Code + ")"
	case x.Changed:
		return "closed, " + words.Count(x.Lines, "line")
	case x.State == httpapi.MonthClosed:
		return "closed before"
	}
	return "would be closed, " + words.Count(x.Lines, "line")
}

func (a *app) billingRecompute() *cobra.Command {
	var of string
	cmd := &cobra.Command{
		Use: "recompute MONTH", Short: "Compute closed months again from the journal alone; ends with 1 at a difference", Args: cobra.ExactArgs(1),
		Long: `Reads the journal on Kafka up to the positions that each close names, sums up the month's
charges, finds senders, terms, waivers, credits and earlier months as they were then,
computes the statement and compares it with the one that was decided, line by line.
It reads no database, and checks the journal's hash chains on the way.` + topicsTarget,
		Example: "goniec billing recompute 2026-11",
		RunE: func(cmd *cobra.Command, args []string) error {
			month, err := a.month(args)
			if err != nil {
				return err
			}
			return a.recompute(cmd.Context(), month, of)
		},
	}
	cmd.Flags().StringVar(&of, "account", "", "the `id` of one account; without it all")
	return cmd
}

// recomputedBody is what `billing recompute` says with --json.
type recomputedBody struct {
	Month    string            `json:"month"`
	Agrees   bool              `json:"agrees"`
	Accounts []closing.Verdict `json:"accounts"`
}

var errDisagrees = errors.New("the journal makes another statement than the one that was decided")

func (a *app) recompute(ctx context.Context, month, of string) error {
	m, err := calendar.ParseMonth(month)
	if err != nil {
		return failWith(ExitUsage, err)
	}
	source, _, closed, err := a.source()
	if err != nil {
		return err
	}
	defer closed()
	list, err := closing.Recompute(ctx, source, m, of)
	if err != nil {
		return interrupted(ctx, unavailable(err))
	}
	out := recomputedBody{Month: month, Agrees: true, Accounts: list}
	for _, v := range list {
		out.Agrees = out.Agrees && v.Agrees
	}
	if err := a.show(out, func() { a.sayRecomputed(out) }); err != nil {
		return err
	}
	if !out.Agrees {
		return failWith(ExitFailed, errDisagrees)
	}
	return nil
}

func (a *app) sayRecomputed(b recomputedBody) {
	var rows [][]string
	for _, v := range b.Accounts {
		verdict := "agrees"
		if !v.Agrees {
			verdict = "DIFFERS"
		}
		computed := "–"
		if v.Computed != "" {
			computed = words.Money(v.Computed, v.Currency)
		}
		rows = append(rows, []string{v.Account, words.Thousands(v.Charges), words.Money(v.Written, v.Currency), computed, verdict})
	}
	a.table([]string{"ACCOUNT", "CHARGES", "DECIDED", "COMPUTED", ""}, rows)
	for _, v := range b.Accounts {
		for _, d := range v.Differences {
			a.say("%s: %s", v.Account, d)
		}
	}
}

func (a *app) billingCredit() *cobra.Command {
	cmd := group("credit", "Sums off a month that is open, which two persons agree to", a.creditRequest(),
		a.creditDecide("approve", "Approve a credit that somebody else asked for"), a.creditDecide("reject", "Reject a credit, or take it back"))
	cmd.Long = "A credit counts when it is approved, with another key than it was asked for with, before\nthe month is closed. It needs operators' or billing keys."
	return cmd
}

func (a *app) creditRequest() *cobra.Command {
	in := httpapi.CreditRequest{}
	cmd := &cobra.Command{
		Use: "request ACCOUNT MONTH AMOUNT", Short: "Ask for a credit; it says the id to approve", Args: cobra.ExactArgs(3),
		RunE: a.withOperator(func(cmd *cobra.Command, api *remote, args []string) error {
			in.Account, in.Amount = args[0], args[2]
			if in.Credit == "" {
				in.Credit = uuid.NewString()
			}
			out, err := api.RequestCredit(cmd.Context(), args[1], in)
			if err != nil {
				return err
			}
			return a.show(out, func() { a.say("credit %s: %s%s", out.Credit, out.State, already(out.Changed, " before")) })
		}),
	}
	cmd.Flags().StringVar(&in.Credit, "id", "", "an `id` of your own, so that a repeat is the same credit")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "`why`; it stands on the statement")
	_ = cmd.MarkFlagRequired("reason") // it was defined above
	return cmd
}

func (a *app) creditDecide(word, short string) *cobra.Command {
	in := httpapi.CreditDecision{}
	cmd := &cobra.Command{
		Use: word + " ACCOUNT MONTH CREDIT", Short: short, Args: cobra.ExactArgs(3),
		RunE: a.withOperator(func(cmd *cobra.Command, api *remote, args []string) error {
			in.Account = args[0]
			out, err := api.DecideCredit(cmd.Context(), args[1], args[2], word, in)
			if err != nil {
				return err
			}
			return a.show(out, func() { a.say("credit %s: %s%s", out.Credit, out.State, already(out.Changed, " before")) })
		}),
	}
	if word == "reject" {
		cmd.Flags().StringVar(&in.Reason, "reason", "", "`why`")
		_ = cmd.MarkFlagRequired("reason") // it was defined above
	}
	return cmd
}

func (a *app) billingWaive() *cobra.Command {
	in := httpapi.WaiveRequest{}
	cmd := &cobra.Command{
		Use: "waive SENDER MONTH", Short: "Free a sender that was suspended the whole month from its minimum", Args: cobra.ExactArgs(2),
		Long: "SENDER is the id of a configuration that was suspended during the whole month without the\nclient's fault. It needs an operator's or a billing key.",
		RunE: a.withOperator(func(cmd *cobra.Command, api *remote, args []string) error {
			in.Sender = args[0]
			out, err := api.Waive(cmd.Context(), args[1], in)
			if err != nil {
				return err
			}
			return a.show(out, func() { a.say("waived%s", already(out.Changed, " before; the first reason stands")) })
		}),
	}
	cmd.Flags().StringVar(&in.Reason, "reason", "", "`why`, for the history")
	_ = cmd.MarkFlagRequired("reason") // it was defined above
	return cmd
}

package cli

import (
	"bytes"
	_ "embed" // the page
	"errors"
	"html/template"
	"strings"

	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
	"goniec/adapters/sheet"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain/billing"
	"goniec/domain/money"
)

func (a *app) billingStatement() *cobra.Command {
	var format, xlsx string
	cmd := &cobra.Command{
		Use: "statement ACCOUNT MONTH", Short: "Show a month's statement: each line with its rule, price version and count", Args: cobra.ExactArgs(2),
		Long: `Shows a closed month as it was decided, or an open one as a preview of what it would come
to if nothing else happened. Each line is rounded once; the total is the sum of the lines.
CSV and XLSX hold the lines alone.

A client's key shows its own account's; keys of the installation show any. With a running
up the operator's is found by itself.`,
		Example: "goniec billing statement 00000000-0000-8000-8000-000000000001 2026-11\ngoniec billing statement 00000000-0000-8000-8000-000000000001 2026-11 --format html\n" +
			"goniec billing statement 00000000-0000-8000-8000-000000000001 2026-11 --xlsx 2026-11.xlsx",
		RunE: func(cmd *cobra.Command, args []string) error {
			write, ok := map[string]func(httpapi.StatementBody) error{
				"text": func(s httpapi.StatementBody) error { a.sayStatement(s); return nil },
				"json": func(s httpapi.StatementBody) error { return a.print(s) },
				"csv":  func(s httpapi.StatementBody) error { return statementTable(s).WriteCSV(a.out) },
				"html": func(s httpapi.StatementBody) error { return statementPage.Execute(a.out, s) },
			}[format]
			if !ok {
				return failWith(ExitUsage, errors.New("--format: must be text, json, csv or html"))
			}
			if _, err := a.month(args[1:]); err != nil {
				return err
			}
			api, err := a.operatorAPI()
			if err != nil {
				return err
			}
			s, err := api.Statement(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			switch {
			case xlsx != "":
				return a.statementFile(xlsx, s)
			case a.json:
				return a.print(s)
			}
			return write(s)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "`text`, json, csv or html")
	cmd.Flags().StringVar(&xlsx, "xlsx", "", "write a spreadsheet to this `file` instead")
	cmd.MarkFlagsMutuallyExclusive("format", "xlsx")
	return cmd
}

func (a *app) statementFile(path string, s httpapi.StatementBody) error {
	var file bytes.Buffer
	if err := statementTable(s).WriteXLSX(&file); err != nil {
		return err
	}
	return a.writeSheet(path, file.Bytes())
}

func (a *app) sayStatement(s httpapi.StatementBody) {
	a.say("%s (%s), %s", s.Name, s.Account, s.Month)
	if s.ClosedAt != nil {
		a.say("closed %s", moment(*s.ClosedAt))
	} else {
		a.say("PREVIEW: the month is open")
	}
	if s.Party != nil {
		a.sayParty(*s.Party)
	}
	var rows [][]string
	for _, l := range s.Lines {
		rows = append(rows, []string{
			l.Rule, lineWords(l), l.Country, l.PriceVersion, countWords(l), words.Money(l.Amount, s.Currency), l.Note,
		})
	}
	if len(rows) > 0 {
		a.table([]string{"RULE", "WHAT", "TO", "PRICES", "COUNT", "AMOUNT", ""}, rows)
	}
	for _, o := range minimums(s.Obligations) {
		a.say("minimum of %s in %s, %s: %s", o.Sender, strings.Join(o.Countries, ", "), o.Month, obligationWords(o, s.Currency))
	}
	if others := othersWords(s.Obligations, s.Currency); others != "" {
		a.say("%s", others)
	}
	a.say("total: %s", words.Money(s.Total, s.Currency))
}

// lineWords is what a line is of.
func lineWords(l httpapi.StatementLine) string {
	switch l.Kind {
	case billing.KindMinimum:
		return l.Sender + ", up to the minimum"
	case billing.KindMinimumCredit:
		return l.Sender + ", minimum of " + l.Adjusts + " given back"
	case billing.KindCredit:
		return "credit"
	}
	what := strings.Join([]string{l.Sender, words.Channel(l.Channel), l.Category, l.Content}, ", ")
	if l.Adjusts != "" {
		what += ", late of " + l.Adjusts
	}
	return what
}

func countWords(l httpapi.StatementLine) string {
	if l.Kind != billing.KindUsage && l.Kind != billing.KindAdjustment {
		return ""
	}
	if l.Parts == l.Count {
		return words.Thousands(l.Count)
	}
	return words.Thousands(l.Count) + " in " + words.Count(int(l.Parts), "part")
}

// minimums is what statements say sender by sender; othersWords sums the rest up.
func minimums(list []httpapi.ObligationBody) (out []httpapi.ObligationBody) {
	for _, o := range list {
		if o.Reason != billing.ReasonNoMinimum {
			out = append(out, o)
		}
	}
	return out
}

// othersWords is of the senders that the terms have no minimum for; "" when there are none.
func othersWords(list []httpapi.ObligationBody, currency string) string {
	n, traffic := len(list)-len(minimums(list)), money.Cents(0)
	for _, o := range list {
		if o.Reason == billing.ReasonNoMinimum {
			amount, _ := money.ParseCents(o.Traffic) // the API's
			traffic, _ = traffic.Plus(amount)        // of lines that could be summed up
		}
	}
	if n == 0 {
		return ""
	}
	return words.Count(n, "sender") + " without a minimum in the terms, Viber traffic " + words.Money(traffic.String(), currency)
}

func obligationWords(o httpapi.ObligationBody, currency string) string {
	said := freeWords(o.Reason)
	switch o.Reason {
	case billing.ReasonReached:
		said = "reached"
	case billing.ReasonCharged:
		said = words.Money(o.Charged, currency) + " charged"
	}
	return said + ", Viber traffic " + words.Money(o.Traffic, currency)
}

func statementTable(s httpapi.StatementBody) sheet.Table {
	t := sheet.Table{Name: s.Month, Columns: []string{
		"account", "month", "state", "kind", "rule", "sender", "country", "channel", "category", "content", "price_version", "adjusts", "terms_version", "credit",
		"count", "parts", "waived", "exact", "amount", "currency", "note",
	}}
	for _, l := range s.Lines {
		row := []sheet.Cell{}
		for _, text := range []string{
			s.Account, s.Month, s.State, l.Kind, l.Rule, l.Sender, l.Country, l.Channel, l.Category, l.Content, l.PriceVersion, l.Adjusts, l.TermsVersion, l.Credit,
		} {
			row = append(row, sheet.Text(text))
		}
		t.Rows = append(t.Rows, append(row, sheet.Int(l.Count), sheet.Int(l.Parts), sheet.Int(l.Waived), sheet.Decimal(l.Exact), sheet.Decimal(l.Amount),
			sheet.Text(s.Currency), sheet.Text(l.Note)))
	}
	return t
}

//go:embed statement.html.tmpl
var statementHTML string

// The template is parsed once and never changed.
var statementPage = template.Must(template.New("statement").Funcs(template.FuncMap{
	"what": lineWords, "count": countWords, "owed": obligationWords, "minimums": minimums, "others": othersWords,
}).Parse(statementHTML))

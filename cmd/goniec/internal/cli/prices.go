package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
	"goniec/adapters/sheet"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain"
	"goniec/domain/account"
)

func (a *app) pricesCommand() *cobra.Command {
	cmd := group("prices", "Price lists: their versions, and new ones from a file", a.pricesShow(), a.pricesPublish())
	cmd.Long = `Prices stand in lists, the default one and one of each account that has its own; an account's
own list goes first, row by row. A list comes in versions, each in force from its time on:
what was charged is never priced again. All of it needs an operator's key.`
	return cmd
}

func (a *app) pricesShow() *cobra.Command {
	var of string
	cmd := &cobra.Command{
		Use: "show", Short: "Show the versions of a list", Args: cobra.NoArgs,
		RunE: a.withOperator(func(cmd *cobra.Command, api *remote, _ []string) error {
			out, err := api.Prices(cmd.Context(), of)
			if err != nil {
				return err
			}
			return a.show(out, func() { a.sayPrices(out.Versions) })
		}),
	}
	cmd.Flags().StringVar(&of, "account", "", "the `id` of an account; without it the default list")
	return cmd
}

func (a *app) sayPrices(versions []account.PriceVersion) {
	if len(versions) == 0 {
		a.say("the list has no version")
	}
	for _, v := range versions {
		a.say("%s, from %s, %s", v.Version, v.ValidFrom.Format(time.RFC3339), v.Currency)
		rows := make([][]string, len(v.Prices))
		for i, p := range v.Prices {
			rows[i] = []string{p.Country, string(p.Channel), orAny(string(p.Category)), orAny(string(p.Content)), p.Amount}
		}
		a.table([]string{"COUNTRY", "CHANNEL", "CATEGORY", "CONTENT", "PRICE"}, rows)
	}
}

func orAny(s string) string {
	if s == "" {
		return "any"
	}
	return s
}

func (a *app) pricesPublish() *cobra.Command {
	var in httpapi.PricesRequest
	var file, from string
	var yes bool
	cmd := &cobra.Command{
		Use: "publish", Short: "Say what a list of a file would change, for whom, or publish it with --yes", Args: cobra.NoArgs,
		Long: `Reads a whole list from a CSV, YAML or JSON file and says which rows it changes against the
version in force at its beginning, and for which accounts. With --yes it is published. Rows
that the file lacks go: messages without a price are refused.

Columns: country (ISO 3166-1), channel (viber or sms), category (transactional, promotional
or one_time_code), content (text or rich), amount (a decimal with a point). An SMS row may
leave category and content out: it is for any then.`,
		Example: "goniec prices publish --file prices.csv\ngoniec prices publish --file prices.yaml --valid-from 2026-12-01T00:00:00+01:00 --yes",
		RunE: a.withOperator(func(cmd *cobra.Command, api *remote, _ []string) (err error) {
			if in.Prices, err = readPrices("--file", file); err != nil {
				return err
			}
			if in.ValidFrom, err = validFrom(from); err != nil {
				return err
			}
			preview, err := api.PreviewPrices(cmd.Context(), in)
			if err != nil {
				return err
			}
			if !yes {
				return a.show(preview, func() {
					a.sayPricesPreview(preview)
					a.say("Nothing was published: repeat with --yes to publish the list.")
				})
			}
			out, err := api.PublishPrices(cmd.Context(), in)
			if err != nil {
				return err
			}
			return a.show(out, func() {
				a.sayPricesPreview(preview)
				a.say("published as %s", out.Version)
			})
		}),
	}
	fs := cmd.Flags()
	fs.StringVar(&file, "file", "", "the `file`: .csv, .yaml or .json")
	fs.StringVar(&in.Account, "account", "", "the `id` of the account whose list it is; without it the default list")
	fs.StringVar(&in.Currency, "currency", "PLN", "`currency` of all rows, ISO 4217")
	fs.StringVar(&from, "valid-from", "", "`time` from which it is in force; without it at once")
	fs.BoolVar(&yes, "yes", false, "publish it")
	_ = cmd.MarkFlagRequired("file") // it was defined above
	return cmd
}

func validFrom(s string) (*time.Time, error) {
	if s == "" {
		return nil, nil //nolint:nilnil // the API's default
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return nil, failWith(ExitUsage, errors.New("--valid-from must be a time such as 2026-12-01T00:00:00+01:00"))
	}
	return &t, nil
}

func (a *app) sayPricesPreview(p httpapi.PricesPreview) {
	if len(p.Changes) == 0 {
		a.say("no row differs from the version in force then")
		return
	}
	rows := make([][]string, len(p.Changes))
	for i, c := range p.Changes {
		rows[i] = []string{c.Country, string(c.Channel), orAny(string(c.Category)), orAny(string(c.Content)), orDash(c.Before), orDash(c.After)}
	}
	a.table([]string{"COUNTRY", "CHANNEL", "CATEGORY", "CONTENT", "BEFORE", "AFTER"}, rows)
	if len(p.Accounts) == 0 {
		a.say("for no account: others have prices of their own, or another currency")
	}
	for _, x := range p.Accounts {
		lost := ""
		if x.Lost > 0 {
			lost = fmt.Sprintf(", %d of them lost: such messages are refused", x.Lost)
		}
		a.say("for %s (%s): %s%s", x.Name, x.Account, words.Count(x.Changed, "price"), lost)
	}
}

var priceColumns = []string{"country", "channel", "category", "content", "amount"}

func readPrices(flag, path string) ([]account.Price, error) {
	rows, err := readRows(flag, path, priceColumns, account.MaxPrices)
	if err != nil {
		return nil, err
	}
	out := make([]account.Price, len(rows))
	for i, r := range rows {
		out[i] = account.Price{
			Country: r.Values["country"], Channel: domain.Channel(r.Values["channel"]), Category: domain.Category(r.Values["category"]),
			Content: domain.Content(r.Values["content"]), Amount: r.Values["amount"],
		}
	}
	return out, nil
}

// readRows reads a table; its name's ending says how it is written.
func readRows(flag, path string, columns []string, limit int) (rows []sheet.Row, err error) {
	read := map[string]func(io.Reader, []string, int) ([]sheet.Row, error){
		".csv": sheet.ReadCSV, ".yaml": sheet.ReadYAML, ".yml": sheet.ReadYAML, ".json": sheet.ReadYAML,
	}[filepath.Ext(path)]
	if read == nil {
		return nil, failWith(ExitUsage, fmt.Errorf("%s: the file must be a .csv, .yaml or .json", flag))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, failWith(ExitUsage, fmt.Errorf("%s: %w", flag, err))
	}
	defer f.Close() //nolint:errcheck // read only
	if rows, err = read(f, columns, limit); err != nil {
		return nil, failWith(ExitUsage, fmt.Errorf("%s: %w", flag, err))
	}
	return rows, nil
}

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/client"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain/money"
)

func (a *app) reportCommand() *cobra.Command {
	return group("report", "Reports of messages: tables, JSON, CSV, XLSX", a.reportTraffic(), a.reportTimes(), a.reportDoubles())
}

const reportLong = `

It is about the messages accepted from the day --from to the day --to, both included;
without them of the last seven days. Days are those of the billing zone, or of --zone. A
range may have 400 days, by hour 31. Test messages are in no report. --csv and --xlsx are
the same rows for a spreadsheet; no text in them is ever taken for a formula.`

// reportFlags are those that every report has.
type reportFlags struct {
	client.ReportFilter
	by   []string
	csv  bool
	xlsx string
}

func (f *reportFlags) add(cmd *cobra.Command, by string) {
	fs := cmd.Flags()
	fs.StringVar(&f.From, "from", "", "first `day`, such as 2026-11-01")
	fs.StringVar(&f.To, "to", "", "last `day`")
	fs.StringVar(&f.Zone, "zone", "", "time `zone` of the days, off UTC by whole hours (default: the billing zone)")
	fs.StringSliceVar(&f.by, "by", nil, "tell rows apart by: some `of` "+by+", with commas (default: day)")
	fs.StringVar(&f.Sender, "sender", "", "only this sender's: `name`")
	fs.StringVar(&f.Country, "country", "", "only to this `country`, such as PL")
	fs.BoolVar(&f.csv, "csv", false, "print CSV")
	fs.StringVar(&f.xlsx, "xlsx", "", "write an XLSX `file`")
	cmd.MarkFlagsMutuallyExclusive("csv", "xlsx")
}

func (f *reportFlags) addMessage(cmd *cobra.Command) {
	f.add(cmd, "day or hour, sender, country, category, tag")
	cmd.Flags().StringVar(&f.Category, "category", "", "only this `category`: transactional, promotional or one_time_code")
	cmd.Flags().StringVar(&f.Tag, "tag", "", "only messages with this `tag`")
}

// report runs one: as a file, or by show as JSON and a table.
func (a *app) report(ctx context.Context, name string, f *reportFlags, show func(*remote, client.ReportFilter) error) error {
	if a.json && f.csv {
		return failWith(ExitUsage, errors.New("--json and --csv: choose one"))
	}
	api, err := a.api()
	if err != nil {
		return err
	}
	f.By = strings.Join(f.by, ",")
	switch {
	case f.csv:
		file, err := api.ReportFile(ctx, name, "csv", f.ReportFilter)
		if err == nil {
			_, err = a.out.Write(file)
		}
		return err
	case f.xlsx != "":
		return a.reportFile(ctx, api, name, f)
	}
	return show(api, f.ReportFilter)
}

// fileBody is what a spreadsheet is told by with --xlsx and --json.
type fileBody struct {
	File  string `json:"file"`
	Bytes int    `json:"bytes"`
}

func (a *app) reportFile(ctx context.Context, api *remote, name string, f *reportFlags) error {
	file, err := api.ReportFile(ctx, name, "xlsx", f.ReportFilter)
	if err != nil {
		return err
	}
	return a.writeSheet(f.xlsx, file)
}

func (a *app) writeSheet(path string, file []byte) error {
	if err := os.WriteFile(path, file, 0o600); err != nil {
		return fmt.Errorf("write spreadsheet: %w", err)
	}
	return a.show(fileBody{path, len(file)}, func() { a.say("written to %s", path) })
}

func (a *app) reportTraffic() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use: "traffic", Short: "What has become of messages, and what they cost", Args: cobra.NoArgs,
		Long: `Counts messages by what has become of them, with their replies, opt-outs and cost. By tag
a message counts once in each of its tags' rows. The cost is exact; a bill rounds each of
its lines, and goes by the day of the charge.` + reportLong,
		Example: `goniec report traffic --from 2026-11-01 --to 2026-11-30 --by day,sender
goniec report traffic --by hour --csv
goniec report traffic --by tag --xlsx november.xlsx`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.report(cmd.Context(), "traffic", &f, func(api *remote, q client.ReportFilter) error {
				out, err := api.TrafficReport(cmd.Context(), q)
				if err != nil {
					return err
				}
				return a.show(out, func() { a.sayTraffic(out) })
			})
		},
	}
	f.addMessage(cmd)
	return cmd
}

func (a *app) sayRange(r httpapi.ReportRange, rows int) bool {
	what := ""
	if rows == 0 {
		what = ": nothing to report"
	}
	a.say("%s to %s, %s%s", r.From, r.To, r.Zone, what)
	return rows > 0
}

func (a *app) sayTraffic(r httpapi.TrafficReport) {
	if !a.sayRange(r.ReportRange, len(r.Rows)) {
		return
	}
	head := append(keyHead(r.By), "ASKED", "SENT", "DELIVERED", "VIBER", "SMS", "READ", "LATE", "DOUBLE", "FAILED", "UNKNOWN", "CANCELLED", "REPLIES", "OPT-OUTS", "COST", "FALLBACKS")
	var rows [][]string
	for _, row := range r.Rows {
		line := keyCells(row.ReportKey, r.By)
		for _, n := range []int64{
			row.Accepted, row.Sent, row.Delivered, row.DeliveredViber, row.DeliveredSMS, row.Read, row.Late, row.Double, row.Failed, row.Unknown,
			row.Cancelled, row.Replies, row.OptOuts,
		} {
			line = append(line, words.Thousands(n))
		}
		rows = append(rows, append(line, costOf(row.Cost), fallbacks(row)))
	}
	a.table(head, rows)
}

func costOf(by map[string]string) string {
	var out []string
	for _, currency := range slices.Sorted(maps.Keys(by)) {
		out = append(out, exact(by[currency], currency))
	}
	return strings.Join(out, ", ")
}

// exact is an amount without rounding: a report's may be fractions of a cent.
func exact(amount, currency string) string {
	if m, err := money.Parse(amount); err == nil && m%10_000 == 0 {
		return words.Money(m.Cents(), currency)
	}
	return strings.TrimRight(amount, "0") + " " + currency
}

// reasonsShown bounds the reasons of a row that people read; files have them all.
const reasonsShown = 3

// fallbacks are how many, and why, the most frequent first.
func fallbacks(row httpapi.TrafficRow) string {
	if row.Fallbacks == 0 {
		return "0"
	}
	reasons := slices.SortedFunc(maps.Keys(row.FallbackBy), func(a, b string) int {
		return cmp.Or(cmp.Compare(row.FallbackBy[b], row.FallbackBy[a]), strings.Compare(a, b))
	})
	var why []string
	rest := row.Fallbacks
	for _, reason := range reasons[:min(len(reasons), reasonsShown)] {
		why = append(why, words.Thousands(row.FallbackBy[reason])+" "+reason)
		rest -= row.FallbackBy[reason]
	}
	if rest > 0 {
		why = append(why, words.Thousands(rest)+" for other reasons")
	}
	return words.Thousands(row.Fallbacks) + ": " + strings.Join(why, ", ")
}

func keyHead(by []string) (out []string) {
	for _, b := range by {
		out = append(out, strings.ToUpper(b))
	}
	return out
}

func keyCells(k httpapi.ReportKey, by []string) (out []string) {
	for _, b := range by {
		out = append(out, map[string]string{
			"day": k.Day, "hour": k.Hour, "sender": k.Sender, "country": k.Country, "category": k.Category, "tag": k.Tag, "channel": k.Channel,
		}[b])
	}
	return out
}

func (a *app) reportTimes() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use: "times", Short: "How long messages took to arrive, and to fall back", Args: cobra.NoArgs,
		Long: `Shows percentiles of the time until the first delivery on either channel, and until the
fallback was decided on, from acceptance, or from the release of messages that had to
wait. Each time, also the longest, is at most 5 % off, and exact up to 10 ms.` + reportLong,
		Example: "goniec report times --by day,channel\ngoniec report times --from 2026-11-01 --to 2026-11-30 --by sender,country --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.report(cmd.Context(), "times", &f, func(api *remote, q client.ReportFilter) error {
				out, err := api.TimesReport(cmd.Context(), q)
				if err != nil {
					return err
				}
				return a.show(out, func() { a.sayTimes(out) })
			})
		},
	}
	f.add(cmd, "day or hour, sender, country, channel")
	return cmd
}

func (a *app) sayTimes(r httpapi.TimesReport) {
	if !a.sayRange(r.ReportRange, len(r.Rows)) {
		return
	}
	var rows [][]string
	for _, row := range r.Rows {
		line := append(keyCells(row.ReportKey, r.By), row.What, words.Thousands(row.Messages))
		for _, ms := range []int64{row.P50, row.P90, row.P95, row.P99, row.Max} {
			line = append(line, (time.Duration(ms) * time.Millisecond).String())
		}
		rows = append(rows, line)
	}
	a.table(append(keyHead(r.By), "UNTIL", "MESSAGES", "P50", "P90", "P95", "P99", "LONGEST"), rows)
}

func (a *app) reportDoubles() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use: "doubles", Short: "What messages cost that were charged on both channels", Args: cobra.NoArgs,
		Long: `Shows the messages that were charged on Viber and as SMS: they fell back, and Viber
delivered them all the same. Charges that were waived do not count.` + reportLong,
		Example: "goniec report doubles --by sender\ngoniec report doubles --from 2026-11-01 --to 2026-11-30 --csv",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.report(cmd.Context(), "doubles", &f, func(api *remote, q client.ReportFilter) error {
				out, err := api.DoublesReport(cmd.Context(), q)
				if err != nil {
					return err
				}
				return a.show(out, func() { a.sayDoubles(out) })
			})
		},
	}
	f.addMessage(cmd)
	return cmd
}

func (a *app) sayDoubles(r httpapi.DoublesReport) {
	if !a.sayRange(r.ReportRange, len(r.Rows)) {
		return
	}
	var rows [][]string
	for _, row := range r.Rows {
		rows = append(rows, append(keyCells(row.ReportKey, r.By), words.Thousands(row.Messages),
			exact(row.Viber, row.Currency), exact(row.SMS, row.Currency), exact(row.Cost, row.Currency)))
	}
	a.table(append(keyHead(r.By), "MESSAGES", "VIBER", "SMS", "TOGETHER"), rows)
}

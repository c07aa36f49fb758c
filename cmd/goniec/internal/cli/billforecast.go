package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/words"
)

func (a *app) billingForecast() *cobra.Command {
	var of string
	cmd := &cobra.Command{
		Use: "forecast", Short: "Show what the current month comes to for each sender, and until when it can be ended", Args: cobra.NoArgs,
		Long: `Shows for each sender that is active this month its traffic on Viber so far, what to expect
at the month's end, what is missing to the minimum then, the last day to give notice for
the end of a month, how often it can still be switched off and on this year, and what
waiting costs: the next month's minimum, if no notice is given in time.

The expectation is linear: as much on every day as on the month's days so far, of which
today counts as a whole one. With a key of the installation --account names the account.`,
		Example: "goniec billing forecast\ngoniec billing forecast --account 00000000-0000-8000-8000-000000000001 --key-file billing_key",
		RunE: a.withAPI(func(cmd *cobra.Command, api *remote, _ []string) error {
			f, err := api.Forecast(cmd.Context(), of)
			if err != nil {
				return err
			}
			return a.show(f, func() { a.sayForecast(f) })
		}),
	}
	cmd.Flags().StringVar(&of, "account", "", "the `id` of the account, with a key of the installation")
	return cmd
}

func (a *app) sayForecast(f httpapi.ForecastBody) {
	a.say("%s, day %d of %d; expected: as much on every day as so far", f.Month, f.Day, f.Days)
	if len(f.Senders) == 0 {
		a.say("no sender is active")
		return
	}
	rows := make([][]string, len(f.Senders))
	for i, s := range f.Senders {
		rows[i] = []string{
			s.Name, strings.Join(s.Countries, "+"), words.Thousands(s.Messages) + ", " + s.Amount, words.Thousands(s.ExpectedMessages) + ", " + s.ExpectedAmount,
			forecastMinimum(s), forecastMissing(s), s.TopUp, noticeWords(s), s.WaitingCosts, fmt.Sprintf("%d/%d", s.OffsLeft, s.OnsLeft),
		}
	}
	a.table([]string{"SENDER", "TO", "SO FAR", "EXPECTED", "MINIMUM", "MISSING", "TOP-UP", "NOTICE BY", "WAITING COSTS", "OFF/ON LEFT"}, rows)
	a.say("amounts in %s", f.Currency)
}

func forecastMinimum(s httpapi.SenderForecast) string {
	switch {
	case s.Free != "":
		return freeWords(s.Free)
	case s.MinimumMessages > 0:
		return words.Count(int(s.MinimumMessages), "message") + " or " + s.Minimum
	}
	return s.Minimum
}

func forecastMissing(s httpapi.SenderForecast) string {
	switch {
	case s.MissingMessages > 0:
		return words.Count(int(s.MissingMessages), "message")
	case s.MissingAmount != "" && s.MissingAmount != "0.00":
		return s.MissingAmount
	}
	return "–"
}

func noticeWords(s httpapi.SenderForecast) string {
	if s.Ends != "" {
		return "ends " + s.Ends
	}
	return s.NoticeBy + " for " + s.NoticeFor
}

package cli

import (
	"context"

	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/words"
)

func (a *app) unmatchedCommand() *cobra.Command {
	cmd := group("unmatched", "Carriers' reports that fit no attempt", a.unmatchedList())
	cmd.Long = `Reports of carriers that fit no attempt. Each is kept and tried again when an attempt to
its number is answered; until then it changes nothing. It needs an operator's key; with a
running up that is found by itself.`
	return cmd
}

func (a *app) unmatchedList() *cobra.Command {
	short := "List them, the newest first: route, carrier's id, status, when, why; no numbers"
	return a.queueList(short, func(ctx context.Context, api *remote, limit int) error {
		out, err := api.Unmatched(ctx, limit)
		if err != nil {
			return err
		}
		return a.show(out, func() { a.sayUnmatched(out.Reports) })
	})
}

func (a *app) sayUnmatched(list []httpapi.UnmatchedReport) {
	if len(list) == 0 {
		a.say("every report fits an attempt")
		return
	}
	var rows [][]string
	for _, r := range list {
		rows = append(rows, []string{moment(r.Received), r.Route, r.CarrierID, r.Status, moment(r.At), words.Unmatched(r.Why)})
	}
	a.table([]string{"RECEIVED", "ROUTE", "CARRIER'S ID", "STATUS", "HAPPENED", "WHY IT FITS NOTHING"}, rows)
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/client"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain/message"
)

// maxQueue bounds a list of the operator's queues.
const maxQueue = 1000

func (a *app) unknownCommand() *cobra.Command {
	cmd := group("unknown", "Attempts whose outcome at the carrier is unknown", a.unknownList(), a.unknownResolve())
	cmd.Long = `Attempts of which nobody knows whether the carrier took them: it did not answer, the
connection broke, or the answer could not be read. Nothing is sent again on that channel
and an SMS is not charged until a report or an operator says what became of it. Of Viber
only attempts of messages that have not arrived are listed. It needs an operator's key;
with a running up that is found by itself.`
	return cmd
}

func (a *app) unknownList() *cobra.Command {
	return a.queueList("List them, the oldest first; no numbers", func(ctx context.Context, api *remote, limit int) error {
		out, err := api.Unknown(ctx, "", limit)
		if err != nil {
			return err
		}
		return a.show(out, func() { a.sayUnknown(out.Attempts) })
	})
}

// queueList is the list of one of the operator's queues.
func (a *app) queueList(short string, list func(ctx context.Context, api *remote, limit int) error) *cobra.Command {
	limit := 200
	cmd := &cobra.Command{
		Use: "list", Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > maxQueue {
				return failWith(ExitUsage, fmt.Errorf("--limit: must be from 1 to %d", maxQueue))
			}
			api, err := a.operatorAPI()
			if err != nil {
				return err
			}
			return list(cmd.Context(), api, limit)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", limit, "how `many`, up to 1000")
	return cmd
}

func (a *app) sayUnknown(list []httpapi.UnknownAttempt) {
	if len(list) == 0 {
		a.say("no outcome is unknown")
		return
	}
	var rows [][]string
	for _, u := range list {
		rows = append(rows, []string{moment(u.Since), u.Message, u.Attempt, words.Channel(u.Channel), u.Account, u.Country, u.State, words.ReasonOn(u.Channel, u.Reason)})
	}
	a.table([]string{"SINCE", "MESSAGE", "ATTEMPT", "CHANNEL", "ACCOUNT", "TO", "STATE", "WHY"}, rows)
}

func (a *app) unknownResolve() *cobra.Command {
	var r httpapi.ResolveRequest
	cmd := &cobra.Command{
		Use: "resolve ATTEMPT|MESSAGE", Short: "Say what became of one", Args: cobra.ExactArgs(1),
		Long: `Says what became of an attempt of unknown outcome:

  sent      the carrier took it: an SMS is charged, by the time of its attempt; Viber only when it delivers
  not-sent  the carrier did not take it: closed without a charge
  send-sms  still unknown, but the SMS goes now and not at the deadline; only before an SMS has begun

A report that comes later may still raise the message's state. A message may be named
when only one of its attempts is unknown. The reason is kept in the history for ever:
it may hold nothing personal.`,
		Example: `goniec unknown resolve 8a6e9c6f-52f0-8000-9b0e-0f4b6d4f1c11 --as not-sent --reason "not in the carrier's list of 24 November"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			r.As = strings.ReplaceAll(r.As, "-", "_") // as the API spells them
			if !slices.Contains([]message.Resolution{message.AsSent, message.AsNotSent, message.AsSMS}, message.Resolution(r.As)) {
				return failWith(ExitUsage, errors.New("--as: must be sent, not-sent or send-sms"))
			}
			return a.resolve(cmd.Context(), args[0], r)
		},
	}
	cmd.Flags().StringVar(&r.As, "as", "", "`what` became of it: sent, not-sent or send-sms")
	cmd.Flags().StringVar(&r.Reason, "reason", "", "`how` this is known, for the history")
	_ = cmd.MarkFlagRequired("as")     // both were
	_ = cmd.MarkFlagRequired("reason") // defined above
	return cmd
}

func (a *app) resolve(ctx context.Context, id string, r httpapi.ResolveRequest) error {
	api, err := a.operatorAPI()
	if err != nil {
		return err
	}
	found, err := api.Unknown(ctx, id, maxQueue)
	if err != nil {
		return err
	}
	message := id
	for _, u := range found.Attempts {
		if u.Attempt == id {
			message, r.Attempt = u.Message, id
		}
	}
	out, err := api.Resolve(ctx, message, r)
	var p *client.Error
	if errors.As(err, &p) && p.Status == http.StatusNotFound {
		said := *p
		said.Detail, said.Fields = "no attempt of unknown outcome and no message has this id", nil
		return &said
	}
	if err != nil {
		return err
	}
	return a.show(out, func() { a.say("resolved%s", already(out.Changed, "; it was so already")) })
}

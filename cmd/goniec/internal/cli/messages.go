package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/client"
	"goniec/cmd/goniec/internal/words"
)

// maxList bounds `messages list`.
const maxList = 10_000

func (a *app) messagesCommand() *cobra.Command {
	return group("messages", "Look at messages, and cancel them", a.messagesShow(), a.messagesList(), a.messagesCancel())
}

func (a *app) messagesShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a message with everything that happened to it", Args: cobra.ExactArgs(1),
		Long: `Shows a message, its charges and its timeline, each step in words with its time.
Neither number nor text is shown: they are not in the read models.`,
		Example: "goniec messages show 8a6e9c6f-52f0-8000-9b0e-0f4b6d4f1c11",
		RunE: func(cmd *cobra.Command, args []string) error {
			api, err := a.api()
			if err != nil {
				return err
			}
			m, err := api.Message(cmd.Context(), args[0])
			if err != nil {
				return notFound(err, "message")
			}
			return a.show(m, func() { a.sayMessage(m) })
		},
	}
}

func (a *app) sayMessage(m httpapi.Message) {
	a.say("%s", words.Ending(m))
	more := ""
	if m.ClientRef != "" {
		more += ", reference " + m.ClientRef
	}
	for _, t := range m.Tags {
		more += ", tag " + t
	}
	a.say("%s from %s to %s, %s%s", m.ID, m.Sender, m.Country, m.Category, more)
	if !m.Ended {
		a.say("not ended: %s", words.Waits(m))
	}
	a.say("")
	for _, s := range m.Timeline {
		a.say("%s  %s", s.At.Local().Format("2006-01-02 15:04:05.000"), words.Step(s))
	}
}

func (a *app) messagesList() *cobra.Command {
	var f client.Filter
	limit := 50
	cmd := &cobra.Command{
		Use: "list", Short: "List messages, newest first", Args: cobra.NoArgs,
		Example: `goniec messages list --state failed --from 2026-11-01
goniec messages list --ref november-reminder --limit 1000 --json
goniec messages list --number +48500100201`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > maxList {
				return failWith(ExitUsage, fmt.Errorf("--limit: must be from 1 to %d", maxList))
			}
			api, err := a.api()
			if err != nil {
				return err
			}
			return a.listMessages(cmd.Context(), api, f, limit)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.State, "state", "", "in this `state`: accepted, waiting, sending, sent, delivered, read, failed, unknown or cancelled")
	fs.StringVar(&f.Sender, "sender", "", "`name` of the sender")
	fs.StringVar(&f.From, "from", "", "accepted at or after this `time`: 2026-11-10T09:30:00Z, or a day (2026-11-10, UTC)")
	fs.StringVar(&f.To, "to", "", "accepted before this `time`")
	fs.StringVar(&f.ClientRef, "ref", "", "your own `reference`, or the run of a file")
	fs.StringVar(&f.Number, "number", "", "to this phone `number`; it is looked for by a keyed hash, and goes into no URL or log")
	fs.IntVar(&limit, "limit", limit, "how `many`, up to 10000")
	return cmd
}

// listBody is what `messages list` says with --json.
type listBody struct {
	Messages []httpapi.Message `json:"messages"`
	More     bool              `json:"more"` // there are older ones
}

func (a *app) listMessages(ctx context.Context, api *remote, f client.Filter, limit int) error {
	out := listBody{Messages: []httpapi.Message{}}
	err := eachMessage(ctx, api, f, limit+1, func(m httpapi.Message) error {
		if len(out.Messages) == limit {
			out.More = true
			return nil
		}
		out.Messages = append(out.Messages, m)
		return nil
	})
	if err != nil {
		return err
	}
	return a.show(out, func() {
		if len(out.Messages) == 0 {
			a.say("no messages")
			return
		}
		var rows [][]string
		for _, m := range out.Messages {
			rows = append(rows, []string{moment(m.AcceptedAt), m.ID, m.State, m.Sender, m.Country, words.Ending(m)})
		}
		a.table([]string{"ACCEPTED", "ID", "STATE", "SENDER", "TO", "WHAT CAME OF IT"}, rows)
		if out.More {
			a.say("there are older ones: --limit shows more")
		}
	})
}

func (a *app) messagesCancel() *cobra.Command {
	return &cobra.Command{
		Use: "cancel ID", Short: "Stop what has not gone out of a message", Args: cobra.ExactArgs(1),
		Long: `Stops what has not gone out: a message that waits, or its SMS. What a carrier has
taken already cannot be called back.`,
		Example: "goniec messages cancel 8a6e9c6f-52f0-8000-9b0e-0f4b6d4f1c11",
		RunE: func(cmd *cobra.Command, args []string) error {
			api, err := a.api()
			if err != nil {
				return err
			}
			out, err := api.Cancel(cmd.Context(), args[0])
			var p *client.Error
			if errors.As(err, &p) && p.Code == "already_ended" {
				return failWith(ExitRefused, errors.New("the message has ended: nothing is left to cancel"))
			}
			if err != nil {
				return notFound(err, "message")
			}
			return a.show(out, func() {
				if out.Changed {
					a.say("nothing new goes out any more")
				} else {
					a.say("it was cancelled already")
				}
			})
		},
	}
}

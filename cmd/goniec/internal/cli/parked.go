package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/words"
)

const parkedNeeds = ` Needs an operator's key: that of the
running up, or name its file with --key-file. Run book: docs/runbooks/parked-stream.md.`

func (a *app) parkedCommand() *cobra.Command {
	return group("parked", "What could not be decided and waits for an operator",
		a.parkedList(), a.parkedShow(), a.parkedRetry(), a.parkedDrop())
}

// withOperator is withAPI with an operator's key.
func (a *app) withOperator(fn func(cmd *cobra.Command, api *remote, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		api, err := a.operatorAPI()
		if err != nil {
			return err
		}
		return fn(cmd, api, args)
	}
}

func (a *app) parkedList() *cobra.Command {
	all, limit := false, 50
	cmd := &cobra.Command{
		Use: "list", Short: "List what is parked, the newest first", Args: cobra.NoArgs,
		Long:    "Lists what could not be decided and waits, the newest first. What stands behind another\nof its message has a position above 0." + parkedNeeds,
		Example: "goniec parked list --json",
		RunE: a.withOperator(func(cmd *cobra.Command, api *remote, _ []string) error {
			if limit < 1 {
				return failWith(ExitUsage, errors.New("--limit: must be at least 1"))
			}
			list, more, err := everyParked(cmd.Context(), api, all, limit)
			if err != nil {
				return err
			}
			return a.show(parkedBody{list, more}, func() { a.sayParked(list, more) })
		}),
	}
	cmd.Flags().BoolVar(&all, "all", false, "also what was retried or dropped")
	cmd.Flags().IntVar(&limit, "limit", limit, "how `many`")
	return cmd
}

// parkedBody is what `parked list` says with --json.
type parkedBody struct {
	Parked []httpapi.Parked `json:"parked"`
	More   bool             `json:"more"` // there are older ones
}

// everyParked asks for page after page, up to limit.
func everyParked(ctx context.Context, api *remote, all bool, limit int) (list []httpapi.Parked, more bool, err error) {
	list = []httpapi.Parked{}
	for cursor := ""; ; {
		page, err := api.ParkedList(ctx, all, min(limit-len(list), pageSize), cursor)
		if err != nil {
			return nil, false, err
		}
		list, cursor = append(list, page.Parked...), page.Next
		if cursor == "" || len(list) >= limit {
			return list, cursor != "", nil
		}
	}
}

func (a *app) sayParked(list []httpapi.Parked, more bool) {
	if len(list) == 0 {
		a.say("nothing is parked")
		return
	}
	var rows [][]string
	for _, p := range list {
		rows = append(rows, []string{p.ID, moment(p.At), p.State, p.Reason, orDash(p.Type), orDash(p.Stream), fmt.Sprint(p.Position), fmt.Sprint(p.Behind)})
	}
	a.table([]string{"ID", "PARKED", "STATE", "REASON", "TYPE", "HOLDS", "POSITION", "BEHIND"}, rows)
	if more {
		a.say("… and more; see --limit")
	}
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// parkedShown is what `parked show` says with --json.
type parkedShown struct {
	httpapi.ParkedThing
	Content *httpapi.ParkedContent `json:"content,omitempty"`
}

func (a *app) parkedShow() *cobra.Command {
	content := false
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show one of them, and what waits behind it", Args: cobra.ExactArgs(1),
		Long: `Shows why, what and when it was, by which lane and offset it came, and what waits behind
it. With --content also the record itself: that it was shown, and to whom, is an
event of the journal.` + parkedNeeds,
		Example: "goniec parked show 0003b1a2-c3d4-8e5f-8a6b-0123456789ab",
		RunE: a.withOperator(func(cmd *cobra.Command, api *remote, args []string) error {
			thing, err := api.Parked(cmd.Context(), args[0])
			if err != nil {
				return notFound(err, "parked thing")
			}
			out := parkedShown{ParkedThing: thing}
			if content {
				c, err := api.ParkedContent(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				out.Content = &c
			}
			return a.show(out, func() { a.sayParkedThing(out) })
		}),
	}
	cmd.Flags().BoolVar(&content, "content", false, "also what it holds; this is recorded")
	return cmd
}

func (a *app) sayParkedThing(p parkedShown) {
	field := func(name, value string) {
		if value != "" {
			a.say("%-9s %s", name, value)
		}
	}
	field("id", p.ID)
	field("state", p.State+ended(p.Parked))
	field("reason", strings.TrimSuffix(p.Reason+", "+p.Detail, ", "))
	field("type", p.Type)
	field("command", p.Command)
	field("holds", p.Stream)
	field("account", p.Account)
	field("parked", moment(p.At))
	if p.Lane != "" {
		field("came by", fmt.Sprintf("%s/%d, offset %d", p.Lane, p.Partition, p.Offset))
	}
	if p.Retries > 0 {
		field("retried", fmt.Sprintf("%s, in vain", words.Count(p.Retries, "time")))
	}
	field("behind it", fmt.Sprint(p.Behind))
	for _, next := range p.Line {
		a.say("  %s  %s  %s", next.ID, moment(next.At), orDash(next.Type))
	}
	if p.Content == nil {
		return
	}
	a.say("key       %s", p.Content.Key)
	for _, name := range slices.Sorted(maps.Keys(p.Content.Headers)) {
		a.say("%s: %s", name, p.Content.Headers[name])
	}
	a.say("%s", p.Content.Value)
}

// ended says who ended it, when, and what about it.
func ended(p httpapi.Parked) string {
	if p.EndedAt == nil {
		return ""
	}
	out := fmt.Sprintf(" %s by %s", moment(*p.EndedAt), words.Actor(p.EndedBy))
	if p.Note != "" {
		out += ": " + p.Note
	}
	return out
}

func (a *app) parkedRetry() *cobra.Command {
	return &cobra.Command{
		Use: "retry ID", Short: "Decide it again, and then what waits behind it", Args: cobra.ExactArgs(1),
		Long: `Has it decided again, and then, in their order, the commands that waited behind it, in one
transaction; 1,000 at most. What fails again is parked again, and those behind
it keep waiting: the command then ends with 1. Only the first of a line can be
retried.` + parkedNeeds,
		Example: "goniec parked retry 0003b1a2-c3d4-8e5f-8a6b-0123456789ab",
		RunE: a.withOperator(func(cmd *cobra.Command, api *remote, args []string) error {
			out, err := api.RetryParked(cmd.Context(), args[0])
			if err != nil {
				return notFound(err, "parked thing")
			}
			return a.sayUnparked(out, words.Count(out.Decided, "command")+" decided")
		}),
	}
}

func (a *app) parkedDrop() *cobra.Command {
	reason := ""
	cmd := &cobra.Command{
		Use: "drop ID", Short: "Give it up; what waits behind it is decided", Args: cobra.ExactArgs(1),
		Long: `Gives it up for good, and has what waited behind it decided, as retry does. Who and why
stands in the journal for ever: put nothing personal into the reason. A timer
that is dropped comes due again at once: what is behind it goes first.` + parkedNeeds,
		Example: `goniec parked drop 0003b1a2-c3d4-8e5f-8a6b-0123456789ab --reason "sent by a test"`,
		RunE: a.withOperator(func(cmd *cobra.Command, api *remote, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return failWith(ExitUsage, errors.New("--reason: is required"))
			}
			out, err := api.DropParked(cmd.Context(), args[0], reason)
			if err != nil {
				return notFound(err, "parked thing")
			}
			return a.sayUnparked(out, "dropped; "+words.Count(out.Decided, "command")+" decided")
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`why`, for the journal")
	_ = cmd.MarkFlagRequired("reason") // it was defined above
	return cmd
}

func (a *app) sayUnparked(out httpapi.UnparkedBody, done string) error {
	if err := a.show(out, func() { a.say("%s", done) }); err != nil {
		return err
	}
	if out.ParkedAgain {
		return failWith(ExitFailed, errors.New("one failed again and stays parked: see goniec parked list"))
	}
	return nil
}

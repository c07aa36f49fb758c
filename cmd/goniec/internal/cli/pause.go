package cli

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain/account"
)

func (a *app) pauseCommand() *cobra.Command {
	cmd := group("pause", "The kill switch: hand nothing new to carriers", a.switchCommands("Pause", a.turnOn)...)
	cmd.Long = `Pauses an account, a sender, a route (viber or sms) or everything. From 2 s after the
answer at the latest nothing new of it is handed to a carrier; calls under way are let be.
New messages are refused (code paused) unless only a route is paused. What was accepted
waits, and its validity goes on; reports, opt-outs, cancels and configuration are decided
as ever. It needs an operator's key; with a running up that is found by itself.`
	cmd.AddCommand(a.pauseList())
	return cmd
}

func (a *app) resumeCommand() *cobra.Command {
	cmd := group("resume", "End a pause: what waits goes on", a.switchCommands("Resume", a.turnOff)...)
	cmd.Long = `Ends a pause. What waits goes on within 2 s, urgent messages first, within the routes'
limits; what is too old by then ends by its own rules. It needs an operator's key.`
	return cmd
}

// turn sends a switch to the API.
type turn func(cmd *cobra.Command, r httpapi.PauseRequest) error

// switchCommands are `account`, `sender`, `route` and `all` of pause and of resume.
func (a *app) switchCommands(verb string, do turn) []*cobra.Command {
	ofAccount := func(name string) httpapi.PauseRequest {
		return httpapi.PauseRequest{Scope: account.ScopeAccount, Account: name}
	}
	ofRoute := func(name string) httpapi.PauseRequest {
		return httpapi.PauseRequest{Scope: account.ScopeRoute, Route: name}
	}
	all := func(string) httpapi.PauseRequest { return httpapi.PauseRequest{Scope: account.ScopeAll} }
	return []*cobra.Command{
		a.switchCommand("account ID", verb+" an account", cobra.ExactArgs(1), ofAccount, do),
		a.switchOfSender(verb, do),
		a.switchCommand("route viber|sms", verb+" a route", cobra.ExactArgs(1), ofRoute, do),
		a.switchCommand("all", verb+" everything", cobra.NoArgs, all, do),
	}
}

func (a *app) switchCommand(use, short string, args cobra.PositionalArgs, of func(string) httpapi.PauseRequest, do turn) *cobra.Command {
	var reason string
	cmd := &cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
		r := of(append(args, "")[0])
		r.Reason = reason
		return do(cmd, r)
	}}
	cmd.Flags().StringVar(&reason, "reason", "", "`why`, for the history")
	_ = cmd.MarkFlagRequired("reason") // it was defined above
	return cmd
}

func (a *app) switchOfSender(verb string, do turn) *cobra.Command {
	var of string
	cmd := a.switchCommand("sender ID|NAME", verb+" one sender by its id, or an account's sender name in every country", cobra.ExactArgs(1),
		func(name string) httpapi.PauseRequest {
			return httpapi.PauseRequest{Scope: account.ScopeSender, Account: of, Sender: name}
		},
		func(cmd *cobra.Command, r httpapi.PauseRequest) error {
			if _, err := uuid.Parse(r.Sender); err != nil && r.Account == "" {
				return failWith(ExitUsage, errors.New("--account: a sender's name needs the account that it belongs to"))
			}
			return do(cmd, r)
		})
	cmd.Flags().StringVar(&of, "account", "", "`id` of the account, with a sender's name")
	return cmd
}

func (a *app) turnOn(cmd *cobra.Command, r httpapi.PauseRequest) error {
	api, err := a.operatorAPI()
	if err != nil {
		return err
	}
	out, err := api.Pause(cmd.Context(), r)
	if err != nil {
		return err
	}
	return a.show(out, func() {
		a.say("%s (%s)%s", words.Paused(out.Switch), out.Switch, already(out.Changed, "; it was already, and the first reason stands"))
	})
}

func (a *app) turnOff(cmd *cobra.Command, r httpapi.PauseRequest) error {
	api, err := a.operatorAPI()
	if err != nil {
		return err
	}
	out, err := api.Resume(cmd.Context(), r)
	if err != nil {
		return err
	}
	return a.show(out, func() { a.say("%s is resumed%s", out.Switch, already(out.Changed, "; it was not paused")) })
}

func already(changed bool, words string) string {
	if changed {
		return ""
	}
	return words
}

func (a *app) pauseList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "What is paused, since when, by whom and why", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			api, err := a.operatorAPI()
			if err != nil {
				return err
			}
			out, err := api.Pauses(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(out, func() { a.sayPauses(out.Pauses) })
		},
	}
}

func (a *app) sayPauses(list []httpapi.PauseBody) {
	if len(list) == 0 {
		a.say("nothing is paused")
		return
	}
	var rows [][]string
	for _, p := range list {
		what := p.Switch
		if p.Sender != "" && p.Account != "" {
			what = fmt.Sprintf("sender %s of account %s", p.Sender, p.Account)
		}
		rows = append(rows, []string{what, moment(p.Since), words.Actor(p.By), p.Reason})
	}
	a.table([]string{"PAUSED", "SINCE", "BY", "WHY"}, rows)
}

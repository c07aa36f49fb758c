package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain/calendar"
)

// senderSwitches are what turns a sender off and on; senderReview is what operators decide.
func (a *app) senderSwitches() []*cobra.Command {
	return []*cobra.Command{a.senderDisable(), a.senderEnable()}
}

func (a *app) senderReview() []*cobra.Command {
	return []*cobra.Command{
		a.senderTasks(), a.senderPass(), a.senderApprove(), a.senderReturn(),
		a.operatorStep("confirm", "Say that it was switched off, or on, at Viber", "Says that what the sender's task asks for was done at Viber. For operators.", "confirm", nil),
		a.senderReason("suspend", "Stop an active sender at once", "Stops an active sender at once: new messages are refused, and accepted ones go as SMS.\nFor operators."),
		a.senderReason("lift", "Lift a suspension", "Lifts a suspension. For operators."),
	}
}

func (a *app) senderDisable() *cobra.Command {
	var in httpapi.DisableRequest
	var withdraw bool
	cmd := a.senderStep("disable", "Ask for its end at the end of a month, or take that back", `Gives notice: the sender ends with a month, and works until then. Notice is given at least
7 days before the month's end; later, a later month has to be named, which confirms that
its minimum applies. A sender can be switched off twice a year; --close ends it for good
instead, which is always possible.`, "disable", func() any { return in })
	step := cmd.RunE
	cmd.RunE = func(c *cobra.Command, args []string) error {
		switch {
		case withdraw:
			return a.stepSender("disable/withdraw", nil)(c, args)
		case in.Reason == "":
			return failWith(ExitUsage, errors.New("--reason is required"))
		}
		return step(c, args)
	}
	fs := cmd.Flags()
	fs.StringVar(&in.Reason, "reason", "", "`why`")
	fs.StringVar(&in.Month, "month", "", "the last `month`, such as 2026-12 (default: the current one, if there is time)")
	fs.BoolVar(&in.Close, "close", false, "for good")
	fs.BoolVar(&withdraw, "withdraw", false, "take the notice back")
	cmd.Example = "goniec sender disable ID --reason \"season is over\"\ngoniec sender disable ID --withdraw"
	return cmd
}

func (a *app) senderEnable() *cobra.Command {
	var in httpapi.EnableRequest
	var withdraw bool
	cmd := a.senderStep("enable", "Ask for it to be on again, or take that back", `Asks for a disabled sender to be on again: from the first day of a month (the next, unless
another is named), or as soon as possible, and then that month's minimum applies in full.
It is active when an operator has confirmed it.`, "enable", func() any { return in })
	step := cmd.RunE
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if withdraw {
			return a.stepSender("enable/withdraw", nil)(c, args)
		}
		return step(c, args)
	}
	fs := cmd.Flags()
	fs.StringVar(&in.Month, "month", "", "the first `month`, such as 2027-01")
	fs.BoolVar(&in.AsSoonAsPossible, "asap", false, "as soon as possible")
	fs.BoolVar(&withdraw, "withdraw", false, "leave it off")
	return cmd
}

func (a *app) senderPass() *cobra.Command {
	var in httpapi.PassRequest
	cmd := a.operatorStep("pass", "Record that Viber got the submission", "Records that a submission was handed to Viber; it cannot be withdrawn any more. For operators.", "pass",
		func() any { return in })
	cmd.Flags().StringVar(&in.Reference, "reference", "", "Viber's `reference`")
	return cmd
}

func (a *app) senderApprove() *cobra.Command {
	var in httpapi.ApproveRequest
	var on string
	cmd := a.operatorStep("approve", "Make a submitted sender active", `Makes a submitted sender active, or the new version of an active one the one that works. For
operators.`, "approve", func() any { return in })
	step := cmd.RunE
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if on != "" {
			t, err := time.Parse(time.RFC3339, on)
			if err != nil {
				return failWith(ExitUsage, errors.New("--active-on must be a time such as 2026-11-25T00:00:00+01:00"))
			}
			in.ActiveOn = &t
		}
		return step(c, args)
	}
	cmd.Flags().Int64Var(&in.ServiceID, "service-id", 0, "Viber's service `id`")
	cmd.Flags().StringVar(&on, "active-on", "", "`time` of the activation, not before the submission (default: now)")
	return cmd
}

func (a *app) senderReturn() *cobra.Command {
	var in httpapi.ReturnRequest
	cmd := a.operatorStep("return", "Send a submission back for changes", "Sends a submission back, with reasons. For operators.", "return", func() any { return in })
	cmd.Flags().StringArrayVar(&in.Reasons, "reason", nil, "`why`; may be given several times")
	return cmd
}

func (a *app) senderReason(use, short, long string) *cobra.Command {
	var in httpapi.ReasonRequest
	cmd := a.operatorStep(use, short, long, use, func() any { return in })
	cmd.Flags().StringVar(&in.Reason, "reason", "", "`why`")
	_ = cmd.MarkFlagRequired("reason") // it was defined above
	return cmd
}

func (a *app) senderTasks() *cobra.Command {
	return &cobra.Command{
		Use: "tasks", Short: "Show what operators have to do with senders", Args: cobra.NoArgs,
		Long: "Shows what operators have to do at Viber, the most urgent first. For operators.",
		RunE: a.withOperator(func(cmd *cobra.Command, api *remote, _ []string) error {
			list, err := api.Tasks(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(list, func() { a.sayTasks(list.Tasks) })
		}),
	}
}

func (a *app) sayTasks(list []httpapi.SenderTask) {
	if len(list) == 0 {
		a.say("there is nothing to do")
		return
	}
	rows := make([][]string, len(list))
	for i, t := range list {
		rows[i] = []string{t.Kind, t.Name, t.Country, due(t.TaskBody), t.Sender}
	}
	a.table([]string{"TASK", "SENDER", "COUNTRY", "DUE", "ID"}, rows)
}

// due is the last day on which a task is in time.
func due(t httpapi.TaskBody) string {
	if t.Due.IsZero() {
		return "-"
	}
	day := calendar.DateOf(t.Due.Add(-time.Second), t.Due.Location()).String()
	if t.Overdue {
		return day + " (overdue)"
	}
	return day
}

// badged is the state with what stands beside it, as lists show it.
func badged(s httpapi.SenderBody) string {
	switch {
	case s.Suspended != nil:
		return s.State + ", suspended"
	case s.Notice != nil:
		return s.State + ", ends " + s.Notice.Month
	case s.Closed:
		return s.State + ", closed"
	case s.Enabling != nil:
		return s.State + ", on from " + s.Enabling.From
	}
	return s.State
}

// saySwitches shows what stands beside a sender's state.
func (a *app) saySwitches(s httpapi.SenderBody) {
	for _, line := range switchLines(s) {
		a.say("  %s", line)
	}
}

func switchLines(s httpapi.SenderBody) (out []string) {
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if x := s.Suspended; x != nil {
		add("suspended by the %s: %s", x.By, x.Reason)
	}
	if n := s.Notice; n != nil {
		add("%s at the end of %s: %s", map[bool]string{true: "closes for good", false: "is disabled"}[n.Close], n.Month, n.Reason)
	}
	if e := s.Enabling; e != nil {
		add("asked to be on from %s", e.From)
	}
	if s.Closed {
		add("closed for good")
	}
	if c := s.Change; c != nil {
		add("its next version is %s", map[bool]string{true: "under review", false: "being written"}[c.UnderReview])
		for _, r := range c.Reasons {
			add("returned: %s", r)
		}
	}
	if t := s.Task; t != nil {
		add("operator's task: %s, due %s", t.Kind, due(*t))
	}
	if w := s.Switches; w != nil && !s.Closed {
		add("this year it can still be switched off %s, and on %s", words.Count(w.Off, "time"), words.Count(w.On, "time"))
	}
	return out
}

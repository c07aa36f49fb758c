package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
	"goniec/adapters/webhooks"
)

func (a *app) webhooksCommand() *cobra.Command {
	return group("webhooks", "Endpoints that are told what happens",
		a.webhooksAdd(), a.webhooksList(), a.webhooksTest(), a.webhooksLog(), a.webhooksResend(), a.webhooksRemove())
}

// withAPI runs a command that talks to the API.
func (a *app) withAPI(fn func(cmd *cobra.Command, api *remote, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		api, err := a.api()
		if err != nil {
			return err
		}
		return fn(cmd, api, args)
	}
}

func (a *app) webhooksAdd() *cobra.Command {
	var events []string
	cmd := &cobra.Command{
		Use: "add URL", Short: "Register an endpoint; its signing secret is shown once", Args: cobra.ExactArgs(1),
		Long: `Registers an endpoint of the account. Calls are signed as Standard Webhooks asks, with
the secret that is shown now and never again. Events: ` + strings.Join(webhooks.EventTypes(), ", ") + `.`,
		Example: "goniec webhooks add https://example.com/goniec --event message.delivered --event message.failed",
		RunE: a.withAPI(func(cmd *cobra.Command, api *remote, args []string) error {
			w, err := api.AddWebhook(cmd.Context(), httpapi.WebhookRequest{URL: args[0], Events: events})
			if err != nil {
				return err
			}
			return a.show(w, func() {
				a.say("endpoint %s", w.ID)
				a.say("secret   %s", w.Secret)
				a.say("Keep the secret: it is not shown again.")
			})
		}),
	}
	cmd.Flags().StringArrayVar(&events, "event", nil, "an `event` to be told; may be repeated (default: all)")
	return cmd
}

func (a *app) webhooksList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the account's endpoints", Args: cobra.NoArgs,
		RunE: a.withAPI(func(cmd *cobra.Command, api *remote, _ []string) error {
			list, err := api.Webhooks(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(list, func() {
				if len(list.Webhooks) == 0 {
					a.say("no endpoints")
					return
				}
				var rows [][]string
				for _, w := range list.Webhooks {
					events := strings.Join(w.Events, " ")
					if events == "" {
						events = "all"
					}
					rows = append(rows, []string{w.ID, moment(w.Added), events, w.URL})
				}
				a.table([]string{"ID", "ADDED", "EVENTS", "URL"}, rows)
			})
		}),
	}
}

func (a *app) webhooksTest() *cobra.Command {
	return &cobra.Command{
		Use: "test ID", Short: "Call an endpoint once with a test event", Args: cobra.ExactArgs(1),
		Long: "Calls the endpoint once with an event of type webhook.test and says what it answered. Ends with 1 unless it took the event.",
		RunE: a.withAPI(func(cmd *cobra.Command, api *remote, args []string) error {
			t, err := api.TestWebhook(cmd.Context(), args[0])
			if err != nil {
				return notFound(err, "endpoint")
			}
			if err := a.show(t, func() { a.say("%s", attemptText(t)) }); err != nil {
				return err
			}
			if t.Error != "" || t.Status < 200 || t.Status > 299 {
				return failWith(ExitFailed, errTold)
			}
			return nil
		}),
	}
}

func attemptText(t httpapi.WebhookAttempt) string {
	out := "no answer"
	if t.Status != 0 {
		out = fmt.Sprintf("HTTP %d", t.Status)
	}
	out += fmt.Sprintf(" after %d ms", t.Duration)
	why, ok := callFaults[t.Error]
	if !ok {
		why = t.Error
	}
	if why != "" {
		out += ": " + why
	}
	return out
}

// callFaults tells why a call failed, where its status does not.
var callFaults = map[string]string{
	webhooks.ErrorStatus:     "", // which does
	webhooks.ErrorRedirect:   "redirects are not followed",
	webhooks.ErrorTimeout:    "too slow",
	webhooks.ErrorDNS:        "its host is not known",
	webhooks.ErrorTLS:        "its certificate is not trusted, or it has none",
	webhooks.ErrorConnection: "nobody listens there, or the connection broke",
	webhooks.ErrorAddress:    "it leads to an address that may not be called",
	webhooks.ErrorSecret:     "its signing secret cannot be opened any more",
	webhooks.ErrorURL:        "it cannot be called at all",
	webhooks.ErrorExpired:    "no try was possible in time",
	webhooks.ErrorRemoved:    "the endpoint was removed",
}

func (a *app) webhooksLog() *cobra.Command {
	limit := 50
	cmd := &cobra.Command{
		Use: "log ID", Short: "Show an endpoint's last calls, newest first", Args: cobra.ExactArgs(1),
		RunE: a.withAPI(func(cmd *cobra.Command, api *remote, args []string) error {
			if limit < 1 || limit > pageSize {
				return failWith(ExitUsage, fmt.Errorf("--limit: must be from 1 to %d", pageSize))
			}
			log, err := api.WebhookLog(cmd.Context(), args[0], "", limit)
			if err != nil {
				return notFound(err, "endpoint")
			}
			return a.show(log, func() { a.sayLog(log) })
		}),
	}
	cmd.Flags().IntVar(&limit, "limit", limit, "how `many`, up to 200")
	return cmd
}

func (a *app) sayLog(log httpapi.WebhookLog) {
	if len(log.Attempts) == 0 {
		a.say("no calls yet")
		return
	}
	var rows [][]string
	for _, t := range log.Attempts {
		then := "done"
		switch {
		case t.Next != nil:
			then = "again at " + moment(*t.Next)
		case !t.Done:
			then = "to be tried again"
		case t.Error != "" || t.Status > 299:
			then = "given up"
		}
		rows = append(rows, []string{moment(t.At), t.Type, fmt.Sprint(t.Attempt), attemptText(t), then, t.EventID})
	}
	a.table([]string{"AT", "EVENT", "TRY", "ANSWER", "THEN", "EVENT ID"}, rows)
}

func (a *app) webhooksResend() *cobra.Command {
	return &cobra.Command{
		Use: "resend ID EVENT-ID", Short: "Send an event of the log once more", Args: cobra.ExactArgs(2),
		RunE: a.withAPI(func(cmd *cobra.Command, api *remote, args []string) error {
			out, err := api.ResendWebhook(cmd.Context(), args[0], args[1])
			if err != nil {
				return notFound(err, "endpoint, or the endpoint no such event")
			}
			return a.show(out, func() { a.say("queued; see goniec webhooks log %s", args[0]) })
		}),
	}
}

func (a *app) webhooksRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove ID", Short: "Remove an endpoint: it is not called any more", Args: cobra.ExactArgs(1),
		RunE: a.withAPI(func(cmd *cobra.Command, api *remote, args []string) error {
			out, err := api.RemoveWebhook(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.show(out, func() {
				if out.Changed {
					a.say("removed")
				} else {
					a.say("there is no such endpoint")
				}
			})
		}),
	}
}

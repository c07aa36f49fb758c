package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"goniec/cmd/goniec/internal/words"
	"goniec/domain/calendar"
	"goniec/eventstore/audit"
)

func (a *app) auditSample() *cobra.Command {
	var month, seed string
	var n int
	cmd := &cobra.Command{
		Use: "sample --month MONTH", Short: "Pick messages of a month at random, so that everybody picks the same, and tell their stories", Args: cobra.NoArgs,
		Long: `Picks messages that were requested in a month of the billing zone: those whose SHA-256 of
the seed, a line feed and the message's id comes first. Who has the journal and the seed
picks the same. Choose the seed after the month's last checkpoint was handed out. The
journal of messages is checked on the way.`,
		Example: "goniec audit sample --month 2026-11 --n 25 --seed \"auditor, 3 December\" --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := monthOf("--month", month)
			if err != nil {
				return err
			}
			if n < 1 || n > 1000 {
				return failWith(ExitUsage, errors.New("--n: must be from 1 to 1000"))
			}
			return a.sample(cmd.Context(), m, n, seed)
		},
	}
	cmd.Flags().StringVar(&month, "month", "", "the `month`")
	cmd.Flags().IntVar(&n, "n", 25, "how many messages")
	cmd.Flags().StringVar(&seed, "seed", "", "any text; write it down")
	_ = cmd.MarkFlagRequired("month") // it was defined above
	return cmd
}

// sampledBody is what `audit sample` says with --json.
type sampledBody struct {
	Month   string      `json:"month"`
	Seed    string      `json:"seed"`
	Of      int64       `json:"of"` // messages of the month
	Stories []toldStory `json:"stories"`
}

func (a *app) sample(ctx context.Context, m calendar.Month, n int, seed string) error {
	j, err := a.journalOf(m)
	if err != nil {
		return err
	}
	defer j.close()
	stories, of, err := audit.Sample(ctx, j.Config, j.from, j.to, n, seed)
	if err != nil {
		return unread(ctx, err)
	}
	out := sampledBody{Month: m.String(), Seed: seed, Of: of, Stories: make([]toldStory, len(stories))}
	for i, s := range stories {
		out.Stories[i] = tellStory(s)
	}
	return a.show(out, func() {
		for _, s := range out.Stories {
			a.sayStory(s)
			a.say("")
		}
		a.say("%d of %s of %s, seed %q", len(out.Stories), words.Count(int(of), "message"), out.Month, seed)
	})
}

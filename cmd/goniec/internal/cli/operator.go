package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"goniec/cmd/goniec/internal/run"
	"goniec/eventstore"
)

// decideBudget is how long a decider is waited for.
const decideBudget = 60 * time.Second

func (a *app) operatorCommand() *cobra.Command {
	return group("operator", "The installation's operators", a.operatorKey())
}

func (a *app) operatorKey() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "key", Short: "Make sure that a file holds an operator's key", Args: cobra.NoArgs,
		Long: `Makes sure that a file holds an operator's API key that is in force, and issues one unless
it does. It is how the first operator of a new cluster gets a key: the installation's
secrets and its Kafka are what allows it. A process with the role decider has to be
running. With that key accounts, senders, prices and further keys are made through
the API. The key is written into the file only.`,
		Example: "goniec operator key --config goniec.yaml --out operator_key",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, secrets, err := a.installation(func(cfg *run.Config) { cfg.Roles = []run.Role{run.RoleDecider} })
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), decideBudget)
			defer cancel()
			err = run.EnsureOperatorKey(ctx, cfg, secrets, path, a.logger("warn"))
			if errors.Is(err, eventstore.ErrUnavailable) || ctx.Err() != nil && cmd.Context().Err() == nil {
				err = errors.Join(err, errors.New("is a process with the role decider running (goniec serve)?"))
			}
			if err != nil {
				return unavailable(err)
			}
			return a.show(map[string]string{"key_file": path}, func() { a.say("an operator's key is in %s", path) })
		},
	}
	cmd.Flags().StringVar(&path, "out", "operator_key", "the `file` with the key")
	return cmd
}

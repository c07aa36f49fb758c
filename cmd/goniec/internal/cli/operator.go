package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"goniec/cmd/goniec/internal/run"
	"goniec/domain/account"
	"goniec/eventstore"
)

// decideBudget is how long a decider is waited for.
const decideBudget = 60 * time.Second

func (a *app) operatorCommand() *cobra.Command {
	return group("operator", "The installation's operators", a.operatorKey())
}

func (a *app) operatorKey() *cobra.Command {
	want := run.WantedKey{}
	cmd := &cobra.Command{
		Use: "key", Short: "Make sure that a file holds a key of the installation, or of an account", Args: cobra.NoArgs,
		Long: `Makes sure that a file holds an API key that is in force, an operator's unless --role names
another, and issues one unless it does. It is how the first operator of a new cluster
gets a key: the installation's secrets and its Kafka are what allows it. A process with
the role decider has to be running. With an operator's key accounts, senders, prices and
further keys are made through the API. The key is written into the file only.

Roles of the installation are operator, billing and auditor. With --account they are
client-admin (also called client) and client-viewer; docs/roles.md says what each may do.
A file with a key of another role or account is left as it is.`,
		Example: "goniec operator key --config goniec.yaml --out operator_key\n" +
			"goniec operator key --config goniec.yaml --role auditor\n" +
			"goniec operator key --config goniec.yaml --account 00000000-0000-8000-8000-000000000001 --role client-viewer --out viewer_key",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fillKey(&want); err != nil {
				return failWith(ExitUsage, err)
			}
			if err := a.ensureKey(cmd.Context(), want); err != nil {
				return err
			}
			return a.show(map[string]string{"key_file": want.File, "role": want.Role}, func() { a.say("a key of role %s is in %s", want.Role, want.File) })
		},
	}
	cmd.Flags().StringVar(&want.Role, "role", "", "the key's `role`: operator (default), billing or auditor; with --account client-admin (default) or client-viewer")
	cmd.Flags().StringVar(&want.Account, "account", "", "the `id` of the client's account that the key is for, instead of the installation")
	cmd.Flags().StringVar(&want.File, "out", "", "the `file` with the key (default ROLE_key)")
	return cmd
}

// fillKey gives what was not named its default, and judges the role.
func fillKey(want *run.WantedKey) error {
	role := account.RoleClientAdmin
	if want.Account == "" {
		want.Account, role = account.Installation, account.RoleOperator
	}
	if want.Role != "" {
		role = account.RoleNow(want.Role)
	}
	want.Role = role
	if want.File == "" {
		want.File = strings.ReplaceAll(role, "-", "_") + "_key"
	}
	return account.CheckRole(want.Account, role)
}

func (a *app) ensureKey(ctx context.Context, want run.WantedKey) error {
	cfg, secrets, err := a.installation(func(cfg *run.Config) { cfg.Roles = []run.Role{run.RoleDecider} })
	if err != nil {
		return err
	}
	budget, cancel := context.WithTimeout(ctx, decideBudget)
	defer cancel()
	err = run.EnsureKey(budget, cfg, secrets, want, a.logger("warn"))
	switch {
	case errors.Is(err, run.ErrOtherKey), errors.Is(err, run.ErrNoAccount):
		return failWith(ExitUsage, err)
	case errors.Is(err, eventstore.ErrUnavailable) || budget.Err() != nil && ctx.Err() == nil:
		return unavailable(errors.Join(err, errors.New("is a process with the role decider running (goniec serve)?")))
	case err != nil:
		return unavailable(err)
	}
	return nil
}

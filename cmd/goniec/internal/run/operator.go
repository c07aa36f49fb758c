package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"goniec/adapters/httpapi"
	"goniec/domain/account"
)

// EnsureOperatorKey makes sure that the file holds an operator's key that is in
// force: it issues one unless it does. The installation's secrets and the right to
// write to its Kafka are what allows it; some process must be running the role
// decider. Idempotent.
func EnsureOperatorKey(ctx context.Context, cfg Config, secrets Secrets, path string, log *slog.Logger) error {
	cfg.Roles = []Role{RoleDecider} // the settings that it needs are those that this role needs
	if err := cfg.Validate(); err != nil {
		return err
	}
	cfg.Roles = nil
	n, err := newNode(ctx, cfg, secrets, Options{Log: log})
	if err != nil {
		return err
	}
	run, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- n.Run(run) }()
	err = n.ensureOperatorKey(ctx, path)
	stop()
	return errors.Join(err, <-ended)
}

func (n *Node) ensureOperatorKey(ctx context.Context, path string) error {
	select {
	case <-n.started:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s := &seeder{node: n, origin: httpapi.Origin{Account: account.Installation, Actor: "operator key", Request: "operator/" + uuid.NewString()}}
	if err := s.account(ctx, account.Installation, "Installation", account.DefaultSettings()); err != nil {
		return fmt.Errorf("create the installation's account: %w", err)
	}
	if err := s.key(ctx, account.Installation, account.RoleOperator, path); err != nil {
		return fmt.Errorf("issue the key: %w", err)
	}
	return nil
}

// migrateEvery is the pause between two tries to reach Postgres.
const migrateEvery = 2 * time.Second

// migrated runs a part of the process once the database is as this program
// needs it. Nothing else waits for Postgres.
func (n *Node) migrated(url string, next part) part {
	return func(ctx context.Context) error {
		for {
			err := Migrate(ctx, url)
			if err == nil {
				return next(ctx)
			}
			n.log.Warn("the database cannot be prepared yet", "error", err)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(migrateEvery):
			}
		}
	}
}

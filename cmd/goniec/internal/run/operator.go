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

// WantedKey is an API key that a file is to hold.
type WantedKey struct {
	Account string // account.Installation, or a client's
	Role    string // one of account.Roles
	File    string
}

// Reasons why a key is not issued.
var (
	ErrOtherKey  = errors.New("the file holds a key in force of another role or account: name another file")
	ErrNoAccount = errors.New("there is no such account")
)

// EnsureKey makes sure that the file holds a key of that role that is in force: it
// issues one unless it does. The installation's secrets and the right to write to its
// Kafka are what allows it; some process must be running the role decider.
// ErrOtherKey and ErrNoAccount say that nothing was issued. Idempotent.
func EnsureKey(ctx context.Context, cfg Config, secrets Secrets, want WantedKey, log *slog.Logger) error {
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
	err = n.ensureKey(ctx, want)
	stop()
	return errors.Join(err, <-ended)
}

func (n *Node) ensureKey(ctx context.Context, want WantedKey) error {
	select {
	case <-n.started:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s := &seeder{node: n, origin: httpapi.Origin{Account: account.Installation, Actor: "operator key", Request: "operator/" + uuid.NewString()}}
	if want.Account == account.Installation {
		if err := s.account(ctx, account.Installation, "Installation", account.DefaultSettings()); err != nil {
			return fmt.Errorf("create the installation's account: %w", err)
		}
	} else if _, ok := n.view.AccountByID(want.Account); !ok {
		return ErrNoAccount
	}
	if err := s.key(ctx, want.Account, want.Role, want.File); err != nil {
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
			err := Migrate(ctx, url, n.cfg.Zone)
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

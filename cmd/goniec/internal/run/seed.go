package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"goniec/adapters/httpapi"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/eventstore"
	"goniec/internal/pause"
	"goniec/internal/suffixes"
	"goniec/internal/wholefile"
)

// DemoAccount is the account that `up` creates for trying things.
const DemoAccount = "00000000-0000-8000-8000-000000000001"

// seeder creates the demo account through the same door as everybody else.
type seeder struct {
	node     *Node
	settings account.Settings
	origin   httpapi.Origin
}

// seed makes sure that the installation, its operator's key and, unless it is to be
// bare, the demo account with a key, its senders and prices exist. Idempotent. The
// keys lie in files of the data directory.
func seed(ctx context.Context, n *Node, data string, settings account.Settings, bare bool) (apiKey, operatorKey string, err error) {
	s := &seeder{node: n, settings: settings, origin: httpapi.Origin{Account: account.Installation, Actor: "up", Request: "seed/" + uuid.NewString()}}
	apiKey, operatorKey = filepath.Join(data, "api_key"), filepath.Join(data, "operator_key")
	steps := []func(context.Context) error{
		func(ctx context.Context) error {
			return s.account(ctx, account.Installation, "Installation", account.DefaultSettings())
		},
		func(ctx context.Context) error {
			return s.key(ctx, account.Installation, account.RoleOperator, operatorKey)
		},
	}
	if bare {
		apiKey = ""
	} else {
		steps = append(
			steps,
			func(ctx context.Context) error { return s.account(ctx, DemoAccount, "Demo", s.settings) },
			func(ctx context.Context) error { return s.key(ctx, DemoAccount, account.RoleClientAdmin, apiKey) },
			s.prices,
			s.senders,
		)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return "", "", fmt.Errorf("create the first accounts: %w", err)
		}
	}
	return apiKey, operatorKey, nil
}

func (s *seeder) do(ctx context.Context, owner, stream string, c account.Command) error {
	_, err := s.node.gateway.Configure(ctx, s.origin, owner, stream, c)
	return err
}

// insist is do, again until it is decided: on a new cluster the deciders may still be taking their
// partitions over. Only for commands that change nothing the second time.
func (s *seeder) insist(ctx context.Context, owner, stream string, c account.Command) error {
	for {
		err := s.do(ctx, owner, stream, c)
		if !errors.Is(err, eventstore.ErrUnavailable) || pause.For(ctx, time.Second) != nil {
			return err
		}
	}
}

func (s *seeder) account(ctx context.Context, id, name string, settings account.Settings) error {
	if _, ok := s.node.view.AccountByID(id); ok {
		return nil
	}
	return s.insist(ctx, id, account.AccountStream(id), account.Create{Name: name, Settings: &settings})
}

// key makes sure that the file holds a key that is in force. One of another account or
// role is not overwritten: nobody else may have it.
func (s *seeder) key(ctx context.Context, acc, role, path string) error {
	if b, err := os.ReadFile(path); err == nil {
		if k, ok := s.node.view.KeyByHash(account.HashKey(strings.TrimSpace(string(b)))); ok {
			if k.Account != acc || k.Role != role {
				return ErrOtherKey
			}
			return nil
		}
	}
	secret := httpapi.NewKey()
	if err := wholefile.Write(path, []byte(secret+"\n")); err != nil {
		return err
	}
	return s.insist(ctx, acc, account.AccountStream(acc), account.IssueKey{Key: uuid.NewString(), Hash: account.HashKey(secret), Role: role, Label: "made by goniec up"})
}

func (s *seeder) prices(ctx context.Context) error {
	if _, _, ok := s.node.view.Price(DemoAccount, s.node.clock.Now(), "PL", domain.SMS, domain.Transactional, domain.PlainText); ok {
		return nil
	}
	return s.do(ctx, account.Installation, account.PricesStream(account.DefaultPrices), account.PublishPrices{
		Currency: "PLN", ValidFrom: s.node.clock.Now().Truncate(24 * time.Hour), Prices: []account.Price{
			{Country: "PL", Channel: domain.Viber, Category: domain.Transactional, Content: domain.PlainText, Amount: "0.05"},
			{Country: "PL", Channel: domain.Viber, Category: domain.OneTimeCode, Content: domain.PlainText, Amount: "0.05"},
			{Country: "PL", Channel: domain.Viber, Category: domain.Promotional, Content: domain.PlainText, Amount: "0.08"},
			{Country: "PL", Channel: domain.Viber, Category: domain.Promotional, Content: domain.Rich, Amount: "0.08"},
			{Country: "PL", Channel: domain.SMS, Amount: "0.09"},
		},
	})
}

// senders brings the demo's senders to Active, from wherever an earlier start left
// them. They have no form: it is an operator who registers them (account.SubmitSender).
func (s *seeder) senders(ctx context.Context) error {
	for _, x := range suffixes.Senders() {
		if err := s.sender(ctx, x.Name, x.Company, x.ServiceID); err != nil {
			return err
		}
	}
	return nil
}

func (s *seeder) sender(ctx context.Context, name, company string, service int64) error {
	id := account.SenderID(DemoAccount, name, "PL")
	stream := account.SenderStream(id)
	have, ok := s.node.view.SenderByID(id)
	if !ok {
		if err := s.do(ctx, DemoAccount, stream, account.CreateSender{Account: DemoAccount, Name: name, Company: company, Country: "PL", TwoWay: true}); err != nil {
			return err
		}
	}
	if have.Status == account.SenderActive || have.Status == account.SenderOff {
		return nil
	}
	if have.Status != account.SenderInReview {
		if err := s.do(ctx, DemoAccount, stream, account.SubmitSender{Elsewhere: true}); err != nil {
			return err
		}
	}
	return s.do(ctx, DemoAccount, stream, account.ApproveSender{ServiceID: service})
}

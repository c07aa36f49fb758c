package run

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"

	"goniec/adapters/gateway"
	"goniec/adapters/httpapi"
	"goniec/adapters/notices"
	"goniec/adapters/suspender"
	"goniec/adapters/webhooks"
	"goniec/domain"
	"goniec/eventstore"
)

// webhooksPort is the webhook engine as the API needs it. One engine a process:
// the API and the reactor share it.
func (n *Node) webhooksPort() (httpapi.Webhooks, error) {
	w, err := n.hooks()
	if err != nil {
		return nil, err
	}
	return gateway.Hooks{Webhooks: w}, nil
}

func (n *Node) hooks() (*webhooks.Webhooks, error) {
	if n.engine != nil {
		return n.engine, nil
	}
	url, err := n.cfg.Postgres.ReadURL()
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.New(context.Background(), url) // connects when it is used
	if err != nil {
		return nil, fmt.Errorf("postgres.url: cannot be read") // pgx's error may hold the password
	}
	n.closers = append(n.closers, func() error { pool.Close(); return nil })
	policy := webhooks.Policy{AllowLoopback: n.cfg.Webhooks.AllowLoopback, AllowHTTP: n.cfg.Webhooks.AllowHTTP}
	n.engine, err = webhooks.New(webhooks.Config{
		Pool: pool, View: n.view, Keys: n.secrets.Seal, Commander: gateway.Endpoints{Gateway: n.gateway}, Policy: policy, Kafka: n.kafka,
		ViewReady: n.awaitStart, Registry: n.metrics, Log: n.log,
	})
	return n.engine, err
}

// addReactor calls clients' webhooks, carries the carrier's word to senders, and tells clients by e-mail.
func (n *Node) addReactor(context.Context) error {
	url, err := n.cfg.Postgres.ReadURL()
	if err != nil {
		return err
	}
	w, err := n.hooks()
	if err != nil {
		return err
	}
	s, err := suspender.New(suspender.Config{Kafka: n.kafka, Producer: n.producer, Part: n.part, Registry: n.metrics, Log: n.log})
	if err != nil {
		return err
	}
	told, err := n.addNotices()
	if err != nil {
		return err
	}
	n.checks[RoleReactor] = func() []eventstore.Waiting {
		return slices.Concat(n.watch.postgresWaiting(), w.Waiting(), s.Waiting(), told())
	}
	n.parts["webhooks"] = n.migrated(url, w.Run)
	n.parts["suspender"] = s.Run // needs no Postgres
	return nil
}

// addNotices tells clients by e-mail, where a mail server is named; waiting says what keeps it from that.
func (n *Node) addNotices() (waiting func() []eventstore.Waiting, err error) {
	c := n.cfg.Mail
	if c.Addr == "" {
		return func() []eventstore.Waiting { return nil }, nil
	}
	password, err := readSecret(c.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("mail.passwordfile: %w", err)
	}
	mailer, err := notices.NewSMTP(notices.SMTPConfig{Addr: c.Addr, TLS: c.TLS, From: c.From, User: c.User, Password: password})
	if err != nil {
		return nil, err
	}
	m, err := notices.New(notices.Config{
		Kafka: n.kafka, View: n.view, Ready: n.awaitStart, Mailer: mailer, Zone: n.zone, Clock: domain.SystemClock, Registry: n.metrics, Log: n.log,
	})
	if err != nil {
		return nil, err
	}
	n.parts["notices"] = m.Run
	return m.Waiting, nil
}

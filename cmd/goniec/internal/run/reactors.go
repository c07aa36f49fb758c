package run

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"

	"goniec/adapters/anchor"
	"goniec/adapters/gateway"
	"goniec/adapters/httpapi"
	"goniec/adapters/mailer"
	"goniec/adapters/notices"
	"goniec/adapters/suspender"
	"goniec/adapters/webhooks"
	"goniec/domain"
	"goniec/eventstore"
	"goniec/eventstore/audit"
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

// addReactor calls clients' webhooks, carries the carrier's word to senders, tells clients by e-mail, and hands out checkpoints.
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
	if err := n.addAnchor(); err != nil {
		return err
	}
	n.parts["webhooks"] = n.migrated(url, w.Run)
	n.parts["suspender"] = s.Run // needs no Postgres
	return nil
}

// mailServer is the server that takes mails; nil where none is named.
func (n *Node) mailServer() (mailer.Mailer, error) {
	c := n.cfg.Mail
	if c.Addr == "" {
		return nil, nil
	}
	password, err := readSecret(c.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("mail.passwordfile: %w", err)
	}
	return mailer.NewSMTP(mailer.SMTPConfig{Addr: c.Addr, TLS: c.TLS, From: c.From, User: c.User, Password: password})
}

// addNotices tells clients by e-mail, where a mail server is named; waiting says what keeps it from that.
func (n *Node) addNotices() (waiting func() []eventstore.Waiting, err error) {
	server, err := n.mailServer()
	if server == nil || err != nil {
		return func() []eventstore.Waiting { return nil }, err
	}
	m, err := notices.New(notices.Config{
		Kafka: n.kafka, View: n.view, Ready: n.awaitStart, Mailer: server, Zone: n.zone, Clock: domain.SystemClock, Registry: n.metrics, Log: n.log,
	})
	if err != nil {
		return nil, err
	}
	n.parts["notices"] = m.Run
	return m.Waiting, nil
}

// addAnchor makes checkpoints of the journal and hands them out, where a key to sign them is named.
func (n *Node) addAnchor() error {
	c := n.cfg.Audit
	if c.KeyFile == "" {
		return nil
	}
	signer, key, err := ReadAuditKey(c.KeyFile)
	if err != nil {
		return fmt.Errorf("audit.keyfile: %w", err)
	}
	keepers, err := n.keepers()
	if err != nil {
		return err
	}
	k, err := anchor.New(anchor.Config{
		Journal: audit.Config{Client: n.client, Topics: n.kafka.Topics(), Installation: n.secrets.Installation, Partitions: n.part.N, Workers: 1},
		Signer:  signer, Key: key, Dir: n.cfg.Checkpoints(), Clock: n.clock, Every: c.Every, Keepers: keepers, Registry: n.metrics, Log: n.log,
	})
	if err != nil {
		return err
	}
	n.parts["checkpoints"] = k.Run
	return nil
}

// keepers are those outside to whom checkpoints go.
func (n *Node) keepers() (out []anchor.Keeper, err error) {
	c := n.cfg.Audit
	if c.MailTo != "" {
		server, err := n.mailServer()
		if err != nil {
			return nil, err
		}
		out = append(out, anchor.ByMail(server, c.MailTo))
	}
	if c.URL != "" {
		secret, err := readSecret(c.SecretFile)
		if err != nil {
			return nil, fmt.Errorf("audit.secretfile: %w", err)
		}
		k, err := anchor.ByWebhook(c.URL, secret)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

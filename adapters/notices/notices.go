// Package notices is the reactor that tells clients by e-mail what became of their senders (rules.md B8): to the address that
// the sender's form names, in Polish and in English, with the account manager's address for answers. It reads the journal of
// accounts from its head on and keeps nothing. A mail may go out twice when a process dies between sending and noting it, or
// when a server takes it and says so too late; its Message-ID, made of the event's id, is the same then.
package notices

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"goniec/adapters/mailer"
	"goniec/adapters/reactor"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/catalog"
	"goniec/eventstore"
	"goniec/internal/pause"
)

const name = "notices"

// patience is how long a mail that the server does not take now holds up the ones behind it, from its first try on.
const patience = 30 * time.Minute

// Config of Notices. Everything is required but Registry.
type Config struct {
	Kafka    eventstore.KafkaConfig
	View     *account.View
	Ready    func(context.Context) error // returns when the view has been read up to what there was
	Mailer   mailer.Mailer
	Zone     *time.Location // of the days in a notice
	Clock    domain.Clock
	Registry prometheus.Registerer
	Log      *slog.Logger
}

// Notices is the reactor. Run it once in a process, in as many processes as there are.
type Notices struct {
	cfg   Config
	waits reactor.Waits
	sent  *prometheus.CounterVec
	first sync.Map // id of an event whose mail is not taken now → time.Time of its first try
}

// New checks the configuration; it connects to nothing.
func New(cfg Config) (*Notices, error) {
	if len(cfg.Kafka.Brokers) == 0 || cfg.View == nil || cfg.Ready == nil || cfg.Mailer == nil || cfg.Zone == nil || cfg.Clock == nil || cfg.Log == nil {
		return nil, errors.New("notices: Kafka, View, Ready, Mailer, Zone, Clock and Log are required")
	}
	n := &Notices{cfg: cfg, sent: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "goniec_notices_total", Help: "Notices to clients by e-mail: sent, refused by the mail server for good, or failed and tried again.",
	}, []string{"outcome"})}
	if cfg.Registry != nil {
		if err := cfg.Registry.Register(n.sent); err != nil {
			return nil, fmt.Errorf("notices: %w", err)
		}
	}
	n.waits.Set("not started")
	return n, nil
}

// Run carries on until ctx ends. Kafka or the mail server being away is waited for.
func (n *Notices) Run(ctx context.Context) error {
	if err := n.cfg.Ready(ctx); err != nil {
		return nil //nolint:nilerr // the end of ctx is no fault
	}
	return reactor.Run(ctx, reactor.Config{
		Name: name, Kafka: n.cfg.Kafka, Topic: eventstore.Accounts, Wants: wants, Handle: n.handle, Aside: n.aside,
		State: n.waits.Set, Retried: func() { n.sent.WithLabelValues("retried").Inc() }, Registry: n.cfg.Registry, Log: n.cfg.Log,
	})
}

// Waiting names what keeps this process's reactor from its work.
func (n *Notices) Waiting() []eventstore.Waiting {
	return n.waits.Waiting(name)
}

func wants(typ, _ string) bool {
	_, ok := texts[typ]
	return ok
}

// viewPatience is how long an event waits for the view, which reads the same journal, before it is tried again.
const viewPatience = time.Second

func (n *Notices) awaitView(ctx context.Context, ev *eventstore.Event) error {
	ctx, cancel := context.WithTimeout(ctx, viewPatience)
	defer cancel()
	return pause.Until(ctx, func() bool { return n.cfg.View.Version(ev.Stream) >= ev.Version })
}

// errBehind is tried again until the view has caught up with the journal.
var errBehind = errors.New("the reference view has not read the event yet")

func (n *Notices) handle(ctx context.Context, ev *eventstore.Event) error {
	fact, err := catalog.Decode(ev.Type, ev.Data)
	if err != nil {
		return reactor.Poison("unreadable_data")
	}
	if n.awaitView(ctx, ev) != nil {
		return errBehind
	}
	sender, found := n.cfg.View.SenderByID(account.StreamID(ev.Stream))
	if !found || sender.Form.NoticeEmail == "" {
		return nil
	}
	owner, _ := n.cfg.View.AccountByID(sender.Account)
	t := texts[ev.Type](fact, n.cfg.Zone)
	err = n.cfg.Mailer.Send(ctx, mailer.Mail{
		ID: ev.ID, To: sender.Form.NoticeEmail, ReplyTo: owner.Settings.ManagerEmail, From: owner.Settings.ManagerName,
		Subject: t.subject(sender.Name, sender.Country), Text: t.body(sender.Name, sender.Country, owner.Settings.ManagerName), Happened: ev.Time,
	})
	return n.outcome(ev.ID, err)
}

// overdue says whether a mail that is not taken now has been tried for long enough.
func (n *Notices) overdue(id string) bool {
	now := n.cfg.Clock.Now()
	at, _ := n.first.LoadOrStore(id, now)
	first, _ := at.(time.Time)
	return now.Sub(first) > patience
}

// outcome is what becomes of the event after a try.
func (n *Notices) outcome(id string, err error) error {
	var refused mailer.Refusal
	var later mailer.Later
	switch {
	case err == nil:
		n.sent.WithLabelValues("sent").Inc()
	case errors.As(err, &refused):
		err = reactor.Poison("refused")
	case errors.As(err, &later) && n.overdue(id):
		err = reactor.Poison("not_taken_in_time")
	default:
		return err
	}
	n.first.Delete(id)
	return err
}

// aside tells of a notice that will not go out; who looks at the sender sees what it would have said.
func (n *Notices) aside(ctx context.Context, p reactor.Poisoned) error {
	n.sent.WithLabelValues("refused").Inc()
	n.cfg.Log.ErrorContext(ctx, "a client was not told by e-mail",
		"topic", p.Topic, "partition", p.Partition, "offset", p.Offset, "event_id", p.EventID, "reason", p.Reason)
	return nil
}

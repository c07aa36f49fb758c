package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/trace"

	"goniec/adapters/embedded"
	"goniec/adapters/simulator"
	"goniec/adapters/webhooks"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/eventstore"
	"goniec/eventstore/decider"
	"goniec/internal/suffixes"
	"goniec/projections"
	"goniec/projections/models"
)

// UpConfig is what `up` may be told.
type UpConfig struct {
	Data         string // directory; default DefaultData
	HTTP         string // default 127.0.0.1:8080, or a free port when that one is taken
	Simulator    string // address of the simulator's page; default a free port
	VirtualClock bool
	Clock        domain.Clock // another one than the machine's, which never goes back
	Bare         bool         // no demo account: only the operator's key
	Listed       bool         // this user's commands find it without its directory
	Sync         bool         // fsync every write of the broker
	Brokers      []string     // another Kafka instead of the embedded one
	Prefix       string       // of topics; default "goniec."
	ViberURL     string       // a carrier outside (with SMPP): the simulator of another process
	SMPP         string
	PostgresURL  string // another Postgres instead of the embedded one
	Settings     *account.Settings
	Delays       simulator.Delays
	Traces       trace.TracerProvider // takes spans; nil = what the environment asks for
	SweepEvery   time.Duration        // see Options
	SyncLog      bool                 // fsync the simulator's log before it answers
	Log          *slog.Logger
	Step         func(string)            // told what is being done; may be nil
	Progress     func(embedded.Progress) // told how slow steps go; may be nil
}

// upPartitions of an `up`: one small machine.
const upPartitions = 4

// Up is everything in one process: an embedded broker and Postgres, the carrier
// simulator, all roles, a demo account. The code paths are those of `serve`.
type Up struct {
	cfg     UpConfig
	release func() error
	broker  *embedded.Broker // nil with another
	pg      *embedded.Postgres
	sim     *simulator.Simulator
	clock   domain.Clock
	secrets Secrets
	node    *Node
	running Running
	config  Config

	cancel context.CancelFunc
	wg     sync.WaitGroup
	failed chan error
	undo   []func() error
}

// StartUp starts everything and returns when requests are answered. Close it.
func StartUp(ctx context.Context, cfg UpConfig) (*Up, error) {
	cfg.setDefaults()
	u := &Up{cfg: cfg, failed: make(chan error, 4)}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	u.cancel = cancel
	for _, step := range []struct {
		name string
		fn   func(ctx, run context.Context) error
	}{
		{"data directory", u.openData},
		{"Kafka", u.startKafka},
		{"Postgres", u.startPostgres},
		{"carrier simulator", u.startSimulator},
		{"goniec", u.startNode},
		{"first accounts", u.seed},
	} {
		cfg.Step(step.name)
		if err := step.fn(ctx, run); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", step.name, err), u.Close())
		}
	}
	return u, nil
}

func (c *UpConfig) setDefaults() {
	if c.Data == "" {
		c.Data = DefaultData()
	}
	if c.Prefix == "" {
		c.Prefix = "goniec."
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Step == nil {
		c.Step = func(string) {}
	}
	if c.Progress == nil {
		c.Progress = func(embedded.Progress) {}
	}
	if c.Settings == nil {
		s := account.DefaultSettings()
		c.Settings = &s
	}
}

func (u *Up) openData(context.Context, context.Context) (err error) {
	if u.cfg.Data, err = filepath.Abs(u.cfg.Data); err != nil {
		return err
	}
	if err := os.MkdirAll(u.cfg.Data, 0o700); err != nil {
		return err
	}
	if u.release, err = embedded.LockDir(u.cfg.Data); err != nil {
		return err
	}
	u.undo = append(u.undo, u.release)
	if err := u.openClock(); err != nil {
		return err
	}
	u.secrets, err = EnsureSecrets(filepath.Join(u.cfg.Data, "secrets.json"))
	return err
}

// openClock sees to it that the domain's time never goes back: where it was moved
// before, it goes on from there.
func (u *Up) openClock() error {
	if u.clock = u.cfg.Clock; u.clock != nil {
		return nil
	}
	virtual, err := OpenClock(filepath.Join(u.cfg.Data, "clock.json"))
	if err != nil {
		return err
	}
	u.clock = domain.SystemClock
	if u.cfg.VirtualClock {
		u.clock = virtual
	} else if virtual.Ahead() > 0 {
		return fmt.Errorf("its clock was moved %s ahead: start with --virtual-clock, or with another --data", virtual.Ahead())
	}
	return nil
}

func (u *Up) startKafka(ctx, _ context.Context) error {
	brokers := u.cfg.Brokers
	if len(brokers) == 0 {
		fresh := usedLately(u.cfg.Data)
		b, err := embedded.StartBroker(ctx, embedded.BrokerConfig{Dir: filepath.Join(u.cfg.Data, "kafka"), Sync: u.cfg.Sync, Logger: u.cfg.Log})
		if err != nil {
			return err
		}
		u.broker, u.undo = b, append(u.undo, b.Close)
		if fresh { // safe only now, before any producer begins
			if err := b.Compact(); err != nil && !errors.Is(err, embedded.ErrTransactionOpen) { // which an owner ends soon
				return err
			}
		}
		brokers = []string{b.Addr()}
	}
	u.config = Defaults()
	u.config.Decider.Standby = 0 // there is no other process
	u.config.Kafka = KafkaConfig{
		Brokers: brokers, Prefix: u.cfg.Prefix, Partitions: upPartitions, Replication: 1, MinInsync: 1, SessionTimeout: 6 * time.Second,
	}
	return CreateTopics(u.config.Kafka)
}

// maxIdle is how long ago the last offset may have been committed for the broker
// to compact at its start: compacting also drops what is older than its topic's
// retention of 7 days, and what lies in an inbox must be decided before.
const maxIdle = 6 * 24 * time.Hour

func usedLately(data string) bool {
	info, err := os.Stat(filepath.Join(data, "kafka", "log", "groups.log"))
	return err == nil && time.Since(info.ModTime()) < maxIdle
}

// CreateTopics creates the topics that are missing.
func CreateTopics(c KafkaConfig) error {
	kafka, err := c.Store()
	if err != nil {
		return err
	}
	return eventstore.CreateTopics(kafka, c.Layout())
}

func (u *Up) startPostgres(ctx, _ context.Context) error {
	u.config.Postgres.URL = u.cfg.PostgresURL
	if u.cfg.PostgresURL == "" {
		pg, err := embedded.StartPostgres(ctx, embedded.PostgresConfig{
			Dir: filepath.Join(u.cfg.Data, "postgres"), BinDir: os.Getenv("GONIEC_POSTGRES_BIN"), Progress: u.cfg.Progress, Logger: u.cfg.Log,
		})
		if err != nil {
			return err
		}
		u.pg = pg
		u.undo = append(u.undo, pg.Close)
		u.config.Postgres.URL = pg.URL()
	}
	return Migrate(ctx, u.config.Postgres.URL, u.config.Zone)
}

// Migrate brings the schemas of the read models and of the webhooks up to date.
// Idempotent; several processes may call it at a time.
func Migrate(ctx context.Context, url, zone string) error {
	if err := projections.Migrate(ctx, url, zone, models.All()); err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return errors.New("postgres.url: cannot be read") // pgx's error may hold the password
	}
	defer pool.Close()
	return webhooks.Migrate(ctx, pool)
}

func (u *Up) startSimulator(_, run context.Context) error {
	if u.cfg.ViberURL != "" {
		u.config.Viber.URL, u.config.SMPP.Addr = u.cfg.ViberURL, u.cfg.SMPP
		return nil
	}
	sim, err := simulator.New(simulator.Config{
		Addr: u.cfg.Simulator, Dir: filepath.Join(u.cfg.Data, "simulator"), Clock: u.clock, Services: suffixes.Services(), Delays: u.cfg.Delays,
		SyncLog: u.cfg.SyncLog, Logger: u.cfg.Log,
	})
	if err != nil {
		return err
	}
	u.sim = sim
	u.undo = append(u.undo, sim.Close)
	u.goRun(run, "simulator", sim.Run)
	u.config.Viber.URL, u.config.SMPP.Addr = sim.URL(), sim.SMPPAddr()
	u.config.Mail = MailConfig{Addr: sim.MailAddr(), From: "goniec@localhost"}
	return nil
}

// goRun runs a part until Close; its failure ends the whole.
func (u *Up) goRun(ctx context.Context, name string, run func(context.Context) error) {
	u.wg.Go(func() {
		if err := run(ctx); err != nil && ctx.Err() == nil {
			u.failed <- fmt.Errorf("%s: %w", name, err)
		}
	})
}

func (u *Up) startNode(ctx, run context.Context) (err error) {
	u.config.Data = u.cfg.Data
	u.config.Secrets = filepath.Join(u.cfg.Data, "secrets.json")
	u.config.Webhooks.AllowLoopback = true
	u.config.Audit.KeyFile = filepath.Join(u.cfg.Data, AuditKeyName)
	if err := EnsureAuditKey(u.config.Audit.KeyFile, "goniec"); err != nil {
		return err
	}
	u.config.HTTP.Addr = u.cfg.HTTP
	if u.cfg.HTTP == "" {
		u.config.HTTP.Addr = Defaults().HTTP.Addr
	}
	opt := Options{Clock: u.clock, Log: u.cfg.Log, SweepEvery: u.cfg.SweepEvery, Traces: u.cfg.Traces}
	if u.broker != nil {
		opt.Compact = u.broker.Compact
	}
	u.node, err = NewNode(ctx, u.config, u.secrets, opt)
	if err != nil && u.cfg.HTTP == "" && strings.Contains(err.Error(), "http.addr") { // nobody asked for that port: take a free one
		u.config.HTTP.Addr = "127.0.0.1:0"
		u.node, err = NewNode(ctx, u.config, u.secrets, opt)
	}
	if err != nil {
		return err
	}
	u.goRun(run, "goniec", u.node.Run)
	if u.sim != nil {
		if err := u.sim.SetCallback("http://" + u.node.HTTPAddr() + "/callbacks/viber/viber"); err != nil {
			return err
		}
	}
	select {
	case <-u.node.Started():
		return nil
	case err := <-u.failed:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (u *Up) seed(ctx, _ context.Context) error {
	api, operator, err := seed(ctx, u.node, u.cfg.Data, *u.cfg.Settings, u.cfg.Bare)
	if err != nil {
		return err
	}
	u.running = Running{
		Ready: true, HTTP: "http://" + u.node.HTTPAddr(), Kafka: strings.Join(u.config.Kafka.Brokers, ","), Postgres: u.config.Postgres.URL,
		APIKeyFile: api, OperatorKeyFile: operator, Data: u.cfg.Data, Account: DemoAccount, Secrets: u.config.Secrets,
		Prefix: u.cfg.Prefix, Partitions: upPartitions, PID: os.Getpid(), Since: time.Now().UTC(),
	}
	if u.cfg.Bare {
		u.running.Account = ""
	}
	if u.sim != nil {
		u.running.Simulator = u.sim.URL()
	}
	withdraw, err := announce(u.running, u.cfg.Listed)
	if err != nil {
		return err
	}
	u.undo = append(u.undo, func() error { withdraw(); return nil })
	return nil
}

// Running is what the ready line says.
func (u *Up) Running() Running { return u.running }

// Config is what the node was started with.
func (u *Up) Config() Config { return u.config }

// Secrets of the installation.
func (u *Up) Secrets() Secrets { return u.secrets }

// Progress tells how far the deciders have come.
func (u *Up) Progress() map[eventstore.Partition]decider.Progress { return u.node.decider.Progress() }

// CaughtUp waits until the node's views have all that was written before.
func (u *Up) CaughtUp(ctx context.Context) error { return u.node.accounts.CaughtUp(ctx) }

// Clock is domain time.
func (u *Up) Clock() domain.Clock { return u.clock }

// Wait returns when ctx ends, with nil, or when a part has failed.
func (u *Up) Wait(ctx context.Context) error {
	var ended <-chan struct{}
	if u.pg != nil {
		ended = u.pg.Done()
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-u.failed:
		return err
	case <-ended:
		return errors.New("Postgres ended")
	}
}

// Close stops everything in reverse order: first what takes work in, last Kafka
// and Postgres.
func (u *Up) Close() error {
	u.cancel()
	u.wg.Wait()
	var errs []error
	for i := len(u.undo) - 1; i >= 0; i-- {
		errs = append(errs, u.undo[i]())
	}
	u.undo = nil
	return errors.Join(errs...)
}

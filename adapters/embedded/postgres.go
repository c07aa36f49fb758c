package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"goniec/internal/freeport"
	"goniec/internal/wholefile"
)

const (
	postgresUser     = "goniec"
	postgresDatabase = "goniec"

	postgresDataDir  = "data"
	postgresPassword = "password"
	postgresPort     = "port"
	postgresLog      = "postgres.log"

	// readyBudget covers crash recovery after a kill, which replays up to a checkpoint's worth of log.
	readyBudget = 60 * time.Second
	readyPoll   = 25 * time.Millisecond
	// stopBudget is how long a fast shutdown may take to write its checkpoint before it is made immediate.
	stopBudget = 20 * time.Second
	killBudget = 5 * time.Second

	retryBudget = 10 * time.Second
	retryPause  = 250 * time.Millisecond
)

// Progress tells what a slow start is doing. Done and Total are bytes; Total is 0 where the size is unknown or there
// is nothing to count.
type Progress struct {
	Step  string
	Done  int64
	Total int64
}

// PostgresConfig says where an embedded PostgreSQL keeps its data and where its programs come from.
type PostgresConfig struct {
	// Dir holds the database, its password and log; it is created when missing.
	Dir string
	// CacheDir keeps the downloaded programs, for all data directories. Empty means the user's cache directory, for
	// root the system's.
	CacheDir string
	// BinDir uses installed programs (the directory that holds `postgres` and `initdb`) and downloads nothing.
	BinDir string
	// Repository overrides the Maven repository that the programs are downloaded from, for networks with a mirror.
	Repository string
	// Settings are server settings in addition to ours, or instead.
	Settings map[string]string
	// Progress is called from the calling goroutine while the start does something slow; nil ignores it.
	Progress func(Progress)
	// Logger receives what happens to the server; nil drops it. The server's own log is postgres.log in Dir.
	Logger *slog.Logger

	// survive leaves the server running when this process dies, for tests of what happens then.
	survive bool
}

// Postgres is a running PostgreSQL server that belongs to this process. All methods are safe for concurrent use.
type Postgres struct {
	cfg      PostgresConfig
	bin      string
	owner    *owner
	password string
	port     int
	proc     *process

	once sync.Once
	err  error
}

// StartPostgres starts PostgreSQL 18 on a loopback port, downloading and creating what is missing, and returns when
// it answers. A server that outlived an earlier process in the same directory is stopped first. Run as root, the
// server runs as an unprivileged user (PostgreSQL refuses root). One process at a time may use Dir (LockDir).
//
// The context bounds the start only; the server runs until Close. On Linux it also stops when this process dies.
func StartPostgres(ctx context.Context, cfg PostgresConfig) (*Postgres, error) {
	if cfg.Progress == nil {
		cfg.Progress = func(Progress) {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Postgres{cfg: cfg}
	if err := p.prepare(ctx); err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	if err := p.start(ctx); err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return p, nil
}

func (p *Postgres) prepare(ctx context.Context) (err error) {
	if p.cfg.Dir, err = filepath.Abs(p.cfg.Dir); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if p.bin, err = programs(ctx, p.cfg); err != nil {
		return err
	}
	if p.owner, err = chooseOwner(p.cfg.Dir); err != nil {
		return err
	}
	if err := p.owner.makeDir(p.cfg.Dir); err != nil {
		return err
	}
	if p.password, err = ensurePassword(filepath.Join(p.cfg.Dir, postgresPassword)); err != nil {
		return err
	}
	if err := p.stopLeftover(ctx); err != nil {
		return err
	}
	return p.ensureCluster(ctx)
}

// ensurePassword reads the server's password, or makes one and stores it for the owner of the directory alone.
func ensurePassword(path string) (string, error) {
	raw, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(raw)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read password file: %w", err)
	}
	password := rand.Text()
	return password, wholefile.Write(path, []byte(password+"\n"))
}

// errEnded says that the server ended instead of serving.
var errEnded = errors.New("the server ended at once")

// start tries again for a while when the server ends at once: another process may have taken the port since it was
// found free, and the helpers of a server that was killed hold its shared memory until they notice.
func (p *Postgres) start(ctx context.Context) (err error) {
	portFile := filepath.Join(p.cfg.Dir, postgresPort)
	deadline := time.NewTimer(retryBudget)
	defer deadline.Stop()
	pause := time.NewTicker(retryPause)
	defer pause.Stop()
	for {
		if p.port = rememberedPort(portFile); p.port == 0 {
			if p.port, err = freeport.Port(); err != nil {
				return err
			}
		}
		if err = p.startOnce(ctx); err == nil {
			return rememberPort(portFile, p.port)
		}
		if !errors.Is(err, errEnded) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-deadline.C:
			return err
		case <-pause.C:
		}
	}
}

func (p *Postgres) startOnce(ctx context.Context) error {
	p.cfg.Progress(Progress{Step: "starting PostgreSQL"})
	proc, err := p.spawn() //nolint:contextcheck // the server outlives its start
	if err != nil {
		return err
	}
	p.proc = proc
	if err := p.awaitReady(ctx); err != nil {
		return errors.Join(err, p.proc.stop(), p.lastWords())
	}
	return nil
}

// awaitReady waits until the server takes connections and its database exists.
func (p *Postgres) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyBudget)
	defer cancel()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	var last error
	for {
		if last = p.ensureDatabase(ctx); last == nil {
			return nil
		}
		select {
		case <-p.proc.done:
			return errEnded
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w", errors.Join(ctx.Err(), last))
		case <-tick.C:
		}
	}
}

func (p *Postgres) ensureDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, p.url("postgres"))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing was left to write
	var there bool
	const find = `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`
	if err := conn.QueryRow(ctx, find, postgresDatabase).Scan(&there); err != nil {
		return fmt.Errorf("look for the database: %w", err)
	}
	if there {
		return nil
	}
	if _, err := conn.Exec(ctx, `CREATE DATABASE `+postgresDatabase); err != nil {
		return fmt.Errorf("create the database: %w", err)
	}
	return nil
}

// URL returns the connection string of the database, password included: keep it out of logs.
func (p *Postgres) URL() string { return p.url(postgresDatabase) }

func (p *Postgres) url(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(postgresUser, p.password),
		Host: net.JoinHostPort(loopback, strconv.Itoa(p.port)), Path: "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Done is closed when the server has ended, by Close or of itself.
func (p *Postgres) Done() <-chan struct{} { return p.proc.done }

// Close ends all sessions and stops the server, by force when it takes longer than 20 s. Later calls return the
// first one's result.
func (p *Postgres) Close() error {
	p.once.Do(func() { p.err = p.proc.stop() })
	return p.err
}

// lastWords is the end of the server's log, which says why it would not start.
func (p *Postgres) lastWords() error {
	const tail = 1000
	raw, err := os.ReadFile(filepath.Join(p.cfg.Dir, postgresLog))
	if err != nil {
		return fmt.Errorf("read PostgreSQL's log: %w", err)
	}
	return fmt.Errorf("PostgreSQL's log ends: %s", strings.TrimSpace(string(raw[max(0, len(raw)-tail):])))
}

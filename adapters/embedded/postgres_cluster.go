package embedded

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	newSuffix = ".new"
	// maxLogBytes is when the server's log starts anew; one older log is kept.
	maxLogBytes = 8 << 20
)

// ensureCluster creates the database cluster unless it is there. It appears under its name only when it is whole.
func (p *Postgres) ensureCluster(ctx context.Context) error {
	data := filepath.Join(p.cfg.Dir, postgresDataDir)
	have, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if err == nil {
		return p.checkVersion(ctx, strings.TrimSpace(string(have)))
	}
	if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read the cluster's version: %w", err)
	}
	p.cfg.Progress(Progress{Step: "creating the database"})
	if err := os.RemoveAll(data + newSuffix); err != nil {
		return fmt.Errorf("remove an unfinished cluster: %w", err)
	}
	if err := p.owner.makeDir(data + newSuffix); err != nil {
		return err
	}
	if err := p.initdb(ctx, data+newSuffix); err != nil {
		return err
	}
	if err := os.Rename(data+newSuffix, data); err != nil {
		return fmt.Errorf("put the cluster in place: %w", err)
	}
	return nil
}

// initdb runs as the server's user, who gets the password in a file for as long as it takes.
func (p *Postgres) initdb(ctx context.Context, dir string) (err error) {
	handover := filepath.Join(p.cfg.Dir, postgresPassword+newSuffix)
	defer func() { err = errors.Join(err, removeIfThere(handover)) }()
	if err := p.owner.writeFile(handover, p.password+"\n"); err != nil {
		return err
	}
	cmd := p.owner.command(ctx, filepath.Join(p.bin, "initdb"),
		"--pgdata", dir, "--username", postgresUser, "--pwfile", handover, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--no-locale", "--data-checksums")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

var versionNumber = regexp.MustCompile(`\d+`)

// checkVersion refuses a cluster that another major version made: the server would, too, but less clearly.
func (p *Postgres) checkVersion(ctx context.Context, have string) error {
	cmd := p.owner.command(ctx, filepath.Join(p.bin, "postgres"), "--version")
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("ask for the server's version: %w", err)
	}
	if major := versionNumber.FindString(string(out)); major != have {
		return fmt.Errorf("the data in %s was made by PostgreSQL %s, this is %s", p.cfg.Dir, have, major)
	}
	return nil
}

// settings of the server: small, safe, and silent about what rows hold (statements and values stay out of its log).
func (p *Postgres) settings() []string {
	pairs := []string{
		"listen_addresses=" + loopback,
		fmt.Sprintf("port=%d", p.port),
		"unix_socket_directories=",
		"max_connections=60",
		"shared_buffers=128MB",
		"huge_pages=off",
		"fsync=on",
		"full_page_writes=on",
		"synchronous_commit=on",
		"wal_level=minimal",
		"max_wal_senders=0",
		"max_wal_size=1GB",
		"max_parallel_workers_per_gather=0",
		"jit=off",
		"timezone=UTC",
		"log_timezone=UTC",
		"logging_collector=off",
		"log_min_error_statement=panic",
		"log_error_verbosity=terse",
		"log_parameter_max_length=0",
		"log_parameter_max_length_on_error=0",
		"log_checkpoints=off",
	}
	args := []string{"-D", filepath.Join(p.cfg.Dir, postgresDataDir)}
	for _, name := range slices.Sorted(maps.Keys(p.cfg.Settings)) {
		pairs = append(pairs, name+"="+p.cfg.Settings[name]) // the last value of a setting counts
	}
	for _, pair := range pairs {
		args = append(args, "-c", pair)
	}
	return args
}

// openLog opens the server's log for appending and starts it anew when it has grown large.
func (p *Postgres) openLog() (*os.File, error) {
	path := filepath.Join(p.cfg.Dir, postgresLog)
	if info, err := os.Stat(path); err == nil && info.Size() > maxLogBytes {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, fmt.Errorf("rotate PostgreSQL's log: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL's log: %w", err)
	}
	return f, nil
}

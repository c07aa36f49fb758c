package testkit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"goniec/adapters/embedded"
)

const (
	postgresEnv    = "GONIEC_TEST_POSTGRES"
	postgresURLEnv = "GONIEC_TEST_POSTGRES_URL"

	// postgresBudget covers the download of PostgreSQL's programs on a machine that has none.
	postgresBudget = 5 * time.Minute
	databaseBudget = 30 * time.Second
	databasePrefix = "goniec_test_"
)

var sharedPostgres shared[string]

// Postgres returns the connection URL of an empty database of this test's own, dropped when the test ends.
func Postgres(t testing.TB) string {
	t.Helper()
	server, err := sharedPostgres.get(startPostgres)
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	name := databasePrefix + strings.ToLower(rand.Text())
	if err := execute(server, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("PostgreSQL for tests: create a database: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(server, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("PostgreSQL for tests: drop the database: %v", err)
		}
	})
	link, err := url.Parse(server)
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	link.Path = "/" + name
	return link.String()
}

func execute(server, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), databaseBudget)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}

func startPostgres() (string, error) {
	if link := os.Getenv(postgresURLEnv); link != "" {
		return link, nil
	}
	switch kind := os.Getenv(postgresEnv); {
	case kind == "" || kind == "embedded":
		return startServer("postgres", "")
	case kind == "system":
		bin, err := systemPrograms()
		if err != nil {
			return "", err
		}
		return startServer("postgres-system", bin)
	case strings.HasPrefix(kind, "postgres://") || strings.HasPrefix(kind, "postgresql://"):
		return kind, nil
	default:
		return "", fmt.Errorf("%s=%q: want embedded, system or a URL", postgresEnv, kind)
	}
}

// startServer runs a server that ends with this program. Its data need not outlive a power failure.
func startServer(name, bin string) (string, error) {
	dir, err := slot(name)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), postgresBudget)
	defer cancel()
	p, err := embedded.StartPostgres(ctx, embedded.PostgresConfig{
		Dir: filepath.Join(dir, "postgres"), BinDir: bin,
		Settings: map[string]string{"fsync": "off", "full_page_writes": "off", "max_connections": "200"},
	})
	if err != nil {
		return "", err
	}
	return p.URL(), dropOld(ctx, p.URL())
}

// dropOld removes databases that an earlier program left when it was killed.
func dropOld(ctx context.Context, server string) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing was left to write
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database WHERE starts_with(datname, $1)`, databasePrefix)
	if err != nil {
		return fmt.Errorf("list databases: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list databases: %w", err)
	}
	for _, name := range names {
		if _, err := conn.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			return fmt.Errorf("drop an old database: %w", err)
		}
	}
	return nil
}

// systemPrograms finds the installed server's programs: Debian keeps them out of the path, one directory a version.
func systemPrograms() (string, error) {
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", fmt.Errorf("look for PostgreSQL: %w", err)
	}
	if len(dirs) > 0 {
		slices.Sort(dirs)
		return filepath.Dir(dirs[len(dirs)-1]), nil
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", fmt.Errorf("%s=system, but no PostgreSQL server is installed: %w", postgresEnv, err)
	}
	return filepath.Dir(initdb), nil
}

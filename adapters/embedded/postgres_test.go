package embedded

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func startTestPostgres(t *testing.T, cfg PostgresConfig) *Postgres {
	t.Helper()
	p, err := StartPostgres(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func query(t *testing.T, p *Postgres, sql ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.URL())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(ctx)) }()
	last := len(sql) - 1
	for _, s := range sql[:last] {
		_, err := conn.Exec(ctx, s)
		require.NoError(t, err)
	}
	var out string
	require.NoError(t, conn.QueryRow(ctx, sql[last]).Scan(&out))
	return out
}

func TestPostgresKeepsDataPortAndPasswordAcrossRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startTestPostgres(t, PostgresConfig{Dir: dir})
	require.Equal(t, "on", query(t, p, `SHOW fsync`))
	require.Equal(t, loopback, query(t, p, `SHOW listen_addresses`))
	require.Empty(t, query(t, p, `SHOW unix_socket_directories`))
	require.Equal(t, "1", query(t, p, `CREATE TABLE kept AS SELECT '1' AS v`, `SELECT v FROM kept`))
	url := p.URL()
	require.NoError(t, p.Close())
	require.NoError(t, p.Close(), "closing twice")

	p = startTestPostgres(t, PostgresConfig{Dir: dir})
	require.Equal(t, url, p.URL())
	require.Equal(t, "1", query(t, p, `SELECT v FROM kept`))
	info, err := os.Stat(filepath.Join(dir, postgresPassword))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

// As root the server runs as another user, who may not enter root's own directories.
func TestPostgresRunsBelowAClosedDirectory(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(t.TempDir(), "closed")
	require.NoError(t, os.Mkdir(closed, 0o700))
	p := startTestPostgres(t, PostgresConfig{Dir: filepath.Join(closed, "postgres")})
	require.Equal(t, "1", query(t, p, `SELECT '1'`))
}

func TestPostgresThatOutlivedItsOwnerIsStopped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	orphan := startTestPostgres(t, PostgresConfig{Dir: dir, survive: true})
	query(t, orphan, `CREATE TABLE kept AS SELECT '1' AS v`, `SELECT '1'`)
	var steps []string
	p := startTestPostgres(t, PostgresConfig{Dir: dir, Progress: func(p Progress) { steps = append(steps, p.Step) }})
	<-orphan.Done()
	require.Contains(t, steps, "stopping a PostgreSQL left over from a crash")
	require.Equal(t, "1", query(t, p, `SELECT v FROM kept`))
}

func TestPostgresRecoversAfterKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startTestPostgres(t, PostgresConfig{Dir: dir})
	query(t, p, `CREATE TABLE kept AS SELECT '1' AS v`, `SELECT '1'`)
	require.NoError(t, syscall.Kill(p.proc.pid, syscall.SIGKILL))
	<-p.Done()
	p = startTestPostgres(t, PostgresConfig{Dir: dir})
	require.Equal(t, "1", query(t, p, `SELECT v FROM kept`))
}

func TestPostgresRefusesDataOfAnotherVersion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, postgresDataDir), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, postgresDataDir, "PG_VERSION"), []byte("14\n"), 0o600))
	_, err := StartPostgres(t.Context(), PostgresConfig{Dir: dir})
	require.ErrorContains(t, err, "was made by PostgreSQL 14")
}

func TestPostgresLogHoldsNoStatementAndNoValue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startTestPostgres(t, PostgresConfig{Dir: dir})
	conn, err := pgx.Connect(t.Context(), p.URL())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	_, err = conn.Exec(t.Context(), `CREATE TABLE people (number text PRIMARY KEY)`)
	require.NoError(t, err)
	for range 2 {
		_, err = conn.Exec(t.Context(), `INSERT INTO people VALUES ($1)`, "+48500100200")
	}
	require.Error(t, err)
	raw, err := os.ReadFile(filepath.Join(dir, postgresLog))
	require.NoError(t, err)
	require.Contains(t, string(raw), "duplicate key")
	require.NotContains(t, string(raw), "48500100200")
	require.NotContains(t, string(raw), "INSERT")
}

func TestDownloadTellsProgressAndChecksTheSum(t *testing.T) {
	t.Parallel()
	repository := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "9")
		_, _ = w.Write([]byte("not a jar"))
	}))
	t.Cleanup(repository.Close)
	var mu sync.Mutex
	var last Progress
	_, err := StartPostgres(t.Context(), PostgresConfig{
		Dir: t.TempDir(), CacheDir: t.TempDir(), Repository: repository.URL,
		Progress: func(p Progress) { mu.Lock(); last = p; mu.Unlock() },
	})
	require.ErrorContains(t, err, "checksum")
	require.True(t, strings.HasPrefix(last.Step, "fetching PostgreSQL 18"), last.Step)
	require.Equal(t, int64(9), last.Done)
	require.Equal(t, int64(9), last.Total)
}

func TestLibraryStillTellsItsRepository(t *testing.T) {
	t.Parallel()
	require.True(t, strings.HasPrefix(defaultRepository(), "https://"), "embedded-postgres changed its configuration")
}

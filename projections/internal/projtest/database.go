package projtest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"goniec/internal/testkit"
	"goniec/projections"
	"goniec/projections/models"
)

// Database returns the URL of a database of the test's own, migrated for ps
// (nil = every read model).
func Database(t testing.TB, ps []projections.Projection) string {
	t.Helper()
	link := testkit.Postgres(t)
	if ps == nil {
		ps = models.All()
	}
	require.NoError(t, projections.Migrate(t.Context(), link, "Europe/Warsaw", ps))
	return link
}

// Older takes the live build of a projection in Database back to an earlier version of its
// tables; projections.Migrate brings it forward again.
func Older(t testing.TB, link string, p projections.Projection, version int64) {
	t.Helper()
	cfg, err := pgx.ParseConfig(link)
	require.NoError(t, err)
	cfg.RuntimeParams["search_path"] = "goniec_" + p.Name() + "_1"
	db := stdlib.OpenDB(*cfg)
	defer db.Close() //nolint:errcheck // nothing to lose
	tables, err := goose.NewProvider(goose.DialectPostgres, db, p.Migrations(), goose.WithDisableGlobalRegistry(true))
	require.NoError(t, err)
	_, err = tables.DownTo(t.Context(), version)
	require.NoError(t, err)
}

// Projector returns a projector over j; change may alter its settings.
func Projector(t testing.TB, link string, j *Journal, change func(*projections.Config)) *projections.Projector {
	t.Helper()
	cfg := projections.Config{
		URL: link, Installation: Installation, Partitions: 2, Projections: models.All(), Open: j.Open,
		End:    func(topic string, p int32) (int64, error) { return j.End(topic, p), nil },
		Linger: time.Millisecond, RetryAfter: 50 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	p, err := projections.New(cfg)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// Start runs p until the test ends or the returned function is called.
func Start(t testing.TB, p *projections.Projector) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// CaughtUp waits until every live build has read everything that j holds.
func CaughtUp(t testing.TB, p *projections.Projector, j *Journal) {
	t.Helper()
	require.Eventually(t, func() bool {
		all, err := p.Status(t.Context())
		if err != nil || len(all) == 0 {
			return false
		}
		for _, m := range all {
			if m.Live && m.Next < j.End(m.Topic, m.Partition) {
				return false
			}
		}
		return true
	}, 20*time.Second, 5*time.Millisecond, "projections did not catch up")
}

// Digests returns the digest of every read model by name.
func Digests(t testing.TB, p *projections.Projector) map[string]projections.Fingerprint {
	t.Helper()
	out := map[string]projections.Fingerprint{}
	for _, pr := range models.All() {
		f, err := p.Digest(t.Context(), pr.Name())
		require.NoError(t, err)
		f.Build = 0
		out[pr.Name()] = f
	}
	return out
}

package projections_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/partition"
	"goniec/eventstore"
	"goniec/projections"
	pt "goniec/projections/internal/projtest"
)

// fill writes something for every read model.
func fill(t testing.TB, j *pt.Journal) {
	t.Helper()
	pt.Write(t, j, 0, 0, 15)
	pt.Write(t, j, 1, 100, 110)
	for stream, facts := range pt.RecipientFacts(pt.Epoch) {
		for _, f := range facts {
			j.Add(t, eventstore.Messages, 0, stream, f.At, f.Fact)
		}
	}
	j.Add(t, eventstore.Messages, 1, "partition/1", pt.Epoch, partition.PeriodSealed{Month: "2026-10"})
	for _, f := range pt.SenderFacts(pt.Epoch) {
		j.Add(t, eventstore.Accounts, 1, "sender/"+pt.ID("sender", 1), f.At, f.Fact)
	}
	j.Add(t, eventstore.Accounts, 1, account.AccountStream(pt.Account), pt.Epoch, account.AccountCreated{Name: "Demo", Currency: "PLN"})
	for _, f := range pt.BillFacts(pt.Epoch) {
		j.Add(t, eventstore.Accounts, 1, billing.Stream(pt.Account, pt.BillMonth), f.At, f.Fact)
	}
}

func connect(t testing.TB, link string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), link)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	return conn
}

func count(t testing.TB, conn *pgx.Conn, sql string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, conn.QueryRow(t.Context(), sql, args...).Scan(&n))
	return n
}

// rules.md G3.
func TestEveryReadModelIsFilledAndRebuildsEqual(t *testing.T) {
	t.Parallel()
	link, j := pt.Database(t, nil), pt.NewJournal()
	fill(t, j)
	p := pt.Projector(t, link, j, nil)
	pt.Start(t, p)
	pt.CaughtUp(t, p, j)

	before := pt.Digests(t, p)
	for name, f := range before {
		if name != "parked" {
			require.NotZero(t, f.Rows, name)
		}
	}
	for name := range before {
		var last projections.Progress
		require.NoError(t, p.Rebuild(t.Context(), name, func(g projections.Progress) { last = g }), name)
		require.True(t, last.Switched, name)
		require.Equal(t, 2, last.Build, name)
	}
	require.Equal(t, before, pt.Digests(t, p))

	pt.Write(t, j, 1, 200, 205) // the runners go on with the new builds
	pt.CaughtUp(t, p, j)
	conn := connect(t, link)
	require.Equal(t, 30, count(t, conn, "SELECT count(*) FROM goniec.messages"))
	require.Equal(t, 10, count(t, conn, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'goniec\\_%'"), "old builds are dropped")
}

func TestRebuildWhileTheJournalGrows(t *testing.T) {
	t.Parallel()
	link, j := pt.Database(t, nil), pt.NewJournal()
	j.Fetch = 7
	fill(t, j)
	p := pt.Projector(t, link, j, func(c *projections.Config) { c.MaxEvents = 20 })
	pt.Start(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	grown := make(chan int)
	go func() {
		n := 1000
		for ctx.Err() == nil {
			pt.Write(t, j, int32(n%2), n, n+1)
			n++
			select {
			case <-ctx.Done():
			case <-time.After(2 * time.Millisecond):
			}
		}
		grown <- n - 1000
	}()
	for _, name := range []string{"messages", "ledger", "messages"} {
		require.NoError(t, p.Rebuild(t.Context(), name, nil))
	}
	cancel()
	n := <-grown
	pt.CaughtUp(t, p, j)
	conn := connect(t, link)
	require.Equal(t, 25+n, count(t, conn, "SELECT count(*) FROM goniec.messages"))
	require.Equal(t, count(t, conn, "SELECT count(*) FROM goniec.ledger"), count(t, conn, "SELECT sum(jsonb_array_length(charges)) FROM goniec.messages"))
}

func TestAGapStopsThePartitionVisibly(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		spoil func(t *testing.T, j *pt.Journal)
		says  string
	}{
		"an event is missing": {func(_ *testing.T, j *pt.Journal) { j.Drop(eventstore.Messages, 0, 20) }, "hash of the event before"},
		"an event is altered": {func(_ *testing.T, j *pt.Journal) {
			j.Tamper(eventstore.Messages, 0, 20, func(r *eventstore.Record) { r.Value = []byte(`{"reason":"x"}`) })
		}, "does not match its hash"},
		"an event is unknown": {func(t *testing.T, j *pt.Journal) {
			j.AddRaw(t, eventstore.Messages, 0, &eventstore.Event{Type: "goniec.message.sung.v1", Stream: pt.Message(0), Time: pt.Epoch, Version: 99, Data: []byte(`{}`)})
		}, "goniec.message.sung.v1"},
		"a version is missing": {func(t *testing.T, j *pt.Journal) {
			j.AddRaw(t, eventstore.Messages, 0, &eventstore.Event{Type: "goniec.message.failed.v1", Stream: pt.Message(0), Time: pt.Epoch, Version: 99, Data: []byte(`{}`)})
		}, "version 99 follows version 7"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			link, j := pt.Database(t, nil), pt.NewJournal()
			fill(t, j)
			c.spoil(t, j)
			p := pt.Projector(t, link, j, nil)
			pt.Start(t, p)
			var stopped projections.Position
			require.Eventually(t, func() bool {
				all, err := p.Status(t.Context())
				for _, m := range all {
					if m.Projection == "messages" && m.Stopped != "" {
						stopped = m
					}
				}
				return err == nil && stopped.Stopped != ""
			}, time.Minute, 5*time.Millisecond)
			require.Equal(t, int32(0), stopped.Partition)
			require.Eventually(t, func() bool { return p.Stopped()["messages/0"] != nil }, waitLong, pollOften)
			require.NotContains(t, p.Stopped(), "messages/1")
			require.Contains(t, stopped.Stopped, c.says)
			conn := connect(t, link)
			require.Eventually(t, func() bool {
				return count(t, conn, "SELECT count(*) FROM goniec.checkpoints WHERE topic = 'messages' AND partition = 1 AND next_offset > 0") == 7
			}, time.Minute, 5*time.Millisecond, "the other partition goes on")
		})
	}
}

func TestUntilAGapEverythingIsProjected(t *testing.T) {
	t.Parallel()
	link, j := pt.Database(t, nil), pt.NewJournal()
	pt.Write(t, j, 0, 0, 1)
	good := j.End(eventstore.Messages, 0)
	pt.Write(t, j, 0, 5, 6)
	j.Tamper(eventstore.Messages, 0, int(good/2), func(r *eventstore.Record) { r.Value = []byte("{}") })
	p := pt.Projector(t, link, j, nil)
	pt.Start(t, p)
	conn := connect(t, link)
	require.Eventually(t, func() bool {
		return count(t, conn, "SELECT count(*) FROM goniec.checkpoints WHERE stopped <> '' AND next_offset = $1", good) > 0
	}, time.Minute, 5*time.Millisecond)
	require.Equal(t, 1, count(t, conn, "SELECT count(*) FROM goniec.messages WHERE state = 'read'"))
}

func TestSeveralProcessesShareThePartitions(t *testing.T) {
	t.Parallel()
	link, j := pt.Database(t, nil), pt.NewJournal()
	fill(t, j)
	first := pt.Projector(t, link, j, nil)
	pt.Start(t, first)
	pt.CaughtUp(t, first, j)
	second := pt.Projector(t, link, j, nil)
	stop := pt.Start(t, second)
	conn := connect(t, link)
	owners := func() int {
		return count(t, conn, `SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_database d ON d.oid = database
			WHERE d.datname = current_database() AND locktype = 'advisory' AND classid = $1`, 0x676f6e01)
	}
	n := 500
	require.Eventually(t, func() bool {
		pt.Write(t, j, 0, n, n+1)
		pt.Write(t, j, 1, n+10_000, n+10_001)
		n++
		return owners() == 2
	}, waitLong, 50*time.Millisecond, "the one that joined gets a share")
	stop()
	pt.CaughtUp(t, first, j)
	require.Equal(t, j.Len(eventstore.Messages, 0)+j.Len(eventstore.Messages, 1)-8,
		count(t, conn, "SELECT sum(version) FROM goniec.messages"), "each event once")
	require.Eventually(t, func() bool { return owners() == 1 }, waitLong, pollOften, "what the leaver had is taken over")
}

func TestMigrateIsIdempotentAndSafeToRace(t *testing.T) {
	t.Parallel()
	link := pt.Database(t, nil)
	errs := make(chan error, 4)
	for range 4 {
		go func() { errs <- projections.Migrate(context.Background(), link, "Europe/Warsaw", modelsAll()) }()
	}
	for range 4 {
		require.NoError(t, <-errs)
	}
}

// The views count days in the installation's billing zone, also when that was changed.
func TestTheBillingZoneIsKept(t *testing.T) {
	t.Parallel()
	link := pt.Database(t, nil)
	for _, zone := range []string{"Asia/Tokyo", "Asia/Tokyo", "Europe/Warsaw"} {
		require.NoError(t, projections.Migrate(t.Context(), link, zone, modelsAll()))
		var kept string
		require.NoError(t, connect(t, link).QueryRow(t.Context(), "SELECT value FROM goniec.settings WHERE name = 'billing_zone'").Scan(&kept))
		require.Equal(t, zone, kept)
	}
}

func TestANewProjectionIsBuiltAside(t *testing.T) {
	t.Parallel()
	all := modelsAll()
	link, j := pt.Database(t, all[:1]), pt.NewJournal()
	fill(t, j)
	old := pt.Projector(t, link, j, func(c *projections.Config) { c.Projections = all[:1] })
	stop := pt.Start(t, old)
	pt.CaughtUp(t, old, j)
	stop()

	require.NoError(t, projections.Migrate(t.Context(), link, "Europe/Warsaw", all))
	p := pt.Projector(t, link, j, nil)
	pt.Start(t, p)
	require.Eventually(t, func() bool {
		_, err := p.Digest(t.Context(), "ledger")
		return err == nil
	}, time.Minute, 20*time.Millisecond)
	pt.CaughtUp(t, p, j)
	conn := connect(t, link)
	require.Equal(t, 1, count(t, conn, "SELECT build FROM goniec.builds WHERE projection = 'ledger'"))
	require.Eventually(t, func() bool {
		return count(t, conn, "SELECT count(*) FROM goniec.builds WHERE state = 'live'") == len(all)
	}, time.Minute, 20*time.Millisecond)
	require.Equal(t, 1, count(t, conn, "SELECT count(*) FROM goniec.sender_month_traffic WHERE month = '2026-11'"), "the view came with the last that it reads")
}

func TestRebuildErrors(t *testing.T) {
	t.Parallel()
	link, j := pt.Database(t, nil), pt.NewJournal()
	p := pt.Projector(t, link, j, nil)
	require.ErrorIs(t, p.Rebuild(t.Context(), "nonsense", nil), projections.ErrUnknownProjection)
	_, err := p.Digest(t.Context(), "nonsense")
	require.ErrorIs(t, err, projections.ErrUnknownProjection)

	fill(t, j)
	j.Drop(eventstore.Messages, 0, 3)
	var stopped *projections.ErrStopped
	require.ErrorAs(t, p.Rebuild(t.Context(), "ledger", nil), &stopped)
	var broken *eventstore.ErrBroken
	require.ErrorAs(t, errors.Unwrap(stopped), &broken)
	require.NoError(t, connect(t, link).QueryRow(t.Context(), "SELECT count(*) FROM goniec.ledger").Scan(new(int)), "the live build stays")
}

package projections_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"goniec/eventstore"
	"goniec/projections"
	pt "goniec/projections/internal/projtest"
)

// What a benchmark round projects: lives that overlap as they do in operation,
// so that a message's events fall into two or three transactions.
const (
	benchMessages = 24_000
	benchWave     = 600 // messages that are alive at the same time
)

// overlapping writes ordinary lives in waves: all that is sent, then what comes back.
func overlapping(b *testing.B, j *pt.Journal, partitions int) {
	b.Helper()
	for first := 0; first < benchMessages; first += benchWave {
		for step := range 7 {
			for n := first; n < first+benchWave; n++ {
				f := pt.Ordinary(n, pt.Epoch.Add(time.Duration(n)*time.Millisecond))[step]
				j.Add(b, eventstore.Messages, int32(n%partitions), pt.Message(n), f.At, f.Fact)
			}
		}
	}
}

// BenchmarkProjector measures the whole way from the journal's records (parse,
// hash, decode, fold, write) against upserting the same rows with unnest alone,
// in the same run: one connection writes each partition, there as here.
func BenchmarkProjector(b *testing.B) {
	for _, partitions := range []int{1, 2} {
		b.Run(fmt.Sprintf("partitions=%d", partitions), func(b *testing.B) { benchmarkProjector(b, partitions) })
	}
}

func benchmarkProjector(b *testing.B, partitions int) {
	j := pt.NewJournal()
	overlapping(b, j, partitions)
	j.Fetch = 1500
	var took, bare time.Duration
	var rows, rounds int
	for b.Loop() {
		link := pt.Database(b, nil)
		p := pt.Projector(b, link, j, func(c *projections.Config) { c.MaxEvents, c.Partitions = 1500, int32(partitions) })
		began := time.Now()
		stop := pt.Start(b, p)
		caughtUpFast(b, p, j, partitions)
		took += time.Since(began)
		stop()
		n, t := bareUpserts(b, link, partitions)
		rows, bare, rounds = rows+n, bare+t, rounds+1
	}
	b.ReportMetric(float64(rounds*benchMessages*7)/took.Seconds(), "events/s")
	b.ReportMetric(float64(rounds*benchMessages)/took.Seconds(), "lives/s")
	b.ReportMetric(float64(rows)/took.Seconds(), "rows/s")
	b.ReportMetric(float64(rows)/bare.Seconds(), "bare-rows/s")
	b.ReportMetric(bare.Seconds()/took.Seconds(), "ratio")
}

func caughtUpFast(b *testing.B, p *projections.Projector, j *pt.Journal, partitions int) {
	b.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if lag := p.Lag(); len(lag) == partitions && lag["messages/0"] == 0 && lag["messages/1"] == 0 {
			all, err := p.Status(b.Context())
			require.NoError(b, err)
			if all[0].Next >= j.End(all[0].Topic, all[0].Partition) {
				return
			}
		}
		require.True(b, time.Now().Before(deadline), "projections did not catch up")
		<-tick.C
	}
}

// bareUpserts writes what the projector has written once more into tables of
// the same shape: as many row versions, in batches of about the same size, as
// many connections, parameters ready in binary, and nothing else.
func bareUpserts(b *testing.B, link string, writers int) (rows int, took time.Duration) {
	b.Helper()
	conn := connectBench(b, link)
	bareExec(b, conn, "CREATE SCHEMA bare", "CREATE TABLE bare.messages (LIKE goniec_messages_1.messages INCLUDING ALL) WITH (fillfactor = 60)",
		"CREATE TABLE bare.charges (LIKE goniec_ledger_1.charges INCLUDING ALL)", "CHECKPOINT")
	writes := versions(b, conn, "messages") - benchMessages
	messages := loadBatches(b, conn, "goniec_messages_1.messages", "messages", "id", "accepted_at, id")
	charges := loadBatches(b, conn, "goniec_ledger_1.charges", "charges", "event", "charged_at, event")
	var conns []*pgx.Conn
	for range writers {
		conns = append(conns, connectBench(b, link))
	}
	began := time.Now()
	var wg sync.WaitGroup
	for first, c := range conns {
		wg.Go(func() {
			due := 0
			for i := first; i < len(messages); i += writers {
				messages[i].write(b, c)
				for due += writes; due >= benchMessages; due -= benchMessages { // the updates, spread evenly
					messages[i].write(b, c)
				}
				charges[i].write(b, c)
			}
		})
	}
	wg.Wait()
	return benchMessages + writes + benchMessages, time.Since(began)
}

const bareBatch = benchWave / 2

func connectBench(b *testing.B, link string) *pgx.Conn {
	b.Helper()
	conn, err := pgx.Connect(context.Background(), link)
	require.NoError(b, err)
	b.Cleanup(func() { _ = conn.Close(context.Background()) })
	bareExec(b, conn, "SET synchronous_commit = off")
	return conn
}

func bareExec(b *testing.B, conn *pgx.Conn, qs ...string) {
	b.Helper()
	for _, q := range qs {
		_, err := conn.Exec(context.Background(), q)
		require.NoError(b, err)
	}
}

// versions is how many rows the projector has inserted and updated in a table.
func versions(b *testing.B, conn *pgx.Conn, table string) (n int) {
	b.Helper()
	q := "SELECT coalesce(sum(n_tup_ins + n_tup_upd), 0)::int FROM pg_stat_user_tables WHERE schemaname LIKE 'goniec\\_%' AND relname = $1"
	// The projector's backends report what they have done when they end, or now and then.
	last, same := 0, 0
	require.Eventually(b, func() bool {
		bareExec(b, conn, "SELECT pg_stat_clear_snapshot()")
		require.NoError(b, conn.QueryRow(context.Background(), q, table).Scan(&n))
		if same++; n != last {
			last, same = n, 0
		}
		return n > benchMessages && same > 10
	}, time.Minute, 200*time.Millisecond)
	return n
}

// bareRows is one ready batch.
type bareRows struct {
	sql    string
	values [][]byte
}

func loadBatches(b *testing.B, conn *pgx.Conn, from, table, key, order string) []bareRows {
	b.Helper()
	ctx := context.Background()
	rows, err := conn.Query(ctx, "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0", from)
	require.NoError(b, err)
	var aggs, names, arrays, sets []string
	var name, typ string
	_, err = pgx.ForEachRow(rows, []any{&name, &typ}, func() error {
		names, aggs = append(names, name), append(aggs, "array_agg("+name+" ORDER BY "+key+")")
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", len(names), typ))
		sets = append(sets, name+" = excluded."+name)
		return nil
	})
	require.NoError(b, err)
	insert := fmt.Sprintf("INSERT INTO bare.%s (%s) SELECT * FROM unnest(%s) ON CONFLICT (%s) DO UPDATE SET %s",
		table, strings.Join(names, ", "), strings.Join(arrays, ", "), key, strings.Join(sets, ", "))
	var out []bareRows
	for at := 0; at < benchMessages; at += bareBatch {
		q := fmt.Sprintf("SELECT %s FROM (SELECT * FROM %s ORDER BY %s OFFSET %d LIMIT %d) t", strings.Join(aggs, ", "), from, order, at, bareBatch)
		res := conn.PgConn().ExecParams(ctx, q, nil, nil, nil, []int16{1}).Read()
		require.NoError(b, res.Err)
		out = append(out, bareRows{insert, res.Rows[0]})
	}
	return out
}

func (r bareRows) write(b *testing.B, conn *pgx.Conn) {
	formats := make([]int16, len(r.values))
	for i := range formats {
		formats[i] = 1
	}
	res := conn.PgConn().ExecParams(context.Background(), r.sql, r.values, nil, formats, nil).Read()
	if res.Err != nil {
		b.Error(res.Err)
	}
}

package query_test

import (
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"goniec/projections"
	pt "goniec/projections/internal/projtest"
	"goniec/projections/messages"
	"goniec/projections/models"
	"goniec/projections/query"
)

// filled are the cells of a month of an account: 500,000 messages of 1,000 senders in 12
// partitions, by day; they lie by the hour, as they come. The sums of them are made as in
// an older database.
var filled = []string{
	`CREATE TEMP TABLE m AS SELECT timestamptz '2026-11-01 06:00:00+00' + (n % 30) * interval '1 day' + floor(random() * 14) * interval '1 hour' AS hour,
		floor(random() * 12)::int AS partition, 'SENDER ' || floor(random() * 1000) AS sender, CASE WHEN random() < 0.7 THEN 'transactional' ELSE 'promotional' END AS category,
		random() AS fate FROM generate_series(1, 500000) n`,
	`INSERT INTO goniec_messages_1.traffic SELECT $1::uuid, hour, partition, 'PL', sender, category, '', CASE WHEN fate < 0.5 THEN 'delivered' WHEN fate < 0.9 THEN 'read' ELSE 'failed' END,
		CASE WHEN fate < 0.3 THEN 'sms' WHEN fate < 0.9 THEN 'viber' ELSE '' END, CASE WHEN fate < 0.3 THEN 'deadline' ELSE '' END, true, false, false, count(*)
		FROM m GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 ORDER BY 2`,
	`INSERT INTO goniec_messages_1.costs SELECT $1::uuid, hour, partition, 'PL', sender, category, '', CASE WHEN fate < 0.3 THEN 'sms' ELSE 'viber' END, 'PLN', false,
		count(*), count(*), count(*) * 0.09 FROM m GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 2`,
	`INSERT INTO goniec_messages_1.times SELECT $1::uuid, hour, partition, 'PL', sender, 'delivery', CASE WHEN fate < 0.3 THEN 'sms' ELSE 'viber' END, (fate * 60)::int, count(*)
		FROM m GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 2`,
}

// Reports over a whole month of a large account.
func BenchmarkReports(b *testing.B) {
	link := pt.Database(b, nil)
	pt.Older(b, link, messages.New(), 4)
	conn, err := pgx.Connect(b.Context(), link)
	require.NoError(b, err)
	defer conn.Close(b.Context())
	for i, sql := range filled {
		args := []any{pt.Account}
		if i == 0 {
			args = nil
		}
		_, err := conn.Exec(b.Context(), sql, args...)
		require.NoError(b, err)
	}
	require.NoError(b, projections.Migrate(b.Context(), link, "Europe/Warsaw", models.All()))
	_, err = conn.Exec(b.Context(), "VACUUM ANALYZE")
	require.NoError(b, err)
	r, err := query.Open(link, 2)
	require.NoError(b, err)
	defer r.Close()
	first := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	month := query.Report{Account: pt.Account, From: first, To: first.AddDate(0, 0, 29), Zone: warsaw}
	with := func(change func(*query.Report)) query.Report {
		f := month
		change(&f)
		return f
	}
	by := func(list ...query.Dimension) query.Report { return with(func(f *query.Report) { f.By = list }) }
	all := map[string]query.Report{
		"sum": by(), "day": by(query.ByDay), "sender": by(query.BySender), "category": by(query.ByCategory), "hour": by(query.ByHour), "sender and day": by(query.BySender, query.ByDay),
		"one sender by day": with(func(f *query.Report) { f.By, f.Sender = []query.Dimension{query.ByDay}, "SENDER 7" }),
		"one day by hour":   with(func(f *query.Report) { f.By, f.To = []query.Dimension{query.ByHour}, first }),
	}
	for name, f := range all {
		b.Run(name, func(b *testing.B) {
			var took []float64
			for b.Loop() {
				began := time.Now()
				rows, err := r.TrafficReport(b.Context(), f)
				require.NoError(b, err)
				require.NotEmpty(b, rows)
				took = append(took, float64(time.Since(began).Microseconds())/1000)
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)*95/100], "ms/p95")
		})
	}
}

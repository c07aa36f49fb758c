package query

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	pt "goniec/projections/internal/projtest"
)

// years are two years of 40 accounts with 25 senders each, in two partitions.
var years = []string{
	`CREATE TEMP TABLE a AS SELECT gen_random_uuid() AS id FROM generate_series(1, 40)`,
	`INSERT INTO goniec_terms_1.accounts SELECT id, 0, 'PLN', 'dates' FROM a`,
	`INSERT INTO goniec_senders_1.senders (id, partition, account, version, name, company, country, two_way, state, active_on, reasons, created_at, updated_at, history, fold, active_spells)
		SELECT gen_random_uuid(), 0, id, 1, 'S' || n, 'X', 'PL', false, 'active', now() - interval '730 days', '[]', now(), now(), '[]', '{}',
		jsonb_build_array(jsonb_build_object('from', now() - interval '730 days')) FROM a, generate_series(1, 25) n`,
	`INSERT INTO goniec_ledger_1.totals SELECT id, to_char(date_trunc('month', now()) - interval '1 month' * m, 'YYYY-MM'), p, 'S' || n, 'PL', 'viber', 'transactional', 'plain_text', 'PLN', 'default@1', '', 1, 1, 0, 0.1
		FROM a, generate_series(1, 25) n, generate_series(0, 23) m, generate_series(0, 1) p`,
	`INSERT INTO goniec_ledger_1.totals SELECT id, to_char(now(), 'YYYY-MM'), 0, 'S1', 'PL', 'viber', 'transactional', 'plain_text', 'PLN', 'default@1', to_char(date_trunc('month', now()) - interval '1 month', 'YYYY-MM'), 1, 1, 0, 0.1 FROM a`,
	"ANALYZE",
}

var worked = regexp.MustCompile(`(?:Sort|Aggregate)[^(]*\(actual rows=([0-9]+)`)

// A month of senders sums up its cells and those of the month before, of the account that is asked for.
func TestAMonthOfSendersSumsUpNothingElse(t *testing.T) {
	t.Parallel()
	link := pt.Database(t, nil)
	conn, err := pgx.Connect(t.Context(), link)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	for _, sql := range years {
		_, err := conn.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	var one uuid.UUID
	var month string
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT id, to_char(now(), 'YYYY-MM') FROM a LIMIT 1").Scan(&one, &month))
	most := func(only string, args ...any) (rows int) { // that a sort or an aggregate works with
		found, err := conn.Query(t.Context(), "EXPLAIN (ANALYZE, COSTS off, TIMING off) "+fmt.Sprintf(senderMonths, only), args...)
		require.NoError(t, err)
		plan, err := pgx.CollectRows(found, pgx.RowTo[string])
		require.NoError(t, err)
		for _, step := range worked.FindAllStringSubmatch(strings.Join(plan, "\n"), -1) {
			n, err := strconv.Atoi(step[1])
			require.NoError(t, err)
			rows = max(rows, n)
		}
		return rows
	}
	require.Equal(t, 2*25+1, most(ofAccount, month, one), "of 1,201")
	require.Equal(t, 40*(2*25+1), most("", month), "of 48,040")

	r, err := Open(link, 1)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	list, err := r.SenderMonths(t.Context(), one.String(), month)
	require.NoError(t, err)
	require.Len(t, list, 25)
	messages, previous := int64(0), int64(0)
	for _, m := range list {
		messages, previous = messages+m.Messages, previous+m.PreviousMessages
	}
	require.Equal(t, []int64{50, 51}, []int64{messages, previous}, "the late one belongs to the month before")
}

package query

import (
	"context"

	"github.com/jackc/pgx/v5"

	"goniec/eventstore"
	"goniec/projections/ledger"
)

// MonthCounts is a month as the ledger has it, charge by charge, and as its totals
// sum it up; both at one moment.
type MonthCounts struct {
	Read   map[int32]int64 // up to which offset of each partition of messages; one that nobody has read yet is missing
	Ledger []BillingLine   // without LineAmount
	Totals []BillingLine
}

const ledgerQuery = `SELECT account::text, sender, country, channel, category, content, month, count(*), sum(parts), count(waived), sum(amount)::numeric(24, 6)::text,
	'', currency, price_version, coalesce(adjusts, '') FROM goniec.ledger WHERE month = $1 AND ($2::uuid IS NULL OR account = $2)
	GROUP BY account, sender, country, channel, category, content, month, currency, price_version, adjusts`

// MonthCounts returns the month ("2026-11") of an account, or of all for "". It takes as
// long as it takes: ctx bounds it. For operators only.
func (r *Reader) MonthCounts(ctx context.Context, month, account string) (out MonthCounts, err error) {
	owner, err := anyOr(account)
	if err != nil {
		return out, err
	}
	err = r.atOnce(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, ledgerReadQuery, ledger.Name, eventstore.Messages)
		if err == nil {
			var list []mark
			list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[mark])
			out.Read = byPartition(list)
		}
		for _, q := range []struct {
			sql  string
			into *[]BillingLine
		}{{ledgerQuery, &out.Ledger}, {billingQuery, &out.Totals}} {
			if err == nil {
				rows, err = tx.Query(ctx, q.sql, month, owner)
			}
			if err == nil {
				*q.into, err = pgx.CollectRows(rows, pgx.RowToStructByPos[BillingLine])
			}
		}
		if err != nil {
			return fault(err)
		}
		return nil
	})
	return out, err
}

package query

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"goniec/domain/billing"
	"goniec/eventstore"
	"goniec/projections/ledger"
)

// Statement is a closed month as it was decided.
type Statement struct {
	ClosedAt time.Time
	billing.Statement
}

// Statement returns the statement of an account's closed month ("2026-11"), or
// ErrNotFound: it is open, or not yet projected.
func (r *Reader) Statement(ctx context.Context, account, month string) (Statement, error) {
	owner, err := id(account)
	if err != nil {
		return Statement{}, err
	}
	return one(ctx, r, func(row pgx.CollectableRow) (s Statement, err error) {
		err = row.Scan(&s.ClosedAt, &s.Statement)
		return s, err
	}, "SELECT closed_at, statement FROM goniec.billing_statements WHERE account = $1 AND month = $2", owner, month)
}

// LedgerRead says up to which offset of each partition of messages the ledger has
// been read. A partition that nobody has read yet is missing.
func (r *Reader) LedgerRead(ctx context.Context) (map[int32]int64, error) {
	list, err := many(ctx, r, pgx.RowToStructByPos[mark], ledgerReadQuery, ledger.Name, eventstore.Messages)
	return byPartition(list), err
}

const ledgerReadQuery = "SELECT partition, next_offset FROM goniec.checkpoints WHERE projection = $1 AND topic = $2 AND live"

type mark struct {
	Partition int32
	Next      int64
}

func byPartition(list []mark) map[int32]int64 {
	out := make(map[int32]int64, len(list))
	for _, m := range list {
		out[m.Partition] = m.Next
	}
	return out
}

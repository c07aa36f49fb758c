package query

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Seal closes a month in one partition (rules.md F4).
type Seal struct {
	Month     string    `json:"month"` // a later one when the partition's first seal closed this one too
	Partition int32     `json:"partition"`
	Position  int64     `json:"position"` // its offset in the messages journal
	SealedAt  time.Time `json:"sealed_at"`
}

// MonthSeals says how far a month is closed: its totals are final when no
// partition is missing.
type MonthSeals struct {
	Seals   []Seal  `json:"seals"`   // by partition
	Missing []int32 `json:"missing"` // partitions of the installation in which it is open
}

// Seals returns what closed the month ("2026-11") in each partition of an
// installation of n. For operators only.
func (r *Reader) Seals(ctx context.Context, month string, n int32) (MonthSeals, error) {
	list, err := many(ctx, r, pgx.RowToStructByPos[Seal], `SELECT DISTINCT ON (partition) month, partition, position, sealed_at
		FROM goniec.billing_seals WHERE month >= $1 AND partition < $2 ORDER BY partition, month`, month, n)
	if err != nil {
		return MonthSeals{}, err
	}
	out := MonthSeals{Seals: list, Missing: []int32{}}
	for p := range n {
		if len(list) > 0 && list[0].Partition == p {
			list = list[1:]
			continue
		}
		out.Missing = append(out.Missing, p)
	}
	return out, nil
}

package query

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// DoublesRow is what messages cost that were charged on both channels. Amounts
// are exact, 6 places.
type DoublesRow struct {
	Key
	Messages int64 // by their charge on Viber
	Currency string
	Viber    string
	SMS      string
	Cost     string
}

var doubleSums = sums{
	kept: keptCosts, has: whose, group: []int{1}, where: "double",
	what: `currency, coalesce(sum(charges) FILTER (WHERE channel = 'viber'), 0)::bigint,
	coalesce(sum(amount) FILTER (WHERE channel = 'viber'), 0)::numeric(24, 6)::text,
	coalesce(sum(amount) FILTER (WHERE channel = 'sms'), 0)::numeric(24, 6)::text,
	sum(amount)::numeric(24, 6)::text`,
}

type doubleSum struct {
	keyed
	Currency         string
	Messages         int64
	Viber, SMS, Cost string
}

// DoublesReport returns an account's messages that were charged twice, a row for
// each currency.
func (r *Reader) DoublesReport(ctx context.Context, f Report) ([]DoublesRow, error) {
	found := newReport(&f, func(Key) []DoublesRow { return nil })
	err := r.snapshot(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return ask(ctx, tx, &f, doubleSums, func(s doubleSum) error {
			return found.change(s.keyed, func(rows *[]DoublesRow) {
				*rows = append(*rows, DoublesRow{f.key(s.keyed), s.Messages, s.Currency, s.Viber, s.SMS, s.Cost})
			})
		})
	})
	if err != nil {
		return nil, err
	}
	out := []DoublesRow{}
	for _, rows := range found.sorted() {
		slices.SortFunc(rows, func(a, b DoublesRow) int { return strings.Compare(a.Currency, b.Currency) })
		out = append(out, rows...)
	}
	return out, nil
}

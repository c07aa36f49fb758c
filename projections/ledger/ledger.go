// Package ledger is the read model of charges and of the months' totals. Money
// comes from here: one row per charge event, and sums that grow only by rows
// that are new, so that a month's totals are the sum of its ledger.
package ledger

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"slices"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/projections"
)

// Name of the projection.
const Name = "ledger"

//go:embed migrations/*.sql
var files embed.FS

// Projection implements projections.Projection.
type Projection struct{ projections.Model }

// New returns the projection.
func New() Projection {
	return Projection{projections.Model{
		Called: Name, Journals: []string{eventstore.Messages}, Files: files,
		Compared: []projections.Table{
			{Name: "charges", Key: "event"},
			{Name: "totals", Key: `account, month COLLATE "C", partition, sender COLLATE "C", country COLLATE "C", channel COLLATE "C",
			category COLLATE "C", content COLLATE "C", currency COLLATE "C", price_version COLLATE "C", adjusts COLLATE "C"`},
		},
		// A line of billing_month_totals is what is rounded, once, half up (rules.md
		// F8); adjusts names the earlier month that the line's charges belong to.
		Contract: []projections.View{
			{Name: "ledger", Select: `SELECT event, message, account, month, nullif(adjusts, '') AS adjusts, sender, country, channel, category,
			content, parts, unit_price, amount, currency, price_version, nullif(waived, '') AS waived, charged_at FROM charges`},
			{Name: "billing_month_totals", Select: `SELECT account, sender, country, channel, category, content, month, currency, price_version,
			nullif(adjusts, '') AS adjusts, sum(count)::bigint AS count, sum(parts)::bigint AS parts, sum(amount)::numeric(24, 6) AS amount,
			sum(waived)::bigint AS waived, round(sum(amount), 2)::numeric(24, 2) AS line_amount
			FROM totals GROUP BY account, sender, country, channel, category, content, month, currency, price_version, adjusts`},
			// What they are the sums of, a partition each.
			{Name: "billing_month_cells", Select: "SELECT account, month, partition, count FROM totals"},
		},
	}}
}

// Wants implements projections.Projection: charges.
func (Projection) Wants(e domain.Event) bool {
	_, ok := e.(message.Charged)
	return ok
}

// Apply implements projections.Projection.
func (Projection) Apply(ctx context.Context, tx projections.Tx, partition int32, events []projections.Event) error {
	events = slices.Clone(events)
	slices.SortFunc(events, func(a, b projections.Event) int { return cmp.Compare(a.ID, b.ID) })
	var messages, accounts projections.UUIDs
	var at projections.Times
	var parts []int64
	text := make([][]string, 13)
	for _, e := range events {
		c, _ := e.Fact.(message.Charged) // Wants lets nothing else through
		id, err := projections.StreamID(Name, e.Stream)
		if err != nil {
			return err
		}
		account, err := projections.UUIDOrNull(c.Account)
		if err != nil {
			return &projections.ErrUnfit{Projection: Name, Stream: e.Stream, What: "its account is no uuid"}
		}
		messages, accounts = append(messages, projections.UUID(id)), append(accounts, account)
		at, parts = append(at, projections.Time(c.At)), append(parts, int64(c.Parts))
		for i, s := range []string{
			e.ID, c.Month, c.Adjusts, c.Sender, c.Country, string(c.Channel), string(c.PricedCategory), string(c.Content),
			c.UnitPrice, c.Amount, c.Currency, c.PriceVersion, c.Waived,
		} {
			text[i] = append(text[i], s)
		}
	}
	tag, err := tx.Exec(ctx, insert, partition, messages, accounts, parts, at, text[0], text[1], text[2], text[3], text[4], text[5], text[6],
		text[7], text[8], text[9], text[10], text[11], text[12])
	if err == nil && tag.RowsAffected() == 0 {
		return &projections.ErrUnfit{Projection: Name, Stream: events[0].Stream, What: "its charge is in the ledger already"}
	}
	if err != nil {
		return fmt.Errorf("write charges: %w", err)
	}
	return nil
}

// insert writes the charges and adds to the totals what was really new.
const insert = `WITH new AS (
	INSERT INTO charges (partition, message, account, parts, charged_at, event, month, adjusts, sender, country, channel, category, content,
		unit_price, amount, currency, price_version, waived)
	SELECT $1, message, account, parts, charged_at, event, month, adjusts, sender, country, channel, category, content,
		unit_price::numeric, amount::numeric, currency, price_version, waived
	FROM unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
		$12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[])
	AS n (message, account, parts, charged_at, event, month, adjusts, sender, country, channel, category, content,
		unit_price, amount, currency, price_version, waived)
	ON CONFLICT DO NOTHING RETURNING *)
INSERT INTO totals AS t (account, month, partition, sender, country, channel, category, content, currency, price_version, adjusts, count, parts, waived, amount)
SELECT account, month, partition, sender, country, channel, category, content, currency, price_version, adjusts,
	count(*), sum(parts), count(*) FILTER (WHERE waived <> ''), sum(amount)
FROM new GROUP BY account, month, partition, sender, country, channel, category, content, currency, price_version, adjusts
ON CONFLICT (account, month, partition, sender, country, channel, category, content, currency, price_version, adjusts)
DO UPDATE SET count = t.count + excluded.count, parts = t.parts + excluded.parts, waived = t.waived + excluded.waived, amount = t.amount + excluded.amount`

package query

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// BillingLine is one line of a month: what is rounded, once (rules.md F8).
type BillingLine struct {
	Account      string `json:"account"`
	Sender       string `json:"sender"`
	Country      string `json:"country"`
	Channel      string `json:"channel"`
	Category     string `json:"category"` // the priced one
	Content      string `json:"content"`
	Month        string `json:"month"`
	Count        int64  `json:"count"`
	Parts        int64  `json:"parts"`
	Waived       int64  `json:"waived,omitempty"` // how many of count cost nothing
	Amount       string `json:"amount"`           // exact, 6 places
	LineAmount   string `json:"line_amount"`      // rounded half up to 2 places
	Currency     string `json:"currency"`
	PriceVersion string `json:"price_version"`
	Adjusts      string `json:"adjusts,omitempty"` // the sealed month that these charges belong to
}

const billingQuery = `SELECT account::text, sender, country, channel, category, content, month, count, parts, waived, amount::text,
	line_amount::text, currency, price_version, coalesce(adjusts, '') FROM goniec.billing_month_totals WHERE month = $1 AND ($2::uuid IS NULL OR account = $2)
	ORDER BY account, sender COLLATE "C", country COLLATE "C", channel COLLATE "C", category COLLATE "C", content COLLATE "C", price_version COLLATE "C", adjusts COLLATE "C"`

// Billing returns the lines of an account's month ("2026-11").
func (r *Reader) Billing(ctx context.Context, account, month string) ([]BillingLine, error) {
	owner, err := id(account)
	if err != nil {
		return nil, err
	}
	return many(ctx, r, pgx.RowToStructByPos[BillingLine], billingQuery, month, owner)
}

// BillingOfAll returns the lines of every account's month. For operators only.
func (r *Reader) BillingOfAll(ctx context.Context, month string) ([]BillingLine, error) {
	return many(ctx, r, pgx.RowToStructByPos[BillingLine], billingQuery, month, nil)
}

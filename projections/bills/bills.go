// Package bills is the read model of accounts' months: whether they are closed,
// their statements line by line, credits and waivers (rules.md F3, F4, F9). What it
// says of a closed month is what the journal holds; nothing is computed here.
package bills

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"goniec/domain"
	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/eventstore"
	"goniec/projections"
)

// Name of the projection.
const Name = "bills"

//go:embed migrations/*.sql
var files embed.FS

// Projection implements projections.Projection.
type Projection struct{ projections.Model }

// New returns the projection. docs/billing-contract.md tells what its views mean.
func New() Projection {
	return Projection{projections.Model{
		Called: Name, Journals: []string{eventstore.Accounts}, Files: files,
		Compared: []projections.Table{{Name: "months", Key: "account, month"}, {Name: "lines", Key: "account, month, number"}},
		Contract: []projections.View{
			{Name: "billing_months", Select: "SELECT account, month, state, closed_at, total, currency, positions, credits, waivers, version FROM months"},
			{Name: "billing_lines", Select: `SELECT account, month, number, kind, rule, sender, country, channel, category, content, price_version, adjusts,
				terms_version, credit, count, parts, waived, exact, amount, currency, note_code, note FROM lines`},
			{Name: "billing_statements", Select: "SELECT account, month, closed_at, statement FROM months WHERE state = 'closed'"},
		},
	}}
}

// Wants implements projections.Projection: every fact of an account's month.
func (Projection) Wants(e domain.Event) bool {
	_, ok := e.(billing.Event)
	return ok
}

// Apply implements projections.Projection. Months change seldom: event by event.
func (Projection) Apply(ctx context.Context, tx projections.Tx, partition int32, events []projections.Event) error {
	return projections.OneByOne(ctx, tx, partition, events, apply)
}

func apply(ctx context.Context, tx projections.Tx, partition int32, e projections.Event) error {
	account, month, ok := billing.ParseStream(e.Stream)
	if !ok {
		return &projections.ErrUnfit{Projection: Name, Stream: e.Stream, What: "its name holds no account and month"}
	}
	s := billing.State{Stream: e.Stream}
	err := tx.QueryRow(ctx, "SELECT fold FROM months WHERE account = $1 AND month = $2", account, month.String()).Scan(&s)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if err := projections.Succeeds(Name, e.Stream, s.Version, e.Version); err != nil {
		return err
	}
	fact, _ := e.Fact.(billing.Event) // Wants lets nothing else through
	s = billing.Evolve(s, fact)
	if err := keep(ctx, tx, partition, account, month, s); err != nil {
		return err
	}
	if closed, ok := fact.(billing.MonthClosed); ok {
		return closeMonth(ctx, tx, partition, e.Time, closed)
	}
	return nil
}

func keep(ctx context.Context, tx projections.Tx, partition int32, account string, month calendar.Month, s billing.State) error {
	fold, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO months (account, month, partition, version, state, credits, waivers, fold)
		VALUES ($1, $2, $3, $4, 'open', coalesce($5::jsonb -> 'credits', '{}'), coalesce($5::jsonb -> 'waivers', '{}'), $5)
		ON CONFLICT (account, month) DO UPDATE SET version = excluded.version, credits = excluded.credits, waivers = excluded.waivers, fold = excluded.fold`,
		account, month.String(), partition, s.Version, fold)
	return err
}

func closeMonth(ctx context.Context, tx projections.Tx, partition int32, at time.Time, e billing.MonthClosed) error {
	s := e.Statement
	positions, err := json.Marshal(e.Positions)
	if err != nil {
		return err
	}
	statement, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE months SET state = 'closed', closed_at = $3, total = $4::text::numeric, currency = $5, positions = $6, statement = $7
		WHERE account = $1 AND month = $2`, s.Account, s.Month.String(), at, s.Total.String(), s.Currency, positions, statement)
	if err != nil {
		return err
	}
	columns := []string{
		"account", "month", "number", "partition", "kind", "rule", "sender", "country", "channel", "category", "content", "price_version", "adjusts",
		"terms_version", "credit", "count", "parts", "waived", "exact", "amount", "currency", "note_code", "note",
	}
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"lines"}, columns, pgx.CopyFromSlice(len(s.Lines), func(i int) ([]any, error) {
		return row(s, i, partition)
	}))
	return err
}

func row(s billing.Statement, i int, partition int32) ([]any, error) {
	account, err := projections.UUIDOrNull(s.Account)
	if err != nil {
		return nil, err
	}
	exact, err := projections.Decimal(s.Lines[i].Exact.String())
	if err != nil {
		return nil, err
	}
	amount, err := projections.Decimal(s.Lines[i].Amount.String())
	if err != nil {
		return nil, err
	}
	l := s.Lines[i]
	adjusts := ""
	if l.Adjusts != (calendar.Month{}) {
		adjusts = l.Adjusts.String()
	}
	return []any{
		account, s.Month.String(), i + 1, partition, l.Kind, l.Rule, text(l.Sender), text(l.Country), text(string(l.Channel)), text(string(l.Category)),
		text(string(l.Content)), text(l.PriceVersion), text(adjusts), text(l.TermsVersion), text(l.Credit), l.Count, l.Parts, l.Waived, exact, amount,
		s.Currency, text(l.Note.Code), text(l.Note.Words),
	}, nil
}

// text is NULL where there is nothing to say.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

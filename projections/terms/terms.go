// Package terms is the read model of what months are billed by: currencies, ways of
// counting notice, and the minimums of every version of the regulations. Its views
// put them together with senders, the ledger and the months, so that it comes last.
package terms

import (
	"cmp"
	"context"
	"embed"
	_ "embed" // the views

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/calendar"
	"goniec/eventstore"
	"goniec/projections"
)

// Name of the projection.
const Name = "terms"

//go:embed migrations/*.sql
var files embed.FS

//go:embed month_traffic.sql
var monthTraffic string

//go:embed forecast.sql
var forecast string

// Projection implements projections.Projection.
type Projection struct{ projections.Model }

// New returns the projection.
func New() Projection {
	return Projection{projections.Model{
		Called: Name, Journals: []string{eventstore.Accounts}, Files: files,
		Compared: []projections.Table{
			{Name: "accounts", Key: "id"},
			{Name: "regulations", Key: "version"},
			{Name: "minimums", Key: `version, country COLLATE "C", currency COLLATE "C"`},
		},
		Contract: []projections.View{
			{Name: "sender_month_traffic", Select: monthTraffic, Reads: []string{"senders", "billing_month_totals", "billing_month_cells", "billing_months"}},
			{Name: "forecast", Select: forecast, Reads: []string{"senders", "sender_month_traffic"}},
		},
	}}
}

// Wants implements projections.Projection.
func (Projection) Wants(e domain.Event) bool {
	switch e.(type) {
	case account.AccountCreated, account.SettingsChanged, account.RegulationsPublished:
		return true
	}
	return false
}

// Apply implements projections.Projection.
func (Projection) Apply(ctx context.Context, tx projections.Tx, partition int32, events []projections.Event) error {
	return projections.OneByOne(ctx, tx, partition, events, apply)
}

func apply(ctx context.Context, tx projections.Tx, partition int32, e projections.Event) error {
	switch fact := e.Fact.(type) {
	case account.AccountCreated:
		return keepAccount(ctx, tx, partition, e, fact.Currency, fact.Settings)
	case account.SettingsChanged:
		return keepAccount(ctx, tx, partition, e, "", fact.Settings)
	case account.RegulationsPublished:
		return keepRegulations(ctx, tx, partition, e, fact)
	}
	return nil
}

// keepAccount keeps an account's currency, "" = as it was, and its way of counting notice.
func keepAccount(ctx context.Context, tx projections.Tx, partition int32, e projections.Event, currency string, s account.Settings) error {
	id, err := projections.StreamID(Name, e.Stream)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO accounts AS a (id, partition, currency, notice_count) VALUES ($1, $2, $3, $4)
		ON CONFLICT (id) DO UPDATE SET currency = coalesce(nullif(excluded.currency, ''), a.currency), notice_count = excluded.notice_count`,
		id, partition, currency, string(cmp.Or(s.NoticeCount, calendar.NoticeDates)))
	return err
}

func keepRegulations(ctx context.Context, tx projections.Tx, partition int32, e projections.Event, r account.RegulationsPublished) error {
	tag, err := tx.Exec(ctx, "INSERT INTO regulations (version, partition, valid_from) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", e.Version, partition, projections.Time(r.ValidFrom))
	if err == nil && tag.RowsAffected() == 0 {
		return &projections.ErrUnfit{Projection: Name, Stream: e.Stream, What: "this version is there already"}
	}
	if err != nil {
		return err
	}
	for _, m := range r.Minimums {
		_, err := tx.Exec(ctx, `INSERT INTO minimums (version, partition, country, currency, unit, amount, messages, mode, scope)
			VALUES ($1, $2, $3, $4, $5, $6::text::numeric, $7, $8, $9)`,
			e.Version, partition, m.Country, m.Currency, m.Unit, m.Amount, m.Messages, m.Mode, m.Scope)
		if err != nil {
			return err
		}
	}
	return nil
}

// Package reports is the read model of carrier reports that fitted no attempt
// when they came: waiting, matched later (perhaps by inference), or unmatched.
package reports

import (
	"context"
	"embed"
	"fmt"
	"strings"

	"goniec/domain"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/projections"
)

// Name of the projection.
const Name = "reports"

//go:embed migrations/*.sql
var files embed.FS

// Projection implements projections.Projection.
type Projection struct{ projections.Model }

// New returns the projection.
func New() Projection {
	return Projection{projections.Model{
		Called: Name, Journals: []string{eventstore.Messages}, Files: files,
		Compared: []projections.Table{{Name: "stored_reports", Key: "id"}},
		// The number is its keyed hash.
		Contract: []projections.View{
			{Name: "unmatched_reports", Select: `SELECT id, number, route, channel, service_id, carrier_id, status, code,
		pending, happened_at, received_at,
		coalesce(why, CASE WHEN pending THEN 'in_flight' ELSE 'no_attempt' END) AS why FROM stored_reports WHERE matched_at IS NULL`},
			{Name: "inferred_reports", Select: `SELECT id, route, channel, service_id, carrier_id, status, code, received_at, matched_at, message, attempt
		FROM stored_reports WHERE inferred`},
		},
	}}
}

// Wants implements projections.Projection.
func (Projection) Wants(e domain.Event) bool {
	switch e.(type) {
	case recipient.ReportStored, recipient.ReportMatched:
		return true
	}
	return false
}

// Apply implements projections.Projection: reports that fit nothing are few, so
// they are written one by one, in journal order.
func (Projection) Apply(ctx context.Context, tx projections.Tx, partition int32, events []projections.Event) error {
	for _, e := range events {
		var err error
		switch f := e.Fact.(type) {
		case recipient.ReportStored:
			_, number, _ := strings.Cut(e.Stream, "/")
			_, err = tx.Exec(ctx, `INSERT INTO stored_reports (id, partition, number, route, channel, service_id, carrier_id, status, code, pending, happened_at, received_at, why)
				VALUES ($1, $2, $3, $4, $5, nullif($6::bigint, 0), $7, $8, nullif($9, ''), $10, $11, $12, nullif($13, ''))
				ON CONFLICT (id) DO UPDATE SET pending = excluded.pending`,
				f.ID, partition, number, f.Route, f.Channel, f.ServiceID, f.CarrierID, f.Status, f.Code, f.Pending, f.At, f.Received, f.Why)
		case recipient.ReportMatched:
			_, err = tx.Exec(ctx, `UPDATE stored_reports SET pending = false, matched_at = $2, message = nullif($3, '')::uuid,
				attempt = nullif($4, '')::uuid, inferred = $5 WHERE id = $1`,
				f.ID, e.Time, strings.TrimPrefix(f.Message, "message/"), f.Attempt, f.Inferred)
		}
		if err != nil {
			return fmt.Errorf("report in %s: %w", e.Type, err)
		}
	}
	return nil
}

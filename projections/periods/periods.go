// Package periods is the read model of the billing months that are closed: which
// partition has sealed which month, and where in its journal (rules.md F4).
package periods

import (
	"context"
	"embed"
	"fmt"

	"goniec/domain"
	"goniec/domain/partition"
	"goniec/eventstore"
	"goniec/projections"
)

// Name of the projection.
const Name = "periods"

//go:embed migrations/*.sql
var files embed.FS

// Projection implements projections.Projection.
type Projection struct{ projections.Model }

// New returns the projection.
func New() Projection {
	return Projection{projections.Model{
		Called: Name, Journals: []string{eventstore.Messages}, Files: files,
		Compared: []projections.Table{{Name: "seals", Key: "partition, month"}},
		// A partition's first seal is of its month and of all before it.
		Contract: []projections.View{{Name: "billing_seals", Select: "SELECT month, partition, position, sealed_at FROM seals"}},
	}}
}

// Wants implements projections.Projection.
func (Projection) Wants(e domain.Event) bool {
	_, ok := e.(partition.PeriodSealed)
	return ok
}

// Apply implements projections.Projection: a partition has one seal a month.
func (Projection) Apply(ctx context.Context, tx projections.Tx, p int32, events []projections.Event) error {
	for _, e := range events {
		f, _ := e.Fact.(partition.PeriodSealed) // Wants lets nothing else through
		tag, err := tx.Exec(ctx, "INSERT INTO seals (month, partition, position, sealed_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", f.Month, p, e.Offset, e.Time)
		if err != nil {
			return fmt.Errorf("%s: %w", e.Type, err)
		}
		if tag.RowsAffected() == 0 {
			return &projections.ErrUnfit{Projection: Name, Stream: e.Stream, What: "the month " + f.Month + " is sealed already"}
		}
	}
	return nil
}

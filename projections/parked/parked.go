// Package parked is the read model of what could not be processed and was put
// aside, and of what became of it, for the operator.
package parked

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"goniec/domain"
	"goniec/domain/partition"
	"goniec/eventstore"
	"goniec/projections"
)

// Name of the projection.
const Name = "parked"

//go:embed migrations/*.sql
var files embed.FS

// Projection implements projections.Projection.
type Projection struct{}

// Name implements projections.Projection.
func (Projection) Name() string { return Name }

// Topics implements projections.Projection.
func (Projection) Topics() []string { return []string{eventstore.Messages} }

// Wants implements projections.Projection.
func (Projection) Wants(e domain.Event) bool {
	switch e.(type) {
	case partition.Parked, partition.Retried, partition.RetryFailed, partition.Dropped, partition.ContentRead:
		return true
	}
	return false
}

// Migrations implements projections.Projection.
func (Projection) Migrations() fs.FS {
	sub, _ := fs.Sub(files, "migrations") // the folder is embedded
	return sub
}

// Tables implements projections.Projection.
func (Projection) Tables() []projections.Table {
	return []projections.Table{{Name: "parked", Key: "id"}}
}

// Views implements projections.Projection. The bytes of a parked command are
// sealed with a day key, and are kept here only while it is parked.
func (Projection) Views() []projections.View {
	return []projections.View{
		{Name: "parked", Select: `SELECT event, partition, command, type, stream, reason, detail, lane, lane_offset, received_at, parked_at,
		id, position, account, state, retries, shown, ended_at, ended_by, note FROM parked`},
		{Name: "parked_contents", Select: "SELECT id, sealed FROM parked WHERE sealed IS NOT NULL"},
	}
}

// Apply implements projections.Projection: what is parked is little, so it is
// written one by one, in journal order.
func (Projection) Apply(ctx context.Context, tx projections.Tx, p int32, events []projections.Event) error {
	for _, e := range events {
		id, ok := strings.CutPrefix(e.Stream, partition.StreamPrefix)
		if !ok {
			continue // an early build's, see partition.Evolve
		}
		var err error
		switch f := e.Fact.(type) {
		case partition.Parked:
			err = insert(ctx, tx, p, id, e, f)
		case partition.RetryFailed:
			_, err = tx.Exec(ctx, "UPDATE parked SET reason = $2, detail = $3, retries = retries + 1 WHERE id = $1", id, f.Reason, f.Detail)
		case partition.ContentRead:
			_, err = tx.Exec(ctx, "UPDATE parked SET shown = shown + 1 WHERE id = $1", id)
		case partition.Retried:
			err = end(ctx, tx, id, e, partition.StatusRetried, f.By, f.Refused)
		case partition.Dropped:
			err = end(ctx, tx, id, e, partition.StatusDropped, f.By, f.Reason)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", e.Type, err)
		}
	}
	return nil
}

// insert writes what was parked; a thing that is over may be parked again.
func insert(ctx context.Context, tx projections.Tx, p int32, id string, e projections.Event, f partition.Parked) error {
	_, err := tx.Exec(ctx, `INSERT INTO parked (id, event, partition, command, type, stream, position, account, reason, detail, lane, lane_offset, received_at, parked_at, sealed, state)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'parked')
		ON CONFLICT (id) DO UPDATE SET event = excluded.event, position = excluded.position, reason = excluded.reason, detail = excluded.detail,
			received_at = excluded.received_at, parked_at = excluded.parked_at, sealed = excluded.sealed, state = 'parked',
			ended_at = NULL, ended_by = NULL, note = NULL`,
		id, e.ID, p, f.Command, f.Type, f.Stream, f.Position, f.Account, f.Reason, f.Detail, f.Lane, f.Offset, projections.Time(f.Received), e.Time, f.Sealed)
	return err
}

func end(ctx context.Context, tx projections.Tx, id string, e projections.Event, state partition.Status, by, note string) error {
	_, err := tx.Exec(ctx, "UPDATE parked SET state = $2, ended_at = $3, ended_by = $4, note = nullif($5, ''), sealed = NULL WHERE id = $1",
		id, string(state), e.Time, by, note)
	return err
}

// Package optouts is the read model of opt-outs: for each recipient of an
// account, channel and category the last word said (rules.md E2).
package optouts

import (
	"context"
	"embed"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"goniec/domain"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/projections"
)

// Name of the projection.
const Name = "opt_outs"

//go:embed migrations/*.sql
var files embed.FS

// Projection implements projections.Projection.
type Projection struct{ projections.Model }

// New returns the projection.
func New() Projection {
	return Projection{projections.Model{
		Called: Name, Journals: []string{eventstore.Messages}, Files: files,
		Compared: []projections.Table{{Name: "opt_outs", Key: `recipient, channel COLLATE "C", category COLLATE "C"`}},
		Contract: []projections.View{{
			Name:   "opt_outs",
			Select: "SELECT account, recipient, channel, category, stopped, origin, message, sender, said_at FROM opt_outs",
		}},
	}}
}

// Wants implements projections.Projection.
func (Projection) Wants(e domain.Event) bool {
	switch e.(type) {
	case recipient.OptOutRecorded, recipient.OptOutLifted:
		return true
	}
	return false
}

// said is the last word on one channel and category.
type said struct {
	account, message, sender, origin string
	stopped                          bool
	event                            projections.Event
}

type where struct {
	recipient uuid.UUID
	scope     recipient.Scope
}

// Apply implements projections.Projection.
func (Projection) Apply(ctx context.Context, tx projections.Tx, partition int32, events []projections.Event) error {
	last := map[where]said{}
	for _, e := range events {
		id, err := projections.StreamID(Name, e.Stream)
		if err != nil {
			return err
		}
		switch f := e.Fact.(type) {
		case recipient.OptOutRecorded:
			for _, s := range f.Stops {
				last[where{id, s}] = said{f.Account, messageID(f.Message), f.Sender, f.Origin, true, e}
			}
		case recipient.OptOutLifted:
			for _, s := range f.Opens {
				last[where{id, s}] = said{f.Account, "", "", f.Origin, false, e}
			}
		}
	}
	for w, s := range last {
		_, err := tx.Exec(ctx, `INSERT INTO opt_outs (recipient, channel, category, partition, account, stopped, origin, message, sender, said_at, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, nullif($8, '')::uuid, nullif($9, ''), $10, $11)
			ON CONFLICT (recipient, channel, category) DO UPDATE SET stopped = excluded.stopped, origin = excluded.origin,
				message = excluded.message, sender = excluded.sender, said_at = excluded.said_at, version = excluded.version`,
			w.recipient, w.scope.Channel, w.scope.Category, partition, s.account, s.stopped, s.origin, s.message, s.sender, s.event.Time, s.event.Version)
		if err != nil {
			return fmt.Errorf("write opt-out: %w", err)
		}
	}
	return nil
}

// messageID accepts a message's id with or without its stream's prefix.
func messageID(s string) string { return strings.TrimPrefix(s, "message/") }

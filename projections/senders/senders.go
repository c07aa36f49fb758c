// Package senders is the read model of sender configurations: their states and
// how they came to them.
package senders

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/eventstore"
	"goniec/projections"
)

// Name of the projection.
const Name = "senders"

//go:embed migrations/*.sql
var files embed.FS

// Projection implements projections.Projection.
type Projection struct{ projections.Model }

// New returns the projection.
func New() Projection {
	return Projection{projections.Model{
		Called: Name, Journals: []string{eventstore.Accounts}, Files: files,
		Compared: []projections.Table{{Name: "senders", Key: "id"}},
		Contract: []projections.View{{Name: "senders", Select: `SELECT id, account, version, name, company, country, two_way, state, service_id,
		active_on, submitted_at, reasons, created_at, updated_at, history FROM senders`}},
	}}
}

// Wants implements projections.Projection: every fact of a configuration.
func (Projection) Wants(e domain.Event) bool {
	switch e.(type) {
	case account.SenderCreated, account.SenderDraftSaved, account.SenderSubmitted, account.SenderPassed, account.SenderWithdrawn,
		account.SenderApproved, account.SenderReturned, account.SenderDisabled, account.SenderEnabled:
		return true
	}
	return false
}

// Change is one line of a configuration's history, which leaves out the saves of
// its form: they may be many, and each is an event of the journal.
type Change struct {
	At      time.Time            `json:"at"`
	Type    string               `json:"type"` // "created", "submitted", "passed", "withdrawn", "approved", "returned", "disabled", "enabled"
	State   account.SenderStatus `json:"state"`
	Actor   string               `json:"actor,omitempty"`
	Reasons []string             `json:"reasons,omitempty"`
}

// stored is what the fold keeps beside the columns.
type stored struct {
	State    account.State `json:"state"`
	ActiveOn time.Time     `json:"active_on,omitzero"`
	Reasons  []string      `json:"reasons"`
	Created  time.Time     `json:"created_at"`
	Updated  time.Time     `json:"updated_at"`
	History  []Change      `json:"history"`
}

// Apply implements projections.Projection. Configurations change seldom: they
// are folded one by one.
func (Projection) Apply(ctx context.Context, tx projections.Tx, partition int32, events []projections.Event) error {
	var order []string
	byStream := map[string][]projections.Event{}
	for _, e := range events {
		if byStream[e.Stream] == nil {
			order = append(order, e.Stream)
		}
		byStream[e.Stream] = append(byStream[e.Stream], e)
	}
	for _, stream := range order {
		if err := applyOne(ctx, tx, partition, stream, byStream[stream]); err != nil {
			return fmt.Errorf("sender %s: %w", stream, err)
		}
	}
	return nil
}

func applyOne(ctx context.Context, tx projections.Tx, partition int32, stream string, events []projections.Event) error {
	id, err := projections.StreamID(Name, stream)
	if err != nil {
		return err
	}
	s := stored{State: account.State{Stream: stream}, Reasons: []string{}}
	err = tx.QueryRow(ctx, "SELECT fold FROM senders WHERE id = $1", id).Scan(&s)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	for _, e := range events {
		if err := projections.Succeeds(Name, stream, s.State.Version, e.Version); err != nil {
			return err
		}
		s.fold(e)
	}
	fold, err := json.Marshal(s)
	if err != nil {
		return err
	}
	sender := s.State.Sender
	_, err = tx.Exec(ctx, `INSERT INTO senders (id, partition, account, version, name, company, country, two_way, state, service_id,
			active_on, submitted_at, reasons, created_at, updated_at, history, fold)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, nullif($10::bigint, 0), $11, $12, $13, $14, $15, $16, $17)
		ON CONFLICT (id) DO UPDATE SET version = excluded.version, company = excluded.company, two_way = excluded.two_way, state = excluded.state, service_id = excluded.service_id,
			active_on = excluded.active_on, submitted_at = excluded.submitted_at, reasons = excluded.reasons,
			updated_at = excluded.updated_at, history = excluded.history, fold = excluded.fold`,
		id, partition, sender.Account, s.State.Version, sender.Name, sender.Company, sender.Country, sender.TwoWay, sender.Status, sender.ServiceID,
		projections.Time(s.ActiveOn), projections.Time(sender.SubmittedAt), s.Reasons, s.Created, s.Updated, s.History, fold)
	return err
}

func (s *stored) fold(e projections.Event) {
	fact, _ := e.Fact.(account.Event) // Wants lets nothing else through
	c := Change{At: e.Time, Actor: e.Actor}
	s.Updated = e.Time
	switch f := fact.(type) {
	case account.SenderCreated:
		c.Type, s.Created = "created", e.Time
	case account.SenderSubmitted:
		c.Type, s.Reasons = "submitted", []string{}
	case account.SenderPassed:
		c.Type = "passed"
	case account.SenderWithdrawn:
		c.Type = "withdrawn"
	case account.SenderApproved:
		c.Type, s.ActiveOn = "approved", f.ActiveOn
	case account.SenderReturned:
		c.Type, c.Reasons, s.Reasons = "returned", f.Reasons, f.Reasons
	case account.SenderDisabled:
		c.Type, c.Reasons = "disabled", []string{f.Reason}
	case account.SenderEnabled:
		c.Type = "enabled"
	}
	s.State = account.Evolve(s.State, fact)
	s.State.Version = e.Version
	c.State = s.State.Sender.Status
	if c.Type != "" {
		s.History = append(s.History, c)
	}
}

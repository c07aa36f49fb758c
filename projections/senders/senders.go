// Package senders is the read model of sender configurations: their states and
// how they came to them.
package senders

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
		Contract: []projections.View{
			{Name: "senders", Select: `SELECT id, account, version, name, company, country, two_way, state, service_id,
		active_on, submitted_at, reasons, created_at, updated_at, history, suspended, closed, ends_with, closes, enabled_from,
			changing, task, task_due, active_spells, suspended_spells,
			fold #> '{state,sender,offs}' AS offs, fold #> '{state,sender,ons}' AS ons FROM senders`},
			{Name: "sender_states", Select: `SELECT account, id AS sender, name, country, company, state,
			array_remove(ARRAY[CASE WHEN suspended THEN 'suspended' END, CASE WHEN ends_with IS NOT NULL THEN 'closing' END, CASE WHEN closed THEN 'closed' END], NULL) AS badges,
			((ends_with || '-01')::date + interval '1 month' - interval '1 day')::date AS ends_on, closes AS ends_for_good, enabled_from,
			service_id, submitted_at, active_on, active_spells, suspended_spells, updated_at, history FROM senders`},
		},
	}}
}

// Wants implements projections.Projection: every fact of a configuration.
func (Projection) Wants(e domain.Event) bool {
	fact, ok := e.(account.Event)
	return ok && account.OfSender(fact)
}

// Change is one line of a configuration's history, which leaves out the saves of
// its form and the carrier's single refusals (B13): they may be many, and each is an
// event of the journal.
type Change struct {
	At      time.Time            `json:"at"`
	Type    string               `json:"type"` // of the event, without "goniec.sender." and version: "created", "submitted", …
	State   account.SenderStatus `json:"state"`
	Actor   string               `json:"actor,omitempty"`
	Reasons []string             `json:"reasons,omitempty"`
}

// stored is what the fold keeps beside the columns.
type stored struct {
	State   account.State `json:"state"`
	Created time.Time     `json:"created_at"`
	Updated time.Time     `json:"updated_at"`
	History []Change      `json:"history"`
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
	s := stored{State: account.State{Stream: stream}}
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
	x := s.State.Sender
	_, err = tx.Exec(ctx, upsert,
		id, partition, x.Account, s.State.Version, x.Name, x.Company, x.Country, x.TwoWay, x.Status, x.ServiceID,
		projections.Time(x.ActiveOn), projections.Time(x.Submission.At), list(x.Reasons), s.Created, s.Updated, s.History, fold,
		x.Suspension != nil, x.Closed, endsWith(x), x.Notice != nil && x.Notice.Close, enabledFrom(x),
		x.Change != nil && x.Change.UnderReview, taskKind(x), taskDue(x), list(x.Active), list(x.Suspended))
	return err
}

const upsert = `INSERT INTO senders (id, partition, account, version, name, company, country, two_way, state, service_id,
		active_on, submitted_at, reasons, created_at, updated_at, history, fold, suspended, closed, ends_with, closes, enabled_from,
		changing, task, task_due, active_spells, suspended_spells)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, nullif($10::bigint, 0), $11, $12, $13, $14, $15, $16, $17, $18, $19, nullif($20, ''), $21,
		nullif($22, '')::date, $23, nullif($24, ''), $25, $26, $27)
	ON CONFLICT (id) DO UPDATE SET version = excluded.version, company = excluded.company, two_way = excluded.two_way, state = excluded.state, service_id = excluded.service_id,
		active_on = excluded.active_on, submitted_at = excluded.submitted_at, reasons = excluded.reasons,
		updated_at = excluded.updated_at, history = excluded.history, fold = excluded.fold, suspended = excluded.suspended, closed = excluded.closed,
		ends_with = excluded.ends_with, closes = excluded.closes, enabled_from = excluded.enabled_from, changing = excluded.changing,
		task = excluded.task, task_due = excluded.task_due, active_spells = excluded.active_spells, suspended_spells = excluded.suspended_spells`

// list is never null.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

func endsWith(x *account.SenderState) string {
	if x.Notice == nil {
		return ""
	}
	return x.Notice.Month.String()
}

func enabledFrom(x *account.SenderState) string {
	if x.Enabling == nil {
		return ""
	}
	return x.Enabling.From.String()
}

// taskKind and taskDue are of the task that is open.
func taskKind(x *account.SenderState) string {
	if x.Task == nil || x.Task.Done {
		return ""
	}
	return string(x.Task.Kind)
}

func taskDue(x *account.SenderState) any {
	if taskKind(x) == "" {
		return nil
	}
	return projections.Time(x.Task.Due)
}

func (s *stored) fold(e projections.Event) {
	fact, _ := e.Fact.(account.Event) // Wants lets nothing else through
	s.Updated = e.Time
	s.State = account.Evolve(s.State, fact, e.Time)
	s.State.Version = e.Version
	if _, created := fact.(account.SenderCreated); created {
		s.Created = e.Time
	}
	if typ := changeType(e.Type); !strings.HasSuffix(typ, "_saved") && e.Type != account.TypeSenderRefused {
		s.History = append(s.History, Change{At: e.Time, Actor: e.Actor, Type: typ, State: s.State.Sender.Status, Reasons: account.ReasonsOf(fact)})
	}
}

// changeType is the middle of "goniec.sender.created.v1".
func changeType(typ string) string {
	typ = strings.TrimPrefix(typ, "goniec.sender.")
	name, _, _ := strings.Cut(typ, ".")
	return name
}

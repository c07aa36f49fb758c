// Package messages is the read model of messages with their timelines, and of
// the traffic counted from them. Both are one projection, since traffic counts
// messages by what has become of them, which only the folded message tells: a
// fold of its own would double the rows written.
package messages

import (
	"context"
	"embed"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/projections"
)

// Name of the projection.
const Name = "messages"

//go:embed migrations/*.sql
var files embed.FS

// Projection implements projections.Projection.
type Projection struct{ projections.Model }

// New returns the projection.
func New() Projection {
	return Projection{projections.Model{
		Called: Name, Journals: []string{eventstore.Messages}, Files: files,
		// Cells that came back to nothing do not count.
		Compared: []projections.Table{
			{Name: "messages", Key: "id"},
			{Name: "traffic", Key: `account, hour, partition, country COLLATE "C", sender COLLATE "C", category COLLATE "C", tag COLLATE "C",
			state COLLATE "C", channel COLLATE "C", fallback_reason COLLATE "C", sent, late, double`, Where: "messages <> 0"},
			{Name: "costs", Key: `account, hour, partition, country COLLATE "C", sender COLLATE "C", category COLLATE "C", tag COLLATE "C",
			channel COLLATE "C", currency COLLATE "C", double`, Where: "charges <> 0"},
			{Name: "times", Key: `account, hour, partition, country COLLATE "C", sender COLLATE "C", what COLLATE "C", channel COLLATE "C", slot`, Where: "messages <> 0"},
			{Name: "traffic_sums", Key: `account, span COLLATE "C", start, partition, country COLLATE "C", sender COLLATE "C", category COLLATE "C", tag COLLATE "C",
			fallback_reason COLLATE "C"`, Where: "accepted <> 0"},
			{Name: "cost_sums", Key: `account, span COLLATE "C", start, partition, country COLLATE "C", sender COLLATE "C", category COLLATE "C", tag COLLATE "C",
			channel COLLATE "C", currency COLLATE "C", double`, Where: "charges <> 0"},
			{Name: "time_sums", Key: `account, span COLLATE "C", start, partition, country COLLATE "C", sender COLLATE "C", what COLLATE "C", channel COLLATE "C", slot`, Where: "messages <> 0"},
		},
		Contract: []projections.View{
			{Name: "messages", Select: `SELECT id, account, version, state, ended_at IS NOT NULL AS ended, ended_at, channel, recipient,
			country, sender, category, priced_category, content, client_ref, tags, sms_parts, test, fallback_reason, reason,
			late_delivery, double_delivery, accepted_at, deadline, updated_at, sent_at, delivered_at, read_at,
			('[' || charges || ']')::jsonb AS charges, ('[' || timeline || ']')::jsonb AS timeline,
			waits_for, send_at FROM messages`},
			{Name: "unknown_attempts", Select: `SELECT m.id AS message, m.account, m.state, m.country, m.sender, m.client_ref, u->>'attempt' AS attempt, u->>'channel' AS channel,
			u->>'route' AS route, (u->>'since')::timestamptz AS since, u->>'reason' AS reason, coalesce(u->>'code', '') AS code
			FROM messages m, jsonb_array_elements(('[' || m.unknown || ']')::jsonb) u WHERE m.unknown IS NOT NULL`},
			{Name: "traffic", Select: "SELECT account, hour, country, sender, category, tag, state, channel, fallback_reason, sent, late, double, " +
				"sum(messages)::bigint AS messages FROM traffic WHERE messages <> 0 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12"},
			{Name: "traffic_by_hour", Select: "SELECT account, hour, country, sender, category, tag, " + counters +
				" FROM traffic WHERE messages <> 0 GROUP BY 1, 2, 3, 4, 5, 6"},
			{Name: "traffic_by_day", Select: "SELECT account, " + day + " AS day, country, sender, category, tag, " + counters +
				" FROM traffic WHERE messages <> 0 GROUP BY 1, 2, 3, 4, 5, 6"},
			{Name: "traffic_fallbacks_by_day", Select: "SELECT account, " + day + " AS day, country, sender, category, tag, fallback_reason AS reason, " +
				"sum(messages)::bigint AS messages FROM traffic WHERE messages <> 0 AND fallback_reason <> '' GROUP BY 1, 2, 3, 4, 5, 6, 7"},
			// The cells themselves, a partition each: whoever asks sums them up once.
			{Name: "traffic_cells", Select: `SELECT account, hour, country, sender, category, tag, state, channel, fallback_reason, sent, late, double, messages
			FROM traffic WHERE messages <> 0`},
			{Name: "cost_cells", Select: `SELECT account, hour, country, sender, category, tag, channel, currency, double, charges, parts, amount
			FROM costs WHERE charges <> 0`},
			{Name: "time_cells", Select: "SELECT account, hour, country, sender, what, channel, slot, messages FROM times WHERE messages <> 0"},
			// The same of longer spans: an hour of all senders, with sender '', and a month of UTC of each sender.
			{Name: "traffic_sums", Select: `SELECT account, span, start, country, sender, category, tag, fallback_reason,
			accepted, sent, delivered_viber, delivered_sms, read, late, double, failed, unknown, cancelled FROM traffic_sums WHERE accepted <> 0`},
			{Name: "cost_sums", Select: `SELECT account, span, start, country, sender, category, tag, channel, currency, double, charges, parts, amount
			FROM cost_sums WHERE charges <> 0`},
			{Name: "time_sums", Select: "SELECT account, span, start, country, sender, what, channel, slot, messages FROM time_sums WHERE messages <> 0"},
		},
	}}
}

// Wants implements projections.Projection: every fact of a message.
func (Projection) Wants(e domain.Event) bool {
	_, ok := e.(message.Event)
	return ok
}

const counters = `sum(messages)::bigint AS accepted,
	coalesce(sum(messages) FILTER (WHERE sent), 0)::bigint AS sent,
	coalesce(sum(messages) FILTER (WHERE state IN ('delivered', 'read')), 0)::bigint AS delivered,
	coalesce(sum(messages) FILTER (WHERE state IN ('delivered', 'read') AND channel = 'viber'), 0)::bigint AS delivered_viber,
	coalesce(sum(messages) FILTER (WHERE state IN ('delivered', 'read') AND channel = 'sms'), 0)::bigint AS delivered_sms,
	coalesce(sum(messages) FILTER (WHERE state = 'read'), 0)::bigint AS read,
	coalesce(sum(messages) FILTER (WHERE fallback_reason <> ''), 0)::bigint AS fallbacks,
	coalesce(sum(messages) FILTER (WHERE late), 0)::bigint AS late,
	coalesce(sum(messages) FILTER (WHERE double), 0)::bigint AS double,
	coalesce(sum(messages) FILTER (WHERE state = 'failed'), 0)::bigint AS failed,
	coalesce(sum(messages) FILTER (WHERE state = 'unknown'), 0)::bigint AS unknown,
	coalesce(sum(messages) FILTER (WHERE state = 'cancelled'), 0)::bigint AS cancelled`

// day is the date of an hour in the installation's billing zone.
const day = `(hour AT TIME ZONE (SELECT value FROM goniec.settings WHERE name = 'billing_zone'))::date`

// Session implements projections.Sessioned: it remembers the messages written
// last, since most of them change again within seconds.
func (p Projection) Session() projections.Projection { return &session{p, newRecent()} }

type session struct {
	Projection
	recent *recent
}

// Apply implements projections.Projection.
func (s *session) Apply(ctx context.Context, tx projections.Tx, partition int32, events []projections.Event) error {
	return apply(ctx, tx, partition, events, s.recent)
}

// Apply implements projections.Projection.
func (Projection) Apply(ctx context.Context, tx projections.Tx, partition int32, events []projections.Event) error {
	return apply(ctx, tx, partition, events, newRecent())
}

func apply(ctx context.Context, tx projections.Tx, partition int32, events []projections.Event, recent *recent) error {
	for _, part := range lives(events) {
		if err := applyPart(ctx, tx, partition, part, recent); err != nil {
			return err
		}
	}
	return nil
}

func applyPart(ctx context.Context, tx projections.Tx, partition int32, events []projections.Event, recent *recent) error {
	rows, unknown, err := group(events, recent)
	if err != nil {
		return err
	}
	if err := load(ctx, tx, unknown); err != nil {
		return err
	}
	delta := newSums()
	for _, r := range rows {
		if err := r.fold(); err != nil {
			return err
		}
		if err := delta.move(r); err != nil {
			return err
		}
	}
	if err := write(ctx, tx, partition, rows, delta); err != nil {
		return err
	}
	recent.keep(rows)
	return nil
}

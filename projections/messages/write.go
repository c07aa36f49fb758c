package messages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"goniec/projections"
)

// columns are the rows turned sideways, as unnest takes them.
type columns struct {
	ids, accounts, recipients                                              projections.UUIDs
	bases, versions, smsParts                                              []int64
	states, channels, countries, senders, categories, priced, contents     []string
	refs, tags, fallbacks, reasons, charges, timelines, unknowns           []string
	tests, lates, doubles                                                  []bool
	waits                                                                  []string
	acceptedAt, deadlines, updatedAt, endedAt, sentAt, deliveredAt, readAt projections.Times
	sendAt                                                                 projections.Times
	folds                                                                  [][]byte
}

// write puts new messages in and adds to the known ones, in one round trip.
func write(ctx context.Context, tx projections.Tx, partition int32, rows []*row, delta sums) error {
	var fresh, known columns
	for _, r := range rows {
		c := &known
		if r.base == 0 {
			c = &fresh
		}
		if err := c.add(r); err != nil {
			return fmt.Errorf("message %s: %w", r.stream, err)
		}
	}
	var b pgx.Batch
	var want []int
	if n := len(fresh.ids); n > 0 {
		fresh.queueInsert(&b)
		want = append(want, n)
	}
	if n := len(known.ids); n > 0 {
		known.queueUpdate(&b)
		want = append(want, n)
	}
	delta.queue(&b, partition)
	missing, err := send(ctx, tx, &b, want)
	if err == nil && len(fresh.ids) > 0 && missing[0] > 0 {
		missing[0], err = fresh.replace(ctx, tx, missing[0])
	}
	if err != nil {
		return err
	}
	for i, n := range missing {
		if n != 0 {
			return &projections.ErrUnfit{
				Projection: Name, Stream: "message/…",
				What: fmt.Sprintf("%d of %d messages of the batch were not at the version that it begins with", n, want[i]),
			}
		}
	}
	return nil
}

// send runs the batch; it answers by how many rows each of the first statements
// missed the number that was meant.
func send(ctx context.Context, tx projections.Tx, b *pgx.Batch, want []int) (missing []int64, err error) {
	res := tx.SendBatch(ctx, b)
	defer func() { err = errors.Join(err, res.Close()) }()
	for _, n := range want {
		tag, err := res.Exec()
		if err != nil {
			return nil, fmt.Errorf("write messages: %w", err)
		}
		missing = append(missing, int64(n)-tag.RowsAffected())
	}
	return missing, nil
}

func (c *columns) add(r *row) error {
	recipient, err := projections.UUIDOrNull(r.recipient)
	if err != nil {
		return fmt.Errorf("recipient: %w", err)
	}
	fold, err := r.kept()
	if err != nil {
		return fmt.Errorf("fold: %w", err)
	}
	c.folds = append(c.folds, fold)
	c.timelines = append(c.timelines, string(appendSteps(make([]byte, 0, 128*len(r.steps)), r.steps, r.base > 0)))
	c.charges = append(c.charges, encode(r.charges, r.charged))
	c.unknowns = append(c.unknowns, encode(r.unknown, false))
	c.ids = append(c.ids, projections.UUID(r.id))
	c.bases, c.versions = append(c.bases, r.base), append(c.versions, r.version)
	c.states, c.channels = append(c.states, string(r.state.Status)), append(c.channels, string(r.state.FirstChannel))
	c.fallbacks, c.reasons = append(c.fallbacks, r.state.FallbackReason), append(c.reasons, r.reason())
	c.lates, c.doubles = append(c.lates, r.late), append(c.doubles, r.double)
	c.updatedAt, c.endedAt = append(c.updatedAt, projections.Time(r.updatedAt)), append(c.endedAt, projections.Time(r.state.EndedAt))
	c.deadlines, c.sendAt = append(c.deadlines, projections.Time(r.state.Deadline)), append(c.sendAt, projections.Time(r.sendAt))
	c.waits = append(c.waits, string(r.state.Waits()))
	c.sentAt, c.readAt = append(c.sentAt, projections.Time(r.sentAt)), append(c.readAt, projections.Time(r.readAt))
	c.deliveredAt = append(c.deliveredAt, projections.Time(r.state.FirstAt))
	if r.base > 0 {
		return nil
	}
	c.accounts, c.recipients = append(c.accounts, projections.UUID(r.account)), append(c.recipients, recipient)
	c.countries, c.senders, c.contents = append(c.countries, r.country), append(c.senders, r.sender), append(c.contents, r.content)
	c.categories, c.priced = append(c.categories, r.category), append(c.priced, r.priced)
	c.smsParts = append(c.smsParts, int64(r.smsParts))
	c.refs, c.tests = append(c.refs, r.clientRef), append(c.tests, r.test)
	c.acceptedAt = append(c.acceptedAt, projections.Time(r.acceptedAt))
	tags := ""
	if len(r.tags) > 0 {
		list, _ := json.Marshal(r.tags) // strings: cannot fail
		tags = string(list)
	}
	c.tags = append(c.tags, tags)
	return nil
}

// encode turns a list into JSON objects separated by commas; with more they
// are appended to a list that is not empty.
func encode[T any](list []T, more bool) string {
	if len(list) == 0 {
		return ""
	}
	out, _ := json.Marshal(list) // strings, numbers, times of our own: cannot fail
	out = out[:len(out)-1]
	if more {
		out[0] = ','
		return string(out)
	}
	return string(out[1:])
}

func (c *columns) queueInsert(b *pgx.Batch) {
	b.Queue(`INSERT INTO messages (id, account, version, state, ended_at, channel, recipient, country, sender, category, priced_category, content,
			client_ref, tags, test, fallback_reason, reason, late_delivery, double_delivery,
			accepted_at, updated_at, sent_at, delivered_at, read_at, charges, timeline, fold, sms_parts, deadline, waits_for, send_at, unknown)
		SELECT id, account, version, state, ended_at, nullif(channel, ''), recipient, country, sender, category, priced_category, content,
			nullif(client_ref, ''), nullif(tags, '')::jsonb, test, nullif(fallback_reason, ''), nullif(reason, ''), late, double,
			accepted_at, updated_at, sent_at, delivered_at, read_at, charges, timeline, fold, nullif(sms_parts, 0), deadline, nullif(waits_for, ''), send_at, nullif(unknown, '')
		FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::timestamptz[], $6::text[], $7::uuid[], $8::text[], $9::text[], $10::text[],
			$11::text[], $12::text[], $13::text[], $14::text[], $15::bool[], $16::text[], $17::text[], $18::bool[], $19::bool[],
			$20::timestamptz[], $21::timestamptz[], $22::timestamptz[], $23::timestamptz[], $24::timestamptz[], $25::text[], $26::text[], $27::bytea[], $28::bigint[], $29::timestamptz[],
			$30::text[], $31::timestamptz[], $32::text[])
		AS n (id, account, version, state, ended_at, channel, recipient, country, sender, category, priced_category, content,
			client_ref, tags, test, fallback_reason, reason, late, double,
			accepted_at, updated_at, sent_at, delivered_at, read_at, charges, timeline, fold, sms_parts, deadline, waits_for, send_at, unknown)
		ON CONFLICT DO NOTHING`,
		c.ids, c.accounts, c.versions, c.states, c.endedAt, c.channels, c.recipients, c.countries, c.senders, c.categories,
		c.priced, c.contents, c.refs, c.tags, c.tests, c.fallbacks, c.reasons, c.lates, c.doubles,
		c.acceptedAt, c.updatedAt, c.sentAt, c.deliveredAt, c.readAt, c.charges, c.timelines, c.folds, c.smsParts, c.deadlines, c.waits, c.sendAt, c.unknowns)
}

func (c *columns) queueUpdate(b *pgx.Batch) {
	b.Queue(`UPDATE messages m SET version = n.version, state = n.state, ended_at = n.ended_at, channel = nullif(n.channel, ''),
			fallback_reason = nullif(n.fallback_reason, ''), reason = nullif(n.reason, ''), late_delivery = n.late, double_delivery = n.double,
			updated_at = n.updated_at, sent_at = n.sent_at, delivered_at = n.delivered_at, read_at = n.read_at,
			charges = m.charges || n.charges,
			timeline = m.timeline || n.timeline, fold = n.fold, deadline = n.deadline, waits_for = nullif(n.waits_for, ''), send_at = n.send_at, unknown = nullif(n.unknown, '')
		FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::bool[], $10::bool[],
			$11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::text[], $16::text[], $17::bytea[], $18::timestamptz[],
			$19::text[], $20::timestamptz[], $21::text[])
		AS n (id, base, version, state, ended_at, channel, fallback_reason, reason, late, double,
			updated_at, sent_at, delivered_at, read_at, charges, timeline, fold, deadline, waits_for, send_at, unknown)
		WHERE m.id = n.id AND m.version = n.base`,
		c.ids, c.bases, c.versions, c.states, c.endedAt, c.channels, c.fallbacks, c.reasons, c.lates, c.doubles,
		c.updatedAt, c.sentAt, c.deliveredAt, c.readAt, c.charges, c.timelines, c.folds, c.deadlines, c.waits, c.sendAt, c.unknowns)
}

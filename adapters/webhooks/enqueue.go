package webhooks

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"goniec/domain"
)

// order is what one journal event owes: a notice and who gets it.
type order struct {
	notice    *notice
	endpoints []string
	done      chan error // of size 1
}

// maxOrders bounds one transaction. There is at most one order per partition at a time.
const maxOrders = 64

// desk stores orders. The subscriber has one event of a partition in flight at a
// time; what the partitions bring at one moment shares a transaction, so that it
// shares its round trips and its wait for the disk.
type desk struct {
	store  *store
	orders chan order
}

func newDesk(s *store) *desk { return &desk{store: s, orders: make(chan order)} }

// put returns when the order is stored, its jobs and the reader's position with
// it, in one transaction. Repeated, it changes nothing.
func (d *desk) put(ctx context.Context, n *notice, endpoints []string) error {
	o := order{notice: n, endpoints: endpoints, done: make(chan error, 1)}
	select {
	case d.orders <- o:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run stores orders until ctx ends.
func (d *desk) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-d.orders:
			d.serve(ctx, d.collect(first))
		}
	}
}

func (d *desk) collect(first order) []order {
	list := []order{first}
	for len(list) < maxOrders {
		select {
		case o := <-d.orders:
			list = append(list, o)
		default:
			return list
		}
	}
	return list
}

// serve stores the orders together; if that fails, each alone, so that one that
// Postgres will never take is nobody else's fault.
func (d *desk) serve(ctx context.Context, list []order) {
	err := d.store.enqueue(ctx, list)
	if err != nil && len(list) > 1 {
		for _, o := range list {
			o.done <- d.store.enqueue(ctx, []order{o})
		}
		return
	}
	for _, o := range list {
		o.done <- err
	}
}

func (s *store) enqueue(ctx context.Context, list []order) error {
	ctx, cancel := context.WithTimeout(ctx, handleTimeout)
	defer cancel()
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := completeNotices(ctx, tx, list); err != nil {
			return err
		}
		fresh, err := s.insertDeliveries(ctx, tx, list)
		if err != nil {
			return err
		}
		return s.insertJobs(ctx, tx, fresh)
	})
}

// insertDeliveries stores what is new and moves the positions, and returns the
// jobs that are owed.
func (s *store) insertDeliveries(ctx context.Context, tx pgx.Tx, list []order) ([]job, error) {
	var c columns
	for _, o := range list {
		if err := c.add(o); err != nil {
			return nil, err
		}
	}
	q := `WITH moved AS (
			UPDATE goniec_webhooks.positions p SET next_offset = greatest(p.next_offset, n.next)
			FROM (SELECT t, p, max(o) AS next FROM unnest($8::text[], $9::int[], $10::bigint[]) AS x (t, p, o) GROUP BY t, p) n
			WHERE p.topic = n.t AND p.partition = n.p)
		INSERT INTO goniec_webhooks.deliveries (endpoint, event, account, type, payload, state, created_at, deadline)
		SELECT e::uuid, v, a::uuid, t, p, 'pending', $6, $7 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS x (e, v, a, t, p)
		ORDER BY 1, 2
		ON CONFLICT DO NOTHING RETURNING endpoint::text, event, round`
	now := time.Now().UTC()
	rows, err := tx.Query(ctx, q, c.endpoints, c.events, c.accounts, c.types, c.payloads, now, now.Add(s.lifetime),
		c.topics, c.partitions, c.next)
	if err != nil {
		return nil, fmt.Errorf("store deliveries: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[job])
}

// columns of the rows to insert, and of the positions.
type columns struct {
	endpoints, events, accounts, types, payloads []string

	topics     []string
	partitions []int32
	next       []int64
}

func (c *columns) add(o order) error {
	ev := o.notice.event
	payload, err := o.notice.payload()
	if err != nil {
		return err
	}
	for _, e := range o.endpoints {
		c.endpoints, c.events, c.accounts = append(c.endpoints, e), append(c.events, ev.ID), append(c.accounts, ev.Account)
		c.types, c.payloads = append(c.types, o.notice.typ), append(c.payloads, string(payload))
	}
	c.topics, c.partitions, c.next = append(c.topics, ev.Topic), append(c.partitions, ev.Partition), append(c.next, ev.Offset+1)
	return nil
}

// completeNotices adds to the notices what is remembered of their messages.
func completeNotices(ctx context.Context, tx pgx.Tx, list []order) error {
	var ids []string
	for _, o := range list {
		if o.notice.message != "" {
			ids = append(ids, o.notice.message)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	notes, err := readNotes(ctx, tx, ids)
	if err != nil {
		return fmt.Errorf("read messages' notes: %w", err)
	}
	for _, o := range list {
		if x, ok := notes[o.notice.message]; ok {
			o.notice.complete(x)
		}
	}
	return nil
}

func readNotes(ctx context.Context, tx pgx.Tx, ids []string) (map[string]note, error) {
	rows, err := tx.Query(ctx, "SELECT message, client_ref, tags, channels FROM goniec_webhooks.notes WHERE message = ANY($1)", ids)
	if err != nil {
		return nil, err
	}
	out := make(map[string]note, len(ids))
	var id, ref string
	var tags, channels []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &ref, &tags, &channels}, func() error {
		x := note{clientRef: ref, channels: map[string]domain.Channel{}}
		if err := json.Unmarshal(tags, &x.tags); err != nil {
			return err
		}
		out[id] = x
		return json.Unmarshal(channels, &x.channels)
	})
	return out, err
}

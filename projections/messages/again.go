package messages

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"goniec/projections"
)

// A message that was evicted may be asked for again under its old id: a new
// message, whose row takes the place of the former one. What the former one was
// counted as stays counted.

// lives cuts a batch where a stream begins again that has events before.
func lives(events []projections.Event) [][]projections.Event {
	var parts [][]projections.Event
	seen := map[string]bool{}
	from := 0
	for i, e := range events {
		if e.Version == 1 && seen[e.Stream] {
			parts = append(parts, events[from:i])
			from, seen = i, map[string]bool{}
		}
		seen[e.Stream] = true
	}
	return append(parts, events[from:])
}

// replace puts the messages in that a former one of their id stood in the way
// of, and answers how many are still missing.
func (c *columns) replace(ctx context.Context, tx projections.Tx, missing int64) (int64, error) {
	_, err := tx.Exec(ctx, `DELETE FROM messages m USING unnest($1::uuid[], $2::timestamptz[]) AS n (id, accepted_at)
		WHERE m.id = n.id AND m.ended_at < n.accepted_at`, c.ids, c.acceptedAt)
	if err != nil {
		return 0, fmt.Errorf("replace messages: %w", err)
	}
	var b pgx.Batch
	c.queueInsert(&b)
	left, err := send(ctx, tx, &b, []int{len(c.ids)})
	if err != nil {
		return 0, err
	}
	return missing - (int64(len(c.ids)) - left[0]), nil
}

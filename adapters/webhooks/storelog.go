package webhooks

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Attempt is one call of an endpoint.
type Attempt struct {
	EventID  string
	Type     string
	Attempt  int // counted from 1 over all rounds; an entry without a call does not count
	At       time.Time
	Duration time.Duration
	Status   int       // HTTP status; 0 = no answer
	Error    string    // an Error constant; "" = success
	Next     time.Time // when it is tried again; zero = not
	Done     bool      // delivered, or given up
}

type logged struct {
	id int64
	Attempt
}

// attempts returns a page of the log, newest first, below the id before (0 = from the newest).
func (s *store) attempts(ctx context.Context, account, endpoint string, before int64, limit int) ([]logged, error) {
	q := `SELECT id, event, type, attempt, at, duration_ms, status, error, next_at, done FROM goniec_webhooks.attempts
		WHERE account = $1 AND endpoint = $2 AND ($3 = 0 OR id < $3) ORDER BY id DESC LIMIT $4`
	rows, err := s.pool.Query(ctx, q, account, endpoint, before, limit)
	if err != nil {
		return nil, fmt.Errorf("read the attempt log: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (a logged, err error) {
		var ms int64
		var next *time.Time
		err = row.Scan(&a.id, &a.EventID, &a.Type, &a.Attempt.Attempt, &a.At, &ms, &a.Status, &a.Error, &next, &a.Done)
		a.At, a.Duration = a.At.UTC(), time.Duration(ms)*time.Millisecond
		if next != nil {
			a.Next = next.UTC()
		}
		return a, err
	})
}

// pending returns the endpoints that have unfinished deliveries, in one index
// look-up for each, however long their queues are.
func (s *store) pending(ctx context.Context) ([]string, error) {
	q := `WITH RECURSIVE busy AS (
			(SELECT endpoint FROM goniec_webhooks.deliveries WHERE finished_at IS NULL ORDER BY endpoint LIMIT 1)
			UNION ALL
			SELECT (SELECT d.endpoint FROM goniec_webhooks.deliveries d
				WHERE d.finished_at IS NULL AND d.endpoint > busy.endpoint ORDER BY d.endpoint LIMIT 1)
			FROM busy WHERE busy.endpoint IS NOT NULL)
		SELECT endpoint::text FROM busy WHERE endpoint IS NOT NULL`
	rows, err := s.pool.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// Notes outlive a message's last event, which comes at most 35 days after its end.
const notesKept = 40 * 24 * time.Hour

// purge deletes what is older than its retention, and gives up what nobody
// works on any more (its process died at its last attempt).
func (s *store) purge(ctx context.Context, retention time.Duration) error {
	now := time.Now().UTC()
	steps := []struct {
		q      string
		before time.Time
	}{
		{`UPDATE goniec_webhooks.deliveries SET state = 'given_up', finished_at = now() WHERE finished_at IS NULL AND deadline < $1`, now.Add(-time.Hour)},
		{`DELETE FROM goniec_webhooks.deliveries WHERE finished_at IS NOT NULL AND created_at < $1`, now.Add(-retention)},
		{`DELETE FROM goniec_webhooks.attempts WHERE at < $1`, now.Add(-retention)},
		{`DELETE FROM goniec_webhooks.notes WHERE noted_at < $1`, now.Add(-notesKept)},
	}
	for _, step := range steps {
		if _, err := s.pool.Exec(ctx, step.q, step.before); err != nil {
			return fmt.Errorf("purge webhooks: %w", err)
		}
	}
	return nil
}

// floors returns where the reader of topic stands in each partition, storing
// heads for those that it has never seen.
func (s *store) floors(ctx context.Context, topic string, heads []int64) ([]int64, error) {
	q := `WITH added AS (
			INSERT INTO goniec_webhooks.positions (topic, partition, next_offset)
			SELECT $1, n - 1, head FROM unnest($2::bigint[]) WITH ORDINALITY AS h (head, n)
			ON CONFLICT DO NOTHING RETURNING partition, next_offset)
		SELECT partition, next_offset FROM added
		UNION SELECT partition, next_offset FROM goniec_webhooks.positions WHERE topic = $1`
	rows, err := s.pool.Query(ctx, q, topic, heads)
	if err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	out := make([]int64, len(heads))
	var partition int32
	var next int64
	_, err = pgx.ForEachRow(rows, []any{&partition, &next}, func() error {
		if int(partition) >= len(out) {
			return fmt.Errorf("%s has %d partitions, but a position in %d is kept", topic, len(out), partition)
		}
		out[partition] = next
		return nil
	})
	return out, err
}

// poison keeps where a record lies that cannot become a webhook. Idempotent.
func (s *store) poison(ctx context.Context, topic string, partition int32, offset int64, event, typ, reason string) error {
	q := `INSERT INTO goniec_webhooks.poisoned (topic, partition, record_offset, event, type, reason, at)
		VALUES ($1, $2, $3, $4, $5, $6, now()) ON CONFLICT DO NOTHING`
	_, err := s.pool.Exec(ctx, q, topic, partition, offset, event, typ, reason)
	return err
}

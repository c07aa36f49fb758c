package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"goniec/domain"
)

// States of a delivery.
const (
	statePending   = "pending"
	stateDelivered = "delivered"
	stateGivenUp   = "given_up"
	stateCancelled = "cancelled"
)

// job is what River keeps of a delivery: its name. Round makes a resend another job.
type job struct {
	Endpoint string `json:"endpoint" river:"unique"`
	Event    string `json:"event" river:"unique"`
	Round    int    `json:"round" river:"unique"`
}

// Kind implements river.JobArgs.
func (job) Kind() string { return "webhook" }

// store is the tables. Safe for concurrent use.
type store struct {
	pool     *pgxpool.Pool
	jobs     *river.Client[pgx.Tx] // inserts only
	tries    int                   // attempts of one round
	lifetime time.Duration
}

// delivery is a row of deliveries as a worker needs it.
type delivery struct {
	account  string
	typ      string
	payload  []byte
	state    string
	round    int
	attempts int
	created  time.Time
	deadline time.Time
}

var errNoDelivery = errors.New("the delivery is no longer kept")

func (s *store) load(ctx context.Context, endpoint, event string) (d delivery, err error) {
	q := `SELECT account::text, type, payload, state, round, attempts, created_at, deadline
		FROM goniec_webhooks.deliveries WHERE endpoint = $1 AND event = $2`
	var payload string
	err = s.pool.QueryRow(ctx, q, endpoint, event).
		Scan(&d.account, &d.typ, &payload, &d.state, &d.round, &d.attempts, &d.created, &d.deadline)
	if errors.Is(err, pgx.ErrNoRows) {
		return d, errNoDelivery
	}
	d.payload = []byte(payload)
	return d, err
}

// queue counts what is not delivered and not given up, and says since when the
// oldest of it waits; zero when nothing does.
func (s *store) queue(ctx context.Context) (n int, oldest time.Time, err error) {
	var at *time.Time
	err = s.pool.QueryRow(ctx, "SELECT count(*), min(created_at) FROM goniec_webhooks.deliveries WHERE finished_at IS NULL").Scan(&n, &at)
	if at != nil {
		oldest = *at
	}
	return n, oldest, err
}

func (s *store) insertJobs(ctx context.Context, tx pgx.Tx, jobs []job) error {
	if len(jobs) == 0 {
		return nil
	}
	params := make([]river.InsertManyParams, len(jobs))
	for i, j := range jobs {
		params[i] = river.InsertManyParams{Args: j, InsertOpts: &river.InsertOpts{
			Queue: queueName(j.Endpoint), MaxAttempts: s.tries, UniqueOpts: river.UniqueOpts{ByArgs: true},
		}}
	}
	if _, err := s.jobs.InsertManyTx(ctx, tx, params); err != nil {
		return fmt.Errorf("store jobs: %w", err)
	}
	return nil
}

// relaxed makes the transaction of a single statement not wait for the disk. When
// Postgres' machine dies, the last half second of it is lost: a webhook is then
// repeated, or says less. What is owed to a client never goes this way.
const relaxed = `set_config('synchronous_commit', 'off', true)`

// noteRequest remembers what the client called a message.
func (s *store) noteRequest(ctx context.Context, message, clientRef string, tags []string) error {
	if tags == nil {
		tags = []string{}
	}
	b, err := json.Marshal(tags)
	if err != nil {
		return fmt.Errorf("encode a message's tags: %w", err)
	}
	q := `INSERT INTO goniec_webhooks.notes (message, client_ref, tags, noted_at) SELECT $1, $2, $3, now() FROM ` + relaxed + `
		ON CONFLICT (message) DO UPDATE SET client_ref = excluded.client_ref, tags = excluded.tags`
	_, err = s.pool.Exec(ctx, q, message, clientRef, b)
	return err
}

// noteAttempt remembers an attempt's channel.
func (s *store) noteAttempt(ctx context.Context, message, attempt string, ch domain.Channel) error {
	q := `INSERT INTO goniec_webhooks.notes (message, channels, noted_at) 
		SELECT $1, jsonb_build_object($2::text, $3::text), now() FROM ` + relaxed + `
		ON CONFLICT (message) DO UPDATE SET channels = notes.channels || excluded.channels`
	_, err := s.pool.Exec(ctx, q, message, attempt, string(ch))
	return err
}

// record stores one attempt and what it makes of the delivery.
func (s *store) record(ctx context.Context, j job, d delivery, a Attempt, state string) error {
	q := `WITH logged AS (
			INSERT INTO goniec_webhooks.attempts (endpoint, account, event, type, attempt, at, duration_ms, status, error, next_at, done)
			SELECT $1, $4, $2, $5, $6, $7, $8, $9, $10, $11, $12 FROM ` + relaxed + `)
		UPDATE goniec_webhooks.deliveries SET attempts = $6, state = $13, finished_at = CASE WHEN $13 = 'pending' THEN NULL ELSE now() END
		WHERE endpoint = $1 AND event = $2 AND round = $3`
	var next *time.Time
	if !a.Next.IsZero() {
		next = &a.Next
	}
	_, err := s.pool.Exec(ctx, q, j.Endpoint, j.Event, j.Round, d.account, d.typ,
		a.Attempt, a.At, a.Duration.Milliseconds(), a.Status, a.Error, next, a.Done, state)
	return err
}

// insertTested stores a test's delivery after the call, so that log and resend know it.
func (s *store) insertTested(ctx context.Context, endpoint, event string, d delivery) error {
	q := `INSERT INTO goniec_webhooks.deliveries (endpoint, event, account, type, payload, state, created_at, deadline, finished_at)
		VALUES ($1, $2, $3, $4, $5, $6, now(), now(), now())`
	_, err := s.pool.Exec(ctx, q, endpoint, event, d.account, d.typ, string(d.payload), d.state)
	return err
}

// resend begins another round for the event's deliveries of the account;
// endpoint "" = all of them. It returns how many there were.
func (s *store) resend(ctx context.Context, account, endpoint, event string) (n int, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		q := `UPDATE goniec_webhooks.deliveries SET round = round + 1, state = 'pending', finished_at = NULL, deadline = $4
			WHERE event = $1 AND account = $2 AND ($3 = '' OR endpoint::text = $3) RETURNING endpoint::text, event, round`
		rows, err := tx.Query(ctx, q, event, account, endpoint, time.Now().UTC().Add(s.lifetime))
		if err != nil {
			return err
		}
		jobs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[job])
		if err != nil {
			return err
		}
		n = len(jobs)
		return s.insertJobs(ctx, tx, jobs)
	})
	return n, err
}

package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"goniec/internal/pause"
)

// Progress of a rebuild, in journal offsets summed over partitions.
type Progress struct {
	Projection string `json:"projection"`
	Build      int    `json:"build"`
	Done       int64  `json:"done"`
	Total      int64  `json:"total"`
	Switched   bool   `json:"switched"`
}

// Errors of Rebuild.
var (
	ErrUnknownProjection = errors.New("no such projection")
	ErrRebuildRunning    = errors.New("this projection is being rebuilt already")
)

// Rebuild makes the projection anew from the beginning of the journal, beside
// the live build, which goes on; once the new one has caught up it is switched in
// and the old one is dropped. A rebuild that is interrupted changes nothing:
// the next one begins again. Report is called now and then from one goroutine
// at a time; it may be nil. Only one rebuild of a projection runs at a time, in
// whatever process (ErrRebuildRunning).
func (p *Projector) Rebuild(ctx context.Context, name string, report func(Progress)) error {
	pr, ok := p.byName[name]
	if !ok {
		return fmt.Errorf("%w: %q", ErrUnknownProjection, name)
	}
	conn, err := pgx.ConnectConfig(ctx, p.pg)
	if err != nil {
		return fmt.Errorf("connect to Postgres: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // the lock goes with it
	var got bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1, $2)", classBuild, lockNumber(name)).Scan(&got); err != nil || !got {
		return errors.Join(err, ErrRebuildRunning)
	}
	if report == nil {
		report = func(Progress) {}
	}
	r := &rebuild{p: p, pr: pr, conn: conn, report: report}
	return r.run(ctx)
}

// rebuild is one rebuild; the connection holds its lock.
type rebuild struct {
	p      *Projector
	pr     Projection
	conn   *pgx.Conn
	build  int
	schema string
	ends   map[key]int64 // of the journal when the rebuild began
	report func(Progress)
}

func (r *rebuild) run(ctx context.Context) error {
	if err := r.dropUnused(ctx); err != nil {
		return err
	}
	if err := r.begin(ctx); err != nil {
		return fmt.Errorf("begin rebuild of %s: %w", r.pr.Name(), err)
	}
	if err := r.fill(ctx); err != nil {
		return fmt.Errorf("rebuild of %s: %w", r.pr.Name(), err)
	}
	r.tell(ctx, true)
	return r.dropUnused(ctx)
}

func (r *rebuild) begin(ctx context.Context) error {
	q := "SELECT coalesce(max(build), 0) + 1 FROM goniec.builds WHERE projection = $1"
	if err := r.conn.QueryRow(ctx, q, r.pr.Name()).Scan(&r.build); err != nil {
		return err
	}
	var err error
	if r.schema, err = createBuild(ctx, r.conn, r.p.pg, r.pr, r.build, "building"); err != nil {
		return err
	}
	r.ends = map[key]int64{}
	for _, k := range r.p.keys([]Projection{r.pr}) {
		if r.ends[k], err = r.p.cfg.End(k.topic, k.partition); err != nil {
			return fmt.Errorf("end of %s: %w", k, err)
		}
	}
	for _, topic := range r.pr.Topics() {
		if err := addCheckpoints(ctx, r.conn, r.pr, r.build, false, topic, r.p.heads(topic)); err != nil {
			return err
		}
	}
	return nil
}

// fill runs the new build's runners until it is switched in.
func (r *rebuild) fill(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel(nil)
	for _, k := range r.p.keys([]Projection{r.pr}) {
		e := r.p.engine(lane{[]string{r.pr.Name()}, r.build}, k)
		e.maxEvents *= 2
		wg.Go(func() {
			if err := e.run(ctx); isStop(err) {
				cancel(err) // after the switch it is fenced, and that is all right
			}
		})
	}
	for {
		switched, err := r.trySwitch(ctx)
		switch {
		case switched:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		}
		r.tell(ctx, false)
		if pause.For(ctx, 200*time.Millisecond) != nil {
			return context.Cause(ctx)
		}
	}
}

// tell reports how far the build is; a fault in asking is no fault of the rebuild.
func (r *rebuild) tell(ctx context.Context, switched bool) {
	g := Progress{Projection: r.pr.Name(), Build: r.build, Switched: switched}
	q := "SELECT coalesce(sum(next_offset), 0)::bigint, coalesce(sum(greatest(end_offset, next_offset)), 0)::bigint FROM goniec.checkpoints WHERE projection = $1 AND build = $2"
	if err := r.conn.QueryRow(ctx, q, g.Projection, g.Build).Scan(&g.Done, &g.Total); err == nil {
		r.report(g)
	}
}

// switchBudget is how long the live runners may be held up by a switch.
const switchBudget = 2 * time.Second

// trySwitch puts the new build in the old one's place if, in every partition,
// it has read at least as far. The old build's checkpoints are locked first, so
// that it stands still while the new one makes up the last bit.
func (r *rebuild) trySwitch(ctx context.Context) (switched bool, err error) {
	if near, err := r.caughtUp(ctx); err != nil || !near {
		return false, err
	}
	tx, err := r.conn.Begin(ctx)
	if err != nil {
		return false, err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // after Commit it does nothing
	if err := lockCheckpoints(ctx, tx, r.pr.Name(), "live"); err != nil {
		return false, err
	}
	for deadline := time.Now().Add(switchBudget); ; {
		if ok, err := r.passed(ctx, tx); err != nil || ok {
			if err != nil {
				return false, err
			}
			break
		}
		if time.Now().After(deadline) || pause.For(ctx, 20*time.Millisecond) != nil {
			return false, nil
		}
	}
	if err := lockCheckpoints(ctx, tx, r.pr.Name(), "NOT live"); err != nil {
		return false, err
	}
	if err := r.flip(ctx, tx); err != nil {
		return false, fmt.Errorf("switch to build %d: %w", r.build, err)
	}
	if err := tx.Commit(ctx); err != nil {
		return false, fmt.Errorf("switch to build %d: %w", r.build, err)
	}
	return true, nil
}

func lockCheckpoints(ctx context.Context, tx pgx.Tx, name, which string) error {
	_, err := tx.Exec(ctx, `SELECT 1 FROM goniec.checkpoints WHERE projection = $1 AND `+which+
		` ORDER BY topic, partition, projection, build FOR UPDATE`, name)
	return err
}

// caughtUp says whether the build has read what the journal held when the
// rebuild began; how far it must be beyond that, the live build decides.
func (r *rebuild) caughtUp(ctx context.Context) (bool, error) {
	marks, err := r.p.positions(ctx, r.pr.Name(), r.build)
	if err != nil {
		return false, err
	}
	for _, m := range marks {
		if m.Next < r.ends[key{m.Topic, m.Partition}] {
			return false, nil
		}
	}
	return true, nil
}

// passed says whether the new build has read as far as the live one in every
// partition. Without a live one the journal's end was asked already.
func (r *rebuild) passed(ctx context.Context, tx pgx.Tx) (bool, error) {
	var behind int64
	err := tx.QueryRow(ctx, `SELECT count(*) FROM goniec.checkpoints o
		LEFT JOIN goniec.checkpoints n ON n.topic = o.topic AND n.partition = o.partition AND n.projection = o.projection AND n.build = $2
		WHERE o.projection = $1 AND o.live AND (n.next_offset IS NULL OR n.next_offset < o.next_offset)`,
		r.pr.Name(), r.build).Scan(&behind)
	return behind == 0, err
}

// flip hands the live build's fences to the new one, so that its runners go on
// without noticing more than that they have to look at the checkpoints again.
func (r *rebuild) flip(ctx context.Context, tx pgx.Tx) error {
	if ok, err := r.passed(ctx, tx); err != nil || !ok {
		return errors.Join(err, errors.New("the new build is behind the live one"))
	}
	name, steps := r.pr.Name(), []string{
		`UPDATE goniec.checkpoints n SET runner = (SELECT o.runner FROM goniec.checkpoints o
				WHERE o.live AND o.topic = n.topic AND o.partition = n.partition ORDER BY o.projection <> n.projection LIMIT 1)
			WHERE n.projection = $1 AND n.build = $2`,
		"UPDATE goniec.checkpoints SET live = (build = $2) WHERE projection = $1",
		"UPDATE goniec.builds SET state = 'retired' WHERE projection = $1 AND build <> $2",
		"UPDATE goniec.builds SET state = 'live', switched_at = now() WHERE projection = $1 AND build = $2",
	}
	for _, q := range steps {
		if _, err := tx.Exec(ctx, q, name, r.build); err != nil {
			return err
		}
	}
	if err := createViews(ctx, tx, r.schema, r.pr); err != nil {
		return err
	}
	return createReaders(ctx, tx, name, r.p.cfg.Projections)
}

// dropUnused removes the builds that are not live: the one before the switch, and
// what interrupted rebuilds left.
func (r *rebuild) dropUnused(ctx context.Context) error {
	rows, err := r.conn.Query(ctx, "SELECT schema FROM goniec.builds WHERE projection = $1 AND state <> 'live'", r.pr.Name())
	if err != nil {
		return err
	}
	schemas, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, s := range schemas {
		if err := r.drop(ctx, s); err != nil {
			return fmt.Errorf("drop schema %s: %w", s, err)
		}
	}
	return nil
}

// drop waits for queries that still read the old tables, but never for long
// with a lock in hand that would make new ones wait behind it.
func (r *rebuild) drop(ctx context.Context, schema string) error {
	for {
		err := pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error {
			for _, q := range []string{
				"SET LOCAL lock_timeout = '500ms'",
				"DROP SCHEMA IF EXISTS " + pgx.Identifier{schema}.Sanitize() + " CASCADE",
			} {
				if _, err := tx.Exec(ctx, q); err != nil {
					return err
				}
			}
			_, err := tx.Exec(ctx, "DELETE FROM goniec.builds WHERE schema = $1", schema)
			return err
		})
		var refused *pgconn.PgError
		if err == nil || !errors.As(err, &refused) || refused.Code != "55P03" {
			return err
		}
		if pause.For(ctx, 200*time.Millisecond) != nil {
			return context.Cause(ctx)
		}
	}
}

package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/projections"
	"goniec/projections/ledger"
)

// postgres is the one row of the checkpoints and the table of charges that the
// runner of a partition and the ledger write, with transactions, the lock on the
// row, and nothing else. It knows the statements that they make.
type postgres struct {
	rows tables
	lock *sqlTx
}

type tables struct {
	runner  uuid.UUID
	next    int64
	head    [32]byte
	charges map[string]string // event → amount
}

func newPostgres() *postgres {
	return &postgres{rows: tables{head: eventstore.FirstPrevHash(installation, eventstore.Messages, 0), charges: map[string]string{}}}
}

// idleTimeout is when Postgres ends a transaction in which nothing happens; see
// projections.New.
const idleTimeout = 30 * time.Second

// held says whether another transaction holds the lock on the checkpoint.
func (p *postgres) held(by *sqlTx) bool {
	if p.lock == nil || p.lock == by {
		return false
	}
	if p.lock.db.n.dead.Load() || time.Since(p.lock.last) > idleTimeout {
		p.lock.over = true
		return false
	}
	return true
}

// database is Postgres as one process sees it.
type database struct {
	w *world
	n *node
}

var errOver = errors.New("the transaction is over")

func (d *database) Begin(context.Context) (pgx.Tx, error) { return &sqlTx{db: d}, nil }

// Exec is a statement outside of a transaction: the runner's claim.
func (d *database) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	tx := &sqlTx{db: d}
	tag, err := tx.Exec(ctx, sql, args...)
	if err == nil {
		err = tx.Commit(ctx)
	}
	return tag, err
}

func (d *database) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return (&sqlTx{db: d}).Query(ctx, sql, args...)
}

// sqlTx is a transaction: it works on a copy, taken when it gets the lock.
type sqlTx struct {
	pgx.Tx
	db   *database
	rows *tables
	last time.Time
	over bool
}

func (t *sqlTx) call(ctx context.Context, name string, locks bool, apply func() error, fates ...fate) error {
	pg := t.db.w.postgres
	o := &op{node: t.db.n, needs: needsPostgres, name: name, fates: append(fates, refused)}
	if locks {
		o.ready = func() bool { return !pg.held(t) }
	}
	o.apply = func() error {
		if t.over {
			return errOver
		}
		if locks {
			pg.lock = t
		}
		if locks && t.rows == nil {
			c := pg.rows
			c.charges = maps.Clone(c.charges)
			t.rows = &c
		}
		t.last = time.Now()
		return apply()
	}
	return t.db.w.call(ctx, o)
}

func (t *sqlTx) Exec(ctx context.Context, sql string, args ...any) (tag pgconn.CommandTag, err error) {
	affected := 0
	switch {
	case strings.HasPrefix(sql, "SELECT set_config"):
		return tag, nil
	case strings.HasPrefix(sql, "UPDATE goniec.checkpoints SET runner"):
		err = t.call(ctx, "sql claim", true, func() error {
			t.rows.runner, affected = args[4].(uuid.UUID), 1
			return nil
		})
	case strings.HasPrefix(sql, "UPDATE goniec.checkpoints SET next_offset"):
		err = t.call(ctx, "sql advance", true, func() error {
			if t.rows.runner == args[4].(uuid.UUID) && t.rows.next < args[5].(int64) {
				t.rows.next, affected = args[5].(int64), 1
				copy(t.rows.head[:], args[7].([]byte))
			}
			return nil
		})
	case strings.Contains(sql, "INSERT INTO charges"):
		err = t.call(ctx, "sql charges", true, func() error {
			affected = t.charge(args[5].([]string), args[14].([]string))
			return nil
		})
	case strings.HasPrefix(sql, "UPDATE goniec.checkpoints SET stopped"):
		t.db.w.fail("the projection stops: %v", args[5])
	default:
		t.db.w.fail("postgres does not know the statement %q", sql)
	}
	return pgconn.NewCommandTag(fmt.Sprintf("UPDATE %d", affected)), err
}

func (t *sqlTx) charge(events, amounts []string) (fresh int) {
	for i, id := range events {
		if _, ok := t.rows.charges[id]; !ok {
			t.rows.charges[id] = amounts[i]
			fresh++
		}
	}
	return fresh
}

func (t *sqlTx) Query(ctx context.Context, sql string, _ ...any) (pgx.Rows, error) {
	locks := strings.HasSuffix(sql, "FOR UPDATE")
	r := &oneRow{}
	err := t.call(ctx, "sql marks", locks, func() error {
		from := t.rows
		if from == nil {
			from = &t.db.w.postgres.rows
		}
		runner, head := from.runner, from.head // as they are now
		r.values = []any{ledger.Name, 1, &runner, from.next, head[:]}
		return nil
	})
	return r, err
}

func (t *sqlTx) Commit(ctx context.Context) error {
	return t.call(ctx, "sql commit", false, func() error {
		pg := t.db.w.postgres
		t.over = true
		if pg.lock == t {
			pg.lock = nil
		}
		if t.rows != nil {
			t.db.w.check.projected(t.db.n, pg.rows, *t.rows)
			pg.rows = *t.rows
		}
		return nil
	}, lost)
}

func (t *sqlTx) Rollback(context.Context) error {
	t.db.w.mu.Lock()
	defer t.db.w.mu.Unlock()
	if t.over {
		return pgx.ErrTxClosed
	}
	t.over = true
	if pg := t.db.w.postgres; pg.lock == t {
		pg.lock = nil
	}
	return nil
}

// oneRow is the answer of one checkpoint.
type oneRow struct {
	pgx.Rows
	values []any
	read   bool
}

func (r *oneRow) Close()                        {}
func (r *oneRow) Err() error                    { return nil }
func (r *oneRow) CommandTag() pgconn.CommandTag { return pgconn.CommandTag{} }

func (r *oneRow) Next() bool {
	defer func() { r.read = true }()
	return !r.read
}

func (r *oneRow) Scan(dest ...any) error {
	*dest[0].(*string) = r.values[0].(string)
	*dest[1].(*int) = r.values[1].(int)
	*dest[2].(**uuid.UUID) = r.values[2].(*uuid.UUID)
	*dest[3].(*int64) = r.values[3].(int64)
	*dest[4].(*[]byte) = r.values[4].([]byte)
	return nil
}

func (w *world) runProjector(ctx context.Context, n *node) {
	c := &cluster{w, n}
	turn := byte(0)
	_ = n.hand(ctx, func(ctx context.Context, _ *eventstore.Ownership) error {
		turn++
		return projections.RunPartition(ctx, projections.Config{
			Projections: []projections.Projection{ledger.New()}, Log: silent, MaxEvents: 1 + w.plan.batch,
			Open: func(topic string, p int32, from int64) projections.Source { return c.Read(topic, p, from, 0) },
		}, &database{w, n}, eventstore.Messages, 0, uuid.NewSHA1(uuid.Nil, append([]byte(n.name), turn)))
	}) // always the end of ctx
}

// projected: only who stands in the checkpoint writes, and no position goes back.
func (c *checker) projected(n *node, before, after tables) {
	if after.next == before.next && after.runner != before.runner {
		c.runners[after.runner] = n
		return
	}
	if c.runners[after.runner] != n {
		c.w.fail("%s writes, and another runner stands in the checkpoint", n.name)
	}
	if after.next < before.next {
		c.w.fail("%s takes the projection back from %d to %d", n.name, before.next, after.next)
	}
}

// ledgered: the ledger holds the charges of the journal, each once, and nothing else.
func (c *checker) ledgered() {
	want := map[string]string{}
	for i, f := range c.facts {
		if charged, ok := f.(message.Charged); ok {
			want[c.events[i].ID] = charged.Amount
		}
	}
	if have := c.w.postgres.rows.charges; !maps.Equal(want, have) {
		c.w.fail("the journal has %d charges, the ledger %d, or other amounts", len(want), len(have))
	}
}

package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// lane is a set of builds that advance together: the live ones of the
// projections that this program knows, or one that is being rebuilt. Live builds
// of projections that it does not know are left to the programs that do.
type lane struct {
	projections []string
	build       int // 0 = the live ones
}

// The rows of a lane in one partition: $1 topic, $2 partition, $3 projections, $4 build.
const laneRows = ` topic = $1 AND partition = $2 AND projection = ANY($3) AND
	CASE WHEN $4::int = 0 THEN live ELSE build = $4 END `

// mark is one checkpoint: everything below next is in the build's tables.
type mark struct {
	projection string
	build      int
	next       int64
	head       [32]byte
}

// errReopen says that the runner's picture of the checkpoints is out of date (a
// rebuilt projection was switched in): it reads them again and goes on.
var errReopen = errors.New("the set of live builds changed")

// ErrFenced says that another runner has taken the partition. What this one
// had not committed is lost to it and will be written by the other.
var ErrFenced = errors.New("another runner has taken this partition")

// claim makes runner the only one whose writes count in the lane's partition.
// It waits for a transaction of the former one that is under way.
func (e *engine) claim(ctx context.Context) error {
	q := "UPDATE goniec.checkpoints SET runner = $5, stopped = NULL WHERE" + laneRows
	tag, err := e.pool.Exec(ctx, q, e.topic, e.partition, e.lane.projections, e.lane.build, e.runner)
	if err != nil {
		return fmt.Errorf("claim %s/%d: %w", e.topic, e.partition, err)
	}
	if tag.RowsAffected() == 0 {
		return errNothingToDo
	}
	return nil
}

// errNothingToDo says that no build of the lane reads this topic.
var errNothingToDo = errors.New("no projection reads this topic")

// marks reads the lane's checkpoints and checks the fence. With lock it keeps
// them locked until the transaction ends.
func (e *engine) marks(ctx context.Context, q interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}, lock bool,
) ([]mark, error) {
	sql := "SELECT projection, build, runner, next_offset, head FROM goniec.checkpoints WHERE" + laneRows + "ORDER BY projection"
	if lock {
		sql += " FOR UPDATE"
	}
	rows, err := q.Query(ctx, sql, e.topic, e.partition, e.lane.projections, e.lane.build)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (m mark, err error) {
		var runner *uuid.UUID
		var head []byte
		if err := row.Scan(&m.projection, &m.build, &runner, &m.next, &head); err != nil {
			return m, err
		}
		copy(m.head[:], head)
		if runner == nil || *runner != e.runner {
			return m, ErrFenced
		}
		return m, nil
	})
}

// advance moves every checkpoint of the lane that stands below the batch's end.
func (e *engine) advance(ctx context.Context, tx pgx.Tx, b *batch) error {
	q := `UPDATE goniec.checkpoints SET next_offset = $6, end_offset = $7, head = $8,
		recorded_at = coalesce($9, recorded_at), updated_at = now() WHERE` + laneRows + `AND runner = $5 AND next_offset < $6`
	var recorded *time.Time
	if n := len(b.events); n > 0 {
		recorded = &b.events[n-1].Recorded
	}
	tag, err := tx.Exec(ctx, q, e.topic, e.partition, e.lane.projections, e.lane.build, e.runner,
		b.next, b.end, b.head[:], recorded)
	if err == nil && tag.RowsAffected() == 0 {
		return ErrFenced // cannot happen while the rows are locked; the net under that
	}
	return err
}

// stop leaves the reason of a stop where Status and the operator find it.
func (e *engine) stop(ctx context.Context, cause error) {
	q := "UPDATE goniec.checkpoints SET stopped = $6, updated_at = now() WHERE" + laneRows + "AND runner = $5"
	if _, err := e.pool.Exec(ctx, q, e.topic, e.partition, e.lane.projections, e.lane.build, e.runner, cause.Error()); err != nil {
		e.log.WarnContext(ctx, "the reason of a projector's stop could not be stored", "error", err)
	}
}

// addCheckpoints makes the missing checkpoints of the builds that read topic.
func addCheckpoints(ctx context.Context, q execer, p Projection, build int, live bool, topic string, heads [][]byte) error {
	_, err := q.Exec(ctx, `INSERT INTO goniec.checkpoints (projection, build, topic, partition, live, next_offset, head)
		SELECT $1, $2, $3, n - 1, $4, 0, head FROM unnest($5::bytea[]) WITH ORDINALITY AS h (head, n)
		ON CONFLICT DO NOTHING`, p.Name(), build, topic, live, heads)
	if err != nil {
		return fmt.Errorf("checkpoints of %s: %w", p.Name(), err)
	}
	return nil
}

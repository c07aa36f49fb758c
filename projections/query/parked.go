package query

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Parked is something that could not be processed. For operators.
type Parked struct {
	ID        string     `json:"id"`
	Partition int32      `json:"partition"`
	Command   string     `json:"command,omitempty"`
	Type      string     `json:"type,omitempty"`
	Stream    string     `json:"stream,omitempty"`
	Position  int        `json:"position"`
	Account   string     `json:"account,omitempty"`
	Reason    string     `json:"reason"`
	Detail    string     `json:"detail,omitempty"`
	Lane      string     `json:"lane"`
	Offset    int64      `json:"offset"`
	Received  *time.Time `json:"received_at,omitempty"`
	At        time.Time  `json:"parked_at"`
	State     string     `json:"state"` // parked, retried, dropped
	Retries   int        `json:"retries"`
	Shown     int        `json:"shown"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	EndedBy   string     `json:"ended_by,omitempty"`
	Note      string     `json:"note,omitempty"`
	Behind    int        `json:"behind"` // how many wait behind it
}

const parkedColumns = `id, partition, command, type, stream, position, account, reason, detail, lane, lane_offset, received_at, parked_at, state, retries, shown,
	ended_at, coalesce(ended_by, ''), coalesce(note, ''), CASE WHEN state = 'parked' AND stream <> '' THEN
		(SELECT count(*) FROM goniec.parked b WHERE b.stream = p.stream AND b.state = 'parked' AND b.position > p.position) ELSE 0 END`

// ParkedCursor is the place of a parked thing in the list.
type ParkedCursor struct {
	At time.Time
	ID string
}

// Parked returns a page of what is parked now or, with all, ever was; the newest
// first. For operators only.
func (r *Reader) Parked(ctx context.Context, all bool, limit int, after *ParkedCursor) ([]Parked, error) {
	from := ParkedCursor{At: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	if after != nil {
		from = *after
	}
	return many(ctx, r, pgx.RowToStructByPos[Parked], "SELECT "+parkedColumns+` FROM goniec.parked p
		WHERE ($1 OR state = 'parked') AND (parked_at, id COLLATE "C") < ($2, $3) ORDER BY parked_at DESC, id COLLATE "C" DESC LIMIT $4`,
		all, from.At, from.ID, bound(limit))
}

// ParkedThing returns one parked thing, or ErrNotFound. For operators only.
func (r *Reader) ParkedThing(ctx context.Context, id string) (Parked, error) {
	return one(ctx, r, pgx.RowToStructByPos[Parked], "SELECT "+parkedColumns+" FROM goniec.parked p WHERE id = $1", id)
}

// ParkedBehind returns what waits behind a parked thing, in its order. For operators only.
func (r *Reader) ParkedBehind(ctx context.Context, id string, limit int) ([]Parked, error) {
	return many(ctx, r, pgx.RowToStructByPos[Parked], "SELECT "+parkedColumns+` FROM goniec.parked p WHERE state = 'parked' AND stream <> ''
		AND (stream, state) = (SELECT stream, state FROM goniec.parked WHERE id = $1)
		AND position > (SELECT position FROM goniec.parked WHERE id = $1) ORDER BY position LIMIT $2`, id, bound(limit))
}

// ParkedContent returns the sealed bytes of a parked command, or ErrNotFound. For operators only.
func (r *Reader) ParkedContent(ctx context.Context, id string) ([]byte, error) {
	return one(ctx, r, pgx.RowTo[[]byte], "SELECT sealed FROM goniec.parked_contents WHERE id = $1", id)
}

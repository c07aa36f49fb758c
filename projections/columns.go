package projections

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// UUIDs is a column of uuids in the form that pgx encodes without reflection.
type UUIDs = pgtype.FlatArray[pgtype.UUID]

// UUID returns id as a column's value; uuid.Nil stays a value, not NULL.
func UUID(id uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: true} }

// UUIDOrNull parses a uuid that may be absent; "" is NULL.
func UUIDOrNull(s string) (pgtype.UUID, error) {
	if s == "" {
		return pgtype.UUID{}, nil
	}
	id, err := uuid.Parse(s)
	return UUID(id), err
}

// Times is a column of times; the zero time is NULL.
type Times = pgtype.FlatArray[pgtype.Timestamptz]

// Time returns t as a column's value; the zero time is NULL.
func Time(t time.Time) pgtype.Timestamptz { return pgtype.Timestamptz{Time: t, Valid: !t.IsZero()} }

// OneByOne applies events one after the other, for journals that change seldom. An
// error names the stream.
func OneByOne(ctx context.Context, tx Tx, partition int32, events []Event, apply func(context.Context, Tx, int32, Event) error) error {
	for _, e := range events {
		if err := apply(ctx, tx, partition, e); err != nil {
			return fmt.Errorf("%s: %w", e.Stream, err)
		}
	}
	return nil
}

// StreamID returns the uuid in a stream's name, such as "message/<uuid>".
func StreamID(projection, stream string) (uuid.UUID, error) {
	_, s, _ := strings.Cut(stream, "/")
	id, err := uuid.Parse(s)
	if err != nil {
		return uuid.Nil, &ErrUnfit{projection, stream, "its name holds no uuid"}
	}
	return id, nil
}

// Decimal returns a decimal number as a column's value, exactly.
func Decimal(s string) (n pgtype.Numeric, err error) {
	err = n.Scan(s)
	return n, err
}

package projections

import (
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

// Package query answers questions from the read models. Whatever belongs to an
// account is asked with the account, and what is another's is not found.
package query

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Errors of every query.
var (
	// ErrNotFound: no such row, or not yet projected, or another account's.
	ErrNotFound = errors.New("not found")
	// ErrUnavailable: Postgres does not answer now, or has no read models yet.
	ErrUnavailable = errors.New("read models are not available")
)

// Timeout is how long one query may take, connecting included.
const Timeout = 5 * time.Second

// Reader asks the read models. Safe for concurrent use.
type Reader struct{ pool *pgxpool.Pool }

// Open prepares a reader with at most conns connections; it connects when it is
// asked, so it can be opened while Postgres is down.
func Open(url string, conns int) (*Reader, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the Postgres URL cannot be read") // pgx's error may hold the password
	}
	cfg.MaxConns = int32(max(conns, 1)) // a handful
	cfg.ConnConfig.RuntimeParams["application_name"] = "goniec queries"
	cfg.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
	cfg.ConnConfig.ConnectTimeout = 2 * time.Second
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		return nil, fmt.Errorf("open queries: %w", err)
	}
	return &Reader{pool}, nil
}

// Close ends the connections.
func (r *Reader) Close() { r.pool.Close() }

// Ping answers nil when the read models can be asked, else ErrUnavailable.
func (r *Reader) Ping(ctx context.Context) error {
	_, err := one[int](ctx, r, pgx.RowTo[int], "SELECT count(*) FROM (SELECT FROM goniec.messages LIMIT 1) m")
	return err
}

// one asks for exactly one row.
func one[T any](ctx context.Context, r *Reader, to pgx.RowToFunc[T], sql string, args ...any) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	rows, err := r.pool.Query(ctx, sql, args...)
	if err == nil {
		var v T
		if v, err = pgx.CollectExactlyOneRow(rows, to); err == nil {
			return v, nil
		}
	}
	var zero T
	return zero, fault(err)
}

// many asks for any number of rows; none is an empty list, never nil.
func many[T any](ctx context.Context, r *Reader, to pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	rows, err := r.pool.Query(ctx, sql, args...)
	if err == nil {
		var list []T
		if list, err = pgx.CollectRows(rows, to); err == nil {
			return list, nil
		}
	}
	return nil, fault(err)
}

func fault(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// id parses a uuid of the caller's; what is none is not found.
func id(s string) (uuid.UUID, error) {
	u, err := uuid.Parse(s)
	if err != nil || len(s) != 36 {
		return uuid.Nil, ErrNotFound
	}
	return u, nil
}

// anyOr is an account's id as a query takes it: NULL, which is any, for "".
func anyOr(account string) (any, error) {
	if account == "" {
		return nil, nil //nolint:nilnil // NULL
	}
	return id(account)
}

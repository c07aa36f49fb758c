// Package projections keeps the read models in Postgres: it reads the journal,
// folds it into tables, and can rebuild any of them from nothing beside the one
// in use. A projection gets events and a transaction and nothing else, so that
// replaying history can never send anything.
//
// One runner per (topic, partition) reads read_committed batches, decodes each
// event once for all live projections, and writes their rows, positions and
// head hashes in one SQL transaction. The rows of the table checkpoints are the
// fence: a runner that no longer stands in them writes nothing.
package projections

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"goniec/domain"
	"goniec/eventstore"
)

// Event is a journal event with its data decoded.
type Event struct {
	*eventstore.Event
	Fact domain.Event
}

// Tx is what a projection may do: SQL inside the runner's transaction. Unqualified
// table names are those of the build that is being written.
type Tx interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// Projection is one read model. Implementations hold no state between calls (but
// see Sessioned) and are safe for concurrent use by runners of different partitions.
type Projection interface {
	// Name is stable: lower case letters, digits and underscores. It names the builds' schemas.
	Name() string
	// Topics lists the journals it reads by their short names (eventstore.Messages, eventstore.Accounts).
	Topics() []string
	// Wants says whether Apply needs the event; the others are dropped before it.
	Wants(domain.Event) bool
	// Migrations holds goose's SQL files. They run inside a build's own schema
	// and have to work on Postgres 15 and later.
	Migrations() fs.FS
	// Views are the published contract, created in schema goniec over the live
	// build. They may only grow: columns are added at the end.
	Views() []View
	// Tables says how to compare two builds, see Digest.
	Tables() []Table
	// Apply folds a batch of one partition's events, in journal order, into its
	// tables. Each event comes exactly once per build, since position and rows
	// commit together; an event that does not fit what the tables hold is
	// answered with an *ErrUnfit. It reads and writes no row of another
	// partition or topic.
	Apply(ctx context.Context, tx Tx, partition int32, events []Event) error
}

// Model is what a projection says of itself, for Projection's methods of that
// meaning. Embed it, and add Wants and Apply.
type Model struct {
	Called   string
	Journals []string // Topics
	Files    embed.FS // with the folder "migrations"
	Contract []View
	Compared []Table
}

// Name implements Projection.
func (m Model) Name() string { return m.Called }

// Topics implements Projection.
func (m Model) Topics() []string { return m.Journals }

// Migrations implements Projection.
func (m Model) Migrations() fs.FS {
	sub, _ := fs.Sub(m.Files, "migrations") // the folder is embedded
	return sub
}

// Views implements Projection.
func (m Model) Views() []View { return m.Contract }

// Tables implements Projection.
func (m Model) Tables() []Table { return m.Compared }

// Sessioned is a projection that may remember what it wrote. A session belongs
// to one runner, which alone writes the partition while it lasts; it ends, and
// what it remembers is dropped, with the first transaction that fails.
type Sessioned interface {
	Projection
	// Session returns a new instance, used by one goroutine.
	Session() Projection
}

// View is a view of the contract. Select names the build's tables unqualified, and
// other projections' views with the schema.
type View struct {
	Name   string
	Select string
	Reads  []string // the views that it names: it is created as soon as all are there
}

// Table is one table of a projection as Digest compares it.
type Table struct {
	Name  string
	Key   string // columns that order the rows, separated by commas
	Where string // "" = all rows count
}

// Decoder turns an event's data into its Go value; see domain/catalog.
type Decoder func(typ string, data []byte) (domain.Event, error)

// ErrUnfit says that an event does not follow from what a projection holds:
// a version is missing or comes twice. The runner stops there.
type ErrUnfit struct {
	Projection string
	Stream     string
	What       string
}

func (e *ErrUnfit) Error() string {
	return fmt.Sprintf("projection %s: stream %s: %s", e.Projection, e.Stream, e.What)
}

// Succeeds answers an *ErrUnfit unless version follows have.
func Succeeds(projection, stream string, have, version int64) error {
	if version == have+1 {
		return nil
	}
	return &ErrUnfit{projection, stream, fmt.Sprintf("version %d follows version %d", version, have)}
}

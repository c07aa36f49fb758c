package projections

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var baseFiles embed.FS

// Schema is where the views of the contract, the builds and the checkpoints live.
const Schema = "goniec"

// Advisory locks of this package: one class, told apart by the second number.
const (
	lockMigrate = 0x676f6e00 // single (bigint) lock
	lockViews   = 0x676f6e04 // the same; until the transaction ends
	classRunner = 0x676f6e01 // + hash of topic and partition
	classMember = 0x676f6e02 // + random, one per running projector
	classBuild  = 0x676f6e03 // + hash of the projection's name
)

// Migrate brings the database to what ps need: schema goniec, a first build of
// each projection that has none, each live build's migrations, and the views. zone
// is the billing zone, in which views count days.
// Idempotent; processes that start at once wait for each other.
func Migrate(ctx context.Context, url, zone string, ps []Projection) error {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return errors.New("the Postgres URL cannot be read") // pgx's error may hold the password
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("connect to Postgres: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // the lock goes with the connection
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(lockMigrate)); err != nil {
		return fmt.Errorf("wait for other migrations: %w", err)
	}
	base, _ := fs.Sub(baseFiles, "migrations") // the folder is embedded
	if err := migrateSchema(ctx, cfg, Schema, base); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "UPDATE goniec.settings SET value = $1 WHERE name = 'billing_zone' AND value <> $1", zone); err != nil {
		return fmt.Errorf("set the billing zone: %w", err)
	}
	for _, p := range ps {
		if err := migrateProjection(ctx, conn, cfg, p); err != nil {
			return fmt.Errorf("projection %s: %w", p.Name(), err)
		}
	}
	return nil
}

// migrateProjection prepares the live build. A projection that is new to a
// database whose journals were already read is left to a rebuild, so that it
// holds nobody back.
func migrateProjection(ctx context.Context, conn *pgx.Conn, cfg *pgx.ConnConfig, p Projection) error {
	schema, err := liveSchema(ctx, conn, p.Name())
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		var begun bool
		q := "SELECT EXISTS (SELECT 1 FROM goniec.checkpoints WHERE topic = ANY($1) AND next_offset > 0)"
		if err := conn.QueryRow(ctx, q, p.Topics()).Scan(&begun); err != nil || begun {
			return err
		}
		if schema, err = createBuild(ctx, conn, cfg, p, 1, "live"); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		if err := migrateSchema(ctx, cfg, schema, p.Migrations()); err != nil {
			return err
		}
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return createViews(ctx, tx, schema, p) })
}

// querier is what a connection, a pool and a transaction have in common.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func liveSchema(ctx context.Context, q querier, name string) (schema string, err error) {
	err = q.QueryRow(ctx, "SELECT schema FROM goniec.builds WHERE projection = $1 AND state = 'live'", name).Scan(&schema)
	return schema, err
}

// createBuild makes a schema with the projection's tables and, last, the row
// that says it exists.
func createBuild(ctx context.Context, conn *pgx.Conn, cfg *pgx.ConnConfig, p Projection, n int, state string) (string, error) {
	schema := fmt.Sprintf("%s_%s_%d", Schema, p.Name(), n)
	if _, err := conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+pgx.Identifier{schema}.Sanitize()+" CASCADE"); err != nil {
		return "", fmt.Errorf("drop what an interrupted start left: %w", err)
	}
	if err := migrateSchema(ctx, cfg, schema, p.Migrations()); err != nil {
		return "", err
	}
	_, err := conn.Exec(ctx, "INSERT INTO goniec.builds (projection, build, schema, state) VALUES ($1, $2, $3, $4)", p.Name(), n, schema, state)
	return schema, err
}

// migrateSchema runs goose's files with the schema as the only one on the search path.
func migrateSchema(ctx context.Context, cfg *pgx.ConnConfig, schema string, files fs.FS) error {
	c := cfg.Copy()
	c.RuntimeParams["search_path"] = schema
	db := stdlib.OpenDB(*c)
	defer db.Close() //nolint:errcheck // nothing to lose
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{schema}.Sanitize()); err != nil {
		return fmt.Errorf("create schema %s: %w", schema, err)
	}
	return gooseUp(ctx, db, files)
}

func gooseUp(ctx context.Context, db *sql.DB, files fs.FS) error {
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// createViews points the contract's views at schema. CREATE OR REPLACE keeps
// grants, and refuses a change that takes something away from the readers. One
// transaction creates views at a time, so that the last one sees all that a view reads.
func createViews(ctx context.Context, tx pgx.Tx, schema string, p Projection) error {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(lockViews)); err != nil {
		return err
	}
	if err := setSchema(ctx, tx, schema); err != nil {
		return err
	}
	for _, v := range p.Views() {
		var missing bool
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM unnest($1::text[]) v WHERE to_regclass('goniec.' || v) IS NULL)", v.Reads).Scan(&missing); err != nil {
			return err
		}
		if missing {
			continue
		}
		ddl := "CREATE OR REPLACE VIEW " + pgx.Identifier{Schema, v.Name}.Sanitize() + " AS " + v.Select
		if _, err := tx.Exec(ctx, ddl); err != nil {
			return fmt.Errorf("view %s: %w", v.Name, err)
		}
	}
	return nil
}

// createReaders creates the views that read those of name, which are there now.
func createReaders(ctx context.Context, tx pgx.Tx, name string, ps []Projection) error {
	for _, p := range ps {
		if p.Name() == name || !slices.ContainsFunc(p.Views(), func(v View) bool { return len(v.Reads) > 0 }) {
			continue
		}
		schema, err := liveSchema(ctx, tx, p.Name())
		if err == nil {
			err = createViews(ctx, tx, schema, p)
		}
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
	}
	return nil
}

// setSchema makes schema the only one that unqualified names mean, until the
// transaction ends.
func setSchema(ctx context.Context, tx Tx, schema string) error {
	_, err := tx.Exec(ctx, "SELECT set_config('search_path', $1, true)", pgx.Identifier{schema}.Sanitize())
	return err
}

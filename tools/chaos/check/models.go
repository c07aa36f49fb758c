package check

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"

	"github.com/jackc/pgx/v5"
)

// checkModels: Postgres says what the journal says.
func (b *books) checkModels(ctx context.Context) error {
	db, err := pgx.Connect(ctx, b.cfg.Postgres)
	if err != nil {
		return fmt.Errorf("connect to Postgres: %w", err)
	}
	defer db.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	for _, check := range []func(context.Context, *pgx.Conn) error{b.checkMessages, b.checkMonths, b.checkStopped} {
		if err := check(ctx, db); err != nil {
			return fmt.Errorf("read models: %w", err)
		}
	}
	return nil
}

func (b *books) checkMessages(ctx context.Context, db *pgx.Conn) error {
	rows, err := db.Query(ctx, "SELECT id::text, state, ended, version FROM goniec.messages")
	if err != nil {
		return err
	}
	seen, states := map[string]bool{}, map[string]int{}
	var id, state string
	var ended bool
	var version int64
	_, err = pgx.ForEachRow(rows, []any{&id, &state, &ended, &version}, func() error {
		seen[id] = true
		states[state]++
		switch st := b.stories[id]; {
		case st == nil:
			b.r.find(Model, "message %s is nowhere in the journal", id)
		case st.state != state || st.version != version || !ended:
			b.r.find(Model, "message %s is %s at version %d (ended: %t); the journal says %s at %d", id, state, version, ended, st.state, st.version)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for id, st := range b.stories {
		if !seen[id] && st.begun > 0 {
			b.r.find(Model, "message %s is missing", id)
		}
	}
	for _, state := range []string{"accepted", "waiting", "sending", "sent", "delivered", "read", "failed", "unknown", "cancelled"} {
		if states[state] != b.r.Stats.States[state] {
			b.r.find(Model, "%d messages are %s; the journal has %d", states[state], state, b.r.Stats.States[state])
		}
	}
	return nil
}

// line is what a month's total is about, and how much.
type line struct {
	count, parts int64
	amount       *big.Rat
}

func (c charge) key() string {
	return strings.Join([]string{c.Account, c.Sender, c.Country, c.Channel, c.Category, c.Content, c.Month, c.Currency, c.Version}, "|")
}

// checkMonths adds the charges up and compares the months' totals.
func (b *books) checkMonths(ctx context.Context, db *pgx.Conn) error {
	own := map[string]*line{}
	for _, c := range b.known.charges {
		amount, ok := new(big.Rat).SetString(c.Amount)
		if !ok {
			b.r.find(Unreadable, "a charge of %q", c.Amount)
			continue
		}
		l := own[c.key()]
		if l == nil {
			l = &line{amount: new(big.Rat)}
			own[c.key()] = l
		}
		l.count, l.parts, l.amount = l.count+1, l.parts+c.Parts, l.amount.Add(l.amount, amount)
	}
	rows, err := db.Query(ctx, `SELECT concat_ws('|', account, sender, country, channel, category, content, month, currency, price_version),
		count, parts, amount::text FROM goniec.billing_month_totals`)
	if err != nil {
		return err
	}
	var key, amount string
	var count, parts int64
	_, err = pgx.ForEachRow(rows, []any{&key, &count, &parts, &amount}, func() error {
		l := own[key]
		delete(own, key)
		sum, ok := new(big.Rat).SetString(amount)
		if l == nil || !ok || l.count != count || l.parts != parts || l.amount.Cmp(sum) != 0 {
			b.r.find(Model, "month's total %s: %d charges, %d parts, %s; the journal adds up to %v", key, count, parts, amount, l)
		}
		return nil
	})
	for key := range own {
		b.r.find(Model, "month's total %s is missing", key)
	}
	return err
}

func (l *line) String() string {
	if l == nil {
		return "nothing"
	}
	return fmt.Sprintf("%d charges, %d parts, %s", l.count, l.parts, l.amount.FloatString(6))
}

func (b *books) checkStopped(ctx context.Context, db *pgx.Conn) error {
	rows, err := db.Query(ctx, "SELECT projection, topic, partition, stopped FROM goniec.checkpoints WHERE live AND stopped IS NOT NULL")
	if err != nil {
		return err
	}
	var name, topic, why string
	var partition int32
	_, err = pgx.ForEachRow(rows, []any{&name, &topic, &partition, &why}, func() error {
		b.r.find(Model, "%s has given %s/%d up: %s", name, topic, partition, why)
		return nil
	})
	return err
}

// Digests hashes every row of every read model in use, by name of the table:
// a fresh rebuild must give the same. Nothing may be projected meanwhile.
func Digests(ctx context.Context, url string) (map[string]string, error) {
	db, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("connect to Postgres: %w", err)
	}
	defer db.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	rows, err := db.Query(ctx, `SELECT b.projection, b.schema, t.table_name FROM goniec.builds b JOIN information_schema.tables t ON t.table_schema = b.schema
		WHERE b.state = 'live' AND t.table_name <> 'goose_db_version' ORDER BY 1, 3`)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Projection, Schema, Table string }])
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	out := map[string]string{}
	for _, t := range tables {
		if out[t.Projection+"."+t.Table], err = digest(ctx, db, t.Schema, t.Table); err != nil {
			return nil, fmt.Errorf("digest of %s: %w", t.Table, err)
		}
	}
	return out, nil
}

// digest leaves cells of sums out that have gone back to zero.
func digest(ctx context.Context, db *pgx.Conn, schema, table string) (string, error) {
	where := ""
	switch table {
	case "traffic", "times", "time_sums":
		where = " WHERE messages <> 0"
	case "costs", "cost_sums":
		where = " WHERE charges <> 0 OR parts <> 0 OR amount <> 0"
	case "traffic_sums":
		where = " WHERE accepted <> 0 OR sent <> 0 OR delivered_viber <> 0 OR delivered_sms <> 0 OR read <> 0 OR late <> 0 OR double <> 0" +
			" OR failed <> 0 OR unknown <> 0 OR cancelled <> 0"
	}
	rows, err := db.Query(ctx, "SELECT t::text FROM "+pgx.Identifier{schema, table}.Sanitize()+" t"+where+` ORDER BY t::text COLLATE "C"`)
	if err != nil {
		return "", err
	}
	h, n, row := sha256.New(), 0, ""
	_, err = pgx.ForEachRow(rows, []any{&row}, func() error {
		n++
		h.Write([]byte(row + "\n"))
		return nil
	})
	return fmt.Sprintf("%d rows, %s", n, hex.EncodeToString(h.Sum(nil))[:16]), err
}

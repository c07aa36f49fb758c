package check

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"goniec/internal/testkit"
)

// readModels are those that whole's journal leads to, under names that make SQL of them.
const readModels = `CREATE SCHEMA goniec;
CREATE TABLE goniec.messages (id text, state text, ended boolean, version bigint);
INSERT INTO goniec.messages VALUES ('1001', 'delivered', true, 6), ('1002', 'delivered', true, 6), ('1003', 'delivered', true, 8);
CREATE TABLE goniec.billing_month_totals (account text, sender text, country text, channel text, category text, content text, month text,
	currency text, price_version text, count bigint, parts bigint, amount numeric(24, 6));
INSERT INTO goniec.billing_month_totals VALUES ('', '', '', 'viber', '', '', '2026-11', '', '', 2, 2, 0.10);
CREATE TABLE goniec.checkpoints (projection text, topic text, partition integer, live boolean, stopped text);
CREATE TABLE goniec.builds (projection text, schema text, state text);
INSERT INTO goniec.builds VALUES ('messages', 'goniec', 'live')`

func withModels(t *testing.T, change string) *rig {
	t.Helper()
	r := whole(t)
	r.link()
	r.postgres = testkit.Postgres(t)
	db, err := pgx.Connect(t.Context(), r.postgres)
	require.NoError(t, err)
	_, err = db.Exec(t.Context(), readModels+";"+change)
	require.NoError(t, err)
	require.NoError(t, db.Close(t.Context()))
	return r
}

func TestReadModelsThatSayTheSameHaveNoFindings(t *testing.T) {
	t.Parallel()
	requireOnly(t, withModels(t, "").check())
}

func TestAReadModelThatDiffersIsReported(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"a message is missing":       "DELETE FROM goniec.messages WHERE id = '1001'",
		"a message too many":         "INSERT INTO goniec.messages VALUES ('9', 'read', true, 1)",
		"another state":              "UPDATE goniec.messages SET state = 'read' WHERE id = '1003'",
		"an older version":           "UPDATE goniec.messages SET version = 5 WHERE id = '1003'",
		"a total of another amount":  "UPDATE goniec.billing_month_totals SET amount = 0.15",
		"a total of another count":   "UPDATE goniec.billing_month_totals SET count = 3",
		"a total is missing":         "DELETE FROM goniec.billing_month_totals",
		"a partition was given up":   "INSERT INTO goniec.checkpoints VALUES ('messages', 'messages', 1, true, 'why')",
		"a total that nobody bought": "INSERT INTO goniec.billing_month_totals VALUES ('', '', '', 'sms', '', '', '2026-11', '', '', 1, 1, 0.09)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireOnly(t, withModels(t, change).check(), Model)
		})
	}
}

func TestADigestTellsTwoTablesApart(t *testing.T) {
	t.Parallel()
	r := withModels(t, "")
	before, err := Digests(t.Context(), r.postgres)
	require.NoError(t, err)
	require.Contains(t, before, "messages.messages")
	db, err := pgx.Connect(t.Context(), r.postgres)
	require.NoError(t, err)
	_, err = db.Exec(t.Context(), "UPDATE goniec.messages SET version = 9 WHERE id = '1003'")
	require.NoError(t, err)
	require.NoError(t, db.Close(t.Context()))
	after, err := Digests(t.Context(), r.postgres)
	require.NoError(t, err)
	require.NotEqual(t, before["messages.messages"], after["messages.messages"])
	require.Equal(t, before["messages.checkpoints"], after["messages.checkpoints"])
}

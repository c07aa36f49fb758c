package projtest

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// Rows returns what a query of one text column finds.
func Rows(t testing.TB, link, sql string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), link)
	require.NoError(t, err)
	defer conn.Close(t.Context()) //nolint:errcheck // nothing was written
	rows, err := conn.Query(t.Context(), sql)
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return list
}

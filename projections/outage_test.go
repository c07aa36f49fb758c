package projections_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/eventstore"
	"goniec/projections"
	pt "goniec/projections/internal/projtest"
)

// Postgres goes away several times while events come in: afterwards every
// event has been projected, and once.
func TestAnOutageOfPostgresLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	link, j := pt.Database(t, nil), pt.NewJournal()
	proxy := pt.NewProxy(t, link)
	p := pt.Projector(t, proxy.URL, j, func(c *projections.Config) { c.MaxEvents, j.Fetch = 10, 5 })
	pt.Start(t, p)
	conn := connect(t, link)
	n := 0
	write := func() {
		pt.Write(t, j, int32(n%2), n, n+1)
		n++
	}
	for range 3 {
		for range 10 {
			write()
		}
		require.Eventually(t, func() bool {
			return count(t, conn, "SELECT count(*) FROM goniec.messages") > n-10
		}, time.Minute, 5*time.Millisecond)
		proxy.Cut()
		for range 20 {
			write()
		}
		_, err := p.Status(t.Context())
		require.Error(t, err)
		proxy.Mend()
	}
	pt.CaughtUp(t, p, j)
	require.Equal(t, n, count(t, conn, "SELECT count(*) FROM goniec.messages"))
	require.Equal(t, j.Len(eventstore.Messages, 0)+j.Len(eventstore.Messages, 1), count(t, conn, "SELECT sum(version) FROM goniec.messages"))
	require.Equal(t, count(t, conn, "SELECT sum(jsonb_array_length(charges)) FROM goniec.messages"), count(t, conn, "SELECT sum(count) FROM goniec.billing_month_totals"))
}

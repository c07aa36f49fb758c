package projections_test

import (
	"context"
	"sort"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"goniec/domain/catalog"
	"goniec/eventstore"
	"goniec/projections"
	pt "goniec/projections/internal/projtest"
	"goniec/projections/messages"
)

// streams are the lives that the property test mixes.
func streams() map[string][]pt.Fact {
	all := pt.RecipientFacts(pt.Epoch)
	for n := range 10 {
		all[pt.Message(n)] = pt.Story(n, pt.Epoch)
	}
	return all
}

// shuffled writes the streams in an order of pick's choice, each stream in its own order.
func shuffled(t testing.TB, pick func(n int) int) []projections.Event {
	left := streams()
	j := pt.NewJournal()
	var names []string
	for name := range left {
		names = append(names, name)
	}
	sort.Strings(names)
	var events []projections.Event
	for len(names) > 0 {
		i := pick(len(names))
		name := names[i]
		f := left[name][0]
		e := j.Add(t, eventstore.Messages, 0, name, f.At, f.Fact)
		fact, err := catalog.Decode(e.Type, e.Data)
		require.NoError(t, err)
		events = append(events, projections.Event{Event: e, Fact: fact})
		if left[name] = left[name][1:]; len(left[name]) == 0 {
			names = append(names[:i:i], names[i+1:]...)
		}
	}
	return events
}

func forget(t testing.TB, conn *pgx.Conn) {
	t.Helper()
	rows, err := conn.Query(context.Background(), `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables
		WHERE schemaname LIKE 'goniec\_%' AND tablename <> 'goose_db_version'`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	for _, name := range tables {
		_, err := conn.Exec(context.Background(), "DELETE FROM "+name)
		require.NoError(t, err)
	}
	_, err = conn.Exec(context.Background(), "UPDATE goniec.checkpoints SET next_offset = 0")
	require.NoError(t, err)
}

// However the journal is mixed, cut into batches, and whatever batches are
// written again, the rows are the same.
func TestSplittingRepeatingAndMixingChangesNothing(t *testing.T) {
	t.Parallel()
	link := pt.Database(t, nil)
	conn := connect(t, link)
	p := pt.Projector(t, link, pt.NewJournal(), nil)
	ctx := context.Background()
	require.NoError(t, p.AddCheckpoints(ctx))
	r := p.NewRunner(eventstore.Messages, 0)
	require.NoError(t, r.Claim(ctx))

	inOrder := shuffled(t, func(int) int { return 0 })
	require.NoError(t, r.Write(ctx, 0, int64(2*len(inOrder)), inOrder))
	want := pt.Digests(t, p)
	require.Equal(t, int64(10), count64(t, conn, "SELECT count(*) FROM goniec.messages"))
	require.Equal(t, count64(t, conn, "SELECT (1000000 * sum(amount))::bigint FROM goniec.ledger"),
		count64(t, conn, "SELECT (1000000 * sum(amount))::bigint FROM goniec.cost_cells WHERE tag = ''"), "what the reports count is what is billed")

	rapid.Check(t, func(rt *rapid.T) {
		forget(t, conn)
		r.Begin()
		events := shuffled(t, func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "stream") })
		for at := 0; at < len(events); {
			from := rapid.IntRange(max(0, at-10), at).Draw(rt, "from")
			to := rapid.IntRange(from, min(len(events), at+30)).Draw(rt, "to")
			require.NoError(rt, r.Write(ctx, int64(2*from), int64(2*to), events[from:to]))
			if rapid.Bool().Draw(rt, "restart") {
				r.Begin()
			}
			at = max(at, to)
		}
		require.Equal(rt, want, pt.Digests(t, p))
	})
}

// A database from before the sums were kept gets them of the cells that it has.
func TestTheSumsOfAnOlderDatabaseAreThoseOfItsCells(t *testing.T) {
	t.Parallel()
	link := pt.Database(t, nil)
	p := pt.Projector(t, link, pt.NewJournal(), nil)
	ctx := t.Context()
	require.NoError(t, p.AddCheckpoints(ctx))
	r := p.NewRunner(eventstore.Messages, 0)
	require.NoError(t, r.Claim(ctx))
	events := shuffled(t, func(int) int { return 0 })
	require.NoError(t, r.Write(ctx, 0, int64(2*len(events)), events))
	want := pt.Digests(t, p)["messages"]

	pt.Older(t, link, messages.New(), 4)
	require.NoError(t, projections.Migrate(ctx, link, "Europe/Warsaw", modelsAll()))
	require.Equal(t, want, pt.Digests(t, p)["messages"])
	require.Positive(t, count64(t, connect(t, link), "SELECT count(*) FROM goniec.traffic_sums"))
}

func count64(t testing.TB, conn *pgx.Conn, sql string) (n int64) {
	t.Helper()
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&n))
	return n
}

func TestAZombieWritesNothing(t *testing.T) {
	t.Parallel()
	link := pt.Database(t, nil)
	conn := connect(t, link)
	p := pt.Projector(t, link, pt.NewJournal(), nil)
	ctx := t.Context()
	require.NoError(t, p.AddCheckpoints(ctx))
	events := shuffled(t, func(int) int { return 0 })
	zombie, heir := p.NewRunner(eventstore.Messages, 0), p.NewRunner(eventstore.Messages, 0)
	require.NoError(t, zombie.Claim(ctx))
	require.NoError(t, zombie.Write(ctx, 0, 20, events[:10]))
	known, err := zombie.Marks(ctx)
	require.NoError(t, err)
	require.NoError(t, heir.Claim(ctx))
	before := pt.Digests(t, p)

	require.ErrorIs(t, zombie.WriteBlind(ctx, 20, 40, events[10:20], known), projections.ErrFenced)
	require.Equal(t, before, pt.Digests(t, p))
	require.Equal(t, 7, count(t, conn, "SELECT count(*) FROM goniec.checkpoints WHERE topic = 'messages' AND partition = 0 AND next_offset = 20"))

	require.NoError(t, heir.Write(ctx, 20, 40, events[10:20]))
	require.NotEqual(t, before["messages"], pt.Digests(t, p)["messages"])
}

func TestAnEventThatDoesNotFollowIsRefused(t *testing.T) {
	t.Parallel()
	link := pt.Database(t, nil)
	p := pt.Projector(t, link, pt.NewJournal(), nil)
	ctx := t.Context()
	require.NoError(t, p.AddCheckpoints(ctx))
	events := shuffled(t, func(int) int { return 0 })
	var story []projections.Event
	for _, e := range events {
		if e.Stream == pt.Message(1) {
			story = append(story, e)
		}
	}
	r := p.NewRunner(eventstore.Messages, 0)
	require.NoError(t, r.Claim(ctx))
	first, last := story[0].Offset, story[len(story)-1].Offset
	for name, batch := range map[string][]projections.Event{
		"a version is missing in the batch": {story[0], story[2]},
		"the beginning is missing":          story[1:3],
	} {
		var unfit *projections.ErrUnfit
		var stopped *projections.ErrStopped
		err := r.Write(ctx, 0, last+2, batch)
		require.ErrorAs(t, err, &unfit, name)
		require.ErrorAs(t, err, &stopped, name)
	}
	require.NoError(t, r.Write(ctx, 0, first+2, story[:1]))
	again := *story[0].Event
	again.Offset = first + 2 // the same event a second time
	err := r.Write(ctx, first+2, first+4, []projections.Event{{Event: &again, Fact: story[0].Fact}})
	var unfit *projections.ErrUnfit
	require.ErrorAs(t, err, &unfit)
}

func TestEveryEventOfTheCatalogIsDecodedAndSorted(t *testing.T) {
	t.Parallel()
	wanted := map[string][]string{}
	for _, typ := range catalog.Types() {
		fact, err := catalog.Zero(typ)
		require.NoError(t, err, typ)
		for _, p := range modelsAll() {
			if p.Wants(fact) {
				wanted[p.Name()] = append(wanted[p.Name()], typ)
			}
		}
	}
	require.Len(t, wanted["messages"], 24)
	require.Equal(t, []string{"goniec.message.charged.v1"}, wanted["ledger"])
	require.Len(t, wanted["senders"], 24)
	require.Equal(t, []string{"goniec.recipient.opt_out_lifted.v1", "goniec.recipient.opted_out.v1"}, wanted["opt_outs"])
	require.Equal(t, []string{"goniec.recipient.replied.v1"}, wanted["replies"])
	require.Equal(t, []string{"goniec.number.report_matched.v1", "goniec.number.report_stored.v1"}, wanted["reports"])
	require.Len(t, wanted["parked"], 5)
	require.Equal(t, []string{"goniec.partition.period_sealed.v1"}, wanted["periods"])
	require.Equal(t, []string{
		"goniec.billing.credit_approved.v1", "goniec.billing.credit_rejected.v1", "goniec.billing.credit_requested.v1", "goniec.billing.minimum_waived.v1",
		"goniec.billing.month_closed.v1",
	}, wanted["bills"])
	require.Equal(t, []string{"goniec.account.created.v1", "goniec.account.settings_changed.v1", "goniec.regulations.published.v1"}, wanted["terms"])
}

func TestNULIsReplaced(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"a":"b"}`:                `{"a":"b"}`,
		`{"a":"\u0000x\u0000"}`:    `{"a":"\ufffdx\ufffd"}`,
		`{"a":"\\u0000"}`:          `{"a":"\\u0000"}`,
		`{"a":"\\\u0000\n\u0001"}`: `{"a":"\\\ufffd\n\u0001"}`,
	} {
		require.Equal(t, want, string(projections.WithoutNUL([]byte(in))), in)
	}
}

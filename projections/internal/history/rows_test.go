package history

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/eventstore"
	"goniec/projections"
	"goniec/projections/bills"
	pt "goniec/projections/internal/projtest"
	"goniec/projections/ledger"
	"goniec/projections/periods"
	"goniec/projections/senders"
	"goniec/projections/terms"
)

// models are the read models of senders and money.
func models() []projections.Projection {
	return []projections.Projection{senders.New(), ledger.New(), periods.New(), bills.New(), terms.New()}
}

// tables is Postgres with nothing in it but what one history wrote.
type tables struct {
	w  *world
	tx pgx.Tx
}

// rules.md A4, F4, G2: whatever the history, and wherever what is read of it is cut,
// the rows are the same; a sender's row is its state at each point, and no row of a
// closed month changes.
func TestAnyHistoryInRows(t *testing.T) {
	t.Parallel()
	link := pt.Database(t, models())
	conn, err := pgx.Connect(t.Context(), link)
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, r)
		live(w)
		stepwise := w.rows(conn, (*tables).stepwise)
		require.Equal(r, stepwise, w.rows(conn, (*tables).whole), "rebuilt")
		require.Equal(r, stepwise, w.rows(conn, (*tables).cut), "cut elsewhere")
	})
}

// rows writes the history in one way, and answers all rows that came of it.
func (w *world) rows(conn *pgx.Conn, write func(*tables)) map[string][]string {
	ctx := context.Background()
	tx, err := conn.Begin(ctx)
	require.NoError(w.t, err)
	defer func() { require.NoError(w.t, tx.Rollback(ctx)) }() // the next history begins with nothing
	_, err = tx.Exec(ctx, "UPDATE goniec.settings SET value = $1 WHERE name = 'billing_zone'", w.zone.String())
	require.NoError(w.t, err)
	write(&tables{w, tx})
	out := map[string][]string{}
	for _, p := range models() {
		for _, table := range p.Tables() {
			out[table.Name] = (&tables{w, tx}).all(p.Name(), table.Name, table.Key)
		}
	}
	return out
}

func schema(model string) string { return fmt.Sprintf("%s_%s_1", projections.Schema, model) }

func (x *tables) all(model, table, key string) []string {
	return x.list(fmt.Sprintf("SELECT t::text FROM %s.%s t ORDER BY %s", schema(model), table, key))
}

func (x *tables) list(sql string, args ...any) []string {
	rows, err := x.tx.Query(context.Background(), sql, args...)
	require.NoError(x.w.t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(x.w.t, err)
	return list
}

// apply writes a batch of one partition of a journal as the runner does.
func (x *tables) apply(topic string, p int32, batch []projections.Event) {
	for _, m := range models() {
		wanted := slices.DeleteFunc(slices.Clone(batch), func(e projections.Event) bool { return !m.Wants(e.Fact) })
		if !slices.Contains(m.Topics(), topic) || len(wanted) == 0 {
			continue
		}
		_, err := x.tx.Exec(context.Background(), "SELECT set_config('search_path', $1, true)", schema(m.Name()))
		require.NoError(x.w.t, err)
		require.NoError(x.w.t, m.Apply(context.Background(), x.tx, p, wanted))
	}
}

// lane is what one partition of a journal holds.
type lane struct {
	topic     string
	partition int32
	events    []projections.Event
}

func (w *world) lanes() (out []*lane) {
	for _, topic := range []string{eventstore.Accounts, eventstore.Messages} {
		for p := range int32(partitions) {
			l := &lane{topic: topic, partition: p}
			for _, e := range w.events {
				if e.topic == topic && e.Partition == p {
					l.events = append(l.events, e.Event)
				}
			}
			out = append(out, l)
		}
	}
	return out
}

// whole writes each partition at once.
func (x *tables) whole() {
	for _, l := range x.w.lanes() {
		x.apply(l.topic, l.partition, l.events)
	}
}

// cut writes each partition in pieces, those of several in any order.
func (x *tables) cut() {
	lanes := x.w.lanes()
	for len(lanes) > 0 {
		i := x.w.die("lane", len(lanes))
		l := lanes[i]
		n := min(len(l.events), 1+x.w.die("events", 40))
		x.apply(l.topic, l.partition, l.events[:n])
		if l.events = l.events[n:]; len(l.events) == 0 {
			lanes = slices.Delete(lanes, i, i+1)
		}
	}
}

// stepwise writes event by event, as they were decided, and looks at the rows after each.
func (x *tables) stepwise() {
	states := map[string]account.State{}
	closed := map[string][]string{} // the rows of closed months, by stream
	for _, e := range x.w.events {
		x.apply(e.topic, e.Partition, []projections.Event{e.Event})
		switch fact := e.Fact.(type) {
		case account.Event:
			if account.OfSender(fact) {
				s, ok := states[e.Stream]
				if !ok {
					s.Stream = e.Stream
				}
				states[e.Stream] = account.Evolve(s, fact, e.Time)
				x.sender(e.Stream, states[e.Stream])
			}
		case billing.MonthClosed:
			closed[e.Stream] = x.month(fact)
			x.adds(fact)
			x.owes(fact)
		}
	}
	for _, c := range x.w.closes {
		require.Equal(x.w.t, closed[billing.Stream(c.Statement.Account, c.Statement.Month)], x.month(c), "%s has changed", c.Statement.Month)
	}
}

// sender: the row is the state.
func (x *tables) sender(stream string, want account.State) {
	var version int64
	var state string
	var suspended, closed bool
	var service *int64
	var fold struct {
		State json.RawMessage `json:"state"`
	}
	err := x.tx.QueryRow(context.Background(), "SELECT version, state, suspended, closed, service_id, fold FROM goniec_senders_1.senders WHERE id = $1",
		account.StreamID(stream)).Scan(&version, &state, &suspended, &closed, &service, &fold)
	require.NoError(x.w.t, err)
	data, err := json.Marshal(want)
	require.NoError(x.w.t, err)
	require.JSONEq(x.w.t, string(data), string(fold.State))
	require.Equal(x.w.t, want.Version, version)
	require.Equal(x.w.t, string(want.Sender.Status), state)
	require.Equal(x.w.t, want.Sender.Suspension != nil, suspended)
	require.Equal(x.w.t, want.Sender.Closed, closed)
	require.Equal(x.w.t, want.Sender.ServiceID == 0, service == nil)
}

// month are all rows of a closed month.
func (x *tables) month(e billing.MonthClosed) (out []string) {
	for _, view := range []string{"billing_months", "billing_lines", "billing_statements", "ledger", "billing_month_totals"} {
		out = append(out, x.list(fmt.Sprintf("SELECT v::text FROM goniec.%s v WHERE account = $1 AND month = $2 ORDER BY 1", view),
			e.Statement.Account, e.Statement.Month.String())...)
	}
	return out
}

// adds: what the ledger holds of the month, its sums and the statement's lines come to the same.
func (x *tables) adds(e billing.MonthClosed) {
	one := func(sql string) string {
		return x.list(sql, e.Statement.Account, e.Statement.Month.String())[0]
	}
	const of = " WHERE account = $1 AND month = $2"
	lines := one("SELECT coalesce(sum(exact), 0)::numeric(24, 6)::text || ' ' || coalesce(sum(count), 0) FROM goniec.billing_lines" + of + " AND kind IN ('usage', 'adjustment')")
	require.Equal(x.w.t, one("SELECT coalesce(sum(amount), 0)::numeric(24, 6)::text || ' ' || count(*) FROM goniec.ledger"+of), lines)
	require.Equal(x.w.t, one("SELECT coalesce(sum(amount), 0)::numeric(24, 6)::text || ' ' || coalesce(sum(count), 0) FROM goniec.billing_month_totals"+of), lines)
	require.Equal(x.w.t, one("SELECT coalesce(sum(line_amount), 0)::text FROM goniec.billing_month_totals"+of),
		one("SELECT coalesce(sum(amount), 0)::text FROM goniec.billing_lines"+of+" AND kind IN ('usage', 'adjustment')"))
	require.Equal(x.w.t, e.Statement.Total.String(), one("SELECT coalesce(sum(amount), 0)::numeric(24, 2)::text FROM goniec.billing_lines"+of))
	require.Equal(x.w.t, e.Statement.Total.String(), one("SELECT total::text FROM goniec.billing_months"+of))
}

// owes: the view of senders' months says of a closed one what its statement does, as
// far as the database's clock has come.
func (x *tables) owes(e billing.MonthClosed) {
	for _, c := range configs {
		if c.account != e.Statement.Account {
			continue
		}
		want := "not_active"
		for _, o := range e.Statement.Obligations {
			if o.Month == e.Statement.Month && o.Sender == c.name && (o.Country == c.country || slices.Contains(o.Countries, c.country)) {
				want = owed(o)
			}
		}
		for _, have := range x.list(`SELECT coalesce(free, concat_ws(' ', terms_version, unit, minimum_amount, coalesce(minimum_messages, 0), mode, scope))
			FROM goniec.sender_month_traffic WHERE account = $1 AND month = $2 AND name = $3 AND country = $4`,
			c.account, e.Statement.Month.String(), c.name, c.country) {
			require.Equal(x.w.t, want, have, "%v in %s", c, e.Statement.Month)
		}
	}
}

// owed is an obligation's minimum, or why there is none.
func owed(o billing.Obligation) string {
	if o.Reason != billing.ReasonCharged && o.Reason != billing.ReasonReached {
		return o.Reason
	}
	m := o.Minimum
	return fmt.Sprintf("%s %s %s %d %s %s", o.TermsVersion, m.Unit, m.Amount.Cents(), m.Messages, m.Mode, m.Scope)
}

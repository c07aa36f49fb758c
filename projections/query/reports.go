package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"goniec/domain/calendar"
)

// Bounds of a report; its range is bounded by who asks.
const (
	MaxReportRows  = 100_000
	maxReportCells = 1_000_000 // sums read of Postgres, before they are put together
)

// ErrTooManyRows: the report would have more than MaxReportRows.
var ErrTooManyRows = errors.New("the report has too many rows")

// Dimension is what a report's rows are told apart by.
type Dimension string

// The dimensions, in the order of the columns.
const (
	ByDay      Dimension = "day"
	ByHour     Dimension = "hour"
	BySender   Dimension = "sender"
	ByCountry  Dimension = "country"
	ByCategory Dimension = "category"
	ByTag      Dimension = "tag"
	ByChannel  Dimension = "channel"
)

// Report selects what is counted, and by what. All of it is about the messages
// accepted from From to To, whenever the rest of their life came (rules.md D7).
type Report struct {
	Account  string
	From, To time.Time      // days, as UTC midnights; both are in it
	Zone     *time.Location // of the days; off UTC by whole hours
	By       []Dimension
	Sender   string // "" = all, and so on
	Country  string
	Category string
	Tag      string
}

// Key is what a report's row is about; empty where the report does not tell it apart.
type Key struct {
	Day      string // "2026-11-16"
	Hour     string // as RFC 3339, in the report's zone
	Sender   string
	Country  string
	Category string
	Tag      string
	Channel  string
}

func compareKeys(a, b keyed) int {
	return cmp.Or(cmp.Compare(a.Bucket, b.Bucket), strings.Compare(a.Sender, b.Sender), strings.Compare(a.Country, b.Country),
		strings.Compare(a.Category, b.Category), strings.Compare(a.Tag, b.Tag), strings.Compare(a.Channel, b.Channel))
}

func (f *Report) by(d Dimension) bool { return slices.Contains(f.By, d) }

// starts are when each day begins, and when the last one ends.
func (f *Report) starts() []time.Time {
	var out []time.Time
	for d := f.From; !d.After(f.To.AddDate(0, 0, 1)); d = d.AddDate(0, 0, 1) {
		out = append(out, calendar.DateOf(d, time.UTC).Begins(f.Zone).UTC()) // where clocks jump over midnight, too
	}
	return out
}

// keyed is a row of SQL, whatever follows its key.
type keyed struct {
	Bucket                                  int64
	Sender, Country, Category, Tag, Channel string
}

func (f *Report) key(k keyed) Key {
	out := Key{Sender: k.Sender, Country: k.Country, Category: k.Category, Tag: k.Tag, Channel: k.Channel}
	switch {
	case f.by(ByHour):
		out.Hour = time.Unix(k.Bucket, 0).In(f.Zone).Format(time.RFC3339)
	case f.by(ByDay):
		out.Day = f.From.AddDate(0, 0, int(k.Bucket)-1).Format(time.DateOnly)
	}
	return out
}

// whose are the dimensions that a message has from the beginning.
var whose = []Dimension{BySender, ByCountry, ByCategory, ByTag}

// sums is a question for sums: of what is kept, or of a view of its own.
type sums struct {
	kept   *kept
	from   string // the view, with what it is joined with
	at     string // the column of its hour
	has    []Dimension
	column map[Dimension]string // where it is not named as the dimension
	what   string               // what is selected behind the key
	where  string
	group  []int // columns behind the key to group by, counted from 1
}

// name is the column of a dimension.
func (s sums) name(d Dimension) string {
	if c := s.column[d]; c != "" {
		return c
	}
	return string(d)
}

// sql asks for the sums of a report; see keyed for what comes first.
func (f *Report) sql(s sums) (string, []any, error) {
	owner, err := id(f.Account)
	if err != nil {
		return "", nil, err
	}
	starts := f.starts()
	from, to := starts[0], starts[len(starts)-1]
	args := []any{owner}
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	where := []string{s.name("account") + " = $1"}
	if s.kept != nil {
		s.from, s.at = s.kept.read(f.parts(from, to), s.has, arg), "hour"
	} else {
		args = append(args, from, to) // $2 and $3, which where may name
		where = append(where, s.at+" >= $2", s.at+" < $3")
	}
	bucket := "0::bigint"
	switch {
	case f.by(ByHour):
		bucket = "extract(epoch FROM date_trunc('hour', " + s.at + ", 'UTC'))::bigint"
	case f.by(ByDay):
		bucket = "width_bucket(" + s.at + ", " + arg(starts) + "::timestamptz[])::bigint"
	}
	columns, groups := []string{bucket}, []string{"1"}
	for i, d := range append(slices.Clone(whose), ByChannel) {
		column := "''::text"
		if f.by(d) && slices.Contains(s.has, d) {
			column = s.name(d)
			groups = append(groups, fmt.Sprint(i+2))
		}
		columns = append(columns, column)
	}
	for _, n := range s.group {
		groups = append(groups, fmt.Sprint(len(columns)+n))
	}
	where = append(where, f.filters(s, arg)...)
	having := ""
	if s.kept != nil {
		having = " HAVING sum(" + s.kept.counters[0].name + ") <> 0" // nothing is left where a part was taken off
	}
	return "SELECT " + strings.Join(columns, ", ") + ", " + s.what + " FROM " + s.from + " WHERE " + strings.Join(where, " AND ") +
		" GROUP BY " + strings.Join(groups, ", ") + having + fmt.Sprintf(" LIMIT %d", maxReportCells+1), args, nil
}

func (f *Report) filters(s sums, arg func(any) string) (where []string) {
	for i, v := range []string{f.Sender, f.Country, f.Category} {
		if d := whose[i]; v != "" && slices.Contains(s.has, d) {
			where = append(where, s.name(d)+" = "+arg(v))
		}
	}
	if s.where != "" {
		where = append(where, s.where)
	}
	if !slices.Contains(s.has, ByTag) {
		return where
	}
	// A message is in the cells with tag '', and in those of each of its tags.
	switch {
	case f.Tag != "" || !f.by(ByTag):
		where = append(where, s.name(ByTag)+" = "+arg(f.Tag))
	default:
		where = append(where, s.name(ByTag)+" <> ''")
	}
	return where
}

// report is one that is being put together.
type report[T any] struct {
	f     *Report
	rows  map[keyed]*T
	fresh func(Key) T
}

func newReport[T any](f *Report, fresh func(Key) T) *report[T] {
	return &report[T]{f, map[keyed]*T{}, fresh}
}

// change makes or finds the row of a key.
func (r *report[T]) change(k keyed, fn func(*T)) error {
	row := r.rows[k]
	if row == nil {
		if len(r.rows) == MaxReportRows {
			return ErrTooManyRows
		}
		made := r.fresh(r.f.key(k))
		row = &made
		r.rows[k] = row
	}
	fn(row)
	return nil
}

func (r *report[T]) sorted() []T {
	keys := make([]keyed, 0, len(r.rows))
	for k := range r.rows {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compareKeys)
	out := make([]T, 0, len(keys))
	for _, k := range keys {
		out = append(out, *r.rows[k])
	}
	return out
}

// ask runs one question; each puts a row of SQL into the report.
func ask[S any](ctx context.Context, tx pgx.Tx, f *Report, s sums, each func(S) error) error {
	q, args, err := f.sql(s)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, q, args...)
	if err != nil {
		return fault(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		v, err := pgx.RowToStructByPos[S](rows)
		if err != nil {
			return fault(err)
		}
		if n++; n > maxReportCells {
			return ErrTooManyRows
		}
		if err := each(v); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fault(err)
	}
	return nil
}

// snapshot asks several questions of one state of the read models.
func (r *Reader) snapshot(ctx context.Context, fn func(context.Context, pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	return r.atOnce(ctx, func(tx pgx.Tx) error { return fn(ctx, tx) })
}

// atOnce runs queries that all see the same, as long as they take. Its error is fn's
// own, or as a query's.
func (r *Reader) atOnce(ctx context.Context, fn func(pgx.Tx) error) error {
	var own error
	err := pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		own = fn(tx)
		return own
	})
	if err != nil && own == nil {
		return fault(err)
	}
	return own
}

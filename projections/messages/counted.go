package messages

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"goniec/projections"
)

// counted is a table of counters. A row's key is its account, when it starts, and
// the columns listed, in this order; a batch adds to its counters.
type counted struct {
	table, start          string
	texts, flags, numbers []string
	counters              []string // amounts (of that name) are in millionths
}

// cellsAndSums are the table of cells, and the one of spans, that count the same.
func cellsAndSums(t counted, sums string) (cells, spans counted) {
	cells, spans = t, t
	cells.start = "hour"
	spans.table, spans.start, spans.texts = sums, "start", append(slices.Clone(t.texts), "span")
	return cells, spans
}

// pick is where the block is counted.
func pick(b block, cells, sums *lot) *lot {
	if b.span == "" {
		return cells
	}
	return sums
}

// lot is rows of a table of counters, turned sideways.
type lot struct {
	of       counted
	accounts projections.UUIDs
	starts   projections.Times
	texts    [][]string
	flags    [][]bool
	numbers  [][]int64 // of the key, then the counters
}

func (t counted) lot() *lot {
	return &lot{
		of: t, texts: make([][]string, len(t.texts)), flags: make([][]bool, len(t.flags)),
		numbers: make([][]int64, len(t.numbers)+len(t.counters)),
	}
}

// add adds a row: the block's account and start, then the columns' values in order;
// the span follows the texts.
func (l *lot) add(at block, texts []string, flags []bool, numbers ...int64) {
	l.accounts = append(l.accounts, projections.UUID(at.account))
	l.starts = append(l.starts, projections.Time(time.Unix(at.hour, 0).UTC()))
	if at.span != "" {
		texts = append(texts, at.span)
	}
	for i, v := range texts {
		l.texts[i] = append(l.texts[i], v)
	}
	for i, v := range flags {
		l.flags[i] = append(l.flags[i], v)
	}
	for i, v := range numbers {
		l.numbers[i] = append(l.numbers[i], v)
	}
}

// queue adds the statement that writes them, if there are any.
func (l *lot) queue(b *pgx.Batch, partition int32) {
	if len(l.accounts) == 0 {
		return
	}
	args := []any{partition, l.accounts, l.starts}
	for _, list := range l.texts {
		args = append(args, list)
	}
	for _, list := range l.flags {
		args = append(args, list)
	}
	for _, list := range l.numbers {
		args = append(args, list)
	}
	b.Queue(l.of.sql(), args...)
}

func (t counted) sql() string {
	keys := slices.Concat([]string{"account", t.start}, t.texts, t.flags, t.numbers)
	types := slices.Concat([]string{"uuid", "timestamptz"}, slices.Repeat([]string{"text"}, len(t.texts)),
		slices.Repeat([]string{"bool"}, len(t.flags)), slices.Repeat([]string{"bigint"}, len(t.numbers)+len(t.counters)))
	columns := slices.Concat(keys, t.counters)
	arrays, values, sets := make([]string, len(types)), slices.Clone(columns), make([]string, len(t.counters))
	for i, typ := range types {
		arrays[i] = fmt.Sprintf("$%d::%s[]", i+2, typ)
		if columns[i] == "amount" {
			values[i] = "amount * 0.000001"
		}
	}
	for i, c := range t.counters {
		sets[i] = fmt.Sprintf("%[1]s = t.%[1]s + excluded.%[1]s", c)
	}
	list := func(s []string) string { return strings.Join(s, ", ") }
	return "INSERT INTO " + t.table + " AS t (partition, " + list(columns) + ") SELECT $1, " + list(values) +
		" FROM unnest(" + list(arrays) + ") AS n (" + list(columns) + ") ON CONFLICT (partition, " + list(keys) + ") DO UPDATE SET " + list(sets)
}

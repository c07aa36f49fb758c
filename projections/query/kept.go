package query

import (
	"strings"
	"time"

	"goniec/projections/messages"
)

// kept are sums that the read model of messages keeps: of cells, each an hour of a
// sender, and of the spans that it puts many cells together in.
type kept struct {
	name     string    // of its views: name_cells and name_sums
	keys     []string  // that rows are told apart by behind the dimensions
	counters []counter // the first is of everything that is counted
}

// counter is a column of name_sums, and what it is of a row of name_cells.
type counter struct{ name, cell string }

// same are counters that both views have.
func same(names ...string) (out []counter) {
	for _, n := range names {
		out = append(out, counter{n, n})
	}
	return out
}

// part is a piece of time whose sums, of one span ("" = the cells), are added or taken off.
type part struct {
	span     string
	from, to time.Time
	minus    bool
}

// parts is how the sums from one time to another are put together of as few rows as
// can be: without senders from the hours, with them from the months, mended by cells
// at both ends, unless days or hours are told apart.
func (f *Report) parts(from, to time.Time) []part {
	if !f.by(BySender) && f.Sender == "" {
		return []part{{messages.Hour, from, to, false}}
	}
	first, last := nearestMonth(from), nearestMonth(to)
	if f.by(ByDay) || f.by(ByHour) || !first.Before(last) {
		return []part{{"", from, to, false}}
	}
	return []part{{messages.Month, first, last, false}, between(from, first), between(last, to)}
}

// between is what is missing from a to b, or too much if b comes before a.
func between(a, b time.Time) part {
	if b.Before(a) {
		return part{"", b, a, true}
	}
	return part{"", a, b, false}
}

// nearestMonth is the beginning of a month of UTC that is nearest to t.
func nearestMonth(t time.Time) time.Time {
	t = t.UTC()
	begin := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	if next := begin.AddDate(0, 1, 0); next.Sub(t) < t.Sub(begin) {
		return next
	}
	return begin
}

// read is the parts' rows, with their hour or what they begin with as hour; $1 is the account.
func (k kept) read(parts []part, has []Dimension, arg func(any) string) string {
	var all []string
	for _, p := range parts {
		all = append(all, k.part(p, has, arg))
	}
	return "(" + strings.Join(all, " UNION ALL ") + ") kept"
}

func (k kept) part(p part, has []Dimension, arg func(any) string) string {
	view, at, only := k.name+"_sums", "start", " AND span = '"+p.span+"'"
	if p.span == "" {
		view, at, only = k.name+"_cells", "hour", ""
	}
	columns := []string{"account", at + " AS hour"}
	for _, d := range has {
		columns = append(columns, string(d))
	}
	columns = append(columns, k.keys...)
	for _, c := range k.counters {
		value := c.name
		if p.span == "" {
			value = c.cell
		}
		if p.minus {
			value = "-(" + value + ")"
		}
		columns = append(columns, value+" AS "+c.name)
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM goniec." + view +
		" WHERE account = $1" + only + " AND " + at + " >= " + arg(p.from) + " AND " + at + " < " + arg(p.to)
}

package history

import (
	"context"
	"maps"
	"slices"

	"goniec/domain/message"
	"goniec/domain/money"
	"goniec/domain/partition"
	"goniec/eventstore"
	pt "goniec/projections/internal/projtest"
	"goniec/projections/query"
)

// books are the read models that a close reads, summed up here once more from the
// events, up to where the ledger has read them.
type books struct{ w *world }

// read says whether the ledger has the event.
func (b books) read(e written) bool {
	return e.topic == eventstore.Messages && e.Offset < b.next(e.Partition)
}

func (b books) next(p int32) int64 {
	return max(0, b.w.journal.End(eventstore.Messages, p)-2*b.w.lag[p]) // offsets are even
}

func (b books) Billing(_ context.Context, account, month string) ([]query.BillingLine, error) {
	lines := map[query.BillingLine]query.BillingLine{}
	for _, e := range b.w.events {
		c, ok := e.Fact.(message.Charged)
		if !ok || !b.read(e) || c.Account != account || c.Month != month {
			continue
		}
		k := query.BillingLine{
			Account: account, Sender: c.Sender, Country: c.Country, Channel: string(c.Channel), Category: string(c.PricedCategory),
			Content: string(c.Content), Month: month, Currency: c.Currency, PriceVersion: c.PriceVersion, Adjusts: c.Adjusts,
		}
		l := k
		if had, ok := lines[k]; ok {
			l = had
		}
		l.Count, l.Parts, l.Amount = l.Count+1, l.Parts+int64(c.Parts), sum(l.Amount, c.Amount)
		if c.Waived != "" {
			l.Waived++
		}
		lines[k] = l
	}
	return slices.Collect(maps.Values(lines)), nil
}

// sum adds two decimals; what the rules write can be read, and "" is nothing.
func sum(a, b string) string {
	x, _ := money.Parse(a)
	y, _ := money.Parse(b)
	return (x + y).String()
}

func (b books) Seals(_ context.Context, month string, n int32) (query.MonthSeals, error) {
	out := query.MonthSeals{Missing: []int32{}}
	for p := range n {
		i := slices.IndexFunc(b.w.events, func(e written) bool {
			seal, ok := e.Fact.(partition.PeriodSealed)
			return ok && b.read(e) && e.Partition == p && seal.Month >= month
		})
		if i < 0 {
			out.Missing = append(out.Missing, p)
			continue
		}
		e := b.w.events[i]
		out.Seals = append(out.Seals, query.Seal{Month: e.Fact.(partition.PeriodSealed).Month, Partition: p, Position: e.Offset, SealedAt: e.Time})
	}
	return out, nil
}

func (b books) LedgerRead(context.Context) (map[int32]int64, error) {
	out := map[int32]int64{}
	for p := range int32(partitions) {
		out[p] = b.next(p)
	}
	return out, nil
}

func (b books) Statement(context.Context, string, string) (query.Statement, error) {
	return query.Statement{}, query.ErrNotFound
}

// ends is the accounts journal, which the views have always seen whole.
type ends struct{ w *world }

func (e ends) Ends() (out []int64, err error) {
	for p := range int32(partitions) {
		out = append(out, e.w.journal.End(eventstore.Accounts, p))
	}
	return out, nil
}

func (ends) CaughtUp(context.Context) error { return nil }

// records is the journal as it is read once more.
type records struct{ *pt.Journal }

func (r records) End(topic string, p int32) (int64, error) { return r.Journal.End(topic, p), nil }

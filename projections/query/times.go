package query

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"goniec/projections/messages"
)

// TimesRow says how long messages took: until their first delivery, or until the
// fallback was decided; from acceptance, or from release if they had to wait. Each
// time is that of a bucket: at most 5 % off, exact up to 10 ms.
type TimesRow struct {
	Key
	What                    string // messages.Delivery or messages.Fallback
	Messages                int64
	P50, P90, P95, P99, Max time.Duration
}

var timeSums = sums{
	kept: &kept{"time", []string{"what", "slot"}, same("messages")}, has: []Dimension{BySender, ByCountry, ByChannel}, group: []int{1, 2},
	what: "what, slot::bigint, sum(messages)::bigint",
}

type timeSum struct {
	keyed
	What     string
	Slot     int64
	Messages int64
}

// histograms are those of one row's key, by what they count.
type histograms struct {
	key Key
	of  map[string]map[int]int64 // by slot
}

// TimesReport returns percentiles of an account's messages, see TimesRow.
func (r *Reader) TimesReport(ctx context.Context, f Report) ([]TimesRow, error) {
	found := newReport(&f, func(k Key) histograms { return histograms{k, map[string]map[int]int64{}} })
	err := r.snapshot(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return ask(ctx, tx, &f, timeSums, func(s timeSum) error {
			return found.change(s.keyed, func(h *histograms) {
				if h.of[s.What] == nil {
					h.of[s.What] = map[int]int64{}
				}
				h.of[s.What][int(s.Slot)] += s.Messages
			})
		})
	})
	if err != nil {
		return nil, err
	}
	out := []TimesRow{}
	for _, h := range found.sorted() {
		for _, what := range []string{messages.Delivery, messages.Fallback} {
			if len(h.of[what]) > 0 {
				out = append(out, percentiles(h.key, what, h.of[what]))
			}
		}
	}
	return out, nil
}

// percentiles are by nearest rank: the smallest time that so many did not exceed.
func percentiles(k Key, what string, slots map[int]int64) TimesRow {
	out := TimesRow{Key: k, What: what}
	order := make([]int, 0, len(slots))
	for slot, n := range slots {
		out.Messages += n
		order = append(order, slot)
	}
	slices.Sort(order)
	at := func(percent int64) time.Duration {
		rank := (out.Messages*percent + 99) / 100
		for _, slot := range order {
			if rank -= slots[slot]; rank <= 0 {
				return messages.SlotTime(slot)
			}
		}
		return 0
	}
	out.P50, out.P90, out.P95, out.P99, out.Max = at(50), at(90), at(95), at(99), at(100)
	return out
}

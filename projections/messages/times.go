package messages

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"goniec/domain"
)

// What the tables of times count.
const (
	Delivery = "delivery" // until the first delivery
	Fallback = "fallback" // until the SMS was decided on
)

// times is by how much each row of the tables times and time_sums changes.
type times map[timeKey]int64

type timeKey struct {
	block
	what    string
	channel domain.Channel
	slot    int
}

// first is a message's first delivery; a late report may tell of an earlier one.
type first struct {
	channel domain.Channel
	at      time.Time
}

func (r *row) first() first { return first{r.state.FirstChannel, r.state.FirstAt} }

// move counts how long a message took, from its acceptance or its release.
func (t times) move(r *row) {
	begin := r.acceptedAt
	if r.sendAt.After(begin) {
		begin = r.sendAt
	}
	if now := r.first(); now != r.delivered {
		t.took(r, r.delivered, begin, -1)
		t.took(r, now, begin, 1)
	}
	if !r.fellBack.IsZero() {
		t.add(r, Fallback, "", r.fellBack.Sub(begin), 1)
	}
}

func (t times) took(r *row, f first, begin time.Time, n int64) {
	if f.channel != "" {
		t.add(r, Delivery, f.channel, f.at.Sub(begin), n)
	}
}

func (t times) add(r *row, what string, channel domain.Channel, took time.Duration, n int64) {
	for _, bl := range r.spot().blocks() {
		t[timeKey{bl, what, channel, Slot(took)}] += n
	}
}

var timeCells, timeSums = cellsAndSums(counted{
	table: "times", texts: []string{"country", "sender", "what", "channel"}, numbers: []string{"slot"}, counters: []string{"messages"},
}, "time_sums")

func (t times) queue(b *pgx.Batch, partition int32) {
	maps.DeleteFunc(t, func(_ timeKey, n int64) bool { return n == 0 })
	cells, sums := timeCells.lot(), timeSums.lot()
	for _, at := range slices.SortedFunc(maps.Keys(t), compareTimes) {
		texts := []string{at.country, at.sender, at.what, string(at.channel)}
		pick(at.block, cells, sums).add(at.block, texts, nil, int64(at.slot), t[at])
	}
	cells.queue(b, partition)
	sums.queue(b, partition)
}

func compareTimes(a, b timeKey) int {
	return cmp.Or(compareBlocks(a.block, b.block), strings.Compare(a.what, b.what), strings.Compare(string(a.channel), string(b.channel)), cmp.Compare(a.slot, b.slot))
}

package messages

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"goniec/domain"
	"goniec/domain/message"
)

// place is the cell of the traffic table that a message is counted in, its tag aside.
type place struct {
	spot
	category           string
	state              message.Status
	channel            domain.Channel
	reason             string // of the fallback
	sent, late, double bool
}

type cell struct {
	place
	tag string
}

// traffic is by how much each cell changes.
type traffic map[cell]int64

func (r *row) place() place {
	return place{
		spot: r.spot(), category: r.category,
		state: r.state.Status, channel: r.state.FirstChannel, reason: r.state.FallbackReason,
		sent: !r.sentAt.IsZero(), late: r.late, double: r.double,
	}
}

// move takes the message out of the cells it was in and puts it where it is now.
func (t traffic) move(r *row) {
	now := r.place()
	if r.base > 0 && now == r.stored {
		return
	}
	for _, tag := range append([]string{""}, r.ownTags()...) {
		t[cell{now, tag}]++
		if r.base > 0 {
			t[cell{r.stored, tag}]--
		}
	}
}

// ownTags are the message's tags, each once.
func (r *row) ownTags() []string {
	if len(r.tags) == 0 {
		return nil
	}
	tags := slices.Sorted(slices.Values(r.tags))
	return slices.DeleteFunc(slices.Compact(tags), func(t string) bool { return t == "" })
}

var trafficCells = counted{
	table: "traffic", start: "hour", texts: []string{"country", "sender", "category", "tag", "state", "channel", "fallback_reason"},
	flags: []string{"sent", "late", "double"}, counters: []string{"messages"},
}

// queue adds the statements that apply the changes.
func (t traffic) queue(b *pgx.Batch, partition int32) {
	maps.DeleteFunc(t, func(_ cell, n int64) bool { return n == 0 })
	cells, sums := trafficCells.lot(), trafficSums{}
	for _, c := range slices.SortedFunc(maps.Keys(t), compareCells) {
		texts := []string{c.country, c.sender, c.category, c.tag, string(c.state), string(c.channel), c.reason}
		cells.add(block{spot: c.spot}, texts, []bool{c.sent, c.late, c.double}, t[c])
		sums.add(c, t[c])
	}
	cells.queue(b, partition)
	sums.queue(b, partition)
}

func compareCells(a, b cell) int {
	return cmp.Or(compareSpots(a.spot, b.spot), strings.Compare(a.category, b.category), strings.Compare(a.tag, b.tag),
		strings.Compare(string(a.state), string(b.state)), strings.Compare(string(a.channel), string(b.channel)), strings.Compare(a.reason, b.reason))
}

// trafficSums is by how much each row of the table traffic_sums changes: outcomes
// are counted in columns there, so that there are fewer rows.
type trafficSums map[trafficKey]outcomes

type trafficKey struct {
	block
	category, tag, reason string
}

// outcomes count messages as trafficCounts names them.
type outcomes [10]int64

var trafficCounts = counted{
	table: "traffic_sums", start: "start", texts: []string{"country", "sender", "category", "tag", "fallback_reason", "span"},
	counters: []string{"accepted", "sent", "delivered_viber", "delivered_sms", "read", "late", "double", "failed", "unknown", "cancelled"},
}

// are says which of the outcomes a message in this place has.
func (p place) are() [len(outcomes{})]bool {
	arrived := p.state == message.StatusDelivered || p.state == message.StatusRead
	return [...]bool{
		true, p.sent, arrived && p.channel == domain.Viber, arrived && p.channel == domain.SMS, p.state == message.StatusRead,
		p.late, p.double, p.state == message.StatusFailed, p.state == message.StatusUnknown, p.state == message.StatusCancelled,
	}
}

func (t trafficSums) add(c cell, n int64) {
	for _, bl := range c.blocks() {
		if bl.span == "" {
			continue
		}
		at := trafficKey{bl, c.category, c.tag, c.reason}
		sum := t[at]
		for i, is := range c.are() {
			if is {
				sum[i] += n
			}
		}
		t[at] = sum
	}
}

func (t trafficSums) queue(b *pgx.Batch, partition int32) {
	maps.DeleteFunc(t, func(_ trafficKey, n outcomes) bool { return n == outcomes{} })
	list := trafficCounts.lot()
	for _, at := range slices.SortedFunc(maps.Keys(t), compareTraffic) {
		n := t[at]
		list.add(at.block, []string{at.country, at.sender, at.category, at.tag, at.reason}, nil, n[:]...)
	}
	list.queue(b, partition)
}

func compareTraffic(a, b trafficKey) int {
	return cmp.Or(compareBlocks(a.block, b.block), strings.Compare(a.category, b.category), strings.Compare(a.tag, b.tag), strings.Compare(a.reason, b.reason))
}

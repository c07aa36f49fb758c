package messages

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/projections"
)

// place is the cell of the traffic table that a message is counted in, its tag aside.
type place struct {
	account                   uuid.UUID
	hour                      int64 // Unix seconds
	country, sender, category string
	state                     message.Status
	channel                   domain.Channel
	reason                    string // of the fallback
	sent, late, double        bool
}

type cell struct {
	place
	tag string
}

// traffic is by how much each cell changes.
type traffic map[cell]int64

func (r *row) place() place {
	return place{
		account: r.account, hour: r.acceptedAt.Truncate(time.Hour).Unix(), country: r.country, sender: r.sender, category: r.category,
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

// queue adds the statement that applies the changes.
func (t traffic) queue(b *pgx.Batch, partition int32) {
	cells := make([]cell, 0, len(t))
	for c, n := range t {
		if n != 0 {
			cells = append(cells, c)
		}
	}
	if len(cells) == 0 {
		return
	}
	slices.SortFunc(cells, compareCells)
	var accounts projections.UUIDs
	var hours projections.Times
	text := make([][]string, 7)
	flags := make([][]bool, 3)
	var counts []int64
	for _, c := range cells {
		accounts = append(accounts, projections.UUID(c.account))
		hours = append(hours, projections.Time(time.Unix(c.hour, 0).UTC()))
		for i, s := range []string{c.country, c.sender, c.category, c.tag, string(c.state), string(c.channel), c.reason} {
			text[i] = append(text[i], s)
		}
		for i, f := range []bool{c.sent, c.late, c.double} {
			flags[i] = append(flags[i], f)
		}
		counts = append(counts, t[c])
	}
	b.Queue(`INSERT INTO traffic AS t (partition, account, hour, country, sender, category, tag, state, channel, fallback_reason, sent, late, double, messages)
		SELECT $1, * FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
			$11::bool[], $12::bool[], $13::bool[], $14::bigint[])
		ON CONFLICT (account, hour, partition, country, sender, category, tag, state, channel, fallback_reason, sent, late, double)
		DO UPDATE SET messages = t.messages + excluded.messages`,
		partition, accounts, hours, text[0], text[1], text[2], text[3], text[4], text[5], text[6], flags[0], flags[1], flags[2], counts)
}

func compareCells(a, b cell) int {
	return cmp.Or(bytes.Compare(a.account[:], b.account[:]), cmp.Compare(a.hour, b.hour), strings.Compare(a.country, b.country),
		strings.Compare(a.sender, b.sender), strings.Compare(a.category, b.category), strings.Compare(a.tag, b.tag),
		strings.Compare(string(a.state), string(b.state)), strings.Compare(string(a.channel), string(b.channel)), strings.Compare(a.reason, b.reason))
}

package messages

import (
	"bytes"
	"cmp"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// sums is by how much each counter of each table changes.
type sums struct {
	traffic traffic
	costs   costs
	times   times
}

func newSums() sums { return sums{traffic{}, costs{}, times{}} }

// move counts what has become of a message. Tests are counted nowhere.
func (s sums) move(r *row) error {
	if r.test {
		return nil
	}
	s.traffic.move(r)
	s.times.move(r)
	return s.costs.move(r)
}

func (s sums) queue(b *pgx.Batch, partition int32) {
	s.traffic.queue(b, partition)
	s.costs.queue(b, partition)
	s.times.queue(b, partition)
}

// spot is whose messages, and of which hour of acceptance, a cell counts.
type spot struct {
	account         uuid.UUID
	hour            int64 // Unix seconds
	country, sender string
}

func (r *row) spot() spot {
	return spot{r.account, r.acceptedAt.Truncate(time.Hour).Unix(), r.country, r.sender}
}

func compareSpots(a, b spot) int {
	return cmp.Or(bytes.Compare(a.account[:], b.account[:]), cmp.Compare(a.hour, b.hour), strings.Compare(a.country, b.country), strings.Compare(a.sender, b.sender))
}

// The spans of time whose cells are put together, too.
const (
	Hour  = "hour"  // of all senders, with sender ''
	Month = "month" // of UTC, of each sender
)

// block is what is counted together: a cell (span ""), or the cells of a span. Its
// hour is its first.
type block struct {
	span string
	spot
}

// blocks are those that a spot is in. Spans make reports over many cells quick: by
// anything but senders from the hours, by senders from the months.
func (s spot) blocks() [3]block {
	hour, month := s, s
	hour.sender = ""
	y, m, _ := time.Unix(s.hour, 0).UTC().Date()
	month.hour = time.Date(y, m, 1, 0, 0, 0, 0, time.UTC).Unix()
	return [3]block{{"", s}, {Hour, hour}, {Month, month}}
}

func compareBlocks(a, b block) int {
	return cmp.Or(strings.Compare(a.span, b.span), compareSpots(a.spot, b.spot))
}

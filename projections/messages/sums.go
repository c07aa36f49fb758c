package messages

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"goniec/domain"
	"goniec/domain/money"
	"goniec/projections"
)

// sums is by how much each cell of each table of sums changes.
type sums struct {
	traffic traffic
	costs   map[costCell]cost
	times   map[timeCell]int64
}

func newSums() sums {
	return sums{traffic{}, map[costCell]cost{}, map[timeCell]int64{}}
}

// move counts what has become of a message. Tests are counted nowhere.
func (s sums) move(r *row) error {
	if r.test {
		return nil
	}
	s.traffic.move(r)
	s.time(r)
	return s.charge(r)
}

func (s sums) queue(b *pgx.Batch, partition int32) {
	s.traffic.queue(b, partition)
	s.queueCosts(b, partition)
	s.queueTimes(b, partition)
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

// costCell is a cell of the table costs.
type costCell struct {
	spot
	category, tag string
	channel       domain.Channel
	currency      string
	double        bool
}

type cost struct {
	charges, parts int64
	amount         money.Amount
}

// charge counts a message's new charges. With the second one the first becomes
// one of a message that is charged on both channels; there is no third.
func (s sums) charge(r *row) error {
	before := len(r.paid)
	r.pay()
	for i := before; i < len(r.paid); i++ {
		double := i > 0
		if i == 1 {
			if err := cmp.Or(s.add(r, r.paid[0], false, -1), s.add(r, r.paid[0], true, 1)); err != nil {
				return err
			}
		}
		if err := s.add(r, r.paid[i], double, 1); err != nil {
			return err
		}
	}
	return nil
}

func (s sums) add(r *row, c Charge, double bool, sign int64) error {
	amount, err := money.Parse(c.Amount)
	if err != nil {
		return &projections.ErrUnfit{Projection: Name, Stream: r.stream, What: "its charge is no amount"}
	}
	for _, tag := range append([]string{""}, r.ownTags()...) {
		at := costCell{r.spot(), r.category, tag, c.Channel, c.Currency, double}
		sum := s.costs[at]
		sum.charges, sum.parts, sum.amount = sum.charges+sign, sum.parts+sign*int64(c.Parts), sum.amount+money.Amount(sign)*amount
		s.costs[at] = sum
	}
	return nil
}

func (s sums) queueCosts(b *pgx.Batch, partition int32) {
	maps.DeleteFunc(s.costs, func(_ costCell, c cost) bool { return c == cost{} })
	if len(s.costs) == 0 {
		return
	}
	var accounts projections.UUIDs
	var hours projections.Times
	text := make([][]string, 6)
	var doubles []bool
	var charges, parts, amounts []int64
	for _, c := range slices.SortedFunc(maps.Keys(s.costs), compareCosts) {
		accounts, hours = append(accounts, projections.UUID(c.account)), append(hours, projections.Time(time.Unix(c.hour, 0).UTC()))
		for i, v := range []string{c.country, c.sender, c.category, c.tag, string(c.channel), c.currency} {
			text[i] = append(text[i], v)
		}
		sum := s.costs[c]
		doubles, charges = append(doubles, c.double), append(charges, sum.charges)
		parts, amounts = append(parts, sum.parts), append(amounts, int64(sum.amount))
	}
	b.Queue(`INSERT INTO costs AS t (partition, account, hour, country, sender, category, tag, channel, currency, double, charges, parts, amount)
		SELECT $1, account, hour, country, sender, category, tag, channel, currency, double, charges, parts, amount * 0.000001
		FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
			$10::bool[], $11::bigint[], $12::bigint[], $13::bigint[])
		AS n (account, hour, country, sender, category, tag, channel, currency, double, charges, parts, amount)
		ON CONFLICT (account, hour, partition, country, sender, category, tag, channel, currency, double)
		DO UPDATE SET charges = t.charges + excluded.charges, parts = t.parts + excluded.parts, amount = t.amount + excluded.amount`,
		partition, accounts, hours, text[0], text[1], text[2], text[3], text[4], text[5], doubles, charges, parts, amounts)
}

func compareCosts(a, b costCell) int {
	return cmp.Or(compareSpots(a.spot, b.spot), strings.Compare(a.category, b.category), strings.Compare(a.tag, b.tag),
		strings.Compare(string(a.channel), string(b.channel)), strings.Compare(a.currency, b.currency))
}

// What the table times counts.
const (
	Delivery = "delivery" // until the first delivery
	Fallback = "fallback" // until the SMS was decided on
)

// timeCell is a cell of the table times.
type timeCell struct {
	spot
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

// time counts how long a message took, from its acceptance or its release.
func (s sums) time(r *row) {
	begin := r.acceptedAt
	if r.sendAt.After(begin) {
		begin = r.sendAt
	}
	if now := r.first(); now != r.delivered {
		s.took(r, r.delivered, begin, -1)
		s.took(r, now, begin, 1)
	}
	if !r.fellBack.IsZero() {
		s.times[timeCell{r.spot(), Fallback, "", Slot(r.fellBack.Sub(begin))}]++
	}
}

func (s sums) took(r *row, f first, begin time.Time, n int64) {
	if f.channel != "" {
		s.times[timeCell{r.spot(), Delivery, f.channel, Slot(f.at.Sub(begin))}] += n
	}
}

func (s sums) queueTimes(b *pgx.Batch, partition int32) {
	maps.DeleteFunc(s.times, func(_ timeCell, n int64) bool { return n == 0 })
	if len(s.times) == 0 {
		return
	}
	var accounts projections.UUIDs
	var hours projections.Times
	text := make([][]string, 4)
	var slot, counts []int64
	for _, c := range slices.SortedFunc(maps.Keys(s.times), compareTimes) {
		accounts, hours = append(accounts, projections.UUID(c.account)), append(hours, projections.Time(time.Unix(c.hour, 0).UTC()))
		for i, v := range []string{c.country, c.sender, c.what, string(c.channel)} {
			text[i] = append(text[i], v)
		}
		slot, counts = append(slot, int64(c.slot)), append(counts, s.times[c])
	}
	b.Queue(`INSERT INTO times AS t (partition, account, hour, country, sender, what, channel, slot, messages)
		SELECT $1, * FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[])
		ON CONFLICT (account, hour, partition, country, sender, what, channel, slot)
		DO UPDATE SET messages = t.messages + excluded.messages`,
		partition, accounts, hours, text[0], text[1], text[2], text[3], slot, counts)
}

func compareTimes(a, b timeCell) int {
	return cmp.Or(compareSpots(a.spot, b.spot), strings.Compare(a.what, b.what), strings.Compare(string(a.channel), string(b.channel)), cmp.Compare(a.slot, b.slot))
}

package messages

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"goniec/domain"
	"goniec/domain/money"
	"goniec/projections"
)

// costs is by how much each row of the tables costs and cost_sums changes.
type costs map[costKey]cost

type costKey struct {
	block
	category, tag string
	channel       domain.Channel
	currency      string
	double        bool
}

type cost struct {
	charges, parts int64
	amount         money.Amount
}

// move counts a message's new charges. With the second one the first becomes
// one of a message that is charged on both channels; there is no third.
func (c costs) move(r *row) error {
	before := len(r.paid)
	r.pay()
	for i := before; i < len(r.paid); i++ {
		double := i > 0
		if i == 1 {
			if err := cmp.Or(c.add(r, r.paid[0], false, -1), c.add(r, r.paid[0], true, 1)); err != nil {
				return err
			}
		}
		if err := c.add(r, r.paid[i], double, 1); err != nil {
			return err
		}
	}
	return nil
}

func (c costs) add(r *row, charge Charge, double bool, sign int64) error {
	amount, err := money.Parse(charge.Amount)
	if err != nil {
		return &projections.ErrUnfit{Projection: Name, Stream: r.stream, What: "its charge is no amount"}
	}
	for _, tag := range append([]string{""}, r.ownTags()...) {
		for _, bl := range r.spot().blocks() {
			at := costKey{bl, r.category, tag, charge.Channel, charge.Currency, double}
			sum := c[at]
			sum.charges, sum.parts, sum.amount = sum.charges+sign, sum.parts+sign*int64(charge.Parts), sum.amount+money.Amount(sign)*amount
			c[at] = sum
		}
	}
	return nil
}

var costCells, costSums = cellsAndSums(counted{
	table: "costs", texts: []string{"country", "sender", "category", "tag", "channel", "currency"}, flags: []string{"double"},
	counters: []string{"charges", "parts", "amount"},
}, "cost_sums")

func (c costs) queue(b *pgx.Batch, partition int32) {
	maps.DeleteFunc(c, func(_ costKey, n cost) bool { return n == cost{} })
	cells, sums := costCells.lot(), costSums.lot()
	for _, at := range slices.SortedFunc(maps.Keys(c), compareCosts) {
		n, texts := c[at], []string{at.country, at.sender, at.category, at.tag, string(at.channel), at.currency}
		pick(at.block, cells, sums).add(at.block, texts, []bool{at.double}, n.charges, n.parts, int64(n.amount))
	}
	cells.queue(b, partition)
	sums.queue(b, partition)
}

func compareCosts(a, b costKey) int {
	return cmp.Or(compareBlocks(a.block, b.block), strings.Compare(a.category, b.category), strings.Compare(a.tag, b.tag),
		strings.Compare(string(a.channel), string(b.channel)), strings.Compare(a.currency, b.currency))
}

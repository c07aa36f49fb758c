package demo

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"sort"
	"strings"

	"github.com/IBM/sarama"

	"goniec/domain/account"
	"goniec/domain/catalog"
	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/projections/query"
)

// Line is a line of a month's total as the journal's charges add up to it.
type Line struct {
	Month    string `json:"month"`
	Sender   string `json:"sender"`
	Channel  string `json:"channel"`
	Category string `json:"category"`
	Content  string `json:"content"`
	Country  string `json:"country"`
	Currency string `json:"currency"`
	Version  string `json:"price_version"`
	Count    int64  `json:"count"`
	Parts    int64  `json:"parts"`
	Amount   string `json:"amount"` // exact, 6 places

	sum *big.Rat
}

func (l *Line) key() string {
	return strings.Join([]string{l.Month, l.Sender, l.Channel, l.Category, l.Content, l.Country, l.Currency, l.Version}, "\x00")
}

// addUp adds the charges of the messages to lines, in exact fractions. It shares
// no code with the projection. Faults are charges that are not the price of
// their parts in the price list that they name.
func addUp(messages []*Message, prices map[string][]account.Price) (lines []*Line, faults []string) {
	byKey := map[string]*Line{}
	for _, m := range messages {
		for _, e := range m.Events {
			c, ok := e.Fact.(message.Charged)
			if !ok {
				continue
			}
			amount, what := priced(c, prices)
			if what != "" {
				faults = append(faults, fmt.Sprintf("message %s: %s", m.ID, what))
				continue
			}
			l := &Line{
				Month: c.Month, Sender: c.Sender, Channel: string(c.Channel), Category: string(c.PricedCategory), Content: string(c.Content),
				Country: c.Country, Currency: c.Currency, Version: c.PriceVersion, sum: new(big.Rat),
			}
			if have := byKey[l.key()]; have != nil {
				l = have
			} else {
				byKey[l.key()], lines = l, append(lines, l)
			}
			l.Count++
			l.Parts += int64(c.Parts)
			l.sum.Add(l.sum, amount)
			l.Amount = l.sum.FloatString(6)
		}
	}
	sort.Slice(lines, func(i, j int) bool { return lines[i].key() < lines[j].key() })
	return lines, faults
}

// priced is the amount of a charge; what says what is wrong with it.
func priced(c message.Charged, prices map[string][]account.Price) (amount *big.Rat, what string) {
	amount, ok := new(big.Rat).SetString(c.Amount)
	unit, ok2 := new(big.Rat).SetString(c.UnitPrice)
	if !ok || !ok2 || c.Waived != "" {
		return nil, fmt.Sprintf("a charge of %q (unit %q, waived %q)", c.Amount, c.UnitPrice, c.Waived)
	}
	if new(big.Rat).Mul(unit, big.NewRat(int64(c.Parts), 1)).Cmp(amount) != 0 {
		return nil, fmt.Sprintf("%d parts at %s are charged as %s", c.Parts, c.UnitPrice, c.Amount)
	}
	if !slices.ContainsFunc(prices[c.PriceVersion], func(p account.Price) bool {
		listed, ok := new(big.Rat).SetString(p.Amount)
		return ok && listed.Cmp(unit) == 0 && p.Channel == c.Channel && p.Country == c.Country &&
			(p.Category == "" || p.Category == c.PricedCategory) && (p.Content == "" || p.Content == c.Content)
	}) {
		return nil, fmt.Sprintf("%s is not the price of list %q", c.UnitPrice, c.PriceVersion)
	}
	return amount, ""
}

// readPrices reads the price lists out of the accounts journal, by version.
func readPrices(ctx context.Context, kafka sarama.Client, topics eventstore.Topics, partitions int32) (map[string][]account.Price, error) {
	lists := map[string][]account.Price{}
	for p := range partitions {
		_, err := eventstore.ReadAll(ctx, kafka, topics.Name(eventstore.Accounts), p, func(r *eventstore.Record) error {
			ev, err := eventstore.ParseEvent(r)
			if err != nil {
				return err
			}
			fact, err := catalog.Decode(ev.Type, ev.Data)
			if list, ok := fact.(account.PricesPublished); ok {
				lists[fmt.Sprintf("%s@%d", account.StreamID(ev.Stream), ev.Version)] = list.Prices
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read the price lists: %w", err)
		}
	}
	return lists, nil
}

// compareLines says what the read model's month differs in.
func compareLines(own []*Line, read []query.BillingLine) []string {
	have := map[string]query.BillingLine{}
	for _, l := range read {
		k := Line{Month: l.Month, Sender: l.Sender, Channel: l.Channel, Category: l.Category, Content: l.Content, Country: l.Country, Currency: l.Currency, Version: l.PriceVersion}
		have[k.key()] = l
	}
	var faults []string
	for _, l := range own {
		got, ok := have[l.key()]
		delete(have, l.key())
		name := fmt.Sprintf("%s %s on %s", l.Month, l.Sender, l.Channel)
		switch {
		case !ok:
			faults = append(faults, name+": the read model has no such line")
		case got.Count != l.Count || got.Parts != l.Parts || got.Amount != l.Amount || got.LineAmount != cents(l.sum):
			faults = append(faults, fmt.Sprintf("%s: %d, %d parts, %s (%s) in the read model; the journal adds up to %d, %d parts, %s (%s)",
				name, got.Count, got.Parts, got.Amount, got.LineAmount, l.Count, l.Parts, l.Amount, cents(l.sum)))
		}
	}
	for _, l := range have {
		faults = append(faults, fmt.Sprintf("%s %s on %s: the journal has no such charge", l.Month, l.Sender, l.Channel))
	}
	return faults
}

// cents rounds half up to two places (rules.md F8); charges are not negative.
func cents(sum *big.Rat) string {
	half := new(big.Rat).Add(new(big.Rat).Mul(sum, big.NewRat(100, 1)), big.NewRat(1, 2))
	whole := new(big.Int).Div(half.Num(), half.Denom())
	return new(big.Rat).SetFrac(whole, big.NewInt(100)).FloatString(2)
}

package closing

import (
	"cmp"
	"fmt"

	"goniec/domain/billing"
	"goniec/domain/message"
	"goniec/domain/money"
)

// tally sums up charges as they are priced.
type tally map[priced]billing.Usage

// priced is what usage is summed up by.
type priced struct {
	account string
	billing.Key
	currency string
}

func (k priced) compare(o priced) int {
	return cmp.Or(cmp.Compare(k.account, o.account), cmp.Compare(k.Sender, o.Sender), cmp.Compare(k.Country, o.Country), cmp.Compare(k.Channel, o.Channel),
		cmp.Compare(k.Category, o.Category), cmp.Compare(k.Content, o.Content), cmp.Compare(k.PriceVersion, o.PriceVersion),
		k.Adjusts.Compare(o.Adjusts), cmp.Compare(k.currency, o.currency))
}

// add counts the charge at an offset in.
func (t tally) add(c message.Charged, offset int64) error {
	amount, err := money.Parse(c.Amount)
	if err != nil {
		return fmt.Errorf("charge at %d: %w", offset, err)
	}
	k := priced{account: c.Account, currency: c.Currency, Key: billing.Key{
		Sender: c.Sender, Country: c.Country, Channel: c.Channel, Category: c.PricedCategory, Content: c.Content, PriceVersion: c.PriceVersion,
	}}
	if err := k.Adjusts.UnmarshalText([]byte(c.Adjusts)); err != nil {
		return fmt.Errorf("charge at %d: %w", offset, err)
	}
	one := billing.Usage{Key: k.Key, Currency: k.currency, Count: 1, Parts: int64(c.Parts), Amount: amount}
	if c.Waived != "" {
		one.Waived = 1
	}
	return t.sum(k, one)
}

// sum adds usage of a key.
func (t tally) sum(k priced, u billing.Usage) (err error) {
	have := t[k]
	u.Count, u.Parts, u.Waived = u.Count+have.Count, u.Parts+have.Parts, u.Waived+have.Waived
	if u.Amount, err = u.Amount.Plus(have.Amount); err != nil {
		return fmt.Errorf("sum of %s in %s: %w", k.Sender, k.Country, err)
	}
	t[k] = u
	return nil
}

package account

import (
	"fmt"
	"slices"
	"time"

	"goniec/domain"
	"goniec/domain/message"
)

// priceList holds the versions of one list, by ValidFrom and then by version:
// the last one that has begun is in force.
type priceList struct {
	versions []priceVersion
}

type priceVersion struct {
	name     string // "<list>@<n>"
	number   int64
	currency string
	from     time.Time
	rows     map[priceKey]string
}

func (v *View) applyPrices(list string, version int64, e Event) {
	p, ok := e.(PricesPublished)
	if !ok {
		return
	}
	rows := make(map[priceKey]string, len(p.Prices))
	for _, row := range p.Prices {
		rows[keyOf(row)] = row.Amount
	}
	l := v.lists[list]
	if l == nil {
		l = &priceList{}
		v.lists[list] = l
	}
	l.versions = append(l.versions, priceVersion{
		name: fmt.Sprintf("%s@%d", list, version), number: version,
		currency: p.Currency, from: p.ValidFrom, rows: rows,
	})
	slices.SortFunc(l.versions, func(a, b priceVersion) int {
		if c := a.from.Compare(b.from); c != 0 {
			return c
		}
		return int(a.number - b.number)
	})
}

// Price answers the price in force at t for an account (F8): its own list first,
// row by row, then the default list; a list in another currency is passed over.
// unit is a decimal string, version is "<list>@<n>".
func (v *View) Price(account string, t time.Time, country string, ch domain.Channel, cat domain.Category, content domain.Content) (unit, version string, ok bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	a, known := v.accounts[account]
	if !known {
		return "", "", false
	}
	key := priceKey{country: country, channel: ch, category: cat, content: content}
	for _, list := range []string{account, DefaultPrices} {
		if unit, version, ok = v.lists[list].find(t, a.Currency, key); ok {
			return unit, version, true
		}
	}
	return "", "", false
}

// PriceFinder binds Price to an account.
func (v *View) PriceFinder(account string) message.PriceFinder {
	return func(t time.Time, country string, ch domain.Channel, cat domain.Category, content domain.Content) (string, string, bool) {
		return v.Price(account, t, country, ch, cat, content)
	}
}

func (l *priceList) find(t time.Time, currency string, key priceKey) (unit, version string, ok bool) {
	if l == nil {
		return "", "", false
	}
	for i := len(l.versions) - 1; i >= 0; i-- {
		p := &l.versions[i]
		if p.from.After(t) || p.currency != currency {
			continue
		}
		unit, ok = p.row(key)
		return unit, p.name, ok // only the version in force counts, with or without the row
	}
	return "", "", false
}

// row prefers an exact row to one for any content, any category, or both.
func (p *priceVersion) row(key priceKey) (string, bool) {
	anyContent, anyCategory := key, key
	anyContent.content, anyCategory.category = "", ""
	anyBoth := anyContent
	anyBoth.category = ""
	for _, k := range []priceKey{key, anyContent, anyCategory, anyBoth} {
		if unit, ok := p.rows[k]; ok {
			return unit, true
		}
	}
	return "", false
}

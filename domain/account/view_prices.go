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
	l := v.lists[list]
	if l == nil {
		l = &priceList{}
		v.lists[list] = l
	}
	l.versions = append(l.versions, versionOf(list, version, p))
	slices.SortFunc(l.versions, func(a, b priceVersion) int {
		if c := a.from.Compare(b.from); c != 0 {
			return c
		}
		return int(a.number - b.number)
	})
}

func versionOf(list string, number int64, p PricesPublished) priceVersion {
	rows := make(map[priceKey]string, len(p.Prices))
	for _, row := range p.Prices {
		rows[keyOf(row)] = row.Amount
	}
	return priceVersion{name: fmt.Sprintf("%s@%d", list, number), number: number, currency: p.Currency, from: p.ValidFrom, rows: rows}
}

// PriceVersion is a version of a list as it was published, its rows in order.
type PriceVersion struct {
	Version   string    `json:"version"`
	Currency  string    `json:"currency"`
	ValidFrom time.Time `json:"valid_from"`
	Prices    []Price   `json:"prices"`
}

// PriceVersions returns the versions of a list, by when they begin.
func (v *View) PriceVersions(list string) []PriceVersion {
	v.mu.RLock()
	defer v.mu.RUnlock()
	l := v.lists[list]
	if l == nil {
		return nil
	}
	out := make([]PriceVersion, len(l.versions))
	for i, p := range l.versions {
		out[i] = PriceVersion{Version: p.name, Currency: p.currency, ValidFrom: p.from, Prices: make([]Price, 0, len(p.rows))}
		for k, amount := range p.rows {
			out[i].Prices = append(out[i].Prices, Price{Country: k.country, Channel: k.channel, Category: k.category, Content: k.content, Amount: amount})
		}
		slices.SortFunc(out[i].Prices, func(a, b Price) int { return compareKeys(keyOf(a), keyOf(b)) })
	}
	return out
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
	p := l.at(t, currency) // only the version in force counts, with or without the row
	unit, ok = p.row(key)
	return unit, p.name, ok
}

// at returns the version in force at t; one without rows if there is none.
func (l *priceList) at(t time.Time, currency string) *priceVersion {
	if l != nil {
		for i := len(l.versions) - 1; i >= 0; i-- {
			if p := &l.versions[i]; !p.from.After(t) && p.currency == currency {
				return p
			}
		}
	}
	return &priceVersion{}
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

package account

import (
	"cmp"
	"slices"
	"time"

	"goniec/domain"
	"goniec/domain/money"
)

// PriceChange is a row of a price list that a new version would change: Before is "" for a new row, After for one that goes.
type PriceChange struct {
	Country  string          `json:"country"`
	Channel  domain.Channel  `json:"channel"`
	Category domain.Category `json:"category,omitempty"`
	Content  domain.Content  `json:"content,omitempty"`
	Before   string          `json:"before,omitempty"`
	After    string          `json:"after,omitempty"`
}

func (c PriceChange) key() priceKey { return priceKey{c.Country, c.Channel, c.Category, c.Content} }

// PriceEffect is an account for which a new version would change something: how many of the prices by country, channel,
// category and content would be another, and how many of them would be none, so that such messages are refused.
type PriceEffect struct {
	Account string `json:"account" format:"uuid"`
	Name    string `json:"name"`
	Changed int    `json:"changed"`
	Lost    int    `json:"lost"`
}

// PreviewPrices says what a version would change in a list, and for which accounts, when it begins. It refuses what the
// decision would refuse (rules.md F8); nothing is published.
func (v *View) PreviewPrices(list string, c PublishPrices, now time.Time) ([]PriceChange, []PriceEffect, error) {
	state, payers, inForce, err := v.priced(list, c, now)
	if err != nil {
		return nil, nil, err
	}
	next := versionOf(list, 0, state)
	changes := rowChanges(&inForce, &next)
	return changes, priceEffects(list, &next, payers, changes), nil
}

// payer is an account with the versions that price its messages when a new one begins. Versions do not change.
type payer struct {
	id, name      string
	own, standard priceVersion
}

// priced judges a publication and takes out of the view what its preview needs: what follows takes long, and nobody waits for it.
func (v *View) priced(list string, c PublishPrices, now time.Time) (PricesPublished, []payer, priceVersion, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	events, err := decidePrices(v.pricesState(list), now, c)
	if err != nil {
		return PricesPublished{}, nil, priceVersion{}, err
	}
	e, _ := events[0].(PricesPublished) // decidePrices makes no other
	var payers []payer
	for id, a := range v.accounts {
		if id != Installation && a.Currency == e.Currency && (list == DefaultPrices || list == id) {
			payers = append(payers, payer{id, a.Name, *v.lists[id].at(e.ValidFrom, a.Currency), *v.lists[DefaultPrices].at(e.ValidFrom, a.Currency)})
		}
	}
	return e, payers, *v.lists[list].at(e.ValidFrom, e.Currency), nil
}

func (v *View) pricesState(list string) State {
	s := State{Stream: PricesStream(list)}
	if l := v.lists[list]; l != nil {
		s.Prices = &PricesState{Currency: l.versions[0].currency, Versions: len(l.versions)}
	}
	return s
}

func rowChanges(before, after *priceVersion) []PriceChange {
	var out []PriceChange
	add := func(k priceKey) {
		c := PriceChange{k.country, k.channel, k.category, k.content, before.rows[k], after.rows[k]}
		if !samePrice(c.Before, c.After) {
			out = append(out, c)
		}
	}
	for k := range after.rows {
		add(k)
	}
	for k := range before.rows {
		if _, stays := after.rows[k]; !stays {
			add(k)
		}
	}
	slices.SortFunc(out, func(a, b PriceChange) int {
		return compareKeys(a.key(), b.key())
	})
	return out
}

// priceEffects compares what each account would pay: its own list goes before the default one. Accounts without one pay alike.
func priceEffects(list string, next *priceVersion, payers []payer, changes []PriceChange) []PriceEffect {
	keys := concrete(changes)
	byOwn := map[string]PriceEffect{} // by the version of the account's own list, "" = none
	var out []PriceEffect
	for _, p := range payers {
		e, known := byOwn[p.own.name]
		if !known {
			then := [2]*priceVersion{&p.own, next}
			if list == p.id {
				then = [2]*priceVersion{next, &p.standard}
			}
			e = priceEffect(keys, [2]*priceVersion{&p.own, &p.standard}, then)
			byOwn[p.own.name] = e
		}
		if e.Changed > 0 {
			out = append(out, PriceEffect{p.id, p.name, e.Changed, e.Lost})
		}
	}
	slices.SortFunc(out, func(a, b PriceEffect) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Account, b.Account))
	})
	return out
}

func priceEffect(keys []priceKey, now, then [2]*priceVersion) (e PriceEffect) {
	for _, k := range keys {
		before, after := firstPrice(k, now), firstPrice(k, then)
		if samePrice(before, after) {
			continue
		}
		e.Changed++
		if after == "" {
			e.Lost++
		}
	}
	return e
}

// samePrice: 0.09 is 0.090.
func samePrice(a, b string) bool {
	if a == b {
		return true
	}
	x, err := money.Parse(a)
	y, err2 := money.Parse(b)
	return err == nil && err2 == nil && x == y
}

// concrete lists what a message may be of the rows' kinds: a row without a category stands for all three.
func concrete(changes []PriceChange) []priceKey {
	seen := map[priceKey]bool{}
	for _, c := range changes {
		for _, cat := range []domain.Category{domain.Transactional, domain.Promotional, domain.OneTimeCode} {
			for _, content := range []domain.Content{domain.PlainText, domain.Rich} {
				if (c.Category == "" || c.Category == cat) && (c.Content == "" || c.Content == content) {
					seen[priceKey{c.Country, c.Channel, cat, content}] = true
				}
			}
		}
	}
	out := make([]priceKey, 0, len(seen))
	for k := range seen {
		out = append(out, k)
	}
	return out
}

func firstPrice(k priceKey, lists [2]*priceVersion) string {
	for _, l := range lists {
		if unit, ok := l.row(k); ok {
			return unit
		}
	}
	return ""
}

// MinimumChange is a country's minimum that a new version of the regulations would change; nil stands for none.
type MinimumChange struct {
	Country  string   `json:"country"`
	Currency string   `json:"currency"`
	Before   *Minimum `json:"before,omitempty"`
	After    *Minimum `json:"after,omitempty"`
}

// MinimumEffect is a sender for which a new version of the regulations would change the minimum.
type MinimumEffect struct {
	Account string       `json:"account" format:"uuid"`
	Sender  string       `json:"sender"`
	Country string       `json:"country"`
	State   SenderStatus `json:"state"`
}

// PreviewMinimums says what a version of the regulations would change from a day on, and for which senders that are not
// closed. It refuses minimums as the decision would (rules.md F3).
func (v *View) PreviewMinimums(from time.Time, minimums []Minimum) ([]MinimumChange, []MinimumEffect, error) {
	checked, err := checkMinimums(minimums)
	if err != nil {
		return nil, nil, err
	}
	before, _ := v.RegulationsAt(from)
	changes := minimumChanges(before.Minimums, checked)
	var out []MinimumEffect
	for _, a := range v.Accounts() {
		for _, s := range v.Senders(a.ID) {
			if !s.Closed && slices.ContainsFunc(changes, func(c MinimumChange) bool { return c.Country == s.Country && c.Currency == a.Currency }) {
				out = append(out, MinimumEffect{a.ID, s.Name, s.Country, s.Status})
			}
		}
	}
	slices.SortFunc(out, func(a, b MinimumEffect) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Sender, b.Sender), cmp.Compare(a.Country, b.Country))
	})
	return changes, out, nil
}

func minimumChanges(before, after []Minimum) []MinimumChange {
	changed := map[[2]string]MinimumChange{}
	for i, m := range after {
		changed[[2]string{m.Country, m.Currency}] = MinimumChange{Country: m.Country, Currency: m.Currency, After: &after[i]}
	}
	for i, m := range before {
		key := [2]string{m.Country, m.Currency}
		c := changed[key]
		if c.After != nil && *c.After == m {
			delete(changed, key)
			continue
		}
		c.Country, c.Currency, c.Before = m.Country, m.Currency, &before[i]
		changed[key] = c
	}
	out := make([]MinimumChange, 0, len(changed))
	for _, c := range changed {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b MinimumChange) int {
		return cmp.Or(cmp.Compare(a.Country, b.Country), cmp.Compare(a.Currency, b.Currency))
	})
	return out
}

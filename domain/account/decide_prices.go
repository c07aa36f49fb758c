package account

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"goniec/domain"
)

// MaxPrices bounds one version of a list.
const MaxPrices = 5000

// MaxBackdating is how far before the decision a later version may begin:
// clocks differ and requests travel. A list's first version may begin earlier,
// since nothing was priced by the list before it.
const MaxBackdating = 5 * time.Minute

func decidePrices(s State, now time.Time, c PublishPrices) ([]Event, error) {
	if !strings.HasPrefix(s.Stream, pricesPrefix) {
		return nil, wrongStream(s, c)
	}
	if list := StreamID(s.Stream); list != DefaultPrices {
		if err := checkUUID("account", list); err != nil {
			return nil, err
		}
	}
	if err := checkCurrency("currency", c.Currency); err != nil {
		return nil, err
	}
	if s.Prices != nil && s.Prices.Currency != c.Currency {
		return nil, domain.RefuseField(CodeInvalidValue, "currency", "the list's earlier versions are in %s", s.Prices.Currency)
	}
	from := c.ValidFrom
	if from.IsZero() {
		from = now
	}
	if s.Prices != nil && from.Before(now.Add(-MaxBackdating)) {
		return nil, domain.RefuseField(CodeBackdated, "valid_from", "must not lie in the past, as charges are never priced again: leave it out for prices from now on, or give a later time")
	}
	if err := checkPrices(c.Prices); err != nil {
		return nil, err
	}
	return []Event{PricesPublished{Currency: c.Currency, ValidFrom: from.UTC(), Prices: slices.Clone(c.Prices)}}, nil
}

func checkPrices(prices []Price) error {
	if len(prices) == 0 {
		return required("prices")
	}
	if len(prices) > MaxPrices {
		return domain.RefuseField(CodeTooMany, "prices", "must be at most %d rows", MaxPrices)
	}
	seen := make(map[priceKey]bool, len(prices))
	for i, p := range prices {
		field := fmt.Sprintf("prices[%d]", i)
		if err := checkPrice(field, p); err != nil {
			return err
		}
		if seen[keyOf(p)] {
			return domain.RefuseField(CodeInvalidPrice, field, "repeats an earlier row")
		}
		seen[keyOf(p)] = true
	}
	return nil
}

func checkPrice(field string, p Price) error {
	if err := checkCountry(field+".country", p.Country); err != nil {
		return err
	}
	anyAllowed := p.Channel == domain.SMS // an SMS has no category and no rich content to price
	switch {
	case p.Channel != domain.Viber && p.Channel != domain.SMS:
		return domain.RefuseField(CodeInvalidPrice, field+".channel", "must be viber or sms")
	case !p.Category.Valid() && (p.Category != "" || !anyAllowed):
		return domain.RefuseField(CodeInvalidPrice, field+".category", "must be transactional, promotional or one_time_code")
	case p.Content != domain.PlainText && p.Content != domain.Rich && (p.Content != "" || !anyAllowed):
		return domain.RefuseField(CodeInvalidPrice, field+".content", "must be text or rich")
	case !isAmount(p.Amount):
		return domain.RefuseField(CodeInvalidPrice, field+".amount", "must be a decimal such as 0.09, at most 6 digits on each side of the point")
	}
	return nil
}

// isAmount accepts digits[.digits], at most 6 on each side: exact in any later sum.
func isAmount(s string) bool {
	whole, frac, dotted := strings.Cut(s, ".")
	if !isDigits(whole) {
		return false
	}
	return !dotted || isDigits(frac)
}

func isDigits(s string) bool {
	if s == "" || len(s) > 6 {
		return false
	}
	return strings.Trim(s, "0123456789") == ""
}

type priceKey struct {
	country  string
	channel  domain.Channel
	category domain.Category
	content  domain.Content
}

func compareKeys(a, b priceKey) int {
	return cmp.Or(cmp.Compare(a.country, b.country), cmp.Compare(a.channel, b.channel), cmp.Compare(a.category, b.category), cmp.Compare(a.content, b.content))
}

func keyOf(p Price) priceKey {
	return priceKey{country: p.Country, channel: p.Channel, category: p.Category, content: p.Content}
}

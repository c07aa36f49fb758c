package closing

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/projections/query"
)

// Ledger gives a month as the read models have it; see query.Reader.
type Ledger interface {
	MonthCounts(ctx context.Context, month, account string) (query.MonthCounts, error)
}

// Reconciliation says whether a month's charges are the same in the journal, in the
// ledger made of it, and in the totals made of that (rules.md F9); and with the
// carrier's own counts, if there are any. There are no tolerances.
type Reconciliation struct {
	Month       string              `json:"month"`
	Agrees      bool                `json:"agrees"`
	Charges     int64               `json:"charges"` // of the journal
	Lines       int                 `json:"lines"`   // what they are summed up by
	Behind      int64               `json:"behind"`  // records of the journal that the ledger has not read yet: they are not looked at, and nothing agrees before they are
	Differences []Difference        `json:"differences"`
	Carrier     []CarrierDifference `json:"carrier,omitempty"`
}

// Difference is a line that is not the same everywhere.
type Difference struct {
	Account string `json:"account"`
	billing.Key
	Currency string `json:"currency"`
	Journal  Sums   `json:"journal"`
	Ledger   Sums   `json:"ledger"`
	Totals   Sums   `json:"totals"`
}

// Sums are what a line comes to.
type Sums struct {
	Count  int64  `json:"count"`
	Parts  int64  `json:"parts"`
	Waived int64  `json:"waived"`
	Amount string `json:"amount"` // 6 places
}

// CarrierKey is what carriers count by.
type CarrierKey struct {
	Sender  string `json:"sender"`
	Country string `json:"country"`
	Channel string `json:"channel"`
}

// CarrierCount is what a carrier says of a month.
type CarrierCount struct {
	Count int64  `json:"count"`           // of messages
	Parts *int64 `json:"parts,omitempty"` // nil = it does not say
}

// CarrierDifference is where the carrier counts otherwise. Ours are the charges that
// belong to the month by their time, those that came after its close and those that
// cost the client nothing included.
type CarrierDifference struct {
	CarrierKey
	Ours    CarrierCount `json:"ours"`
	Carrier CarrierCount `json:"carrier"`
}

// Reconcile compares the month of an account, or of all for "", up to where the ledger
// has read the journal. carrier may be nil. It checks the hash chains as it reads. No
// disagreement is an error.
func Reconcile(ctx context.Context, s Source, l Ledger, month calendar.Month, of string, carrier map[CarrierKey]CarrierCount) (Reconciliation, error) {
	ends, err := s.ends()
	if err != nil {
		return Reconciliation{}, err
	}
	books, err := l.MonthCounts(ctx, month.String(), of)
	if err != nil {
		return Reconciliation{}, err
	}
	read := &reading{month: month.String(), of: of, charges: tally{}, carried: map[CarrierKey]CarrierCount{}}
	if err := s.each(ctx, func(ctx context.Context, p int32) error {
		return s.read(ctx, eventstore.Messages, p, books.Read[p], read.take)
	}); err != nil {
		return Reconciliation{}, err
	}
	out := Reconciliation{Month: month.String(), Lines: len(read.charges), Differences: []Difference{}}
	for p, end := range ends {
		out.Behind += max(0, end-books.Read[int32(p)]) // partitions are < 65,536
	}
	ledger, err := tallied(books.Ledger)
	if err != nil {
		return Reconciliation{}, err
	}
	totals, err := tallied(books.Totals)
	if err != nil {
		return Reconciliation{}, err
	}
	for _, u := range read.charges {
		out.Charges += u.Count
	}
	out.Differences = append(out.Differences, differences(read.charges, ledger, totals)...)
	if carrier != nil {
		out.Carrier = carrierDifferences(read.carried, carrier)
	}
	out.Agrees = len(out.Differences)+len(out.Carrier) == 0 && out.Behind == 0
	return out, nil
}

// ends are the journal's when the comparison begins: a ledger that lives has read up to them.
func (s Source) ends() ([]int64, error) {
	out := make([]int64, s.Partitions)
	for p := range s.Partitions {
		end, err := s.Records.End(s.Topics.Name(eventstore.Messages), p)
		if err != nil {
			return nil, err
		}
		out[p] = end
	}
	return out, nil
}

// reading sums up the charges of all partitions at a time.
type reading struct {
	month, of string

	mu      sync.Mutex
	charges tally                       // that count in the month
	carried map[CarrierKey]CarrierCount // that belong to it
}

func (r *reading) take(e *eventstore.Event) error {
	if e.Type != message.TypeCharged {
		return nil
	}
	c, err := decoded[message.Charged](e)
	if err != nil {
		return err
	}
	if r.of != "" && r.of != c.Account {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if cmp.Or(c.Adjusts, c.Month) == r.month {
		k := CarrierKey{c.Sender, c.Country, string(c.Channel)}
		have := r.carried[k]
		parts := int64(c.Parts)
		if have.Parts != nil {
			parts += *have.Parts
		}
		r.carried[k] = CarrierCount{have.Count + 1, &parts}
	}
	if c.Month != r.month {
		return nil
	}
	return r.charges.add(c, e.Offset)
}

// tallied sums up lines of the read models.
func tallied(lines []query.BillingLine) (tally, error) {
	out := tally{}
	for _, l := range lines {
		u, err := usageOf(l)
		if err == nil {
			err = out.sum(priced{l.Account, u.Key, l.Currency}, u)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func differences(journal, ledger, totals tally) (out []Difference) {
	keys := map[priced]bool{}
	for _, t := range []tally{journal, ledger, totals} {
		for k := range t {
			keys[k] = true
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(keys), priced.compare) {
		d := Difference{Account: k.account, Key: k.Key, Currency: k.currency, Journal: sumsOf(journal[k]), Ledger: sumsOf(ledger[k]), Totals: sumsOf(totals[k])}
		if d.Journal != d.Ledger || d.Ledger != d.Totals {
			out = append(out, d)
		}
	}
	return out
}

func sumsOf(u billing.Usage) Sums {
	return Sums{Count: u.Count, Parts: u.Parts, Waived: u.Waived, Amount: u.Amount.String()}
}

func carrierDifferences(ours, theirs map[CarrierKey]CarrierCount) (out []CarrierDifference) {
	keys := maps.Clone(ours)
	maps.Copy(keys, theirs)
	for _, k := range slices.SortedFunc(maps.Keys(keys), func(a, b CarrierKey) int {
		return cmp.Or(cmp.Compare(a.Sender, b.Sender), cmp.Compare(a.Country, b.Country), cmp.Compare(a.Channel, b.Channel))
	}) {
		d := CarrierDifference{CarrierKey: k, Ours: ours[k], Carrier: theirs[k]}
		if d.Ours.Count != d.Carrier.Count || d.Carrier.Parts != nil && value(d.Ours.Parts) != *d.Carrier.Parts {
			out = append(out, d)
		}
	}
	return out
}

func value(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

func (d Difference) String() string {
	name := fmt.Sprintf("%s %s %s %s %s %s", d.Sender, d.Country, d.Channel, d.Category, d.Content, d.PriceVersion)
	if d.Adjusts != (calendar.Month{}) {
		name += " of " + d.Adjusts.String()
	}
	return fmt.Sprintf("%s, %s: journal %s, ledger %s, totals %s", d.Account, name, d.Journal, d.Ledger, d.Totals)
}

func (s Sums) String() string {
	return fmt.Sprintf("%d in %d parts, %d waived, %s", s.Count, s.Parts, s.Waived, s.Amount)
}

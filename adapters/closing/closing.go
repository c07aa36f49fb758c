// Package closing gathers what a month's close is decided on (rules.md F4): usage
// from the ledger, senders, terms and earlier months from the accounts journal, and
// up to where both were read. It also computes closed months again, from the journal
// alone. It decides nothing and writes nothing.
package closing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/money"
	"goniec/projections/query"
)

// Books are the read models that a close reads; see query.Reader.
type Books interface {
	Billing(ctx context.Context, account, month string) ([]query.BillingLine, error)
	Seals(ctx context.Context, month string, partitions int32) (query.MonthSeals, error)
	LedgerRead(ctx context.Context) (map[int32]int64, error)
	Statement(ctx context.Context, account, month string) (query.Statement, error)
}

// Journal is the accounts journal as the views follow it.
type Journal interface {
	// Ends are the ends of its partitions now.
	Ends() ([]int64, error)
	// CaughtUp waits until the views have all that it holds.
	CaughtUp(ctx context.Context) error
}

// Config wires a Gatherer. All fields are required.
type Config struct {
	View       *account.View
	Bills      *billing.View // fed with View
	Books      Books
	Journal    Journal
	Partitions int32          // of the installation
	Zone       *time.Location // the billing zone
	Grace      time.Duration  // how long after its end a month is sealed (rules.md F4)
}

// Gatherer gathers the inputs of closes and previews. Safe for concurrent use.
type Gatherer struct{ cfg Config }

// New returns a Gatherer.
func New(cfg Config) *Gatherer { return &Gatherer{cfg} }

// ErrMoving says that the accounts journal grows faster than it can be read at one
// position.
var ErrMoving = errors.New("accounts are being changed all the time: try again")

const tries = 5

// Gather returns the close of a month of an account, ready to be decided. It fails
// with a *domain.Error: CodeNotSealed, CodeBehind, CodeEarlierOpen or CodeNotFound;
// else with query.ErrUnavailable, ErrMoving, or an error of the journal.
func (g *Gatherer) Gather(ctx context.Context, of string, month calendar.Month) (billing.CloseMonth, error) {
	seals, err := g.sealed(ctx, month)
	if err != nil {
		return billing.CloseMonth{}, err
	}
	usage, err := g.usage(ctx, of, month)
	if err != nil {
		return billing.CloseMonth{}, err
	}
	for range tries {
		ends, err := g.cfg.Journal.Ends()
		if err != nil {
			return billing.CloseMonth{}, err
		}
		if err := g.cfg.Journal.CaughtUp(ctx); err != nil {
			return billing.CloseMonth{}, err
		}
		c, err := g.close(of, month, usage)
		if err != nil {
			return billing.CloseMonth{}, err
		}
		now, err := g.cfg.Journal.Ends()
		if err != nil {
			return billing.CloseMonth{}, err
		}
		if slices.Equal(now, ends) { // the views held all before the ends, and nothing after them
			c.Positions.Seals, c.Positions.Accounts = seals, positions(ends)
			return c, nil
		}
	}
	return billing.CloseMonth{}, ErrMoving
}

// Preview returns the inputs of a month as it stands now: what it would come to if
// nothing else happened. It fails with CodeNotFound, else as queries do.
func (g *Gatherer) Preview(ctx context.Context, of string, month calendar.Month) (billing.Inputs, error) {
	usage, err := g.usage(ctx, of, month)
	if err != nil {
		return billing.Inputs{}, err
	}
	return g.inputs(of, month, usage)
}

// inputs are those of the month as the views know it now.
func (g *Gatherer) inputs(of string, month calendar.Month, usage []billing.Usage) (billing.Inputs, error) {
	in, err := inputs(g.cfg.View, g.cfg.Bills, g.cfg.Zone, of, month, usage)
	if err != nil {
		return billing.Inputs{}, err
	}
	in.Terms, err = terms(g.cfg.View, month.Begins(g.cfg.Zone))
	return g.cfg.Bills.Month(of, month).Fill(in), err
}

// Statement returns a closed month as it was decided, and when; CodeBehind when the
// read model has not seen the close yet.
func (g *Gatherer) Statement(ctx context.Context, of string, month calendar.Month) (billing.Statement, time.Time, error) {
	s, err := g.cfg.Books.Statement(ctx, of, month.String())
	if errors.Is(err, query.ErrNotFound) {
		return billing.Statement{}, time.Time{}, domain.Refuse(billing.CodeBehind, "%s is closed, but its statement is not projected yet: try again", month)
	}
	return s.Statement, s.ClosedAt.UTC(), err
}

// SealedFrom is the day from which on partitions seal the month.
func (g *Gatherer) SealedFrom(month calendar.Month) calendar.Date {
	return calendar.DateOf(month.Ends(g.cfg.Zone).Add(g.cfg.Grace), g.cfg.Zone)
}

// sealed finds the month's seal in every partition, and sees to it that the ledger
// has been read beyond each.
func (g *Gatherer) sealed(ctx context.Context, month calendar.Month) ([]billing.Position, error) {
	found, err := g.cfg.Books.Seals(ctx, month.String(), g.cfg.Partitions)
	if err != nil {
		return nil, err
	}
	if len(found.Missing) > 0 {
		return nil, domain.Refuse(billing.CodeNotSealed, "%s is not sealed in %s: that is done from %s on", month, partitions(found.Missing), g.SealedFrom(month))
	}
	read, err := g.cfg.Books.LedgerRead(ctx)
	if err != nil {
		return nil, err
	}
	var behind []int32
	out := make([]billing.Position, 0, len(found.Seals))
	for _, s := range found.Seals {
		if read[s.Partition] <= s.Position {
			behind = append(behind, s.Partition)
		}
		out = append(out, billing.Position{Partition: int(s.Partition), Offset: s.Position})
	}
	if len(behind) > 0 {
		return nil, domain.Refuse(billing.CodeBehind, "the ledger has not been read up to the seal of %s in %s: try again", month, partitions(behind))
	}
	return out, nil
}

func partitions(list []int32) string {
	words := make([]string, len(list))
	for i, p := range list {
		words[i] = strconv.Itoa(int(p))
	}
	if len(words) == 1 {
		return "partition " + words[0]
	}
	return "partitions " + strings.Join(words, ", ")
}

func positions(ends []int64) []billing.Position {
	out := make([]billing.Position, len(ends))
	for p, end := range ends {
		out[p] = billing.Position{Partition: p, Offset: end}
	}
	return out
}

// usage is what the ledger has of the month, exact.
func (g *Gatherer) usage(ctx context.Context, of string, month calendar.Month) ([]billing.Usage, error) {
	lines, err := g.cfg.Books.Billing(ctx, of, month.String())
	if err != nil {
		return nil, err
	}
	out := make([]billing.Usage, len(lines))
	for i, l := range lines {
		if out[i], err = usageOf(l); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// usageOf is a line of the read models, exact.
func usageOf(l query.BillingLine) (u billing.Usage, err error) {
	u.Key = billing.Key{
		Sender: l.Sender, Country: l.Country, Channel: domain.Channel(l.Channel), Category: domain.Category(l.Category),
		Content: domain.Content(l.Content), PriceVersion: l.PriceVersion,
	}
	u.Currency, u.Count, u.Parts, u.Waived = l.Currency, l.Count, l.Parts, l.Waived
	if u.Amount, err = money.Parse(l.Amount); err == nil {
		err = u.Adjusts.UnmarshalText([]byte(l.Adjusts))
	}
	if err != nil {
		return u, fmt.Errorf("the ledger of %s: %w", l.Month, err)
	}
	return u, nil
}

func (g *Gatherer) close(of string, month calendar.Month, usage []billing.Usage) (billing.CloseMonth, error) {
	v := g.cfg.View
	in, err := g.inputs(of, month, usage)
	if err != nil {
		return billing.CloseMonth{}, err
	}
	a, _ := v.AccountByID(of) // inputs has found it
	last := month.Add(-1)
	if !last.Before(calendar.MonthOf(a.Created, g.cfg.Zone)) && !g.cfg.Bills.Month(of, last).Closed() {
		return billing.CloseMonth{}, domain.Refuse(billing.CodeEarlierOpen, "%s is open: months are closed one after another", last)
	}
	return billing.CloseMonth{Inputs: in, Positions: billing.Positions{Used: used(v, in)}}, nil
}

// used are the streams, at their versions, that say what was in force.
func used(v *account.View, in billing.Inputs) []billing.Used {
	owner := account.AccountStream(in.Account)
	out := []billing.Used{{Stream: owner, Version: v.Version(owner)}}
	for _, s := range in.Senders {
		stream := account.SenderStream(s.ID)
		out = append(out, billing.Used{Stream: stream, Version: v.Version(stream)})
	}
	if n, err := strconv.ParseInt(in.Terms.Version, 10, 64); err == nil {
		out = append(out, billing.Used{Stream: account.RegulationsStream, Version: n})
	}
	lists := map[string]bool{}
	for _, u := range in.Usage {
		list, number, _ := strings.Cut(u.PriceVersion, "@")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || lists[u.PriceVersion] {
			continue
		}
		lists[u.PriceVersion] = true
		out = append(out, billing.Used{Stream: account.PricesStream(list), Version: n})
	}
	return out
}

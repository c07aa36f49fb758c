package closing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/catalog"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/eventstore"
)

// Records are the topics of the journal to be read; an eventstore.Cluster has them.
type Records interface {
	End(topic string, p eventstore.Partition) (int64, error)
	Read(topic string, p eventstore.Partition, from int64, maxBytes int32) eventstore.Source
}

// Source is the journal that months are computed from again. All fields are required.
type Source struct {
	Records      Records
	Topics       eventstore.Topics
	Installation string // id that every partition's chain begins with
	Partitions   int32
	Zone         *time.Location // the billing zone
}

// Verdict says whether the statement of a closed month is what the journal makes of it.
type Verdict struct {
	Account     string   `json:"account"`
	Month       string   `json:"month"`
	Agrees      bool     `json:"agrees"`
	Currency    string   `json:"currency"`
	Written     string   `json:"written"`  // total
	Computed    string   `json:"computed"` // total; "" when it could not be computed
	Charges     int64    `json:"charges"`  // events that were summed up
	Differences []string `json:"differences,omitempty"`
}

// Errors of Recompute.
var (
	ErrNotClosed = errors.New("the month is not closed")
	ErrBroken    = errors.New("the journal is not what was written")
)

// Recompute computes the month of each account that has closed it, or of the one
// that is named, from the journal alone: charges up to the seals, senders, terms,
// waivers, credits and earlier months up to the positions that the close names.
// It checks the hash chains as it reads. No disagreement is an error: see Verdict.
func Recompute(ctx context.Context, s Source, month calendar.Month, of string) ([]Verdict, error) {
	list, err := s.closes(ctx, month, of)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNotClosed, month)
	}
	if err := s.usage(ctx, month, list); err != nil {
		return nil, err
	}
	if err := s.facts(ctx, list); err != nil {
		return nil, err
	}
	out := make([]Verdict, len(list))
	for i, c := range list {
		out[i] = c.verdict()
	}
	return out, nil
}

// again is a closed month that is computed again.
type again struct {
	partition  int32 // of the account
	of         string
	written    billing.MonthClosed
	state      billing.State   // of the month before it was closed
	seals      map[int32]int64 // positions
	ends       map[int32]int64
	charges    int64
	usage      []billing.Usage
	in         billing.Inputs
	terms      billing.Terms
	unread     error // why there are no terms
	fault      error // why there are no inputs
	difference []string
}

// closes finds the month's closes in the accounts journal.
func (s Source) closes(ctx context.Context, month calendar.Month, of string) ([]*again, error) {
	var out []*again
	for p := range s.Partitions {
		end, err := s.Records.End(s.Topics.Name(eventstore.Accounts), p)
		if err != nil {
			return nil, err
		}
		states := map[string]billing.State{}
		err = s.read(ctx, eventstore.Accounts, p, end, func(e *eventstore.Event) error {
			account, m, ok := billing.ParseStream(e.Stream)
			if !ok || m != month || (of != "" && of != account) {
				return nil
			}
			fact, err := catalog.Decode(e.Type, e.Data)
			if err != nil {
				return err
			}
			ev, ok := fact.(billing.Event)
			if !ok {
				return fmt.Errorf("%s in %s", e.Type, e.Stream)
			}
			if closed, ok := ev.(billing.MonthClosed); ok {
				out = append(out, newAgain(p, account, closed, states[e.Stream]))
			}
			states[e.Stream] = billing.Evolve(states[e.Stream], ev)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func newAgain(p int32, of string, e billing.MonthClosed, s billing.State) *again {
	return &again{partition: p, of: of, written: e, state: s, seals: byPartition(e.Positions.Seals), ends: byPartition(e.Positions.Accounts)}
}

func byPartition(list []billing.Position) map[int32]int64 {
	out := make(map[int32]int64, len(list))
	for _, p := range list {
		out[int32(p.Partition)] = p.Offset // fewer than 2³¹
	}
	return out
}

func (a *again) differs(format string, args ...any) {
	a.difference = append(a.difference, fmt.Sprintf(format, args...))
}

// usage sums up the month's charges of every partition, some partitions at a time.
func (s Source) usage(ctx context.Context, month calendar.Month, list []*again) error {
	books := make([]*book, s.Partitions)
	for p := range s.Partitions {
		books[p] = newBook(month, p, list)
	}
	err := s.each(ctx, func(ctx context.Context, p int32) error {
		return s.read(ctx, eventstore.Messages, p, books[p].end, books[p].take)
	})
	if err != nil {
		return err
	}
	for _, b := range books {
		b.give()
	}
	return nil
}

// each calls fn for every partition, for some at a time. The first error ends the others.
func (s Source) each(ctx context.Context, fn func(context.Context, int32) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	slots := make(chan struct{}, 4)
	for p := range s.Partitions {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if err := fn(ctx, p); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// book sums up the charges of one partition.
type book struct {
	month     calendar.Month
	partition int32
	of        map[string]*again
	end       int64          // of what is read: behind the last seal
	sealed    map[int64]bool // offsets that hold a seal of the month
	sums      tally
}

func newBook(month calendar.Month, p int32, list []*again) *book {
	b := &book{
		month: month, partition: p, of: map[string]*again{}, sealed: map[int64]bool{}, sums: tally{},
	}
	for _, a := range list {
		if at, ok := a.seals[p]; ok {
			b.of[a.of] = a
			b.end = max(b.end, at+1)
		}
	}
	return b
}

func (b *book) take(e *eventstore.Event) error {
	switch e.Type {
	case partition.TypePeriodSealed:
		seal, err := decoded[partition.PeriodSealed](e)
		if err != nil {
			return err
		}
		b.sealed[e.Offset] = seal.Month >= b.month.String()
	case message.TypeCharged:
		charge, err := decoded[message.Charged](e)
		if err != nil {
			return err
		}
		a := b.of[charge.Account]
		if a == nil || charge.Month != b.month.String() || e.Offset > a.seals[b.partition] {
			return nil
		}
		return b.sums.add(charge, e.Offset)
	}
	return nil
}

// decoded is the fact of an event whose type is that of T.
func decoded[T domain.Event](e *eventstore.Event) (T, error) {
	fact, err := catalog.Decode(e.Type, e.Data)
	t, _ := fact.(T)
	return t, err
}

// give hands the sums over to the months.
func (b *book) give() {
	for k, u := range b.sums {
		a := b.of[k.account]
		a.usage = append(a.usage, u)
		a.charges += u.Count
	}
	for _, a := range b.of {
		if at := a.seals[b.partition]; !b.sealed[at] {
			a.differs("position %d of messages/%d, which the close names, is no seal of the month", at, b.partition)
		}
	}
}

// facts finds what the accounts journal said at the positions of each close.
func (s Source) facts(ctx context.Context, list []*again) error {
	home := eventstore.Partitioner{N: s.Partitions}.Of([]byte(account.Installation)) // of the regulations
	err := s.walk(ctx, home, list, func(a *again, v *account.View, _ *billing.View) {
		a.terms, a.unread = terms(v, a.written.Inputs.Month.Begins(s.Zone))
	})
	if err != nil {
		return err
	}
	for p := range s.Partitions {
		here := slices.DeleteFunc(slices.Clone(list), func(a *again) bool { return a.partition != p })
		err := s.walk(ctx, p, here, func(a *again, v *account.View, bills *billing.View) {
			a.in, a.fault = inputs(v, bills, s.Zone, a.of, a.written.Inputs.Month, a.usage)
			a.fault = errors.Join(a.fault, a.unread)
			a.in.Terms = a.terms
			a.in = a.state.Fill(a.in)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// walk folds a partition of the accounts journal and calls take for each close when
// the views are as they were at its position.
func (s Source) walk(ctx context.Context, p int32, list []*again, take func(*again, *account.View, *billing.View)) error {
	if len(list) == 0 {
		return nil
	}
	list = slices.SortedFunc(slices.Values(list), func(a, b *again) int { return int(a.ends[p] - b.ends[p]) })
	view, bills := account.NewView(), billing.NewView()
	next := 0
	err := s.read(ctx, eventstore.Accounts, p, list[len(list)-1].ends[p], func(e *eventstore.Event) error {
		for ; list[next].ends[p] <= e.Offset; next++ { // the last one's is never passed
			take(list[next], view, bills)
		}
		fact, err := catalog.Decode(e.Type, e.Data)
		if err != nil {
			return err
		}
		apply(view, bills, e, fact)
		return nil
	})
	if err != nil {
		return err
	}
	for ; next < len(list); next++ {
		take(list[next], view, bills)
	}
	return nil
}

func apply(view *account.View, bills *billing.View, e *eventstore.Event, fact domain.Event) {
	switch fact := fact.(type) {
	case account.Event:
		view.Apply(e.Stream, e.Version, fact, e.Time)
	case billing.Event:
		bills.Apply(e.Stream, e.Version, fact, e.Time)
	}
}

// read hands the events of a partition over, from its first one up to an offset, and
// checks that each follows the one before it.
func (s Source) read(ctx context.Context, short string, p int32, to int64, fn func(*eventstore.Event) error) error {
	chain := eventstore.NewChain(s.Installation, short, p)
	topic := s.Topics.Name(short)
	return eventstore.ReadTo(ctx, s.Records.Read(topic, p, 0, 0), to, func(r *eventstore.Record) error {
		e, err := chain.NextRecord(r)
		if err != nil {
			return fmt.Errorf("%w: %s/%d offset %d: %w", ErrBroken, topic, p, r.Offset, err)
		}
		if err := fn(e); err != nil {
			return fmt.Errorf("%s/%d offset %d: %w", topic, p, r.Offset, err)
		}
		return nil
	})
}

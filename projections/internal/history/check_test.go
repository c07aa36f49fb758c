package history

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"goniec/adapters/closing"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/message"
	"goniec/domain/money"
	"goniec/eventstore"
	pt "goniec/projections/internal/projtest"
)

// afterAccountEvent: at each point of the journal the reference view, the state that
// the decision has, and one that is folded from its own JSON are the same.
func (w *world) afterAccountEvent(stream string, e account.Event) {
	if !account.OfSender(e) {
		return
	}
	have := w.streams[stream]
	seen, ok := w.view.SenderByID(account.StreamID(stream))
	require.True(w.t, ok)
	require.Equal(w.t, *have.Sender, seen.SenderState)
	require.Equal(w.t, have.Version, seen.Version)

	cached := account.State{Stream: stream}
	if data := w.cached[stream]; data != nil {
		require.NoError(w.t, json.Unmarshal(data, &cached))
	}
	data, err := json.Marshal(account.Evolve(cached, e, w.now))
	require.NoError(w.t, err)
	w.cached[stream] = data
	want, err := json.Marshal(have)
	require.NoError(w.t, err)
	require.Equal(w.t, string(want), string(data))
}

// afterCharge: nothing is charged in a month that is closed, nor in one that its
// partition has sealed; what is dated into one says so.
func (w *world) afterCharge(c message.Charged) {
	m, err := calendar.ParseMonth(c.Month)
	require.NoError(w.t, err)
	require.False(w.t, w.bills.Month(c.Account, m).Closed(), "a charge in %s, which is closed", m)
	own := calendar.MonthOf(c.At, w.zone).String()
	require.Equal(w.t, c.Adjusts != "", own != c.Month)
	require.True(w.t, c.Adjusts == "" || c.Adjusts == own)
}

// rules.md F2, F3, F4, F8, G2: of any history of senders and messages.
func TestAnyHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, r)
		live(w)
		w.closedOnce()
		w.charged()
		w.minimums()
		w.recomputed()
	})
}

// closedOnce: a month has one close, closes follow one another, and the view has
// what they say, whatever came after.
func (w *world) closedOnce() {
	last := map[string]calendar.Month{}
	for _, e := range w.closes {
		of, m := e.Statement.Account, e.Statement.Month
		if before, ok := last[of]; ok {
			require.Equal(w.t, before.Add(1), m)
		}
		last[of] = m
		have := w.bills.Month(of, m)
		require.Equal(w.t, e.Digest, have.Digest)
		require.Equal(w.t, e.Statement.Total, have.Total)
		s, err := billing.Compute(e.Whole())
		require.NoError(w.t, err)
		require.Equal(w.t, again(w.t, e.Statement), again(w.t, s), "what the close holds makes its statement")
	}
}

// sums are what the charges of an account's month come to.
type sums struct {
	amount money.Amount
	count  int64
}

// charged: the lines of a closed month are its charges, each once, and its total
// is the sum of the lines.
func (w *world) charged() {
	ledger := map[string]sums{}
	for _, e := range w.events {
		if c, ok := e.Fact.(message.Charged); ok {
			amount, err := money.Parse(c.Amount)
			require.NoError(w.t, err)
			s := ledger[c.Account+c.Month]
			ledger[c.Account+c.Month] = sums{s.amount + amount, s.count + 1}
		}
	}
	for _, e := range w.closes {
		var have sums
		var total money.Cents
		for _, l := range e.Statement.Lines {
			require.Equal(w.t, l.Exact.Round(), l.Amount)
			total += l.Amount
			if l.Kind == billing.KindUsage || l.Kind == billing.KindAdjustment {
				have = sums{have.amount + l.Exact, have.count + l.Count}
			}
		}
		require.Equal(w.t, ledger[e.Statement.Account+e.Statement.Month.String()], have, "%s of %s", e.Statement.Month, e.Statement.Account)
		require.Equal(w.t, total, e.Statement.Total)
	}
}

// spell is when a sender worked, as its events say it.
type spell struct{ from, to time.Time }

func (w *world) spells(c config) (out []spell) {
	for _, e := range w.events {
		if e.Stream != account.SenderStream(c.id()) {
			continue
		}
		switch fact := e.Fact.(type) {
		case account.SenderApproved:
			out = append(out, spell{from: fact.ActiveOn})
		case account.SenderEnabled:
			out = append(out, spell{from: fact.At})
		case account.SenderDisabled:
			out[len(out)-1].to = fact.At
		}
	}
	return out
}

// works says whether one of the spells touches the month.
func works(list []spell, from, to time.Time) bool {
	return slices.ContainsFunc(list, func(s spell) bool {
		return s.from.Before(to) && (s.to.IsZero() || s.to.After(from) && s.to.After(s.from))
	})
}

// minimums: each configuration that worked in a closed month is covered by one
// obligation, a charged one stands in one line of that month's statement, and
// what later months gave back is never more than it.
func (w *world) minimums() {
	left := map[string]money.Cents{}
	place := func(l billing.Line, m calendar.Month) string { return fmt.Sprint(m, "/", l.Sender, "/", l.Country) }
	for _, e := range w.closes {
		s := e.Statement
		for _, c := range configs {
			if c.account == s.Account {
				w.covered(c, s)
			}
		}
		for _, l := range s.Lines {
			switch l.Kind {
			case billing.KindMinimum:
				_, twice := left[s.Account+place(l, s.Month)]
				require.False(w.t, twice, "a minimum is charged twice")
				require.Positive(w.t, int64(l.Amount))
				left[s.Account+place(l, s.Month)] = l.Amount
			case billing.KindMinimumCredit:
				at := s.Account + place(l, l.Adjusts)
				require.Negative(w.t, int64(l.Amount))
				left[at] += l.Amount
				require.GreaterOrEqual(w.t, left[at], money.Cents(0), "more is given back than was charged")
			}
		}
		for _, o := range s.Obligations {
			at := s.Account + place(billing.Line{Key: billing.Key{Sender: o.Sender, Country: o.Country}}, o.Month)
			require.Equal(w.t, left[at], o.Charged, "what an obligation says is what the lines come to")
		}
	}
	for _, e := range w.closes {
		for _, o := range e.Statement.Obligations {
			if o.Month == e.Statement.Month && (o.Reason == billing.ReasonCharged || o.Reason == billing.ReasonReached) {
				at := e.Statement.Account + place(billing.Line{Key: billing.Key{Sender: o.Sender, Country: o.Country}}, o.Month)
				require.Equal(w.t, w.owed(e.Statement.Account, o), left[at], "what is left of a minimum when all that came late is counted")
			}
		}
	}
}

// owed is what a minimum comes to with all traffic of its month that was billed,
// in its own statement or later.
func (w *world) owed(of string, o billing.Obligation) money.Cents {
	var traffic money.Cents
	var messages int64
	for _, e := range w.closes {
		for _, l := range e.Statement.Lines {
			own := l.Kind == billing.KindUsage && e.Statement.Month == o.Month || l.Kind == billing.KindAdjustment && l.Adjusts == o.Month
			counts := l.Country == o.Country || slices.Contains(o.Countries, l.Country)
			if e.Statement.Account == of && own && counts && l.Channel == domain.Viber && l.Sender == o.Sender {
				traffic, messages = traffic+l.Amount, messages+l.Count
			}
		}
	}
	minimum := o.Minimum.Amount.Round()
	switch {
	case o.Minimum.Unit == billing.UnitAmount && traffic >= minimum, o.Minimum.Unit == billing.UnitMessages && messages >= o.Minimum.Messages:
		return 0
	case o.Minimum.Mode == billing.Full:
		return minimum
	}
	return max(0, minimum-traffic)
}

func (w *world) covered(c config, s billing.Statement) {
	covering := 0
	for _, o := range s.Obligations {
		if o.Month != s.Month || o.Sender != c.name || o.Country != c.country && !slices.Contains(o.Countries, c.country) {
			continue
		}
		covering++
		first := w.spells(c)[0].from
		require.Equal(w.t, calendar.MonthOf(first, w.zone) == s.Month && o.Reason != billing.ReasonNoMinimum, o.Reason == billing.ReasonActivationMonth)
	}
	if works(w.spells(c), s.Month.Begins(w.zone), s.Month.Ends(w.zone)) {
		require.Equal(w.t, 1, covering, "%v worked in %s", c, s.Month)
	} else {
		require.Equal(w.t, 0, covering, "%v did not work in %s", c, s.Month)
	}
}

// recomputed: the journal alone makes each statement again, whatever came after
// its close.
func (w *world) recomputed() {
	months := map[calendar.Month]int{}
	for _, e := range w.closes {
		months[e.Statement.Month]++
	}
	source := closing.Source{
		Records: records{w.journal}, Topics: eventstore.Topics{}, Installation: pt.Installation, Partitions: partitions, Zone: w.zone,
	}
	for m, n := range months {
		list, err := closing.Recompute(w.tb.Context(), source, m, "")
		require.NoError(w.t, err)
		require.Len(w.t, list, n)
		for _, v := range list {
			require.True(w.t, v.Agrees, "%s of %s: %v", v.Month, v.Account, v.Differences)
		}
	}
}

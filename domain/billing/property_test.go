package billing_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"goniec/domain"
	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/money"
)

var (
	names     = []string{"GONIEC", "OTHER"}
	countries = []string{"DE", "FR", "PL"}
)

func drawAmount(t *rapid.T, most int64, step money.Amount) money.Amount {
	return money.Amount(rapid.Int64Range(0, most*1_000_000/int64(step)).Draw(t, "amount")) * step
}

// drawUsage draws rows in steps of that many micros.
func drawUsage(t *rapid.T, step money.Amount) []billing.Usage {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) billing.Usage {
		count := rapid.Int64Range(0, 20).Draw(t, "count")
		return billing.Usage{
			Key: billing.Key{
				Sender: rapid.SampledFrom(names).Draw(t, "sender"), Country: rapid.SampledFrom(countries).Draw(t, "country"),
				Channel:  rapid.SampledFrom([]domain.Channel{domain.Viber, domain.Viber, domain.SMS}).Draw(t, "channel"),
				Category: domain.Transactional, Content: domain.PlainText,
				PriceVersion: rapid.SampledFrom([]string{"default@1", "default@2"}).Draw(t, "version"),
			},
			Count: count, Parts: count, Waived: rapid.Int64Range(0, count).Draw(t, "waived"), Amount: drawAmount(t, 60, step),
		}
	}), 0, 12).Draw(t, "usage")
}

func drawTerms(t *rapid.T) billing.Terms {
	terms := billing.Terms{Version: "regulations@1"}
	for _, c := range countries {
		if !rapid.Bool().Draw(t, "minimum") {
			continue
		}
		terms.Minimums = append(terms.Minimums, billing.Minimum{
			Country: c, Currency: "PLN", Amount: drawAmount(t, 150, 10_000), Messages: rapid.Int64Range(0, 40).Draw(t, "messages"),
			Unit:  rapid.SampledFrom([]string{billing.UnitAmount, billing.UnitMessages}).Draw(t, "unit"),
			Mode:  rapid.SampledFrom([]string{billing.TrueUp, billing.Full}).Draw(t, "mode"),
			Scope: rapid.SampledFrom([]string{billing.PerCountry, billing.HighestOfSender}).Draw(t, "scope"),
		})
	}
	return terms
}

// drawMonth draws all but adjustments.
func drawMonth(t *rapid.T, month calendar.Month, step money.Amount) billing.Inputs {
	in := billing.Inputs{Account: account, Month: month, Currency: "PLN", Usage: drawUsage(t, step), Terms: drawTerms(t)}
	for _, name := range names {
		for _, c := range countries {
			if !rapid.Bool().Draw(t, "active") {
				continue
			}
			s := billing.SenderMonth{ID: name + c, Name: name, Country: c, SuspendedWholeMonth: rapid.Bool().Draw(t, "suspended")}
			s.Activated = month.Add(-rapid.IntRange(0, 2).Draw(t, "since")).Last()
			in.Senders = append(in.Senders, s)
			if rapid.IntRange(0, 3).Draw(t, "waived") == 0 {
				in.Waivers = append(in.Waivers, billing.Waiver{SenderID: s.ID, Reason: "r", By: "b"})
			}
		}
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "credits") {
		in.Credits = append(in.Credits, billing.Credit{ID: string(rune('a' + i)), Amount: money.Cents(i + 1), Reason: "r", RequestedBy: "a", ApprovedBy: "b"})
	}
	return in
}

// drawInputs draws a month with adjustments of the two before it.
func drawInputs(t *rapid.T) billing.Inputs {
	in := drawMonth(t, november, 1)
	for _, m := range []calendar.Month{november.Add(-2), november.Add(-1)} {
		closed, err := billing.Compute(drawMonth(t, m, 1))
		require.NoError(t, err)
		in.Closed = append(in.Closed, closed.Obligations...)
		in.Usage = append(in.Usage, adjusting(m, drawUsage(t, 1))...)
	}
	return in
}

func adjusting(m calendar.Month, usage []billing.Usage) []billing.Usage {
	out := slices.Clone(usage)
	for i := range out {
		out[i].Adjusts = m
	}
	return out
}

func mustCompute(t *rapid.T, in billing.Inputs) billing.Statement {
	s, err := billing.Compute(in)
	require.NoError(t, err)
	return s
}

// rules.md F8: each line is rounded once, and the total is their sum.
func TestTheTotalIsTheSumOfTheLines(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := mustCompute(t, drawInputs(t))
		var sum money.Cents
		for _, l := range s.Lines {
			require.Equal(t, l.Exact.Round(), l.Amount)
			sum += l.Amount
		}
		require.Equal(t, sum, s.Total)
	})
}

// rules.md F3: of each active configuration one obligation says what was owed, and
// what was owed is one line.
func TestAMinimumIsChargedOnceOrNotAtAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := drawInputs(t)
		s := mustCompute(t, in)
		for _, c := range in.Senders {
			covering := 0
			for _, o := range s.Obligations {
				if o.Month == s.Month && o.Sender == c.Name && (o.Country == c.Country || slices.Contains(o.Countries, c.Country)) {
					covering++
				}
			}
			require.Equal(t, 1, covering, "%s in %s", c.Name, c.Country)
		}
		charged := map[billing.Key]money.Cents{}
		for _, o := range s.Obligations {
			require.Equal(t, o.Charged > 0, o.Reason == billing.ReasonCharged)
			if o.Month == s.Month && o.Charged > 0 {
				charged[billing.Key{Sender: o.Sender, Country: o.Country}] = o.Charged
			}
		}
		for _, l := range s.Lines {
			if l.Kind == billing.KindMinimum {
				require.Equal(t, charged[l.Key], l.Amount)
				delete(charged, l.Key)
			}
		}
		require.Empty(t, charged)
	})
}

// However the ledger's rows are split and ordered, the statement is the same.
func TestOrderAndSplitDoNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := drawInputs(t)
		other := in
		other.Usage = nil
		for _, u := range in.Usage {
			part := u
			part.Count, part.Parts = rapid.Int64Range(0, u.Count).Draw(t, "part"), rapid.Int64Range(0, u.Parts).Draw(t, "parts")
			part.Amount = money.Amount(rapid.Int64Range(0, int64(u.Amount)).Draw(t, "amount"))
			part.Waived = max(0, min(part.Count, u.Waived))
			rest := u
			rest.Count, rest.Parts, rest.Waived, rest.Amount = u.Count-part.Count, u.Parts-part.Parts, u.Waived-part.Waived, u.Amount-part.Amount
			other.Usage = append(other.Usage, part, rest)
		}
		other.Usage = rapid.Permutation(other.Usage).Draw(t, "usage")
		other.Senders = rapid.Permutation(in.Senders).Draw(t, "senders")
		other.Terms.Minimums = rapid.Permutation(in.Terms.Minimums).Draw(t, "minimums")
		other.Waivers = rapid.Permutation(in.Waivers).Draw(t, "waivers")
		other.Credits = rapid.Permutation(in.Credits).Draw(t, "credits")
		other.Closed = rapid.Permutation(in.Closed).Draw(t, "closed")
		require.Equal(t, mustCompute(t, in), mustCompute(t, other))
	})
}

// rules.md F4: whenever its facts come in, a month costs in the end what one close
// with all of them would have charged, and no close credits more than is left.
func TestLateFactsCostWhatTheyWouldHaveCostInTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const wholeCents = 10_000 // so that rounding line by line changes nothing
		first := drawMonth(t, november, wholeCents)
		all := first
		closed := mustCompute(t, first)
		sum, left := closed.Total, owed(closed.Obligations)
		known := closed.Obligations
		for i := range rapid.IntRange(1, 4).Draw(t, "months") {
			late := drawUsage(t, wholeCents)
			all.Usage = append(slices.Clone(all.Usage), late...)
			s := mustCompute(t, billing.Inputs{
				Account: account, Month: november.Add(i + 1), Currency: "PLN", Usage: adjusting(november, late), Closed: known,
			})
			sum += s.Total
			var credited money.Cents
			for _, l := range s.Lines {
				if l.Kind == billing.KindMinimumCredit {
					require.Negative(t, int64(l.Amount))
					credited -= l.Amount
				}
			}
			known = updated(known, s.Obligations)
			require.Equal(t, left-credited, owed(known))
			require.GreaterOrEqual(t, owed(known), money.Cents(0))
			left -= credited
		}
		once := mustCompute(t, all)
		require.Equal(t, once.Total, sum)
		require.Equal(t, once.Obligations, known)
	})
}

func owed(list []billing.Obligation) (sum money.Cents) {
	for _, o := range list {
		sum += o.Charged
	}
	return sum
}

// updated puts what a later statement says of obligations in their place, as the view does.
func updated(list, newer []billing.Obligation) []billing.Obligation {
	out := slices.Clone(list)
	for _, n := range newer {
		i := slices.IndexFunc(out, func(o billing.Obligation) bool { return o.Sender == n.Sender && o.Country == n.Country })
		out[i] = n
	}
	return out
}

// The same with amounts that are rounded: what is left charged is what the rounded
// lines leave of the minimum.
func TestWhatIsLeftChargedFollowsFromTheLines(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := mustCompute(t, drawInputs(t))
		for _, o := range s.Obligations {
			if o.Reason != billing.ReasonCharged && o.Reason != billing.ReasonReached {
				require.Zero(t, o.Charged)
				continue
			}
			traffic, err := o.Traffic.Exact()
			require.NoError(t, err)
			want := o.Minimum.Amount
			if o.Minimum.Mode == billing.TrueUp {
				want = max(0, want-traffic)
			}
			if o.Minimum.Unit == billing.UnitAmount && traffic >= o.Minimum.Amount ||
				o.Minimum.Unit == billing.UnitMessages && o.Messages >= o.Minimum.Messages {
				want = 0
			}
			require.Equal(t, want.Round(), o.Charged, "%+v", o)
		}
	})
}

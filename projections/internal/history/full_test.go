package history

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/message"
	"goniec/domain/partition"
)

// What is drawn holds all that the properties are about: they would hold of nothing too.
func TestHistoriesAreFull(t *testing.T) {
	t.Parallel()
	histories := rapid.Custom(func(r *rapid.T) *world {
		w := newWorld(t, r)
		live(w)
		return w
	})
	seen := map[string]int{}
	for seed := range 300 {
		w := histories.Example(seed)
		for _, e := range w.events {
			seen[e.Fact.EventType()]++
			if c, ok := e.Fact.(message.Charged); ok && c.Adjusts != "" {
				seen["a charge after its month's seal"]++
			}
		}
		for _, c := range w.closes {
			for _, l := range c.Statement.Lines {
				seen["line "+l.Kind]++
			}
			for _, o := range c.Statement.Obligations {
				seen["obligation "+o.Reason]++
			}
		}
	}
	for _, what := range []string{
		account.TypeSenderApproved, account.TypeSenderReturned, account.TypeSenderNoticeGiven, account.TypeSenderNoticeWithdrawn, account.TypeSenderDisabled,
		account.TypeSenderEnabled, account.TypeSenderClosed, account.TypeSenderReminded, account.TypeSenderSuspended, account.TypeSenderReinstated,
		account.TypeSenderChangeSaved, account.TypeRegulationsPublished, account.TypePricesPublished,
		message.Charged{}.EventType(), partition.TypePeriodSealed, billing.TypeMonthClosed, billing.TypeCreditApproved, billing.TypeMinimumWaived,
		"a charge after its month's seal", "line " + billing.KindUsage, "line " + billing.KindAdjustment, "line " + billing.KindMinimum,
		"line " + billing.KindMinimumCredit, "line " + billing.KindCredit, "obligation " + billing.ReasonReached, "obligation " + billing.ReasonCharged,
		"obligation " + billing.ReasonActivationMonth, "obligation " + billing.ReasonNoMinimum, "obligation " + billing.ReasonWaived,
	} {
		require.NotZero(t, seen[what], what)
	}
}

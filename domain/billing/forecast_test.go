package billing_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/billing"
)

// rules.md F3: linear over the days so far, rounded once; a prediction of the last day
// is what the close makes of the same traffic.
func TestPredict(t *testing.T) {
	t.Parallel()
	facts := inputs(func(in *billing.Inputs) {
		in.Usage = []billing.Usage{viber(t, 7, "1.010000"), viber(t, 1, "5.000000", sms), viber(t, 1, "9.000000", late(november.Add(-1)))}
		in.Senders = []billing.SenderMonth{sender("PL")}
		in.Terms = billing.Terms{Version: "1", Minimums: []billing.Minimum{minimum(t, "PL", "10.00")}}
	})
	for day, want := range map[int]struct {
		expected, topUp string
		messages        int64
	}{4: {"7.58", "2.42", 52}, 7: {"4.33", "5.67", 30}, 30: {"1.01", "8.99", 7}} {
		list, err := billing.Predict(facts, day)
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, cents(t, "1.01"), list[0].Now.Amount)
		require.Equal(t, cents(t, want.expected), list[0].Expected.Amount, "1.01 × 30 / day")
		require.Equal(t, cents(t, want.topUp), list[0].TopUp)
		require.Equal(t, list[0].TopUp, list[0].Missing.Amount)
		require.Equal(t, want.messages, list[0].Expected.Messages)
	}
	s, err := billing.Compute(facts)
	require.NoError(t, err)
	require.Equal(t, cents(t, "8.99"), s.Obligations[0].Charged)

	facts.Usage[0].Count, facts.Usage[0].Parts = math.MaxInt64/8, math.MaxInt64/8
	_, err = billing.Predict(facts, 1)
	require.Equal(t, billing.CodeOverflow, domain.CodeOf(err))
	facts.Account = "x"
	_, err = billing.Predict(facts, 1)
	require.Equal(t, billing.CodeInvalidValue, domain.CodeOf(err))
}

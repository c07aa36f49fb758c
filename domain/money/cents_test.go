package money_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"goniec/domain/money"
)

func TestCentsReadBack(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"0": "0.00", "1.5": "1.50", "-0.07": "-0.07", "12.34": "12.34"} {
		c, err := money.ParseCents(in)
		require.NoError(t, err, in)
		require.Equal(t, want, c.String())
	}
	for _, in := range []string{"", "0.001", "0.050000", "1,50", "1e2"} {
		_, err := money.ParseCents(in)
		require.ErrorIs(t, err, money.ErrSyntax, in)
	}
}

// rules.md F8: what is rounded is at most half a cent away.
func TestRound(t *testing.T) {
	t.Parallel()
	require.Equal(t, "-9223372036854.78", money.Amount(math.MinInt64).Round().String())
	rapid.Check(t, func(t *rapid.T) {
		a := money.Amount(rapid.Int64Range(math.MinInt64/2, math.MaxInt64/2).Draw(t, "micros"))
		back, err := a.Round().Exact()
		require.NoError(t, err)
		require.LessOrEqual(t, max(back-a, a-back), money.Amount(5_000))
	})
	_, err := money.Cents(math.MaxInt64).Exact()
	require.ErrorIs(t, err, money.ErrOverflow)
	_, err = money.Cents(math.MaxInt64).Plus(1)
	require.ErrorIs(t, err, money.ErrOverflow)
}

func TestAmountsInJSONAreDecimalStrings(t *testing.T) {
	t.Parallel()
	type bill struct {
		Exact money.Amount
		Total money.Cents
	}
	want := bill{Exact: -120_001, Total: 7}
	data, err := json.Marshal(want)
	require.NoError(t, err)
	require.JSONEq(t, `{"Exact":"-0.120001","Total":"0.07"}`, string(data))
	var have bill
	require.NoError(t, json.Unmarshal(data, &have))
	require.Equal(t, want, have)
	require.Error(t, json.Unmarshal([]byte(`{"Total":"0.070000"}`), &have))
}

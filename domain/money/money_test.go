package money_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"goniec/domain/money"
)

func TestParseAndString(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"0": "0.000000", "0.12": "0.120000", "1.000001": "1.000001", "-3": "-3.000000", "-0.5": "-0.500000",
		"9223372036854.775807": "9223372036854.775807", "007.10": "7.100000", "-0": "0.000000",
	} {
		a, err := money.Parse(in)
		require.NoError(t, err, in)
		require.Equal(t, want, a.String(), in)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "-", ".", "1.", ".5", "+1", " 1", "1 ", "1,5", "1e3", "0x1", "1.0000001", "--1", "1.-5", "١"} {
		_, err := money.Parse(in)
		require.ErrorIs(t, err, money.ErrSyntax, in)
	}
	_, err := money.Parse("9223372036854.775808")
	require.ErrorIs(t, err, money.ErrOverflow)
}

// F8: a line is rounded half up to 2 places once.
func TestCents(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"0.004999": "0.00", "0.005": "0.01", "0.125": "0.13", "0.124999": "0.12", "-0.005": "-0.01", "-0.004": "0.00",
		"12": "12.00", "0.995": "1.00",
	} {
		a, err := money.Parse(in)
		require.NoError(t, err)
		require.Equal(t, want, a.Cents(), in)
	}
}

func TestArithmetic(t *testing.T) {
	t.Parallel()
	a, err := money.Amount(90_000).Times(3)
	require.NoError(t, err)
	require.Equal(t, "0.270000", a.String())
	a, err = a.Plus(-20_000)
	require.NoError(t, err)
	require.Equal(t, "0.250000", a.String())
	for _, n := range []int{2, -2} {
		_, err = money.Amount(math.MaxInt64).Times(n)
		require.ErrorIs(t, err, money.ErrOverflow)
	}
	_, err = money.Amount(math.MinInt64).Times(-1)
	require.ErrorIs(t, err, money.ErrOverflow)
	_, err = money.Amount(math.MaxInt64).Plus(1)
	require.ErrorIs(t, err, money.ErrOverflow)
	_, err = money.Amount(math.MinInt64).Plus(-1)
	require.ErrorIs(t, err, money.ErrOverflow)
	require.Equal(t, "-9223372036854.775808", money.Amount(math.MinInt64).String())
}

func TestStringReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := money.Amount(rapid.Int64Min(math.MinInt64+1).Draw(t, "micros"))
		back, err := money.Parse(a.String())
		require.NoError(t, err)
		require.Equal(t, a, back)
	})
}

func FuzzParse(f *testing.F) {
	f.Add("0.12")
	f.Add("-1.5")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := money.Parse(s)
		if err != nil {
			return
		}
		back, err := money.Parse(a.String())
		require.NoError(t, err)
		require.Equal(t, a, back)
	})
}

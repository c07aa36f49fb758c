package closing_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/closing"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/money"
)

// rules.md F3, B12: a month's minimums are those of the version in force on its first day.
func TestRegulationsAreTheTerms(t *testing.T) {
	t.Parallel()
	v := account.NewView()
	december := time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)
	for i, amount := range []string{"250.00", "300.00"} {
		v.Apply(account.RegulationsStream, int64(i+1), account.RegulationsPublished{
			ValidFrom: december.AddDate(0, i, 0),
			Minimums: []account.Minimum{{
				Country: "PL", Currency: "PLN", Unit: account.UnitMessages, Amount: amount, Messages: 5000, Mode: account.FullMinimum, Scope: account.HighestOfSender,
			}},
		}, december)
	}
	_, _, ok := closing.Regulations(v, december.Add(-time.Nanosecond))
	require.False(t, ok, "none was in force")
	for at, want := range map[time.Time]string{december: "250.00", december.AddDate(0, 1, -1): "250.00", december.AddDate(0, 1, 0): "300.00"} {
		version, minimums, ok := closing.Regulations(v, at)
		require.True(t, ok)
		require.Equal(t, map[string]string{"250.00": "regulations@1", "300.00": "regulations@2"}[want], version)
		amount, err := money.Parse(want)
		require.NoError(t, err)
		require.Equal(t, []billing.Minimum{{
			Country: "PL", Currency: "PLN", Unit: billing.UnitMessages, Amount: amount, Messages: 5000, Mode: billing.Full, Scope: billing.HighestOfSender,
		}}, minimums)
	}
}

package phone_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/adapters/phone"
)

func TestHolds(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"+48500100201", "48500100201", "0048500100201", "500100201", "ref 500100201", "500 100 201", "500-100-201", "no. 500.100/201", "(500) 100\u00a0201", "x500100201y",
	} {
		require.True(t, phone.Holds(s, "+48500100201"), s)
	}
	for _, s := range []string{"", "500100202", "50010020", "500x100x201", "order 500100/21"} {
		require.False(t, phone.Holds(s, "+48500100201"), s)
	}
	require.True(t, phone.Holds("06 1234 5678", "+390612345678"), "an Italian zero belongs to the number")
	require.False(t, phone.Holds("500100201", ""), "nobody's number")
}

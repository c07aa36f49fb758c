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
		"500_100_201", "500:100:201", "500,100\t201", "500\u2014100\u2014201", "\uff15\uff10\uff10\uff11\uff10\uff10\uff12\uff10\uff11", "\u0665\u0660\u0660\u0661\u0660\u0660\u0662\u0660\u0661",
	} {
		require.True(t, phone.Holds(s, "+48500100201"), s)
	}
	for _, s := range []string{"", "500100202", "50010020", "500x100x201", "order 500100/21"} {
		require.False(t, phone.Holds(s, "+48500100201"), s)
	}
	require.True(t, phone.Holds("06 1234 5678", "+390612345678"), "an Italian zero belongs to the number")
	require.False(t, phone.Holds("500100201", ""), "nobody's number")
}

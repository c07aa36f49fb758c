package suffixes

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/adapters/phone"
	"goniec/domain/sms"
)

func TestThePlanTouchesEverySuffixAndNoNumberTwice(t *testing.T) {
	t.Parallel()
	for _, n := range []int{MinMessages, 1000, 20_000} {
		p := NewPlan(n)
		require.Len(t, p.Sendings, n)
		numbers, count := map[string]bool{}, map[string]int{}
		for _, s := range p.Sendings {
			require.False(t, numbers[s.Number], s.Number)
			numbers[s.Number] = true
			count[s.Want.Suffix]++
			require.Equal(t, senderOf(s.Want.Suffix), s.Request.Sender)
			require.Contains(t, s.Request.Text, p.Marker)
		}
		for _, e := range Expectations() {
			require.Positive(t, count[e.Suffix], e.Suffix)
			if e.Most > 0 {
				require.LessOrEqual(t, count[e.Suffix], e.Most)
			}
		}
	}
}

func TestNumbersEndAsTheirSuffixSays(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 7, 9999, MaxMessages - 1} {
		for _, e := range Expectations() {
			number := numberOf(n, e.Suffix)
			got, country, err := phone.Normalise(number, "PL")
			require.NoError(t, err, number)
			require.Equal(t, number+" PL", got+" "+country)
			switch e.Suffix {
			case "even":
				require.Contains(t, "02468", number[len(number)-3:len(number)-2])
			case "odd":
				require.Contains(t, "13579", number[len(number)-3:len(number)-2])
			default:
				require.True(t, strings.HasSuffix(number, e.Suffix))
			}
		}
	}
}

func TestATextIsOnePart(t *testing.T) {
	t.Parallel()
	p := NewPlan(MinMessages)
	parts, encoding := sms.Count(p.Sendings[len(p.Sendings)-1].Request.Text)
	require.Equal(t, 1, parts)
	require.Equal(t, sms.GSM7, encoding)
}

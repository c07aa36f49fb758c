package phone_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/adapters/phone"
	"goniec/domain"
)

// rules.md E4: E.164, from national forms by country.
func TestNormalise(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ input, country, e164, of string }{
		{"+48500100201", "", "+48500100201", "PL"},
		{"+48500100201", "DE", "+48500100201", "PL"},
		{"500 100 201", "PL", "+48500100201", "PL"},
		{"500-100-201", "PL", "+48500100201", "PL"},
		{" (500) 100.201 ", "PL", "+48500100201", "PL"},
		{"500\u00a0100\u202f201", "PL", "+48500100201", "PL"},
		{"0048500100201", "PL", "+48500100201", "PL"},
		{"48500100201", "PL", "+48500100201", "PL"},
		{"+44 7400 123456", "PL", "+447400123456", "GB"},
		{"07400 123456", "GB", "+447400123456", "GB"},
		{"+44 7911 123456", "", "+447911123456", "GG"},
		{"+420601123456", "PL", "+420601123456", "CZ"},
		{"+1 202 555 0143", "PL", "+12025550143", "US"},
		{"0151 23456789", "DE", "+4915123456789", "DE"},
		{"+7 701 234 5678", "", "+77012345678", "KZ"},
		{"+39 06 1234 5678", "", "+390612345678", "IT"},
	} {
		e164, country, err := phone.Normalise(c.input, c.country)
		require.NoError(t, err, c.input)
		require.Equal(t, c.e164, e164, c.input)
		require.Equal(t, c.of, country, c.input)
	}
}

// rules.md E5: what is no number.
func TestNormaliseRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ input, country string }{
		{"", "PL"},
		{"+", "PL"},
		{"abc", "PL"},
		{"500100201", ""},
		{"50010020", "PL"},
		{"+4850010020", ""},
		{"+485001002011", ""},
		{"+999500100201", ""},
		{"+48500100201;ext=5", "PL"},
		{"+48500100201 ext. 5", "PL"},
		{"tel:+48500100201", "PL"},
		{"+48 500 GONIEC", "PL"},
		{"+48+500100201", "PL"},
		{"500100201+", "PL"},
		{"112", "PL"},
		{"1000", "PL"},
		{"+800 1234 5678", ""},
		{"++48500100201", ""},
		{"+48500100201\x00", "PL"},
		{"+48500100\xff201", "PL"},
		{strings.Repeat("5", 41), "PL"},
		{"٥٠٠١٠٠٢٠١", "PL"},
		{"500100201", "XX"},
	} {
		e164, country, err := phone.Normalise(c.input, c.country)
		require.Empty(t, e164+country, "%q", c.input)
		var refusal *domain.Error
		require.ErrorAs(t, err, &refusal, "%q", c.input)
		require.Equal(t, "invalid_number", refusal.Code)
		require.Equal(t, "to", refusal.Field)
	}
}

func TestKnownCountry(t *testing.T) {
	t.Parallel()
	require.True(t, phone.KnownCountry("PL"))
	require.False(t, phone.KnownCountry("XX"))
	require.False(t, phone.KnownCountry("pl"))
}

func FuzzNormalise(f *testing.F) {
	for _, s := range []string{"+48500100201", "500 100 201", "0048 500", "+1(202)555-0143", "+39 06", "ext", "+800"} {
		f.Add(s, "PL")
		f.Add(s, "")
	}
	form := regexp.MustCompile(`^\+[1-9][0-9]{4,14}$`)
	f.Fuzz(func(t *testing.T, input, country string) {
		e164, of, err := phone.Normalise(input, country)
		if err != nil {
			if digits := strings.TrimSpace(input); len(digits) > 5 {
				require.NotContains(t, err.Error(), digits)
			}
			return
		}
		require.Regexp(t, form, e164)
		require.True(t, phone.KnownCountry(of))
		again, same, err := phone.Normalise(e164, "")
		require.NoError(t, err, "normalising twice is normalising once")
		require.Equal(t, e164+of, again+same)
	})
}

func BenchmarkNormalise(b *testing.B) {
	for b.Loop() {
		_, _, _ = phone.Normalise("+48500100201", "PL")
	}
}

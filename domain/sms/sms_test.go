package sms_test

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"goniec/domain/sms"
)

// D8: parts by GSM-7/UCS-2 rules.
func TestCount(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		text  string
		parts int
		enc   sms.Encoding
	}{
		{"empty", "", 1, sms.GSM7},
		{"160 septets", strings.Repeat("a", 160), 1, sms.GSM7},
		{"161 septets", strings.Repeat("a", 161), 2, sms.GSM7},
		{"306 septets", strings.Repeat("a", 306), 2, sms.GSM7},
		{"307 septets", strings.Repeat("a", 307), 3, sms.GSM7},
		{"80 euros are 160 septets", strings.Repeat("€", 80), 1, sms.GSM7},
		{"81 euros", strings.Repeat("€", 81), 2, sms.GSM7},
		{"an escape is not torn apart: 152 + €", strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152), 3, sms.GSM7},
		{"70 units", strings.Repeat("ą", 70), 1, sms.UCS2},
		{"71 units", strings.Repeat("ą", 71), 2, sms.UCS2},
		{"134 units", strings.Repeat("ą", 134), 2, sms.UCS2},
		{"135 units", strings.Repeat("ą", 135), 3, sms.UCS2},
		{"35 pairs", strings.Repeat("😀", 35), 1, sms.UCS2},
		{"a pair is not torn apart: 33 pairs of 67 units", strings.Repeat("😀", 67), 3, sms.UCS2},
		{"one Polish letter makes all of it UCS-2", strings.Repeat("a", 70) + "ł", 2, sms.UCS2},
		{"French and Greek are in the alphabet", "èéùìòÇØøΔΦΓ", 1, sms.GSM7},
		{"lower ç is not", "ç", 1, sms.UCS2},
		{"ó is not", "ó", 1, sms.UCS2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			n, enc := sms.Count(tc.text)
			require.Equal(t, tc.parts, n)
			require.Equal(t, tc.enc, enc)
		})
	}
}

func TestStrip(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Zazolc gesla jazn ZAZOLC GESLA JAZN", sms.Strip("Zażółć gęślą jaźń ZAŻÓŁĆ GĘŚLĄ JAŹŃ"))
	require.Equal(t, `"Czesc" - 10 zl`, sms.Strip("„Cześć” – 10\u00a0zł"))
	require.Equal(t, "Привет é 😀", sms.Strip("Привет é 😀"))
}

func TestSplitExact(t *testing.T) {
	t.Parallel()
	parts, enc, err := sms.Split("{@}")
	require.NoError(t, err)
	require.Equal(t, sms.GSM7, enc)
	require.Equal(t, []sms.Part{{Text: "{@}", Payload: []byte{0x1b, 0x28, 0x00, 0x1b, 0x29}}}, parts)
	parts, enc, err = sms.Split("ł😀")
	require.NoError(t, err)
	require.Equal(t, sms.UCS2, enc)
	require.Equal(t, []sms.Part{{Text: "ł😀", Payload: []byte{0x01, 0x42, 0xd8, 0x3d, 0xde, 0x00}}}, parts)
	require.Equal(t, []byte{5, 0, 3, 0xab, 3, 2}, sms.Header(0xab, 3, 2))
}

func TestSplitTooLong(t *testing.T) {
	t.Parallel()
	_, _, err := sms.Split(strings.Repeat("a", 153*255+1))
	require.ErrorIs(t, err, sms.ErrTooLong)
	parts, _, err := sms.Split(strings.Repeat("a", 153*255))
	require.NoError(t, err)
	require.Len(t, parts, sms.MaxParts)
}

// Whatever the text: the parts joined are the text, each fits, and Count agrees.
func TestSplitKeepsTheText(t *testing.T) {
	t.Parallel()
	letters := rapid.SampledFrom([]rune("aZ0 @€{}\\\nąłŻ😀Ωé"))
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(letters, 0, 500, -1).Draw(t, "text")
		parts, enc, err := sms.Split(text)
		require.NoError(t, err)
		n, counted := sms.Count(text)
		require.Equal(t, len(parts), n)
		require.Equal(t, enc, counted)
		joined := ""
		for _, p := range parts {
			joined += p.Text
			require.LessOrEqual(t, units(enc, p.Payload), limit(enc, n))
			back, err := decode(enc, p.Payload)
			require.NoError(t, err)
			require.Equal(t, p.Text, back)
		}
		require.Equal(t, text, joined)
		require.Equal(t, sms.Strip(text), sms.Strip(sms.Strip(text)))
	})
}

func units(enc sms.Encoding, payload []byte) int {
	if enc == sms.UCS2 {
		return len(payload) / 2
	}
	return len(payload)
}

func limit(enc sms.Encoding, parts int) int {
	switch {
	case enc == sms.GSM7 && parts == 1:
		return 160
	case enc == sms.GSM7:
		return 153
	case parts == 1:
		return 70
	}
	return 67
}

func decode(enc sms.Encoding, b []byte) (string, error) {
	if enc == sms.GSM7 {
		return sms.DecodeGSM(b)
	}
	return sms.DecodeUCS2(b)
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for _, b := range [][]byte{{0x1b}, {0x80}, {0x1b, 0x1b}} {
		_, err := sms.DecodeGSM(b)
		require.ErrorIs(t, err, sms.ErrNotGSM)
	}
	_, err := sms.DecodeUCS2([]byte{0})
	require.ErrorIs(t, err, sms.ErrNotUCS2)
	_, err = sms.EncodeGSM("ą")
	require.ErrorIs(t, err, sms.ErrNotGSM)
	unknown, err := sms.DecodeGSM([]byte{0x1b, 'A'})
	require.NoError(t, err)
	require.Equal(t, "A", unknown)
}

func FuzzDecodeGSM(f *testing.F) {
	f.Add([]byte{0x1b, 0x65, 0x41})
	f.Fuzz(func(t *testing.T, b []byte) {
		text, err := sms.DecodeGSM(b)
		if err == nil {
			require.True(t, utf8.ValidString(text))
			require.True(t, sms.IsGSM(text))
		}
	})
}

func FuzzSplit(f *testing.F) {
	f.Add("Zażółć 😀 {€}")
	f.Fuzz(func(t *testing.T, text string) {
		parts, enc, err := sms.Split(text)
		if err != nil {
			return
		}
		for _, p := range parts {
			require.LessOrEqual(t, units(enc, p.Payload), limit(enc, len(parts)))
		}
		if utf8.ValidString(text) && enc == sms.UCS2 && len(parts) == 1 {
			require.Len(t, parts[0].Payload, 2*len(utf16.Encode([]rune(text))))
		}
	})
}

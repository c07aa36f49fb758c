package account

import (
	"strings"
	"unicode"
)

// lookAlike maps letters to the Latin one that they look like: diacritics, Cyrillic,
// Greek, and digits. It serves to warn a person, so that it need not be whole.
var lookAlike = letters(
	"a", "àáâãäåāăąаα", "b", "вьβ", "c", "çćčс", "d", "ďđԁ", "e", "èéêëēėęěеёε", "g", "ğģ", "h", "һнη",
	"i", "ìíîïīįı1lіїιłĺļľ|", "j", "јϳ", "k", "кκķ", "m", "мμ", "n", "ñńņňпν", "o", "òóôõöøōő0оοσ", "p", "рρ", "r", "ŕřг",
	"s", "śşšș5ѕ", "t", "ťţțтτ", "u", "ùúûüūůűųυц", "w", "ŵшω", "x", "хχ", "y", "ýÿуγ", "z", "źżžζ",
)

func letters(pairs ...string) map[rune]rune {
	out := map[rune]rune{}
	for i := 0; i+1 < len(pairs); i += 2 {
		for _, r := range pairs[i+1] {
			out[r] = rune(pairs[i][0])
		}
	}
	return out
}

// Likeness is the same for sender names that people may take for one another:
// case, spaces, punctuation, diacritics and homoglyphs are not regarded (B9).
func Likeness(name string) string {
	return strings.Map(func(r rune) rune {
		r = unicode.ToLower(r)
		if like, ok := lookAlike[r]; ok {
			return like
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, name)
}

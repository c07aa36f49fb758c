package phone

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// Holds says whether s holds the number, with its country's code or without, whatever but
// letters stands between its digits, and in whatever script they are. number is E.164, as Normalise returns it; of
// anything else s holds nothing.
func Holds(s, number string) bool {
	n, err := phonenumbers.Parse(number, "")
	if err != nil {
		return false
	}
	together := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsDigit(r):
			return '0' + r - zeroOf(r)
		case unicode.IsLetter(r):
			return r
		}
		return -1
	}, s)
	return strings.Contains(together, phonenumbers.GetNationalSignificantNumber(n))
}

// zeroOf is the zero of the script that r, a decimal digit, is of: Unicode has them in rows of ten.
func zeroOf(r rune) rune {
	for z := r; ; z-- {
		if !unicode.IsDigit(z-1) || r-z == 9 {
			return z
		}
	}
}

package phone

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Holds says whether s holds the number, with its country's code or without, whatever
// separators stand between its digits. number is E.164, as Normalise returns it; of
// anything else s holds nothing.
func Holds(s, number string) bool {
	n, err := phonenumbers.Parse(number, "")
	if err != nil {
		return false
	}
	together := strings.Map(func(r rune) rune {
		if strings.ContainsRune(separators, r) {
			return -1
		}
		return r
	}, s)
	return strings.Contains(together, phonenumbers.GetNationalSignificantNumber(n))
}

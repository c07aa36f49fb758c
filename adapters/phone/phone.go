// Package phone normalises telephone numbers to E.164 and tells their country.
// No error of this package holds a number.
package phone

import (
	"strings"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"

	"goniec/domain"
)

// CodeInvalid is the code of every refusal of this package; its field is "to".
const CodeInvalid = "invalid_number"

// maxInput bounds what is looked at: 15 digits, and separators between them.
const maxInput = 40

// separators that people write between digits; dashes, the non-breaking and the narrow space are among them.
const separators = " -.()/\u00a0\u2009\u202f\u2010\u2011\u2012\u2013"

// Normalise reads a number in international form ("+48 512 345 678",
// "0048512345678") or in the national form of defaultCountry (ISO 3166-1
// alpha-2; "" accepts international form only) and returns it as E.164 with its
// country. It refuses, with a *domain.Error of code CodeInvalid and field "to",
// what is not a possible and assigned number of a country. Safe for concurrent use.
func Normalise(input, defaultCountry string) (e164, country string, err error) {
	cleaned, ok := clean(input)
	if !ok {
		return "", "", refuse("must be a phone number such as +48 512 345 678")
	}
	if defaultCountry == "" && cleaned[0] != '+' {
		return "", "", refuse("must be in international form, beginning with +")
	}
	n, err := phonenumbers.Parse(cleaned, defaultCountry)
	if err != nil || n.GetExtension() != "" || !phonenumbers.IsValidNumber(n) {
		return "", "", refuse("is not a number that exists in any country's plan")
	}
	country = phonenumbers.GetRegionCodeForNumber(n)
	if len(country) != 2 || country == "ZZ" { // "001": satellites, free call; no country's price or sender fits
		return "", "", refuse("is not a number of a country")
	}
	return phonenumbers.Format(n, phonenumbers.E164), country, nil
}

// KnownCountry says whether the ISO 3166-1 alpha-2 code is one with a numbering plan.
func KnownCountry(code string) bool { return phonenumbers.GetCountryCodeForRegion(code) != 0 }

// clean keeps digits and one leading plus; anything but separators is refused,
// so that neither letters (vanity numbers), extensions nor tel: URIs slip in.
func clean(input string) (string, bool) {
	if len(input) > maxInput || !utf8.ValidString(input) {
		return "", false
	}
	var b strings.Builder
	for _, r := range strings.TrimSpace(input) {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case r == '+' && b.Len() == 0:
			b.WriteRune(r)
		case !strings.ContainsRune(separators, r):
			return "", false
		}
	}
	return b.String(), len(strings.TrimPrefix(b.String(), "+")) >= 4
}

func refuse(message string) error {
	return domain.RefuseField(CodeInvalid, "to", "%s", message)
}

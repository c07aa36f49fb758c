package billing

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"goniec/domain"
)

// Bounds of a billing party, in characters.
const (
	MaxLegalName  = 200
	MaxAddress    = 300
	MaxTaxID      = 20
	MaxExternalID = 100
)

// Party is whom an account's months are invoiced to (F9). It is a company's data, and
// still stands in no log.
type Party struct {
	LegalName  string `json:"legal_name"`            // of the company, at most 200 characters
	Country    string `json:"country"`               // of the company, ISO 3166-1 alpha-2
	TaxID      string `json:"tax_id,omitempty"`      // of the company, at most 20 characters; in PL the NIP, ten digits
	Address    string `json:"address"`               // of the company, in one line, at most 300 characters
	ExternalID string `json:"external_id,omitempty"` // what the billing program calls it, at most 100 characters
}

// Normal checks a party and writes it the one way that is kept: without spaces at the
// ends, in Poland (the default) with a NIP of digits alone. Refusals repeat no value.
func (p Party) Normal() (Party, error) {
	p = Party{
		LegalName: strings.TrimSpace(p.LegalName), Country: cmp.Or(p.Country, "PL"), TaxID: strings.TrimSpace(p.TaxID),
		Address: strings.TrimSpace(p.Address), ExternalID: strings.TrimSpace(p.ExternalID),
	}
	if len(p.Country) != 2 || strings.Trim(p.Country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return p, domain.RefuseField(CodeInvalidValue, "country", "must be a country by its ISO 3166-1 alpha-2 code, such as PL")
	}
	if p.Country == "PL" {
		p.TaxID = strings.TrimPrefix(strings.NewReplacer(" ", "", "-", "").Replace(p.TaxID), "PL")
	}
	for _, f := range []struct {
		field, value string
		most         int
		required     bool
	}{
		{"legal_name", p.LegalName, MaxLegalName, true},
		{"tax_id", p.TaxID, MaxTaxID, p.Country == "PL"},
		{"address", p.Address, MaxAddress, true},
		{"external_id", p.ExternalID, MaxExternalID, false},
	} {
		switch {
		case f.value == "" && f.required:
			return p, domain.RefuseField(CodeRequired, f.field, "is required")
		case !utf8.ValidString(f.value) || strings.ContainsFunc(f.value, unicode.IsControl):
			return p, domain.RefuseField(CodeInvalidValue, f.field, "must be UTF-8 text without control characters")
		case utf8.RuneCountInString(f.value) > f.most:
			return p, domain.RefuseField(CodeTooLong, f.field, "must be at most %d characters", f.most)
		}
	}
	if p.Country == "PL" && !isNIP(p.TaxID) {
		return p, domain.RefuseField(CodeInvalidValue, "tax_id", "must be a NIP: ten digits, of which the last one checks the others")
	}
	return p, nil
}

// isNIP checks the last digit: the sum of the others by their weights, modulo 11.
func isNIP(s string) bool {
	if len(s) != 10 || strings.Trim(s, "0123456789") != "" || strings.Trim(s, "0") == "" {
		return false
	}
	sum := 0
	for i, weight := range []int{6, 5, 7, 2, 3, 4, 5, 6, 7} {
		sum += weight * int(s[i]-'0')
	}
	return sum%11 == int(s[9]-'0')
}

// normalParty checks the party of inputs, if there is one.
func normalParty(p *Party) (*Party, error) {
	if p == nil {
		return nil, nil
	}
	out, err := p.Normal()
	if err != nil {
		return nil, fmt.Errorf("party: %w", err)
	}
	return &out, nil
}

package account

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"goniec/domain"
	"goniec/domain/sms"
)

// Bounds of names and lists.
const (
	MaxAccountName = 100
	MaxSenderName  = 20 // B3
	MaxCompany     = 11 // B1
	MaxLabel       = 100
	MaxReasons     = 20
	MaxReason      = 500
	MaxReference   = 100 // Viber's, of a submission

	MaxCountries  = 20  // configurations of one sender name (B9)
	MaxSenders    = 500 // configurations of one account
	MaxURL        = 2048
	MaxEventTypes = 50
	MaxSecret     = 1024
)

func checkText(field, s string, limit int) error {
	switch {
	case strings.TrimSpace(s) == "":
		return required(field)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return domain.RefuseField(CodeInvalidValue, field, "must be UTF-8 text without control characters")
	case utf8.RuneCountInString(s) > limit:
		return domain.RefuseField(CodeTooLong, field, "must be at most %d characters", limit)
	}
	return nil
}

func checkUUID(field, s string) error {
	if s == "" {
		return required(field)
	}
	if id, err := uuid.Parse(s); err != nil || id.String() != s {
		return domain.RefuseField(CodeInvalidValue, field, "must be a UUID in lower case")
	}
	return nil
}

// checkSenderName is B3: letters of any language, digits, inner single spaces, ". - &".
func checkSenderName(field, s string) error {
	if err := checkText(field, s, MaxSenderName); err != nil {
		return err
	}
	previous := ' '
	for _, r := range s {
		if !senderRune(r) || (r == ' ' && previous == ' ') {
			return domain.RefuseField(CodeInvalidName, field, "may hold letters, digits, inner single spaces and . - & only")
		}
		previous = r
	}
	if previous == ' ' {
		return domain.RefuseField(CodeInvalidName, field, "must not end with a space")
	}
	return nil
}

// Combining marks are letters' parts in languages without precomposed forms.
func senderRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || strings.ContainsRune(" .-&", r)
}

// checkCompany is B1, which also makes it a valid alphanumeric SMS sender.
func checkCompany(field, s string) error {
	if s == "" {
		return required(field)
	}
	if !isAlphanumeric(s, MaxCompany) {
		if offer := alphanumeric(s, MaxCompany); offer != "" {
			return domain.RefuseField(CodeInvalidName, field, "must be at most %d letters A-Z, a-z or digits: %s would do", MaxCompany, offer)
		}
		return domain.RefuseField(CodeInvalidName, field, "must be at most %d letters A-Z, a-z or digits", MaxCompany)
	}
	return nil
}

// alphanumeric writes Polish letters as plain ones, leaves signs and spaces out and cuts (B1: Żabka may be Zabka); "" where
// a letter would be lost.
func alphanumeric(s string, limit int) string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r >= utf8.RuneSelf && !unicode.IsPunct(r):
			return utf8.RuneError
		case r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			return r
		}
		return -1
	}, sms.Strip(s))
	if strings.ContainsRune(plain, utf8.RuneError) {
		return ""
	}
	return plain[:min(len(plain), limit)]
}

// isHash says whether it is a SHA-256 in lower-case hex.
func isHash(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == sha256.Size && strings.ToLower(s) == s
}

func isAlphanumeric(s string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func checkCountry(field, s string) error {
	if s == "" {
		return required(field)
	}
	if !isUpper(s, 2) {
		return domain.RefuseField(CodeInvalidCountry, field, "must be a country by its ISO 3166-1 alpha-2 code, such as PL")
	}
	return nil
}

func checkCurrency(field, s string) error {
	if !isUpper(s, 3) {
		return domain.RefuseField(CodeInvalidValue, field, "must be an ISO 4217 code of three capital letters")
	}
	return nil
}

func isUpper(s string, length int) bool {
	if len(s) != length {
		return false
	}
	for i := range length {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return true
}

func checkEndpointURL(field, s string) error {
	if s == "" {
		return required(field)
	}
	if len(s) > MaxURL {
		return domain.RefuseField(CodeTooLong, field, "must be at most %d characters", MaxURL)
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return domain.RefuseField(CodeInvalidURL, field, "must be an http or https URL without credentials and fragment")
	}
	return nil
}

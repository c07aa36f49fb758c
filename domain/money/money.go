// Package money holds exact decimal amounts: whole micros (six places) in an
// int64. No floating point touches a price. It imports the standard library only.
package money

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Places is the number of decimal places of a charge (rules.md F8).
const Places = 6

const one = 1_000_000 // micros in a unit

// Amount is a sum of money in micros of its currency, at most about ± 9.2
// billion units. The zero value is nothing.
type Amount int64

// Faults of Parse and of arithmetic; match with errors.Is.
var (
	ErrSyntax   = errors.New("not a decimal with at most 6 places")
	ErrOverflow = errors.New("amount out of range")
)

// Parse reads a decimal such as "0.12", "-3" or "1.000000": an optional minus,
// digits, and at most six places after a point. It accepts no exponent, no
// plus sign, no separator and no surrounding space.
func Parse(s string) (Amount, error) {
	digits, negative := strings.CutPrefix(s, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if !isDigits(whole) || point && !isDigits(fraction) || len(fraction) > Places {
		return 0, fmt.Errorf("amount of %d characters: %w", len(s), ErrSyntax)
	}
	micros, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", Places-len(fraction)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("amount of %d characters: %w", len(s), ErrOverflow)
	}
	if negative {
		micros = -micros
	}
	return Amount(micros), nil
}

func isDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

// String writes a with exactly six places, which Parse reads back.
func (a Amount) String() string {
	sign, u := "", uint64(a) // the negative case is turned below
	if a < 0 {
		sign, u = "-", -u
	}
	return fmt.Sprintf("%s%d.%06d", sign, u/one, u%one)
}

// Cents writes a rounded to two places, as a line of a bill is; see Round.
func (a Amount) Cents() string { return a.Round().String() }

// Times multiplies a by n. It answers ErrOverflow rather than a wrong amount.
func (a Amount) Times(n int) (Amount, error) {
	if a == 0 || n == 0 {
		return 0, nil
	}
	product := int64(a) * int64(n)
	if product/int64(n) != int64(a) || int64(n) == -1 && int64(a) == math.MinInt64 {
		return 0, ErrOverflow
	}
	return Amount(product), nil
}

// Plus adds b to a. It answers ErrOverflow rather than a wrong amount.
func (a Amount) Plus(b Amount) (Amount, error) {
	sum := a + b
	if (b > 0) != (sum > a) && b != 0 {
		return 0, ErrOverflow
	}
	return sum, nil
}

package money

import (
	"fmt"
	"strings"
)

// Cents is what a client is asked for: whole hundredths of its currency. The
// zero value is nothing. It is a type of its own so that rounded sums and exact
// ones are never mixed.
type Cents int64

const cent = one / 100 // micros in a cent

// Round rounds a to two places, halves away from zero. A line of a bill is
// rounded, once, never a charge (rules.md F8).
func (a Amount) Round() Cents {
	u := uint64(a) // the negative case is turned below
	if a < 0 {
		u = -u
	}
	c := Cents((u + cent/2) / cent) // at most 2⁶³ / cent
	if a < 0 {
		return -c
	}
	return c
}

// Exact is the same sum in micros. It answers ErrOverflow rather than a wrong one.
func (c Cents) Exact() (Amount, error) { return Amount(c).Times(cent) }

// Plus adds b to c. It answers ErrOverflow rather than a wrong sum.
func (c Cents) Plus(b Cents) (Cents, error) {
	sum, err := Amount(c).Plus(Amount(b))
	return Cents(sum), err
}

// String writes c with exactly two places, which ParseCents reads back.
func (c Cents) String() string {
	sign, u := "", uint64(c) // the negative case is turned below
	if c < 0 {
		sign, u = "-", -u
	}
	return fmt.Sprintf("%s%d.%02d", sign, u/100, u%100)
}

// ParseCents reads a decimal as Parse does, of at most two places.
func ParseCents(s string) (Cents, error) {
	if _, fraction, _ := strings.Cut(s, "."); len(fraction) > 2 {
		return 0, fmt.Errorf("amount of %d characters: %w: at most 2 here", len(s), ErrSyntax)
	}
	a, err := Parse(s)
	return Cents(a / cent), err
}

// MarshalText writes a as String does: in JSON an amount is a decimal string.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads a as Parse does.
func (a *Amount) UnmarshalText(b []byte) (err error) {
	*a, err = Parse(string(b))
	return err
}

// MarshalText writes c as String does.
func (c Cents) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads c as ParseCents does.
func (c *Cents) UnmarshalText(b []byte) (err error) {
	*c, err = ParseCents(string(b))
	return err
}

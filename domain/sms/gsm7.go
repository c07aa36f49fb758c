// Package sms turns a text into the parts of an SMS (rules.md D8): the GSM
// 7-bit default alphabet with its extension table (3GPP TS 23.038) or UCS-2,
// sizes with and without a concatenation header (TS 23.040), and the plain
// letters for Polish ones. Pure functions, standard library only.
package sms

import (
	"errors"
	"strings"
)

// escape announces a character of the extension table: two septets for one.
const escape = 0x1b

// basic is the default alphabet; a character's index in it is its septet.
const basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
	"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"

// extension is the table behind the escape.
var extension = map[rune]byte{
	'\f': 0x0a, '^': 0x14, '{': 0x28, '}': 0x29, '\\': 0x2f, '[': 0x3c, '~': 0x3d, ']': 0x3e, '|': 0x40, '€': 0x65,
}

// toSeptet and its inverses are read only after the package is loaded.
var (
	fromSeptet   = []rune(basic)
	toSeptet     = invert(fromSeptet)
	fromExtended = invertExtension()
)

func invert(table []rune) map[rune]byte {
	m := make(map[rune]byte, len(table))
	for i, r := range table {
		if r != escape {
			m[r] = byte(i) // 128 entries
		}
	}
	return m
}

func invertExtension() map[byte]rune {
	m := make(map[byte]rune, len(extension))
	for r, b := range extension {
		m[b] = r
	}
	return m
}

// septets returns r in the GSM alphabet, one septet to a byte: one byte, or the
// escape and one more, or nothing when the alphabet lacks r.
func septets(r rune) []byte {
	if b, ok := toSeptet[r]; ok {
		return []byte{b}
	}
	if b, ok := extension[r]; ok {
		return []byte{escape, b}
	}
	return nil
}

// IsGSM says whether every character of text is in the GSM alphabet.
func IsGSM(text string) bool {
	for _, r := range text {
		if septets(r) == nil {
			return false
		}
	}
	return true
}

// ErrNotGSM is answered for a text or bytes outside of the GSM alphabet.
var ErrNotGSM = errors.New("not in the GSM 7-bit alphabet")

// EncodeGSM writes text unpacked, one septet to a byte, as SMPP carries it with
// data_coding 0. It answers ErrNotGSM when the alphabet lacks a character.
func EncodeGSM(text string) ([]byte, error) {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		s := septets(r)
		if s == nil {
			return nil, ErrNotGSM
		}
		out = append(out, s...)
	}
	return out, nil
}

// DecodeGSM reads unpacked septets. An escape before a septet that the
// extension table lacks is read as the standard tells a phone to: the character
// of the default alphabet. It answers ErrNotGSM for a byte above 0x7f and for
// an escape at the end.
func DecodeGSM(b []byte) (string, error) {
	var out strings.Builder
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == escape && i+1 < len(b) {
			i++
			if r, ok := fromExtended[b[i]]; ok {
				out.WriteRune(r)
				continue
			}
			c = b[i]
		}
		if c == escape || int(c) >= len(fromSeptet) {
			return "", ErrNotGSM
		}
		out.WriteRune(fromSeptet[c])
	}
	return out.String(), nil
}

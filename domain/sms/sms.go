package sms

import (
	"encoding/binary"
	"errors"
	"unicode/utf16"
)

// Encoding of an SMS.
type Encoding string

// The encodings, as they stand in events.
const (
	GSM7 Encoding = "gsm7"
	UCS2 Encoding = "ucs2"
)

// Sizes of a part in units: septets for GSM7, 16-bit units for UCS2. A part of
// a longer text gives room to the header that joins the parts.
const (
	SingleGSM7 = 160
	PartGSM7   = 153
	SingleUCS2 = 70
	PartUCS2   = 67
)

// MaxParts is what a header with an 8-bit reference can number.
const MaxParts = 255

// ErrTooLong is answered for a text of more than MaxParts parts.
var ErrTooLong = errors.New("more than 255 parts")

// ErrNotUCS2 is answered for UCS-2 bytes of an odd number.
var ErrNotUCS2 = errors.New("UCS-2 of an odd number of bytes")

// Part is one short message.
type Part struct {
	Text    string
	Payload []byte // user data without header: a septet to a byte, or UCS-2 big endian
}

// EncodingOf says how text is sent: GSM7 when the alphabet has all of it.
// Normalise the text to NFC first: a letter with a separate accent is in no alphabet.
func EncodingOf(text string) Encoding {
	if IsGSM(text) {
		return GSM7
	}
	return UCS2
}

// Count returns how many parts text takes and in which encoding, without
// building them. An empty text is one part.
func Count(text string) (int, Encoding) {
	enc := EncodingOf(text)
	single, part := enc.sizes()
	total, parts, used := 0, 1, 0
	for _, r := range text {
		n := enc.units(r)
		total += n
		if used+n > part { // neither an escape nor a surrogate pair is torn apart
			parts, used = parts+1, 0
		}
		used += n
	}
	if total <= single {
		return 1, enc
	}
	return parts, enc
}

// Split cuts text into parts. A character is never torn apart, so a part may be
// a unit shorter than its size. It answers ErrTooLong above MaxParts.
func Split(text string) ([]Part, Encoding, error) {
	count, enc := Count(text)
	if count > MaxParts {
		return nil, enc, ErrTooLong
	}
	if count == 1 {
		return []Part{enc.part(text)}, enc, nil
	}
	_, size := enc.sizes()
	parts := make([]Part, 0, count)
	start, used := 0, 0
	for i, r := range text {
		n := enc.units(r)
		if used+n > size {
			parts = append(parts, enc.part(text[start:i]))
			start, used = i, 0
		}
		used += n
	}
	return append(parts, enc.part(text[start:])), enc, nil
}

func (e Encoding) sizes() (single, part int) {
	if e == GSM7 {
		return SingleGSM7, PartGSM7
	}
	return SingleUCS2, PartUCS2
}

func (e Encoding) units(r rune) int {
	if e == GSM7 {
		if _, extended := extension[r]; extended {
			return 2
		}
		return 1
	}
	if r > 0xffff {
		return 2
	}
	return 1
}

func (e Encoding) part(text string) Part {
	if e == GSM7 {
		b, _ := EncodeGSM(text) // EncodingOf has looked at every character
		return Part{Text: text, Payload: b}
	}
	return Part{Text: text, Payload: EncodeUCS2(text)}
}

// Header returns the user data header that joins the parts of one text: six
// bytes, information element 0 with an 8-bit reference. Seq counts from 1.
// Callers keep total and seq within 1 … MaxParts.
func Header(ref byte, total, seq int) []byte {
	return []byte{0x05, 0x00, 0x03, ref, byte(total), byte(seq)} // see contract
}

// EncodeUCS2 writes text as UTF-16 big endian; invalid UTF-8 becomes U+FFFD.
func EncodeUCS2(text string) []byte {
	units := utf16.Encode([]rune(text))
	out := make([]byte, 0, 2*len(units))
	for _, u := range units {
		out = binary.BigEndian.AppendUint16(out, u)
	}
	return out
}

// DecodeUCS2 reads UTF-16 big endian; a lone surrogate becomes U+FFFD. It
// answers ErrNotUCS2 for an odd number of bytes.
func DecodeUCS2(b []byte) (string, error) {
	if len(b)%2 != 0 {
		return "", ErrNotUCS2
	}
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i < len(b); i += 2 {
		units = append(units, binary.BigEndian.Uint16(b[i:]))
	}
	return string(utf16.Decode(units)), nil
}

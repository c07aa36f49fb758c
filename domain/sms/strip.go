package sms

import "strings"

// plain writes Polish letters without their marks (rules.md D8), and the
// typographic signs that word processors put into Polish texts: one „ would
// turn the whole SMS into UCS-2 and more than double its price. Each pair
// replaces one character; the text never needs more parts than before.
var plain = strings.NewReplacer(
	"ą", "a", "ć", "c", "ę", "e", "ł", "l", "ń", "n", "ó", "o", "ś", "s", "ź", "z", "ż", "z",
	"Ą", "A", "Ć", "C", "Ę", "E", "Ł", "L", "Ń", "N", "Ó", "O", "Ś", "S", "Ź", "Z", "Ż", "Z",
	"„", `"`, "”", `"`, "“", `"`, "«", `"`, "»", `"`, "‚", "'", "’", "'", "‘", "'",
	"–", "-", "—", "-", "−", "-", "\u2011", "-", "\u00a0", " ", "\u202f", " ", "\t", " ", "•", "-",
)

// Strip returns text with plain letters for Polish ones and plain signs for
// typographic ones; every other character stays. The text must be in NFC.
// Strip of a stripped text changes nothing.
func Strip(text string) string { return plain.Replace(text) }

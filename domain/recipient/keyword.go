package recipient

import (
	"strings"
	"time"
	"unicode"
)

// KeywordStop is the Keyword of a reply that opts out.
const KeywordStop = "stop"

// ReplyWindow is how long after a sender's last message to a recipient a reply
// is tied to it (rules.md D9).
const ReplyWindow = 72 * time.Hour

// stopWords are E2's words, folded.
var stopWords = map[string]bool{"stop": true, "wypisz": true, "rezygnuje": true, "koniec": true}

var unmarked = strings.NewReplacer(
	"ą", "a", "ć", "c", "ę", "e", "ł", "l", "ń", "n", "ó", "o", "ś", "s", "ź", "z", "ż", "z",
	"\u0328", "", "\u0301", "", "\u0307", "", // the same marks when they come as characters of their own
)

// Keyword returns KeywordStop when text is one of E2's words, whatever its
// case, diacritics and the punctuation around it; else "". A word within a
// sentence does not count: people write "stop" about other things.
func Keyword(text string) string {
	if len(text) > 64 { // longer than any word with its surroundings
		return ""
	}
	word := strings.TrimFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) })
	if stopWords[unmarked.Replace(strings.ToLower(word))] {
		return KeywordStop
	}
	return ""
}

package demo

import (
	"fmt"
	"strings"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain/message"
)

// Story is one message told in sentences.
type Story struct {
	Title  string `json:"title"`
	Suffix string `json:"suffix"`
	ID     string `json:"id"`
	Text   string `json:"text"`
}

// told are the six stories, by suffix.
var told = []struct{ suffix, title string }{
	{"01", "Ordinary"},
	{"03", "Fallback"},
	{"04", "Late and double"},
	{"22", "Unknown"},
	{"12", "Opt-out"},
	{"10", "Out of order"},
}

// stories tells one message of each of the six suffixes, as the journal has it;
// ends has what the API says of them.
func stories(verdicts []Verdict, b *Book, ends map[string]httpapi.Message) []Story {
	var out []Story
	for _, want := range told {
		for _, v := range verdicts {
			if v.Want.Suffix != want.suffix || v.ID == "" || len(v.Faults) > 0 {
				continue
			}
			m := b.Message(v.ID)
			out = append(out, Story{Title: want.title, Suffix: want.suffix, ID: v.ID, Text: narrate(m, v.Want.Does, ends[v.ID])})
			break
		}
	}
	return out
}

// narrate tells a message: what the carriers do, each step with the time at
// which goniec knew of it, counted from the request, and how it ended.
func narrate(m *Message, does string, end httpapi.Message) string {
	_, begin := m.accepted()
	var teller words.Teller
	text := upper(does) + "."
	for _, e := range m.Events {
		clause := teller.Tell(e.Fact)
		switch e.Fact.(type) {
		case message.Accepted, message.Released, message.Charged, message.Failed, message.Unknown:
			continue
		}
		clause, _, _ = strings.Cut(clause, "; tried again at ")
		text += fmt.Sprintf(" At %.1f s %s.", max(e.Recorded.Sub(begin), 0).Seconds(), sentence(clause))
	}
	return text + " In the end: " + words.Ending(end) + "."
}

// sentence gives a clause of a timeline its subject.
func sentence(clause string) string {
	for begin, as := range map[string]string{
		"tries ": "it was tried on ", "delivered ": "it was delivered ", "read ": "it was read ", "falls back ": "it fell back ", "not sent ": "it was not sent ",
	} {
		if rest, ok := strings.CutPrefix(clause, begin); ok {
			return as + rest
		}
	}
	return clause
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

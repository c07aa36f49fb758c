// Package polish says in Polish what goniec refuses in English. A refusal is made once, in English, by whoever decides it,
// also in another process; here its words are looked up again by their pattern. What is not found stays English, and a test
// compares the patterns with the source, so that none is missing.
package polish

import (
	"slices"
	"strconv"
	"strings"
)

// Of gives a refusal's sentence in Polish; false if there is none for it.
func Of(english string) (string, bool) {
	for _, word := range []string{first(english), ""} {
		for _, p := range byFirst[word] {
			if args, ok := p.match(english); ok {
				return p.fill(args), true
			}
		}
	}
	return "", false
}

// pattern is a sentence with gaps: what stands between them in English, and the Polish sentence, in which {1} is the first gap.
type pattern struct {
	parts  []string
	polish string
}

// byFirst holds the patterns by their first word, those that begin with a gap under "", the more literal ones first.
var byFirst = index(sentences)

func index(list [][2]string) map[string][]pattern {
	out := map[string][]pattern{}
	for _, pair := range list {
		p := pattern{strings.Split(pair[0], "{}"), pair[1]}
		out[first(p.parts[0])] = append(out[first(p.parts[0])], p)
	}
	for _, list := range out {
		slices.SortStableFunc(list, func(a, b pattern) int { return b.literal() - a.literal() })
	}
	return out
}

// first is the first word, unless a gap may follow right after it.
func first(s string) string {
	word, _, found := strings.Cut(s, " ")
	if !found && s != "" {
		return s
	}
	return word
}

func (p pattern) literal() int {
	n := 0
	for _, part := range p.parts {
		n += len(part)
	}
	return n
}

// match gives what stands in the gaps.
func (p pattern) match(s string) ([]string, bool) {
	rest, ok := strings.CutPrefix(s, p.parts[0])
	if !ok {
		return nil, false
	}
	last := len(p.parts) - 1
	if last == 0 {
		return nil, rest == ""
	}
	args := make([]string, 0, last)
	for _, part := range p.parts[1:last] {
		arg, after, ok := strings.Cut(rest, part)
		if !ok {
			return nil, false
		}
		args, rest = append(args, arg), after
	}
	arg, ok := strings.CutSuffix(rest, p.parts[last])
	return append(args, arg), ok
}

func (p pattern) fill(args []string) string {
	pairs := make([]string, 0, 4*len(args))
	for i, arg := range args {
		gap := "{" + strconv.Itoa(i+1)
		pairs = append(pairs, gap+"}", arg, gap+":word}", Term(arg))
	}
	return strings.NewReplacer(pairs...).Replace(p.polish)
}

// Term says a gap's word in Polish, each of a list; what is not a word of ours (a number, a date, a name) stays.
func Term(s string) string {
	if word, ok := terms[s]; ok {
		return word
	}
	for _, join := range [][2]string{{", ", ", "}, {" or ", " lub "}} {
		if list := strings.Split(s, join[0]); len(list) > 1 {
			for i := range list {
				list[i] = Term(list[i])
			}
			return strings.Join(list, join[1])
		}
	}
	if word, number, ok := strings.Cut(s, " "); ok && terms[word+" "] != "" {
		return terms[word+" "] + " " + number
	}
	return s
}

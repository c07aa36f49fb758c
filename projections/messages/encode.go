package messages

import (
	"encoding/json"
	"strconv"
	"time"
)

// appendSteps writes the steps as JSON objects separated by commas, as
// encoding/json would; with more they are appended to a list that is not empty.
// Timelines are a good part of what the projector computes: written by hand they
// cost a fifth.
func appendSteps(b []byte, steps []Step, more bool) []byte {
	for i := range steps {
		if i > 0 || more {
			b = append(b, ',')
		}
		b = steps[i].append(b)
	}
	return b
}

func (s *Step) append(b []byte) []byte {
	b = appendTime(append(b, `{"at":`...), s.At)
	b = appendText(b, "type", s.Type, true)
	b = appendText(b, "channel", string(s.Channel), false)
	b = appendText(b, "code", s.Code, false)
	b = appendText(b, "reason", s.Reason, false)
	b = appendText(b, "rule", s.Rule, false)
	if s.Until != nil {
		b = appendTime(append(b, `,"until":`...), *s.Until)
	}
	if s.Parts != 0 {
		b = strconv.AppendInt(append(b, `,"parts":`...), int64(s.Parts), 10)
	}
	b = appendFlag(b, "late", s.Late)
	b = appendFlag(b, "double", s.Double)
	b = appendFlag(b, "inferred", s.Inferred)
	return append(b, '}')
}

func appendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	return append(t.AppendFormat(b, time.RFC3339Nano), '"')
}

func appendFlag(b []byte, name string, set bool) []byte {
	if !set {
		return b
	}
	return append(append(append(b, ',', '"'), name...), `":true`...)
}

func appendText(b []byte, name, s string, always bool) []byte {
	if s == "" && !always {
		return b
	}
	b = append(append(append(b, ',', '"'), name...), `":`...)
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			text, _ := json.Marshal(s) // a string: cannot fail
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

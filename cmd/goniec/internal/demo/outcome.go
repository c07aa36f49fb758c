package demo

import (
	"fmt"
	"slices"
	"strings"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/internal/suffixes"
)

// Outcome is what the journal says became of one message, worked out from its
// events alone.
type Outcome struct {
	State   message.Status `json:"state"`
	Ended   bool           `json:"ended"`
	Channel domain.Channel `json:"channel,omitempty"`
	Viber   int            `json:"viber_charges"`
	SMS     int            `json:"sms_charges"`
	Besides string         `json:"besides,omitempty"`

	Fallbacks int  `json:"-"`
	Crashed   bool `json:"-"` // a dispatcher ended between claim and answer, and the journal says so
}

// besides are the words of Outcome.Besides, in this order.
var besides = []string{
	"by_read", "fallback", "late", "double", "inferred", "opt-out", "pending", "remembered", "reply", "retries", "unknown", "not_sent", "unmatched", "ends",
}

// tally counts what else happened.
type tally struct {
	count map[string]int
	value map[string]string
}

func (t *tally) note(word string, is bool) {
	if is {
		t.value[word] = ""
	}
}

func (t *tally) set(word, value string) { t.value[word] = "=" + value }

func (t *tally) add(word string) {
	t.count[word]++
	t.set(word, fmt.Sprint(t.count[word]))
}

func (t *tally) words() string {
	var words []string
	for _, w := range besides {
		if v, ok := t.value[w]; ok {
			words = append(words, w+v)
		}
	}
	return strings.Join(words, " ")
}

// outcome works out what became of the message.
func (m *Message) outcome() Outcome {
	o := Outcome{State: m.State.Status, Ended: m.State.Ended(), Channel: m.State.FirstChannel}
	t := &tally{count: map[string]int{}, value: map[string]string{}}
	for _, e := range m.Events {
		switch f := e.Fact.(type) {
		case message.Charged:
			if f.Channel == domain.Viber {
				o.Viber++
			} else {
				o.SMS++
			}
		case message.FellBack:
			o.Fallbacks++
			t.set("fallback", f.Reason)
		case message.AttemptUnknown:
			o.Crashed = o.Crashed || f.Reason == message.ReasonClaimed
		}
		t.message(e.Fact)
		t.others(e.Fact)
	}
	o.Besides = t.words()
	return o
}

// message notes what the message's own stream says.
func (t *tally) message(fact domain.Event) {
	switch f := fact.(type) {
	case message.Delivered:
		t.note("late", f.Late)
		t.note("double", f.Double)
		t.note("inferred", f.Inferred)
		t.note("by_read", f.ByRead)
	case message.AttemptRefused:
		if f.RetryAt != nil {
			t.add("retries")
		}
	case message.AttemptUnknown:
		t.add("unknown")
	case message.AttemptNotSent:
		t.set("not_sent", f.Reason)
	case message.Failed:
		t.set("ends", f.Reason)
	case message.Unknown:
		t.set("ends", f.Reason)
	}
}

// others notes what the streams of its recipient and number say.
func (t *tally) others(fact domain.Event) {
	switch f := fact.(type) {
	case recipient.OptOutRecorded:
		t.note("opt-out", true)
	case recipient.ReplyReceived:
		t.note("reply", true)
	case recipient.NotOnViber:
		t.note("remembered", true)
	case recipient.ReportStored:
		t.note("pending", f.Pending)
		t.count["stored"]++
		t.set("unmatched", fmt.Sprint(t.count["stored"]))
	case recipient.ReportMatched:
		if t.count["stored"]--; t.count["stored"] == 0 {
			delete(t.value, "unmatched")
		}
	}
}

// pace are words that say in which order reports came: on a busy machine one may
// overtake the answer to its submit ("pending"), or a later report of the same
// message ("by_read"). Nothing else may differ for that.
var pace = []string{"pending", "by_read"}

// is says whether the outcome is what the row, or its alternative, requires.
func (o Outcome) is(want suffixes.Expectation) bool {
	if o.Ended && o.State == want.State && o.Channel == want.Channel && o.Viber == want.Viber && o.SMS == want.SMS && same(o.Besides, want.Besides) {
		return true
	}
	return want.Or != nil && o.is(*want.Or)
}

// same compares words, without those of the pace that are not required.
func same(have, want string) bool {
	required := strings.Fields(want)
	words := slices.DeleteFunc(strings.Fields(have), func(w string) bool { return slices.Contains(pace, w) && !slices.Contains(required, w) })
	return slices.Equal(words, required)
}

// String writes an outcome as the table does: "delivered, sms, 0/1, fallback=expired".
func (o Outcome) String() string {
	s := suffixes.Ending(o.State, o.Channel, o.Viber, o.SMS, o.Besides)
	if !o.Ended {
		s += " (not ended)"
	}
	return s
}

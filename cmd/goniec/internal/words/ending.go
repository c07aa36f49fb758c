package words

import (
	"strconv"
	"strings"
	"time"

	"goniec/adapters/httpapi"
	"goniec/domain/money"
)

// Ending tells in one line what has become of a message so far, with its cost
// and the reason of its way: "delivered as SMS, 2 parts, 0.18 PLN: Viber not
// delivered in 15 s". It needs no timeline; with one a scheduled message's
// validity is told exactly.
func Ending(m httpapi.Message) string {
	if m.Test {
		return "checked and recorded as a test: nothing is sent"
	}
	switch m.State {
	case "delivered", "read":
		return arrived(m)
	case "failed", "unknown":
		return reasoned(m.State+spent(m), m.Reason)
	case "cancelled":
		return "cancelled" + spent(m)
	case "waiting":
		if m.Reason == "paused" {
			return reasoned("waiting", m.Reason)
		}
		return waiting(m)
	case "sent":
		return "sent, not reported yet"
	}
	return m.State
}

func reasoned(what, reason string) string {
	if reason == "" {
		return what
	}
	return what + ": " + Reason(reason)
}

func waiting(m httpapi.Message) string {
	s, _ := stepOf(m, "waiting")
	if m.SendAt == nil {
		return reasoned("waiting", s.Reason)
	}
	return reasoned("waiting, goes at "+Moment(*m.SendAt), s.Reason)
}

// stepOf is the first step of that type, if the timeline has one.
func stepOf(m httpapi.Message, step string) (s httpapi.TimelineStep, ok bool) {
	for _, s := range m.Timeline {
		if s.Type == step {
			return s, true
		}
	}
	return s, false
}

// Waits tells what a message that has not ended waits for, and until when at
// most; that it was cancelled is known only with its timeline.
func Waits(m httpapi.Message) string {
	out := waits[m.WaitsFor]
	switch {
	case m.WaitsFor == "release" && m.SendAt != nil:
		out += ", " + Moment(*m.SendAt)
	case m.WaitsFor == "": // projected by an earlier version
		out = "more"
	case m.Deadline != nil && m.FallbackReason == "" && m.WaitsFor != "retry":
		out += ", until " + Moment(*m.Deadline) + " at most"
	}
	if _, cancelled := stepOf(m, "cancel_requested"); cancelled {
		return "cancelled, nothing new goes out; it only waits for " + out
	}
	return "waits for " + out
}

var waits = map[string]string{
	"release":  "its time to go",
	"answer":   "the carrier's answer",
	"resume":   "the end of a pause",
	"retry":    "the next try",
	"report":   "the carrier's report",
	"deadline": "the deadline: Viber will not deliver it",
}

// Moment writes a time of any day in this machine's zone, with its offset.
func Moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 -07:00") }

// arrived tells a delivery: first the channel that was first, then the other one.
func arrived(m httpapi.Message) string {
	if m.Channel != sms {
		out := m.State + " " + On(m.Channel) + cost(m, m.Channel)
		if len(chargesOf(m, sms)) == 0 {
			return out
		}
		return out + "; " + alsoSMS(m) + cost(m, sms)
	}
	out := "delivered as SMS" + cost(m, sms)
	if m.FallbackReason != "" {
		out += ": " + why(m)
	}
	if m.DoubleDelivery || m.State == "read" || len(chargesOf(m, viber)) > 0 {
		out += "; " + alsoViber(m) + cost(m, viber)
	}
	return out
}

func alsoSMS(m httpapi.Message) string {
	if m.DoubleDelivery {
		return "delivered as SMS too"
	}
	return "an SMS went out too"
}

func alsoViber(m httpapi.Message) string {
	late := ""
	if m.LateDelivery {
		late = "late, "
	}
	if m.State == "read" {
		return late + "read on Viber too"
	}
	return late + "delivered on Viber too"
}

// why a message went as SMS.
func why(m httpapi.Message) string {
	switch m.FallbackReason {
	case "deadline":
		if d := validity(m); d > 0 {
			return "Viber not delivered in " + Duration(d)
		}
		return "Viber not delivered in time"
	case "expired":
		return "expired on Viber"
	}
	return ReasonOn(viber, m.FallbackReason)
}

// validity is the time that Viber had.
func validity(m httpapi.Message) time.Duration {
	if m.Deadline == nil {
		return 0
	}
	begin := m.AcceptedAt
	for _, s := range m.Timeline {
		if s.Type == "released" {
			begin = s.At
		}
	}
	return m.Deadline.Sub(begin).Round(time.Second)
}

// Duration writes a duration as people do: "15 s", "10 min", "1 h 30 min".
func Duration(d time.Duration) string {
	var parts []string
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if n := d / u.unit; n > 0 {
			parts = append(parts, strconv.FormatInt(int64(n), 10)+" "+u.name)
		}
		d %= u.unit
	}
	if len(parts) == 0 {
		return "0 s"
	}
	return strings.Join(parts, " ")
}

func chargesOf(m httpapi.Message, channel string) []httpapi.Charge {
	var out []httpapi.Charge
	for _, c := range m.Charges {
		if c.Channel == channel {
			out = append(out, c)
		}
	}
	return out
}

// cost is ", 2 parts, 0.18 PLN" of a channel; Viber has no parts.
func cost(m httpapi.Message, channel string) string {
	out := ""
	for _, c := range chargesOf(m, channel) {
		if channel == sms {
			out += ", " + Count(c.Parts, "part")
		}
		out += ", " + Money(c.Amount, c.Currency)
	}
	return out
}

// spent is what a message cost that did not arrive.
func spent(m httpapi.Message) string {
	out := ""
	for _, c := range m.Charges {
		out += ", " + Money(c.Amount, c.Currency) + " for the " + Channel(c.Channel)
	}
	return out
}

// Count writes a number with its noun: "1 part", "2 parts".
func Count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return Thousands(int64(n)) + " " + noun
}

// Thousands writes an integer with separators: "12,345".
func Thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Money writes a decimal amount with at least two places and no needless zeros:
// "0.180000" is "0.18 PLN". What is no amount is left as it is.
func Money(amount, currency string) string {
	if _, err := money.Parse(amount); err == nil {
		whole, places, _ := strings.Cut(amount, ".")
		places = strings.TrimRight(places, "0")
		for len(places) < 2 {
			places += "0"
		}
		amount = whole + "." + places
	}
	return strings.TrimSpace(amount + " " + currency)
}

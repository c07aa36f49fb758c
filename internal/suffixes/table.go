package suffixes

import (
	"fmt"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
)

// Expectation is a row of rules.md's table of simulated carriers: what becomes of
// a message to a number with the suffix. It holds for transactional, one SMS part,
// fallback on, validity 15 s, a healthy breaker.
type Expectation struct {
	Suffix  string         `json:"suffix"`
	Does    string         `json:"does"` // what the carriers do, in a few words
	State   message.Status `json:"state"`
	Channel domain.Channel `json:"channel,omitempty"`
	Viber   int            `json:"viber_charges"`
	SMS     int            `json:"sms_charges"`
	Besides string         `json:"besides,omitempty"` // what else happens, in words, in the order of demo.Outcome.Besides
	Most    int            `json:"-"`                 // messages in a run, 0 = any: more would open the sender's breaker, or be refused
	Or      *Expectation   `json:"-"`                 // what the rules allow as well
	Against bool           `json:"-"`                 // it speaks against the sender: the third message suspends it (B13), so that a fourth would be refused
}

// Most of a suffix whose faults count for a breaker, which opens after five in a
// row: each message makes so many.
const (
	mostOnce  = 4
	mostTwice = 2
)

// mostAgainst are the messages that suspend their sender.
const mostAgainst = account.RefusalRecipients

const (
	toViber = domain.Viber
	toSMS   = domain.SMS
)

// Expectations returns the table, in the order of rules.md. The suffixes "even"
// and "odd" are all others, by the third-last digit.
func Expectations() []Expectation {
	return append(ordinary(), append(faulty(), statuses()...)...)
}

func ordinary() []Expectation {
	return []Expectation{
		{Suffix: "01", Does: "Viber delivers, then it is seen", State: "read", Channel: toViber, Viber: 1},
		{Suffix: "02", Does: "Viber reports only that it was seen", State: "read", Channel: toViber, Viber: 1, Besides: "by_read"},
		{Suffix: "03", Does: "Viber reports expired early", State: "delivered", Channel: toSMS, SMS: 1, Besides: "fallback=expired"},
		{Suffix: "04", Does: "Viber delivers after the SMS", State: "delivered", Channel: toSMS, Viber: 1, SMS: 1, Besides: "fallback=deadline late double"},
		{Suffix: "05", Does: "Viber reports expired, yet it is seen later", State: "read", Channel: toSMS, Viber: 1, SMS: 1, Besides: "by_read fallback=expired late double"},
		{Suffix: "06", Does: "Viber never reports", State: "delivered", Channel: toSMS, SMS: 1, Besides: "fallback=deadline"},
		{Suffix: "07", Does: "Viber delivers, then reports expired", State: "delivered", Channel: toViber, Viber: 1},
		{Suffix: "08", Does: "delivered, then the recipient subscribes", State: "delivered", Channel: toViber, Viber: 1},
		{Suffix: "09", Does: "delivered, then the recipient unsubscribes", State: "delivered", Channel: toViber, Viber: 1, Besides: "opt-out"},
		{Suffix: "10", Does: "reports from three devices, out of order", State: "read", Channel: toViber, Viber: 1},
		{Suffix: "11", Does: "delivered, then the reply TAK", State: "delivered", Channel: toViber, Viber: 1, Besides: "reply"},
		{Suffix: "12", Does: "delivered, then the reply STOP", State: "delivered", Channel: toViber, Viber: 1, Besides: "opt-out reply"},
		{Suffix: "13", Does: "the report comes before the answer", State: "delivered", Channel: toViber, Viber: 1, Besides: "pending"},
		{
			Suffix: "14", Does: "delivered before the deadline, reported after it", State: "delivered", Channel: toViber, Viber: 1, SMS: 1, Besides: "fallback=deadline double",
			Or: &Expectation{Suffix: "14", State: "delivered", Channel: toViber, Viber: 1, Besides: "fallback=deadline not_sent=revoked"},
		},
		{Suffix: "even", Does: "any other number, third-last digit even", State: "read", Channel: toViber, Viber: 1},
		{Suffix: "odd", Does: "any other number, third-last digit odd", State: "delivered", Channel: toViber, Viber: 1},
	}
}

func faulty() []Expectation {
	return []Expectation{
		{Suffix: "20", Does: "Viber fails twice (HTTP 500), then works", State: "read", Channel: toViber, Viber: 1, Besides: "retries=2", Most: mostTwice},
		{Suffix: "21", Does: "Viber does not answer, yet delivers", State: "delivered", Channel: toViber, Viber: 1, Besides: "inferred pending unknown=1", Most: mostOnce},
		{Suffix: "22", Does: "nobody answers, nothing arrives", State: "unknown", Besides: "fallback=deadline unknown=2 ends=outcome_unknown", Most: mostTwice},
		{Suffix: "23", Does: "Viber breaks off in the answer, yet delivers", State: "delivered", Channel: toViber, Viber: 1, Besides: "inferred unknown=1", Most: mostOnce},
		{Suffix: "24", Does: "answers that nobody can read", State: "unknown", Besides: "fallback=deadline unknown=2 ends=outcome_unknown", Most: mostTwice},
		{Suffix: "60", Does: "expired on Viber, the SMS undelivered", State: "failed", SMS: 1, Besides: "fallback=expired ends=undelivered"},
		{Suffix: "61", Does: "expired on Viber, the SMS expired", State: "failed", SMS: 1, Besides: "fallback=expired ends=expired"},
		{Suffix: "62", Does: "expired on Viber, the SMS rejected", State: "failed", Besides: "fallback=expired ends=rejected"},
		{Suffix: "63", Does: "expired on Viber, the SMS never reported", State: "unknown", SMS: 1, Besides: "fallback=expired ends=no_report"},
	}
}

// statuses are the suffixes of which Viber refuses the submit.
func statuses() []Expectation {
	atOnce := func(suffix, does, reason string, most int) Expectation {
		return Expectation{Suffix: suffix, Does: does, State: "delivered", Channel: toSMS, SMS: 1, Besides: "fallback=" + reason, Most: most}
	}
	against := func(suffix, does, reason string) Expectation {
		e := atOnce(suffix, does, reason, mostAgainst)
		e.Against = true
		return e
	}
	return []Expectation{
		{Suffix: "30", Does: "status 1: internal failure", State: "delivered", Channel: toSMS, SMS: 1, Besides: "fallback=deadline retries=2"},
		against("31", "status 2: bad service", "bad_service"),
		atOnce("32", "status 4: type blocked", "type_blocked", 0),
		atOnce("33", "status 5: bad type", "bad_type", 0),
		atOnce("34", "status 6: bad parameters", "bad_parameters", 0),
		{Suffix: "35", Does: "status 7: Viber's own time-out", State: "delivered", Channel: toSMS, SMS: 1, Besides: "fallback=deadline unknown=1"},
		{Suffix: "36", Does: "status 8: user blocked", State: "delivered", Channel: toSMS, SMS: 1, Besides: "fallback=opted_out opt-out"},
		{Suffix: "37", Does: "status 9: not on Viber", State: "delivered", Channel: toSMS, SMS: 1, Besides: "fallback=not_on_viber remembered"},
		atOnce("38", "status 10: no suitable device", "no_suitable_device", 0),
		atOnce("39", "status 11: not authorised", "not_authorised", mostOnce),
		atOnce("40", "status 13: not permitted", "not_permitted", mostOnce),
		atOnce("41", "status 14: billing failure", "billing_failure", mostOnce),
		atOnce("42", "status 18: bad label", "bad_label", 0),
		atOnce("43", "status 20: bad validity", "bad_ttl", 0),
		atOnce("44", "status 21: waits for the user", "awaits_user", 0),
		atOnce("45", "status 3: bad data", "bad_data", 0),
		{Suffix: "46", Does: "status 12: already sent", State: "delivered", Channel: toSMS, SMS: 1, Besides: "fallback=deadline unknown=1"},
		atOnce("47", "status 17: no more messages", "no_more_messages", 0),
		{Suffix: "48", Does: "status 27: invalid number", State: "failed", Besides: "ends=invalid_number"},
		against("49", "status 43: blocked service", "service_blocked"),
	}
}

// String writes what is required.
func (e Expectation) String() string {
	s := Ending(e.State, e.Channel, e.Viber, e.SMS, e.Besides)
	if e.Or != nil {
		s += " or " + e.Or.String()
	}
	return s
}

// Ending writes how a message ended: "delivered, sms, 0/1, fallback=expired".
func Ending(state message.Status, ch domain.Channel, viber, sms int, besides string) string {
	channel := string(ch)
	if channel == "" {
		channel = "–"
	}
	s := fmt.Sprintf("%s, %s, %d/%d", state, channel, viber, sms)
	if besides != "" {
		s += ", " + besides
	}
	return s
}

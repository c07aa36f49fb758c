package words

import (
	"strings"
	"time"

	"goniec/adapters/httpapi"
)

const (
	viber = "viber"
	sms   = "sms"
)

// Step tells one step of a timeline, such as "falls back to SMS: not delivered in time".
func Step(s httpapi.TimelineStep) string {
	carrier := Carrier(s.Channel)
	switch s.Type {
	case "released":
		return "validity begins"
	case "waiting":
		if s.Until != nil {
			return because("waits until "+Moment(*s.Until), s)
		}
		return because("waits", s)
	case "paused":
		return Channel(s.Channel) + " waits: " + Paused(s.Reason)
	case "resumed":
		return "resumed: " + Channel(s.Channel) + " goes on"
	case "attempt_started":
		return "tries " + Channel(s.Channel)
	case "attempt_accepted":
		return carrier + " took it"
	case "attempt_refused":
		return because(carrier+" refused it"+code(s), s) + again(s.Until)
	case "attempt_unknown":
		return because(carrier+" may have it or not", s)
	case "attempt_not_sent":
		return because("not sent "+On(s.Channel), s) + again(s.Until)
	case "attempt_resolved":
		return carrier + " has it after all"
	case "outcome_decided":
		return "an operator says of the attempt " + On(s.Channel) + ": " + resolution(s.Reason)
	case "part_reported":
		return "one part of the SMS: " + Reason(s.Reason)
	case "delivered", "read":
		return s.Type + " " + On(s.Channel)
	case "undelivered":
		return because(carrier+" gave it up"+code(s), s)
	case "fell_back":
		return "falls back to " + Channel(s.Channel) + ": " + ReasonOn(viber, s.Reason)
	case "charged":
		return because("charged "+On(s.Channel), s)
	case "cancel_requested":
		return "cancelling was asked for"
	case "opted_out":
		return because("the recipient opted out", s)
	}
	return because(strings.ReplaceAll(s.Type, "_", " "), s)
}

// again tells when the next try is due, in this machine's zone.
func again(at *time.Time) string {
	if at == nil {
		return ""
	}
	return "; tried again at " + at.Local().Format("15:04:05")
}

// resolution is what an operator said of an attempt of unknown outcome.
func resolution(as string) string {
	switch as {
	case "sent":
		return "it was sent"
	case "not_sent":
		return "it was not sent"
	case "send_sms":
		return "the SMS goes now"
	}
	return strings.ReplaceAll(as, "_", " ")
}

// Paused says what is paused by a switch, such as "the route to Viber is paused".
func Paused(sw string) string {
	scope, name, _ := strings.Cut(sw, "/")
	what := "everything"
	switch scope {
	case "account", "sender":
		what = "the " + scope
	case "route":
		what = "the route to " + Channel(name)
	}
	return what + " is paused"
}

func because(what string, s httpapi.TimelineStep) string {
	if s.Reason == "" {
		return what
	}
	return what + ": " + ReasonOn(s.Channel, s.Reason)
}

// code is the carrier's own, unless it is only the reason again.
func code(s httpapi.TimelineStep) string {
	if s.Code == "" || s.Code == s.Reason {
		return ""
	}
	return " (" + s.Code + ")"
}

// ReasonOn is Reason with the carrier of the channel named, where the reason speaks of one.
func ReasonOn(channel, reason string) string {
	if channel != viber {
		return Reason(reason)
	}
	return strings.ReplaceAll(Reason(reason), "the carrier", "Viber")
}

// Channel names a channel: "Viber", "SMS".
func Channel(channel string) string {
	switch channel {
	case viber:
		return "Viber"
	case sms:
		return "SMS"
	}
	return channel
}

// Carrier names who carries a channel's messages.
func Carrier(channel string) string {
	if channel == viber {
		return "Viber"
	}
	return "the " + strings.TrimSpace(Channel(channel)+" carrier")
}

// On is how something happens on a channel: "on Viber", "as SMS".
func On(channel string) string {
	if channel == sms {
		return "as SMS"
	}
	return "on " + Channel(channel)
}

// Package words says in words what events and states say in codes: for people
// who read a message's life on a terminal.
package words

import "strings"

// Reason returns a clause for a reason of an event or of a refusal, such as
// "the number is not on Viber". One that it does not know keeps its own words.
func Reason(code string) string {
	if w, ok := reasons[code]; ok {
		return w
	}
	return strings.ReplaceAll(code, "_", " ")
}

// Known says whether Reason has words of its own for the code.
func Known(code string) bool {
	_, ok := reasons[code]
	return ok
}

var reasons = map[string]string{
	// What the rules say.
	"deadline":         "not delivered in time",
	"expired":          "not delivered in time",
	"opted_out":        "the recipient has opted out",
	"sender_disabled":  "the sender is switched off",
	"sender_suspended": "the sender is suspended",
	"scheduled":        "scheduled for later",
	"paused":           "sending is paused by the operator",
	"no_report":        "the carrier never reported what became of it",
	"outcome_unknown":  "nobody knows whether the carrier took it",
	"late_policy":      "late deliveries are not charged to this account",
	"recorded":         "recorded before",

	// Carriers' reports.
	"undelivered": "the carrier could not deliver it",
	"rejected":    "the carrier rejected it",
	"deleted":     "the carrier deleted it",
	"incomplete":  "the carrier did not take all its parts",

	// What the dispatcher found.
	"route_down":           "the connection to the carrier is down",
	"throttled":            "the carrier takes no more at the moment",
	"too_late":             "its time was over before it could be sent",
	"revoked":              "taken back before it was sent",
	"erased":               "its content is erased",
	"not_sent":             "an operator found out that it was not sent",
	"no_answer":            "nothing was heard of the attempt",
	"timeout":              "the carrier did not answer",
	"connection_cut":       "the connection broke during the answer",
	"unreadable_answer":    "the carrier's answer could not be read",
	"claimed_before_crash": "the process that was sending it ended",

	// Viber's answers (rules.md D16).
	"not_on_viber":       "the number is not on Viber",
	"carrier_failure":    "the carrier has an internal failure",
	"bad_service":        "the carrier does not know the sender's service",
	"service_blocked":    "the carrier has blocked the sender's service",
	"bad_data":           "the carrier finds the request faulty",
	"type_blocked":       "messages of this type are blocked",
	"bad_type":           "the carrier does not take messages of this type",
	"bad_parameters":     "the carrier finds the request's parameters faulty",
	"carrier_timeout":    "the carrier ran out of time itself",
	"user_blocked":       "the recipient has blocked the sender",
	"no_suitable_device": "the recipient has no device that can show it",
	"not_authorised":     "the carrier does not accept our credentials",
	"already_sent":       "the carrier says that it has it already",
	"not_permitted":      "the carrier does not permit it",
	"billing_failure":    "the carrier could not bill it",
	"no_more_messages":   "the carrier's allowance is used up",
	"bad_label":          "the carrier does not take this label",
	"bad_ttl":            "the carrier does not take this validity",
	"awaits_user":        "the recipient has to answer first",
	"invalid_number":     "the number does not exist",
	"bad_file":           "the carrier does not take the file",
	"bad_template":       "the carrier does not take the template",
	"bad_list":           "the carrier does not take the list",
	"unknown_status":     "the carrier answered with an unknown status",
	"route_fault":        "the carrier's server failed",

	// An SMSC's answers.
	"system_error":   "the carrier has an internal failure",
	"queue_full":     "the carrier's queue is full",
	"temporary":      "the carrier cannot take it at the moment",
	"bind":           "the connection to the carrier was not ready",
	"credentials":    "the carrier does not accept our credentials",
	"undeliverable":  "the carrier cannot deliver it",
	"invalid_sender": "the carrier does not accept the sender's name",
	"submit_failed":  "the carrier did not take it",
	"bad_request":    "the carrier finds the request faulty",
	"other":          "the carrier refused it",

	// Where an opt-out was said.
	"viber_unsubscribe": "unsubscribed on Viber",
	"viber_block":       "blocked the sender on Viber",
	"viber_stop":        "answered STOP on Viber",
	"sms_stop":          "answered STOP by SMS",
	"api":               "recorded by the account",
	"import":            "imported by the account",

	// Refusals of a request.
	"account_unknown":          "there is no such account",
	"account_not_active":       "the account is not active",
	"regulations_not_accepted": "the account has not accepted the regulations in force",
	"sender_unknown":           "the account has no such sender",
	"sender_not_in_country":    "the sender has no configuration for the number's country",
	"sender_not_active":        "the sender is not active",
	"no_price":                 "no price is in force for it",
	"invalid_category":         "the category is not valid",
	"invalid_content":          "the content is not valid",
	"invalid_validity":         "the validity is not between 15 s and 24 h",
	"idempotency_conflict":     "this run has sent it already with another text, time or option, which stands",
	"invalid_send_at":          "the time to send at is past or more than 90 days ahead",
	"invalid_sms":              "the SMS has no text",
	"not_found":                "there is no such message",
	"already_ended":            "nothing is left to cancel",
	"nothing_open":             "no outcome is unknown here",
	"several_open":             "several attempts have an unknown outcome",
	"no_sms_possible":          "no SMS can follow",
}

// Unmatched says why a carrier's report fits no attempt.
func Unmatched(why string) string {
	switch why {
	case "in_flight":
		return "an attempt to its number was under way when it came, and none has had its id since"
	case "several_unknown":
		return "several attempts to its number have an unknown outcome: it may be of any"
	case "no_attempt":
		return "no attempt has its id, and none to its number is in doubt"
	}
	return strings.ReplaceAll(why, "_", " ")
}

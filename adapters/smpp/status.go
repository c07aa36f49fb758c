package smpp

import (
	"fmt"

	"goniec/domain/message"
)

// Status is an SMPP command_status (SMPP 3.4, section 5.1.3).
type Status uint32

// The statuses that are used by name; verdictOf knows the others.
const (
	StatusOK           Status = 0x00
	StatusBadLength    Status = 0x02
	StatusBadCommand   Status = 0x03
	StatusNotBound     Status = 0x04
	StatusAlreadyBound Status = 0x05
	StatusSystemError  Status = 0x08
	StatusBadSource    Status = 0x0A
	StatusBadDest      Status = 0x0B
	StatusBindFailed   Status = 0x0D
	StatusBadPassword  Status = 0x0E
	StatusBadSystemID  Status = 0x0F
	StatusQueueFull    Status = 0x14
	StatusSubmitFailed Status = 0x45
	StatusThrottled    Status = 0x58
	StatusTemporary    Status = 0x64 // ESME_RX_T_APPN: try again
	StatusPermanent    Status = 0x65 // ESME_RX_P_APPN: do not
)

// Code is the status as it stands in answers and events: "0x00000058".
func (s Status) Code() string { return fmt.Sprintf("0x%08X", uint32(s)) }

// slow says that the carrier asks for fewer submits a second.
func (s Status) slow() bool { return s == StatusQueueFull || s == StatusThrottled }

// rule is what a status means for a submit: its verdict, and a word for people.
type rule struct {
	verdict message.Verdict
	reason  string
}

// The verdicts. A permanent refusal means that this channel can never deliver
// this message; an alarm is added where the fault is ours or the contract's,
// since every further message will meet it too.
var (
	temporary      = message.Verdict{Retry: true}
	temporaryAlarm = message.Verdict{Retry: true, Alarm: true}
	permanent      = message.Verdict{AtOnce: true}
	permanentAlarm = message.Verdict{AtOnce: true, Alarm: true}
)

// rules says what each command_status means as the answer to submit_sm. What is
// not in it, vendors' own 0x400 to 0x4FF among them, is permanent with an alarm,
// as "other" is for Viber (rules.md D16): a repeat without a reason to hope
// costs the client the time and the carrier the patience.
var rules = map[Status]rule{
	// The carrier is busy or broken: the message itself was not judged.
	StatusSystemError: {temporary, "system_error"},
	StatusQueueFull:   {temporary, "queue_full"},
	StatusThrottled:   {temporary, "throttled"},
	StatusTemporary:   {temporary, "temporary"},

	// The bind is not what it should be: the next one may be, a person should look.
	StatusNotBound:     {temporaryAlarm, "bind"},
	StatusAlreadyBound: {temporaryAlarm, "bind"},
	StatusBindFailed:   {temporaryAlarm, "bind"},
	StatusBadPassword:  {temporaryAlarm, "credentials"},
	StatusBadSystemID:  {temporaryAlarm, "credentials"},

	// The recipient: this number cannot be reached by SMS; nobody's fault.
	StatusBadDest:   {permanent, "invalid_number"},
	StatusPermanent: {permanent, "rejected"},
	0x66:            {permanent, "rejected"}, // ESME_RX_R_APPN
	0xFE:            {permanent, "undeliverable"},

	// The sender name is not registered with the carrier, or is barred.
	StatusBadSource: {permanentAlarm, "invalid_sender"},
	0x48:            {permanentAlarm, "invalid_sender"}, // source TON
	0x49:            {permanentAlarm, "invalid_sender"}, // source NPI
	0x59:            {permanentAlarm, "not_permitted"},

	// The catch-all of many carriers. They have looked at the message and promise
	// nothing of a second try; retried by D3a it would be tried 290 times a day.
	StatusSubmitFailed: {permanentAlarm, "submit_failed"},

	// Our PDU was wrong: length, command, a field, an optional parameter.
	0x01: {permanentAlarm, "bad_request"}, StatusBadLength: {permanentAlarm, "bad_request"}, StatusBadCommand: {permanentAlarm, "bad_request"},
	0x06: {permanentAlarm, "bad_request"}, 0x07: {permanentAlarm, "bad_request"}, 0x15: {permanentAlarm, "bad_request"},
	0x43: {permanentAlarm, "bad_request"}, 0x50: {permanentAlarm, "bad_request"}, 0x51: {permanentAlarm, "bad_request"},
	0x53: {permanentAlarm, "bad_request"}, 0x54: {permanentAlarm, "bad_request"}, 0x61: {permanentAlarm, "bad_request"},
	0x62: {permanentAlarm, "bad_request"}, 0x63: {permanentAlarm, "bad_request"}, 0xC0: {permanentAlarm, "bad_request"},
	0xC1: {permanentAlarm, "bad_request"}, 0xC2: {permanentAlarm, "bad_request"}, 0xC3: {permanentAlarm, "bad_request"},
	0xC4: {permanentAlarm, "bad_request"},
}

// verdictOf says what a refusal of a submit means. It is not asked about StatusOK.
func verdictOf(s Status) (message.Verdict, string) {
	if r, ok := rules[s]; ok {
		return r.verdict, r.reason
	}
	return permanentAlarm, "other"
}

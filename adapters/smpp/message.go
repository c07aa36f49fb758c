package smpp

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"

	"goniec/domain/message"
)

// Message is one attempt to send a text by SMS.
type Message struct {
	AttemptID string
	From      string        // alphanumeric (≤ 11), a short code (≤ 6 digits) or a number
	To        string        // E.164, with or without the plus
	Text      string        // cut into parts here
	Validity  time.Duration // how long the SMSC may try; 0: as long as it likes
	Priority  uint8         // 0 … 3 (SMPP 3.4, 5.2.14); 1 for what is urgent
}

// Result is what became of a Submit.
//
// Of a long message, Answer.Parts and CarrierIDs count the parts accepted. If
// at least one was, the outcome is accepted, for it is charged and reports will
// come, even when another part was refused or is of unknown outcome: then Parts
// is less than Total, Code and Reason are those of the part that failed,
// Verdict asks for a person, and the text cannot have arrived whole. The accepted
// parts are never sent again.
type Result struct {
	message.Answer
	Total int // parts of the whole message
}

// Partial: some of the message was accepted and some was not, or may not be.
func (r Result) Partial() bool { return r.Parts > 0 && r.Parts < r.Total }

// Reasons of answers that are not the carrier's own.
const (
	ReasonRouteDown  = "route_down"        // not sent: no bind, or it ended before the PDU was written
	ReasonThrottled  = "throttled"         // not sent: pace or window left no room in time
	ReasonTimeout    = "timeout"           // unknown: written, not answered
	ReasonCut        = "connection_cut"    // unknown: written, then the connection ended
	ReasonUnreadable = "unreadable_answer" // unknown: answered, but not so that it can be read
	ReasonBadSender  = "invalid_sender"    // refused here: no SMPP address
	ReasonBadNumber  = "invalid_number"    // refused here: no E.164 number
	ReasonTooLong    = "too_many_parts"    // refused here: more than MaxParts
)

// errAddress: what is to be an address is none.
var errAddress = errors.New("not an SMPP address")

// sourceAddress chooses type of number and numbering plan for a sender.
func sourceAddress(from string) (pdu.Address, error) {
	digits := strings.TrimPrefix(from, "+")
	switch {
	case isNumber(digits) && len(digits) <= 6 && digits == from:
		return pdu.NewAddressWithTonNpiAddr(tonNetwork, npiNone, digits)
	case isNumber(digits) && len(digits) <= 15:
		return pdu.NewAddressWithTonNpiAddr(tonInternational, npiISDN, digits)
	case from != "" && fits(from, 11):
		return pdu.NewAddressWithTonNpiAddr(tonAlphanumeric, npiNone, from)
	}
	return pdu.Address{}, errAddress
}

func destAddress(to string) (pdu.Address, error) {
	digits := strings.TrimPrefix(to, "+")
	if !isNumber(digits) || len(digits) < 7 || len(digits) > 15 {
		return pdu.Address{}, errAddress
	}
	return pdu.NewAddressWithTonNpiAddr(tonInternational, npiISDN, digits)
}

// parts makes the submit_sm of every part. A refusal is a fault of the message:
// nothing was sent, and nothing ever will be.
func (m Message) parts(ref byte, maxParts int) ([]*pdu.SubmitSM, *refusal) {
	from, err := sourceAddress(m.From)
	if err != nil {
		return nil, &refusal{ReasonBadSender, permanentAlarm}
	}
	to, err := destAddress(m.To)
	if err != nil {
		return nil, &refusal{ReasonBadNumber, permanent}
	}
	coding, payloads, err := encodeText(m.Text)
	if err != nil || len(payloads) > maxParts {
		return nil, &refusal{ReasonTooLong, permanentAlarm}
	}
	submits := make([]*pdu.SubmitSM, len(payloads))
	for i, payload := range payloads {
		s := pdu.NewSubmitSM().(*pdu.SubmitSM) //nolint:forcetypeassert // what it makes is one
		s.SourceAddr, s.DestAddr = from, to
		s.PriorityFlag, s.RegisteredDelivery = min(m.Priority, 3), 1
		s.ValidityPeriod = relativeTime(m.Validity)
		s.EsmClass, s.Message = shortMessageOf(coding, payload, Concat{Ref: uint16(ref), Total: uint8(len(payloads)), Seq: uint8(i + 1)}) // at most 255 parts
		submits[i] = s
	}
	return submits, nil
}

// refusal is a message that cannot be sent, whoever carries it.
type refusal struct {
	reason  string
	verdict message.Verdict
}

// shortMessageOf builds the text field, with a user data header if it is one of several parts.
func shortMessageOf(coding byte, payload []byte, c Concat) (esmClass byte, sm pdu.ShortMessage) {
	_ = sm.SetMessageDataWithEncoding(payload, codingOnly(coding)) // fails above 254 octets only; a payload has at most 160
	if c.Total < 2 {
		return 0, sm
	}
	sm.SetUDH(pdu.UDH{pdu.NewIEConcatMessage(c.Total, c.Seq, byte(c.Ref))}) // 8-bit reference by choice
	return esmUDH, sm
}

// codingOnly carries a data_coding for payloads that are encoded already.
func codingOnly(coding byte) data.Encoding { return data.NewCustomEncoding(coding, data.ASCII) }

// relativeTime is SMPP's relative time (7.1.1): YYMMDDhhmmss000R. Months and
// years are not used, their length being a matter of opinion; at most 99 days.
func relativeTime(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	s := int(math.Ceil(min(d, 99*24*time.Hour).Seconds()))
	return fmt.Sprintf("0000%02d%02d%02d%02d000R", s/86400, s/3600%24, s/60%60, s%60)
}

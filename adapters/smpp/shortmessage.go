package smpp

import (
	"encoding/binary"
	"strings"
)

// Address is an SMPP address: type of number, numbering plan, and the address.
type Address struct {
	TON, NPI byte
	Addr     string
}

// Types of number and numbering plans that we write.
const (
	tonUnknown       = 0
	tonInternational = 1
	tonNetwork       = 3 // short codes
	tonAlphanumeric  = 5
	npiNone          = 0
	npiISDN          = 1
)

// Optional parameters that we read or write.
const (
	tagReceiptedMessageID = 0x001E
	tagSarRef             = 0x020C
	tagSarTotal           = 0x020E
	tagSarSeq             = 0x020F
	tagNetworkError       = 0x0423
	tagMessagePayload     = 0x0424
	tagMessageState       = 0x0427
)

// Bits of esm_class.
const (
	esmTypeMask     = 0x3C
	esmReceipt      = 0x04
	esmIntermediate = 0x20
	esmUDH          = 0x40
)

// shortMessage is what submit_sm, deliver_sm and data_sm have in common.
type shortMessage struct {
	source, dest Address
	esmClass     byte
	priority     byte
	validity     string
	registered   byte
	coding       byte
	concat       Concat
	payload      []byte // without its user data header, unless that cannot be read
	tlv          map[uint16][]byte
}

// decodeMessage reads the body of a submit_sm or a deliver_sm.
func decodeMessage(body []byte) (shortMessage, error) {
	o := octets{b: body}
	var m shortMessage
	_ = o.cstring() // service_type
	m.source, m.dest = o.address(), o.address()
	m.esmClass = o.byte()
	_ = o.byte() // protocol_id
	m.priority = o.byte()
	_ = o.cstring() // schedule_delivery_time
	m.validity = o.cstring()
	m.registered = o.byte()
	_ = o.byte() // replace_if_present_flag
	m.coding = o.byte()
	_ = o.byte() // sm_default_msg_id
	m.payload = o.take(int(o.byte()))
	return m.finish(&o)
}

// decodeData reads the body of a data_sm.
func decodeData(body []byte) (shortMessage, error) {
	o := octets{b: body}
	var m shortMessage
	_ = o.cstring() // service_type
	m.source, m.dest = o.address(), o.address()
	m.esmClass = o.byte()
	m.registered = o.byte()
	m.coding = o.byte()
	return m.finish(&o)
}

// finish reads what follows the mandatory fields and takes the payload apart.
func (m shortMessage) finish(o *octets) (shortMessage, error) {
	if o.err != nil {
		return shortMessage{}, o.err
	}
	m.tlv = o.tlvs()
	if p, ok := m.tlv[tagMessagePayload]; ok && len(m.payload) == 0 {
		m.payload = p
	}
	if m.esmClass&esmUDH != 0 {
		m.concat, m.payload, _ = splitUDH(m.payload) // a faulty header is better shown than the text lost
	} else {
		m.concat = sarConcat(m.tlv)
	}
	return m, nil
}

// sarConcat reads the sar_ parameters, the other way to say "part n of m".
func sarConcat(tlv map[uint16][]byte) Concat {
	ref, total, seq := tlv[tagSarRef], tlv[tagSarTotal], tlv[tagSarSeq]
	if len(ref) != 2 || len(total) != 1 || len(seq) != 1 {
		return Concat{}
	}
	return validConcat(binary.BigEndian.Uint16(ref), total[0], seq[0])
}

// isReceipt says whether the SMSC marks it as one. Its text does not count:
// anybody can send an SMS that reads like a receipt.
func (m shortMessage) isReceipt() bool {
	kind := m.esmClass & esmTypeMask
	_, marked := m.tlv[tagReceiptedMessageID]
	return kind == esmReceipt || kind == esmIntermediate || marked
}

// e164 writes an international number the way the rest of the program does,
// with a plus; anything that is no number is left as it is.
func (a Address) e164() string {
	digits := strings.TrimPrefix(a.Addr, "+")
	if a.TON == tonAlphanumeric || a.TON == tonNetwork || !isNumber(digits) || len(digits) < 7 {
		return a.Addr
	}
	return "+" + strings.TrimPrefix(digits, "00")
}

func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

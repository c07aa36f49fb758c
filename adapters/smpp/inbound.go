package smpp

import (
	"time"

	"goniec/domain/message"
)

// Kind of what a carrier delivered.
type Kind string

// The kinds.
const (
	KindReceipt Kind = "receipt" // of something we sent
	KindReply   Kind = "reply"   // written by a person
)

// Inbound is a delivery receipt or a reply. It holds a number and perhaps a
// text: neither belongs in a log.
type Inbound struct {
	Kind     Kind
	Number   string    // the phone: E.164 with a plus
	To       string    // our address: sender name, short code or number
	Received time.Time // domain time
	At       time.Time // receipts: the carrier's "done date" in UTC, Received if it has none; replies: Received

	// Receipts:
	CarrierID string // as the carrier wrote it; empty if it wrote none
	Status    message.ReportStatus
	Code      string // the carrier's err, such as "000"

	// Replies:
	Text    string
	Parts   int // of a long reply, 1 otherwise
	Missing int // parts that did not come within ReplyWait; what there is stands in Text
}

// receipt makes an Inbound of a receipt; false: nothing can be read out of it.
func receipt(m shortMessage, zone *time.Location, now time.Time) (Inbound, bool) {
	r := receiptOf(m, zone)
	in := Inbound{
		Kind: KindReceipt, Number: m.source.e164(), To: m.dest.Addr, Received: now, At: r.done,
		CarrierID: r.id, Status: r.status, Code: r.code,
	}
	if in.At.IsZero() || in.At.Equal(now.Truncate(time.Second)) { // dates are cut to seconds: within this one, now is nearer
		in.At = now
	}
	return in, r.status != ""
}

// reply makes an Inbound of the parts of a reply, in order; nil parts are missing.
func reply(parts []*shortMessage, now time.Time) Inbound {
	in := Inbound{Kind: KindReply, Received: now, At: now, Parts: len(parts)}
	var payload []byte
	coding := -1
	for _, p := range parts {
		if p == nil {
			in.Missing++
			continue
		}
		if coding >= 0 && int(p.coding) != coding { // rare: each part decoded by its own coding
			in.Text += decodeText(byte(coding), payload)
			payload = nil
		}
		coding = int(p.coding)
		payload = append(payload, p.payload...) // joined before decoding: a character may lie across parts
		in.Number, in.To = p.source.e164(), p.dest.Addr
	}
	in.Text += decodeText(byte(coding), payload) // a byte, or -1 with an empty payload
	return in
}

package smpp

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"goniec/domain/message"
)

// report is what a delivery receipt says; a zero field was not in it.
type report struct {
	id     string
	status message.ReportStatus
	code   string
	done   time.Time
}

// maxID is the longest message_id of SMPP 3.4, without its terminator.
const maxID = 64

// stats are the states of a receipt's text. UNKNOWN proves the submission and
// says nothing more, so it counts as accepted: no report decides later.
var stats = map[string]message.ReportStatus{
	"DELIVRD": message.ReportDelivered, "EXPIRED": message.ReportExpired, "DELETED": message.ReportDeleted,
	"UNDELIV": message.ReportUndelivered, "REJECTD": message.ReportRejected,
	"ACCEPTD": message.ReportAccepted, "ENROUTE": message.ReportAccepted, "UNKNOWN": message.ReportAccepted,
	"DELIVER": message.ReportDelivered, "REJECTE": message.ReportRejected, "ACCEPTE": message.ReportAccepted, // written out
}

// states are the values of the parameter message_state (5.2.28).
var states = map[byte]message.ReportStatus{
	1: message.ReportAccepted, 2: message.ReportDelivered, 3: message.ReportExpired, 4: message.ReportDeleted,
	5: message.ReportUndelivered, 6: message.ReportAccepted, 7: message.ReportAccepted, 8: message.ReportRejected,
}

// receiptOf reads a receipt: the optional parameters where they are, the text
// for the rest. Dates without a zone are in zone.
func receiptOf(m shortMessage, zone *time.Location) report {
	text := string(m.payload) // receipts are ASCII whatever data_coding they name
	if alphabet(m.coding) == codingUCS2 {
		text = decodeText(codingUCS2, m.payload)
	}
	r := parseReceipt(text, zone)
	if id := tlvString(m.tlv[tagReceiptedMessageID]); id != "" && len(id) <= maxID {
		r.id = id
	}
	if v := m.tlv[tagMessageState]; len(v) == 1 && states[v[0]] != "" {
		r.status = states[v[0]]
	}
	if v := m.tlv[tagNetworkError]; len(v) == 3 && r.code == "" {
		r.code = fmt.Sprintf("%03d", binary.BigEndian.Uint16(v[1:]))
	}
	return r
}

// parseReceipt reads the text of SMPP 3.4, appendix B:
//
//	id:… sub:001 dlvrd:001 submit date:YYMMDDhhmm done date:YYMMDDhhmm stat:DELIVRD err:000 text:…
//
// in any case and order (text last), with any field missing.
func parseReceipt(text string, zone *time.Location) report {
	if i := fieldAt(text, "text"); i >= 0 {
		text = text[:i-len("text:")] // what follows is the message's own text
	}
	return report{
		id:     bounded(field(text, "id"), maxID),
		status: statOf(field(text, "stat")),
		code:   bounded(field(text, "err"), 16),
		done:   receiptTime(field(text, "done date"), zone),
	}
}

// statOf knows a stat by its first seven letters, in any case.
func statOf(stat string) message.ReportStatus {
	stat = strings.ToUpper(stat)
	return stats[stat[:min(len(stat), 7)]]
}

func bounded(s string, n int) string {
	if len(s) > n {
		return ""
	}
	return s
}

// field is the value of one field: up to the next space.
func field(text, name string) string {
	i := fieldAt(text, name)
	if i < 0 {
		return ""
	}
	rest := text[i:]
	value := strings.TrimLeft(rest, " ")
	gap := len(rest) > len(value)
	if end := strings.IndexAny(value, " \t\r\n\x00"); end >= 0 {
		value = value[:end]
	}
	if gap && (strings.Contains(value, ":") || value == "submit" || value == "done") {
		return "" // the field is empty, and this is the next one
	}
	return value
}

// fieldAt is where the value of a field begins, or -1. A name counts only at
// the beginning of the text or after a space, and in any case.
func fieldAt(text, name string) int {
	n := len(name)
	for i := 0; i+n < len(text); i++ {
		if (i == 0 || text[i-1] == ' ') && text[i+n] == ':' && strings.EqualFold(text[i:i+n], name) {
			return i + n + 1
		}
	}
	return -1
}

// receiptTime reads YYMMDDhhmm, with seconds, or with a century; zero if it is none of them.
func receiptTime(s string, zone *time.Location) time.Time {
	layout := map[int]string{10: "0601021504", 12: "060102150405", 14: "20060102150405"}[len(s)]
	if layout == "" || !isNumber(s) {
		return time.Time{}
	}
	t, err := time.ParseInLocation(layout, s, zone)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

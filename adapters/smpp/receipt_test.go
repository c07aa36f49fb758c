package smpp

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/message"
)

func TestParseReceipt(t *testing.T) {
	t.Parallel()
	minutes := time.Date(2026, 3, 2, 14, 7, 0, 0, time.UTC)
	seconds := minutes.Add(9 * time.Second)
	for name, c := range map[string]struct {
		text string
		want report
	}{
		"as in the specification": {
			"id:0123456789 sub:001 dlvrd:001 submit date:2603021406 done date:2603021407 stat:DELIVRD err:000 text:Hello",
			report{"0123456789", message.ReportDelivered, "000", minutes},
		},
		"with seconds":        {"id:A1 sub:001 dlvrd:000 submit date:260302140601 done date:260302140709 stat:UNDELIV err:0B2 text:", report{"A1", message.ReportUndelivered, "0B2", seconds}},
		"with a century":      {"id:A1 done date:20260302140709 stat:EXPIRED err:1", report{"A1", message.ReportExpired, "1", seconds}},
		"without sub, dlvrd":  {"id:A1 submit date:2603021406 done date:2603021407 stat:REJECTD err:8", report{"A1", message.ReportRejected, "8", minutes}},
		"id and stat only":    {"id:A1 stat:DELETED", report{id: "A1", status: message.ReportDeleted}},
		"no id":               {"stat:DELIVRD", report{status: message.ReportDelivered}},
		"no stat":             {"id:A1", report{id: "A1"}},
		"any case":            {"ID:a1 Stat:delivrd Done Date:2603021407 ERR:000 Text:x", report{"a1", message.ReportDelivered, "000", minutes}},
		"any order":           {"stat:ACCEPTD id:7", report{id: "7", status: message.ReportAccepted}},
		"written out":         {"id:7 stat:UNDELIVERABLE", report{id: "7", status: message.ReportUndelivered}},
		"written out, good":   {"id:7 stat:DELIVERED", report{id: "7", status: message.ReportDelivered}},
		"enroute":             {"id:7 stat:ENROUTE", report{id: "7", status: message.ReportAccepted}},
		"the SMSC knows not":  {"id:7 stat:UNKNOWN", report{id: "7", status: message.ReportAccepted}},
		"a stat of its own":   {"id:7 stat:WHATEVER", report{id: "7"}},
		"spaces after colons": {"id: 7 stat: DELIVRD done date: 2603021407", report{"7", message.ReportDelivered, "", minutes}},
		"empty fields":        {"id: sub: submit date: done date: stat:DELIVRD err: text:", report{status: message.ReportDelivered}},
		"empty id":            {"id: submit date:2603021406 stat:DELIVRD", report{status: message.ReportDelivered}},
		"text is not fields":  {"id:7 stat:UNDELIV text:id:8 stat:DELIVRD err:000", report{id: "7", status: message.ReportUndelivered}},
		"dates that are none": {"id:7 done date:2613400000 stat:DELIVRD", report{id: "7", status: message.ReportDelivered}},
		"odd dates":           {"id:7 done date:0 stat:DELIVRD", report{id: "7", status: message.ReportDelivered}},
		"no receipt":          {"Hello", report{}},
		"an id too long":      {"id:" + strings.Repeat("9", 65) + " stat:DELIVRD", report{status: message.ReportDelivered}},
		"empty":               {"", report{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, parseReceipt(c.text, time.UTC))
		})
	}
}

func TestReceiptDatesAreInTheCarriersZone(t *testing.T) {
	t.Parallel()
	warsaw := time.FixedZone("CET", 3600)
	r := parseReceipt("id:1 done date:2603021407 stat:DELIVRD", warsaw)
	require.Equal(t, time.Date(2026, 3, 2, 13, 7, 0, 0, time.UTC), r.done)
}

func TestReceiptParametersWinOverText(t *testing.T) {
	t.Parallel()
	m := shortMessage{payload: []byte("id:1 stat:UNDELIV"), tlv: map[uint16][]byte{
		tagReceiptedMessageID: []byte("ABC\x00"), tagMessageState: {2}, tagNetworkError: {3, 0, 27},
	}}
	require.Equal(t, report{id: "ABC", status: message.ReportDelivered, code: "027"}, receiptOf(m, time.UTC))
	m.tlv[tagMessageState] = []byte{99} // unknown: the text stands
	require.Equal(t, message.ReportUndelivered, receiptOf(m, time.UTC).status)
}

func TestOnlyTheSMSCMarksReceipts(t *testing.T) {
	t.Parallel()
	forged := shortMessage{payload: []byte("id:1 stat:DELIVRD")}
	require.False(t, forged.isReceipt())
	require.True(t, shortMessage{esmClass: esmReceipt}.isReceipt())
	require.True(t, shortMessage{esmClass: esmIntermediate | esmUDH}.isReceipt())
	require.True(t, shortMessage{tlv: map[uint16][]byte{tagReceiptedMessageID: {0}}}.isReceipt())
}

func FuzzParseReceipt(f *testing.F) {
	f.Add("id:0123456789 sub:001 dlvrd:001 submit date:2603021406 done date:2603021407 stat:DELIVRD err:000 text:Hello")
	f.Add("ID: sub: STAT:\x00 done date:é text:")
	f.Add("stat:ſſſſſſſſ")
	f.Fuzz(func(t *testing.T, text string) {
		r := parseReceipt(text, time.UTC)
		require.LessOrEqual(t, len(r.id), maxID)
		require.LessOrEqual(t, len(r.code), 16)
		known := map[message.ReportStatus]bool{"": true}
		for _, s := range stats {
			known[s] = true
		}
		require.True(t, known[r.status])
	})
}

package smpp

import (
	"bytes"
	"context"
	"encoding/hex"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"
	"github.com/stretchr/testify/require"
)

func TestSplitUDH(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		payload string
		want    Concat
		rest    string
		fails   bool
	}{
		"8-bit reference":         {"\x05\x00\x03\x2A\x03\x02abc", Concat{42, 3, 2}, "abc", false},
		"16-bit reference":        {"\x06\x08\x04\x01\x02\x03\x02abc", Concat{258, 3, 2}, "abc", false},
		"another element first":   {"\x09\x05\x02\x00\x01\x00\x03\x2A\x03\x02abc", Concat{42, 3, 2}, "abc", false},
		"another element only":    {"\x04\x05\x02\x00\x01abc", Concat{}, "abc", false},
		"no elements":             {"\x00abc", Concat{}, "abc", false},
		"no text":                 {"\x05\x00\x03\x2A\x03\x02", Concat{42, 3, 2}, "", false},
		"part 0":                  {"\x05\x00\x03\x2A\x03\x00abc", Concat{}, "abc", false},
		"part beyond the total":   {"\x05\x00\x03\x2A\x03\x04abc", Concat{}, "abc", false},
		"part 1 of 1":             {"\x05\x00\x03\x2A\x01\x01abc", Concat{}, "abc", false},
		"empty":                   {"", Concat{}, "", true},
		"longer than the payload": {"\x09\x00\x03abc", Concat{}, "\x09\x00\x03abc", true},
		"element too long":        {"\x03\x00\x09\x01abc", Concat{}, "\x03\x00\x09\x01abc", true},
		"half an element":         {"\x01\x00abc", Concat{}, "\x01\x00abc", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, rest, err := splitUDH([]byte(c.payload))
			require.Equal(t, c.fails, err != nil)
			require.Equal(t, c.want, got)
			require.Equal(t, c.rest, string(rest))
		})
	}
}

func TestDecodeText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		coding  byte
		payload string
		want    string
	}{
		"GSM-7":                 {0, "Zap\x05 \x1b\x65 \x00", "Zapé € @"},
		"said GSM-7, is Latin":  {0, "caf\xe9", "café"},
		"ASCII":                 {1, "a_@\xff", "a_@\uFFFD"},
		"Latin-1":               {3, "caf\xe9", "café"},
		"Cyrillic":              {6, "\xB0\xB1", "АБ"},
		"binary":                {4, "\x01\x02", ""},
		"UCS-2":                 {8, "\x01\x7c\xd8\x3d\xde\x00", "ż😀"},
		"UCS-2, an odd octet":   {8, "\x01\x7c\x00", "ż"},
		"UCS-2, half a pair":    {8, "\xd8\x3d", "\uFFFD"},
		"class 0, GSM-7":        {0xF0, "\x00", "@"},
		"class 1, 8 bit":        {0xF5, "x", ""},
		"general group, UCS-2":  {0x18, "\x01\x7c", "ż"},
		"general group, 8 bit":  {0x14, "x", ""},
		"reserved by SMPP 0x0A": {0x0A, "x", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, decodeText(c.coding, []byte(c.payload)))
		})
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]Address{
		"Firma":        {TON: 5, NPI: 0, Addr: "Firma"},
		"Firma Sp 12":  {TON: 5, NPI: 0, Addr: "Firma Sp 12"},
		"7055":         {TON: 3, NPI: 0, Addr: "7055"},
		"48600100200":  {TON: 1, NPI: 1, Addr: "48600100200"},
		"+48600100200": {TON: 1, NPI: 1, Addr: "48600100200"},
	} {
		a, err := sourceAddress(from)
		require.NoError(t, err, from)
		require.Equal(t, want, Address{a.Ton(), a.Npi(), a.Address()}, from)
	}
	for _, from := range []string{"", "Dwanaście", "TwelveLetter", "a\x00b", "1234567890123456"} {
		_, err := sourceAddress(from)
		require.Error(t, err, "%q", from)
	}
	for _, to := range []string{"", "+", "123456", "4860010020a", "+4860010020012345", "++48600100200"} {
		_, err := destAddress(to)
		require.Error(t, err, "%q", to)
	}
	for a, want := range map[Address]string{
		{1, 1, "48600100200"}:   "+48600100200",
		{0, 0, "+48600100200"}:  "+48600100200",
		{0, 1, "0048600100200"}: "+48600100200",
		{3, 0, "7055"}:          "7055",
		{5, 0, "48600100200"}:   "48600100200",
		{1, 1, "abc"}:           "abc",
	} {
		require.Equal(t, want, a.e164())
	}
}

func TestRelativeTime(t *testing.T) {
	t.Parallel()
	require.Empty(t, relativeTime(0))
	require.Equal(t, "000001000000000R", relativeTime(24*time.Hour))
	require.Equal(t, "000000000015000R", relativeTime(15*time.Second))
	require.Equal(t, "000000013001000R", relativeTime(90*time.Minute+time.Millisecond))
	require.Equal(t, "000099000000000R", relativeTime(1000*24*time.Hour))
}

// octetsOf is what parts look like on the wire, with sequence_number 7.
func octetsOf(t *testing.T, m Message, ref byte) []string {
	t.Helper()
	parts, refused := m.parts(ref, 10)
	require.Nil(t, refused)
	var all []string
	for _, p := range parts {
		p.SetSequenceNumber(7)
		b := pdu.NewBuffer(nil)
		p.Marshal(b)
		all = append(all, hex.EncodeToString(b.Bytes()))
	}
	return all
}

// The fields one by one, as SMPP 3.4 table 4-10 has them.
func TestSubmitOctets(t *testing.T) {
	t.Parallel()
	fields := func(f ...string) string { return strings.ReplaceAll(strings.Join(f, ""), " ", "") }
	require.Equal(t, fields(
		"00000048", "00000004", "00000000", "00000007", // length, submit_sm, status, sequence
		"00",                             // service_type
		"05 00 4669726d6100",             // source: alphanumeric, "Firma"
		"01 01 343836303031303032303100", // destination: international, ISDN
		"00", "00", "01",                 // esm_class, protocol_id, priority_flag
		"00", // schedule_delivery_time
		hex.EncodeToString([]byte("000001000000000R"))+"00", // validity_period
		"01", "00", // registered_delivery, replace_if_present_flag
		"00", "00", // data_coding, sm_default_msg_id
		"07", "48 65 1b65 00 1b14", // sm_length; H e € @ ^
	), octetsOf(t, Message{From: "Firma", To: "+48600100201", Text: "He€@^", Validity: 24 * time.Hour, Priority: 1}, 1)[0])
}

func TestLongSubmitOctets(t *testing.T) {
	t.Parallel()
	gsm := octetsOf(t, Message{From: "Firma", To: "48600100201", Text: strings.Repeat("a", 152) + "€" + "b"}, 0x2A)
	require.Len(t, gsm, 1)
	gsm = octetsOf(t, Message{From: "Firma", To: "48600100201", Text: strings.Repeat("a", 152) + "€" + strings.Repeat("b", 10)}, 0x2A)
	require.Len(t, gsm, 2)
	// esm_class 0x40; sm_length 6+152, for the escape of € is not cut off its character
	require.Contains(t, gsm[0], "343836303031303032303100"+"400000"+"0000"+"0100"+"0000"+"9e"+"0500032a0201"+strings.Repeat("61", 152))
	require.Contains(t, gsm[1], "343836303031303032303100"+"400000"+"0000"+"0100"+"0000"+"12"+"0500032a0202"+"1b65"+strings.Repeat("62", 10))
	ucs := octetsOf(t, Message{From: "Firma", To: "48600100201", Text: strings.Repeat("ż", 66) + "😀" + "ż"}, 1)
	require.Len(t, ucs, 1, "69 units fit into one")
	ucs = octetsOf(t, Message{From: "Firma", To: "48600100201", Text: strings.Repeat("ż", 66) + "😀żżż"}, 1)
	require.Len(t, ucs, 2)
	require.Contains(t, ucs[0], "0100"+"0800"+"8a"+"050003010201"+strings.Repeat("017c", 66))
	require.True(t, strings.HasSuffix(ucs[1], "0800"+"10"+"050003010202"+"d83dde00"+strings.Repeat("017c", 3)))
}

// TestBothReadersAgree: what we write, the library reads too.
func TestBothReadersAgree(t *testing.T) {
	t.Parallel()
	parts, _ := Message{From: "Firma", To: "48600100201", Text: strings.Repeat("abc", 100)}.parts(9, 10)
	b := pdu.NewBuffer(nil)
	parts[1].Marshal(b)
	raw := bytes.Clone(b.Bytes())
	theirs, err := pdu.Parse(b)
	require.NoError(t, err)
	total, seq, ref, found := theirs.(*pdu.SubmitSM).Message.UDH().GetConcatInfo()
	require.True(t, found)
	ours, err := decodeMessage(raw[headerSize:])
	require.NoError(t, err)
	require.Equal(t, Concat{Ref: uint16(ref), Total: total, Seq: seq}, ours.concat)
	text, err := theirs.(*pdu.SubmitSM).Message.GetMessage()
	require.NoError(t, err)
	require.Equal(t, text, decodeText(ours.coding, ours.payload))
}

func TestDecodeIsTolerantOfOptionalParameters(t *testing.T) {
	t.Parallel()
	body := append(deliverBody(0, 0, "hi"), 0x14, 0x01, 0x00, 0x01, 0x07, 0x14, 0x02, 0xFF, 0xFF, 0x01)
	m, err := decodeMessage(body)
	require.NoError(t, err)
	require.Equal(t, map[uint16][]byte{0x1401: {7}}, m.tlv, "the second claims more than there is")
	payload := append(deliverBody(0, 8, ""), 0x04, 0x24, 0x00, 0x02, 0x01, 0x7C)
	m, err = decodeMessage(payload)
	require.NoError(t, err)
	require.Equal(t, "ż", decodeText(m.coding, m.payload), "message_payload stands for short_message")
	sar := append(deliverBody(0, 0, "x"), 2, 0x0C, 0, 2, 0, 9, 2, 0x0E, 0, 1, 2, 2, 0x0F, 0, 1, 1)
	m, err = decodeMessage(sar)
	require.NoError(t, err)
	require.Equal(t, Concat{Ref: 9, Total: 2, Seq: 1}, m.concat)
}

// deliverBody is a deliver_sm's body from a phone to "7055".
func deliverBody(esm, coding byte, payload string) []byte {
	b := []byte("\x00\x01\x0148600100201\x00\x03\x007055\x00")
	b = append(b, esm, 0, 0, 0, 0, 0, 0, coding, 0, byte(len(payload)))
	return append(b, payload...)
}

func FuzzSplitUDH(f *testing.F) {
	f.Add([]byte("\x05\x00\x03\x2A\x03\x02abc"))
	f.Add([]byte("\x06\x08\x04\x01\x02\x03\x02"))
	f.Add([]byte{0xFF})
	f.Fuzz(func(t *testing.T, payload []byte) {
		c, rest, err := splitUDH(payload)
		require.LessOrEqual(t, len(rest), len(payload))
		if err != nil {
			require.Equal(t, payload, rest)
		}
		if c != (Concat{}) {
			require.True(t, c.Seq >= 1 && c.Seq <= c.Total && c.Total >= 2)
		}
	})
}

// FuzzDeliver: whatever a carrier sends is answered, with one of three statuses.
func FuzzDeliver(f *testing.F) {
	f.Add(deliverBody(0, 0, "TAK"), false)
	f.Add(deliverBody(esmReceipt, 0, "id:1 stat:DELIVRD"), false)
	f.Add(deliverBody(esmUDH, 8, "\x05\x00\x03\x2A\x02\x02\x01\x7c"), false)
	f.Add([]byte("\x00\x01\x0148600100201\x00\x03\x007055\x00\x04\x00\x00\x04\x27\x00\x01\x02"), true)
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, body []byte, dataSM bool) {
		cfg := testConfig("unused:1")
		cfg.ReplyWait = time.Microsecond
		told := 0
		cfg.Handler = func(_ context.Context, in Inbound) error {
			told++
			require.Less(t, in.Missing, in.Parts+1)
			return nil
		}
		c, err := NewClient(cfg)
		require.NoError(t, err)
		fr := frame{id: data.DELIVER_SM, body: body}
		if dataSM {
			fr.id = data.DATA_SM
		}
		switch status := c.handle(context.Background(), fr); status {
		case StatusOK:
			require.Equal(t, 1, told)
		case StatusPermanent:
			require.Zero(t, told)
		default:
			require.Failf(t, "unexpected status", "%s", status.Code())
		}
	})
}

// octetConn is a connection that has only this to say.
type octetConn struct {
	net.Conn
	in *bytes.Reader
}

func (c octetConn) Read(b []byte) (int, error) { return c.in.Read(b) }

// FuzzRead: no octets make the reader panic, or yield more than they are.
func FuzzRead(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x10\x80\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01"))
	f.Add([]byte("\x00\x00\x00\x03\x80\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01"))
	f.Add([]byte("\xff\xff\xff\xff\x80\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		w := newWire(octetConn{in: bytes.NewReader(b)}, time.Second)
		read := 0
		for {
			fr, err := w.read()
			if err != nil {
				break
			}
			read += headerSize + len(fr.body)
			_ = partAnswerOf(fr)
		}
		require.LessOrEqual(t, read, len(b))
	})
}

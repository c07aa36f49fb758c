package smpp

import (
	"strings"
	"unicode/utf8"

	"github.com/linxGnu/gosmpp/data"

	"goniec/domain/sms"
)

// Values of data_coding that we write. GSM-7 septets are written unpacked, one
// in each octet; the SMSC packs them.
const (
	codingGSM7 = 0x00 // the SMSC's default alphabet
	codingUCS2 = 0x08
)

// encodeText cuts a text into the payloads of its parts by the rules that it is
// charged by (package sms).
func encodeText(text string) (coding byte, payloads [][]byte, err error) {
	parts, encoding, err := sms.Split(text)
	if err != nil {
		return 0, nil, err
	}
	payloads = make([][]byte, len(parts))
	for i, p := range parts {
		payloads[i] = p.Payload
	}
	if encoding == sms.UCS2 {
		coding = codingUCS2
	}
	return coding, payloads, nil
}

// decodeText reads a payload by its data_coding. What means nothing there
// becomes U+FFFD; binary payloads have no text.
func decodeText(coding byte, payload []byte) string {
	switch alphabet(coding) {
	case data.BINARY8BIT2Coding:
		return ""
	case codingUCS2:
		text, _ := sms.DecodeUCS2(payload[:len(payload)&^1]) // an odd octet at the end is half a character
		return text
	case data.ASCIICoding:
		return strings.ToValidUTF8(string(payload), string(utf8.RuneError))
	case data.LATIN1Coding, data.CYRILLICCoding, data.HEBREWCoding:
		return by(data.FromDataCoding(coding), payload)
	}
	text, err := sms.DecodeGSM(payload)
	if err != nil { // carriers whose "default alphabet" is Latin-1 say 0 too
		return by(data.LATIN1, payload)
	}
	return text
}

func by(enc data.Encoding, payload []byte) string {
	text, err := enc.Decode(payload)
	if err != nil {
		return ""
	}
	return strings.ToValidUTF8(text, string(utf8.RuneError))
}

// alphabet maps a data_coding to the one that stands for its alphabet. From
// 0x10 on it follows the data coding scheme of 3GPP TS 23.038, section 4.
func alphabet(coding byte) byte {
	switch {
	case coding == data.BINARY8BIT1Coding:
		return data.BINARY8BIT2Coding
	case coding < 0x10:
		return coding
	case coding >= 0xF0 && coding&0x04 != 0:
		return data.BINARY8BIT2Coding
	case coding < 0x40 && coding&0x0C == 0x04:
		return data.BINARY8BIT2Coding
	case coding < 0x40 && coding&0x0C == 0x08:
		return codingUCS2
	}
	return codingGSM7
}

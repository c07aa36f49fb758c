package smpp

import (
	"encoding/binary"
	"errors"
)

// Concat says which part of a long message this is. The zero value: none.
type Concat struct {
	Ref        uint16
	Total, Seq uint8 // Seq counts from 1
}

// errUDH: a user data header that contradicts its own lengths.
var errUDH = errors.New("malformed user data header")

// Information elements of concatenation (3GPP TS 23.040, 9.2.3.24).
const (
	ieConcat8  = 0x00
	ieConcat16 = 0x08
)

// splitUDH parts a payload into its user data header and the rest. Elements
// that it does not know are skipped. With an error the payload comes back whole.
func splitUDH(payload []byte) (Concat, []byte, error) {
	if len(payload) == 0 || len(payload) < 1+int(payload[0]) {
		return Concat{}, payload, errUDH
	}
	n := 1 + int(payload[0])
	var found Concat
	for ies := payload[1:n]; len(ies) > 0; {
		if len(ies) < 2 || len(ies) < 2+int(ies[1]) {
			return Concat{}, payload, errUDH
		}
		size := 2 + int(ies[1])
		if c := elementConcat(ies[0], ies[2:size]); c.Total > 0 {
			found = c
		}
		ies = ies[size:]
	}
	return found, payload[n:], nil
}

func elementConcat(id byte, v []byte) Concat {
	switch {
	case id == ieConcat8 && len(v) == 3:
		return validConcat(uint16(v[0]), v[1], v[2])
	case id == ieConcat16 && len(v) == 4:
		return validConcat(binary.BigEndian.Uint16(v), v[2], v[3])
	}
	return Concat{}
}

// validConcat drops what 23.040 says to ignore: part 0, or a part beyond the total.
func validConcat(ref uint16, total, seq uint8) Concat {
	if total < 2 || seq == 0 || seq > total {
		return Concat{}
	}
	return Concat{Ref: ref, Total: total, Seq: seq}
}

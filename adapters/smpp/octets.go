package smpp

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// errMalformed: a body whose mandatory fields cannot be read.
var errMalformed = errors.New("malformed PDU body")

// maxCString bounds any C-octet string of a peer; the longest that SMPP 3.4
// knows (message_id) has 65 octets.
const maxCString = 255

// octets reads a body from its front. After the first fault it yields zero
// values and keeps err.
type octets struct {
	b   []byte
	err error
}

func (o *octets) fail() { o.b, o.err = nil, errMalformed }

func (o *octets) byte() byte {
	if len(o.b) == 0 {
		o.fail()
		return 0
	}
	v := o.b[0]
	o.b = o.b[1:]
	return v
}

func (o *octets) take(n int) []byte {
	if len(o.b) < n {
		o.fail()
		return nil
	}
	v := o.b[:n:n]
	o.b = o.b[n:]
	return v
}

func (o *octets) cstring() string {
	i := bytes.IndexByte(o.b, 0)
	if i < 0 || i > maxCString {
		o.fail()
		return ""
	}
	v := string(o.b[:i])
	o.b = o.b[i+1:]
	return v
}

func (o *octets) address() Address {
	return Address{TON: o.byte(), NPI: o.byte(), Addr: o.cstring()}
}

// tlvs reads optional parameters to the end. A faulty rest is dropped: carriers
// add parameters of their own, and the mandatory fields already stand.
func (o *octets) tlvs() map[uint16][]byte {
	if len(o.b) < 4 {
		return nil
	}
	found := map[uint16][]byte{}
	for len(o.b) >= 4 {
		tag, n := binary.BigEndian.Uint16(o.b), int(binary.BigEndian.Uint16(o.b[2:]))
		if len(o.b) < 4+n {
			break
		}
		found[tag] = o.b[4 : 4+n : 4+n]
		o.b = o.b[4+n:]
	}
	return found
}

// tlvString is a C-octet string parameter, with or without its terminator.
func tlvString(v []byte) string {
	if i := bytes.IndexByte(v, 0); i >= 0 {
		v = v[:i]
	}
	return string(v)
}

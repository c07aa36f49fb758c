package dispatch

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
)

// Window bounds how far claims of one lane reach above its lowest unfinished
// offset. At this size the metadata of a commit has at most 3,400 characters;
// brokers take 4,096.
const Window = 20_000

// MaxMetadata is what brokers take as an offset's metadata unless told otherwise.
const MaxMetadata = 4096

// The metadata of a committed offset, in base64: version 1, one byte of form,
// the number n of claimed offsets from the committed one on (uvarint), then which
// of them are finished: as a bitmap (lowest bit first), or as lengths of runs
// (uvarint), beginning with unfinished ones. The shorter form is written.
// No metadata = nothing is claimed.
const (
	claimVersion = 1
	formBitmap   = 0
	formRuns     = 1
)

var errClaim = errors.New("metadata of the committed offset is not readable")

// encodeClaim writes which of the claimed offsets are finished.
func encodeClaim(done []bool) string {
	if len(done) == 0 {
		return ""
	}
	bitmap := (len(done) + 7) / 8
	head := func(form byte) []byte {
		b := append(make([]byte, 0, 8+bitmap), claimVersion, form)
		return binary.AppendUvarint(b, uint64(len(done)))
	}
	b, ok := appendRuns(head(formRuns), done, bitmap)
	if !ok {
		b = appendBitmap(head(formBitmap), done)
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

// appendRuns gives up when runs take more than limit bytes.
func appendRuns(b []byte, done []bool, limit int) ([]byte, bool) {
	start := len(b)
	for i, want := 0, false; i < len(done); want = !want {
		n := i
		for n < len(done) && done[n] == want {
			n++
		}
		b = binary.AppendUvarint(b, uint64(n-i)) // not negative
		if len(b)-start > limit {
			return nil, false
		}
		i = n
	}
	return b, true
}

func appendBitmap(b []byte, done []bool) []byte {
	start := len(b)
	b = append(b, make([]byte, (len(done)+7)/8)...)
	for i, d := range done {
		if d {
			b[start+i/8] |= 1 << (i % 8)
		}
	}
	return b
}

// DecodeClaim reads what encodeClaim wrote.
func DecodeClaim(meta string) ([]bool, error) {
	if meta == "" {
		return nil, nil
	}
	b, err := base64.RawStdEncoding.DecodeString(meta)
	if err != nil || len(b) < 3 {
		return nil, errClaim
	}
	if b[0] != claimVersion {
		return nil, fmt.Errorf("%w: version %d", errClaim, b[0])
	}
	n, size := binary.Uvarint(b[2:])
	if size <= 0 || n > Window {
		return nil, errClaim
	}
	done, rest := make([]bool, n), b[2+size:]
	switch b[1] {
	case formBitmap:
		return done, readBitmap(done, rest)
	case formRuns:
		return done, readRuns(done, rest)
	}
	return nil, fmt.Errorf("%w: form %d", errClaim, b[1])
}

func readBitmap(done []bool, b []byte) error {
	if len(b) != (len(done)+7)/8 {
		return errClaim
	}
	for i := range done {
		done[i] = b[i/8]&(1<<(i%8)) != 0
	}
	return nil
}

func readRuns(done []bool, b []byte) error {
	i := 0
	for want := false; len(b) > 0; want = !want {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(done)-i) { // not negative
			return errClaim
		}
		for range n {
			done[i] = want
			i++
		}
		b = b[size:]
	}
	if i != len(done) {
		return errClaim
	}
	return nil
}

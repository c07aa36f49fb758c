package recipients

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

var errBufferFull = bufio.ErrBufferFull

var byteOrderMark = []byte("\xef\xbb\xbf")

// skipMark drops a UTF-8 byte order mark, which settles the encoding.
func (r *Reader) skipMark() error {
	head, err := r.in.Peek(len(byteOrderMark))
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read recipients: %w", err)
	}
	if !bytes.Equal(head, byteOrderMark) {
		return nil
	}
	r.text.utf8 = true
	_, err = r.in.Discard(len(byteOrderMark))
	return err
}

// decoder settles on an encoding at the first value that is not ASCII: valid
// UTF-8 is hardly ever anything else, and what is not valid is Windows-1250.
type decoder struct {
	utf8, windows bool
}

// decode returns the value as UTF-8; ok is false if it contradicts the encoding
// settled on, or has a byte that Windows-1250 leaves empty.
func (d *decoder) decode(raw []byte) (s string, ok bool) {
	if ascii(raw) {
		return string(raw), true
	}
	if !d.windows && utf8.Valid(raw) {
		d.utf8 = true
		return string(raw), true
	}
	if d.utf8 {
		return "", false
	}
	out, err := charmap.Windows1250.NewDecoder().Bytes(raw)
	if err != nil || bytes.ContainsRune(out, utf8.RuneError) {
		return "", false
	}
	d.windows = true
	return string(out), true
}

func ascii(raw []byte) bool {
	for _, c := range raw {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

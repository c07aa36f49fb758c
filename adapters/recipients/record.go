package recipients

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"goniec/domain"
)

// record cuts the next non-empty row off the input: a line, or several if a
// quoted value has line breaks. A row that cannot end (a quote never closed, or
// over MaxRecord) costs its first line only, and is reported as *BadRow.
func (r *Reader) record() (raw []byte, line int, err error) {
	for {
		raw, line, err = r.oneRecord()
		if err != nil || len(bytes.TrimSpace(raw)) > 0 {
			return raw, line, err
		}
	}
}

func (r *Reader) oneRecord() ([]byte, int, error) {
	window, err := r.in.Peek(MaxRecord)
	atEnd := errors.Is(err, io.EOF)
	if err != nil && !atEnd {
		return nil, 0, fmt.Errorf("read recipients: %w", err)
	}
	if len(window) == 0 {
		return nil, 0, io.EOF
	}
	line := r.nextLine
	end, quoted := r.recordEnd(window)
	if end < 0 && atEnd && !quoted {
		end = len(window)
	}
	if end < 0 {
		return nil, 0, r.skipLine(line, quoted)
	}
	raw := bytes.Clone(window[:end])
	return trimBreak(raw), line, r.take(raw)
}

func (r *Reader) take(raw []byte) error {
	r.nextLine += bytes.Count(raw, []byte{'\n'})
	_, err := r.in.Discard(len(raw))
	return err
}

// recordEnd returns the offset after the row's line break, or -1, and whether
// the window ends within a quoted value. A quote opens one only where a value
// begins, so that a quote within a name swallows nothing.
func (r *Reader) recordEnd(window []byte) (end int, quoted bool) {
	valueBegins, closed := true, -2
	for i, c := range window {
		switch {
		case quoted:
			valueBegins = false
			if c == '"' {
				quoted, closed = false, i
			}
		case c == '"' && (valueBegins || closed == i-1):
			quoted = true // opens, or is the second one of a doubled quote
		case c == '\n':
			return i + 1, false
		default:
			valueBegins = c == ',' && r.comma != ';' || c == ';' && r.comma != ','
		}
	}
	return -1, quoted
}

// skipLine gives the first line up and reads on behind it.
func (r *Reader) skipLine(line int, quoted bool) error {
	bad := &BadRow{Line: line, Err: domain.Refuse(CodeTooLong, "the row is longer than %d bytes", MaxRecord)}
	if quoted {
		bad.Err = domain.Refuse(CodeOpenQuote, "a quoted value is not closed")
	}
	for {
		part, err := r.in.ReadSlice('\n')
		r.nextLine += bytes.Count(part, []byte{'\n'})
		switch {
		case err == nil, errors.Is(err, io.EOF):
			return bad
		case !errors.Is(err, errBufferFull):
			return fmt.Errorf("read recipients: %w", err)
		}
	}
}

func trimBreak(raw []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte{'\n'}), []byte{'\r'})
}

// split cuts a row into its values: RFC 4180, and a quote within an unquoted
// value stands for itself.
func split(raw []byte, comma byte) ([][]byte, *domain.Error) {
	var values [][]byte
	for {
		value, rest, more, ok := cutValue(raw, comma)
		if !ok {
			return nil, domain.Refuse(CodeOpenQuote, "something follows the closing quote of column %d", len(values)+1)
		}
		values = append(values, value)
		if !more {
			return values, nil
		}
		if len(values) > MaxColumns {
			return nil, domain.Refuse(CodeBadColumns, "has more than %d columns", MaxColumns)
		}
		raw = rest
	}
}

func cutValue(raw []byte, comma byte) (value, rest []byte, more, ok bool) {
	if len(raw) == 0 || raw[0] != '"' {
		value, rest, more = bytes.Cut(raw, []byte{comma})
		return value, rest, more, true
	}
	for i := 1; i < len(raw); i++ {
		if raw[i] != '"' {
			value = append(value, raw[i])
			continue
		}
		switch {
		case i+1 < len(raw) && raw[i+1] == '"':
			value = append(value, '"')
			i++
		case i+1 == len(raw):
			return value, nil, false, true
		default:
			return value, raw[i+2:], true, raw[i+1] == comma
		}
	}
	return nil, nil, false, false
}

// delimiter is the one of ";" and "," that the header has more of.
func delimiter(header []byte) byte {
	if bytes.Count(header, []byte{';'}) > bytes.Count(header, []byte{','}) {
		return ';'
	}
	return ','
}

// Package recipients reads lists of people to write to: CSV files as office
// programs write them, and texts with the people's own fields in them.
package recipients

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"goniec/adapters/phone"
	"goniec/domain"
)

// Bounds of a file. Memory stays within some MaxRecord however large it is.
const (
	MaxRecord  = 64 << 10 // bytes of one row
	MaxField   = 4 << 10  // bytes of one value
	MaxColumns = 100
	MaxRows    = 1_000_000
)

// Reasons of a bad row, besides phone.CodeInvalid.
const (
	CodeBadColumns  = "wrong_column_count"
	CodeOpenQuote   = "quote_not_closed"
	CodeTooLong     = "too_long"
	CodeBadEncoding = "invalid_encoding"
	CodeBadValue    = "invalid_value"
	CodeHeader      = "invalid_header"
	CodeTooManyRows = "too_many_rows"
)

// Options say how to read a file.
type Options struct {
	// Country (ISO 3166-1 alpha-2) of numbers in national form. This option is
	// not required: without it they must be international.
	Country string
}

// Row is one recipient.
type Row struct {
	Line    int // of the file, counted from 1; the header is the first
	To      string
	Country string            // of the number
	Fields  map[string]string // by column, "to" included as it was written
}

// BadRow says why a row cannot be used. The rows after it can. Like every
// error it holds neither number nor value.
type BadRow struct {
	Line int
	Err  *domain.Error
}

func (e *BadRow) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap gives the reason.
func (e *BadRow) Unwrap() error { return e.Err }

// Reader reads rows one by one. It detects the delimiter ("," or ";") from the
// header, and the encoding (UTF-8, with or without a byte order mark, or
// Windows-1250) as it goes. Not safe for concurrent use.
type Reader struct {
	in       *bufio.Reader
	opts     Options
	text     decoder
	comma    byte
	columns  []string
	to       int
	nextLine int
	rows     int
}

// NewReader reads the header. It fails with a *domain.Error of CodeHeader if
// there is no usable one, or with the error of r.
func NewReader(r io.Reader, opts Options) (*Reader, error) {
	rd := &Reader{in: bufio.NewReaderSize(r, MaxRecord), opts: opts, nextLine: 1}
	if err := rd.skipMark(); err != nil {
		return nil, err
	}
	raw, line, err := rd.record()
	if bad := (*BadRow)(nil); errors.As(err, &bad) {
		return nil, headerError("line %d: %s", bad.Line, bad.Err.Message)
	}
	if errors.Is(err, io.EOF) {
		return nil, headerError("the file is empty; its first line must name the columns, one of them \"to\"")
	}
	if err != nil {
		return nil, err
	}
	return rd, rd.header(raw, line)
}

// Columns returns the names of the columns, in order.
func (r *Reader) Columns() []string { return r.columns }

// Next returns the next row. It fails with io.EOF at the end, with *BadRow for
// a row to be left out (go on with Next), or with another error that ends the reading.
func (r *Reader) Next() (Row, error) {
	raw, line, err := r.record()
	if err != nil {
		return Row{}, err
	}
	if r.rows++; r.rows > MaxRows {
		return Row{}, domain.Refuse(CodeTooManyRows, "a file may have %d rows", MaxRows)
	}
	values, refusal := split(raw, r.comma)
	if refusal == nil && len(values) != len(r.columns) {
		refusal = domain.Refuse(CodeBadColumns, "has %d columns, the header has %d", len(values), len(r.columns))
	}
	if refusal != nil {
		return Row{}, &BadRow{Line: line, Err: refusal}
	}
	return r.row(line, values)
}

func (r *Reader) row(line int, values [][]byte) (Row, error) {
	row := Row{Line: line, Fields: make(map[string]string, len(values))}
	for i, raw := range values {
		s, refusal := r.value(raw)
		if refusal != nil {
			refusal.Field = r.columns[i]
			return Row{}, &BadRow{Line: line, Err: refusal}
		}
		row.Fields[r.columns[i]] = s
	}
	var err error
	row.To, row.Country, err = phone.Normalise(row.Fields[r.columns[r.to]], r.opts.Country)
	var refusal *domain.Error
	if errors.As(err, &refusal) {
		return Row{}, &BadRow{Line: line, Err: refusal}
	}
	return row, err
}

func (r *Reader) value(raw []byte) (string, *domain.Error) {
	if len(raw) > MaxField {
		return "", domain.Refuse(CodeTooLong, "is longer than %d bytes", MaxField)
	}
	s, ok := r.text.decode(raw)
	if !ok {
		return "", domain.Refuse(CodeBadEncoding, "is neither UTF-8 nor Windows-1250 as the rows before it")
	}
	if strings.ContainsFunc(s, forbidden) {
		return "", domain.Refuse(CodeBadValue, "holds control characters")
	}
	return strings.TrimSpace(s), nil
}

func forbidden(c rune) bool { return c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f }

// header fixes delimiter, columns and the place of "to". Its names are not
// repeated in errors: a file without a header has somebody's number there.
func (r *Reader) header(raw []byte, line int) error {
	r.comma = delimiter(raw)
	values, refusal := split(raw, r.comma)
	if refusal != nil {
		return headerError("line %d: %s", line, refusal.Message)
	}
	if len(values) > MaxColumns {
		return headerError("a file may have %d columns", MaxColumns)
	}
	r.to = -1
	seen := make(map[string]bool, len(values))
	for i, v := range values {
		name, refusal := r.value(v)
		if strings.EqualFold(name, "to") {
			name, r.to = "to", i
		}
		switch {
		case refusal != nil || name == "":
			return headerError("column %d has no usable name", i+1)
		case seen[name]:
			return headerError("column %d repeats the name of an earlier one", i+1)
		}
		seen[name] = true
		r.columns = append(r.columns, name)
	}
	if r.to < 0 {
		return headerError("the first line must name the columns, one of them \"to\"")
	}
	return nil
}

func headerError(format string, args ...any) error {
	return domain.Refuse(CodeHeader, format, args...)
}

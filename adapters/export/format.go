package export

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

// Formats are those that Write knows.
func Formats() []string { return []string{Parquet, NDJSON} }

// The formats, named as their files end.
const (
	Parquet = "parquet"
	NDJSON  = "ndjson"
)

// encoder writes rows; end writes what is still held.
type encoder interface {
	add(r Row) error
	end() error
}

func newEncoder(format string, w io.Writer) encoder {
	if format == Parquet {
		return &parquetEncoder{w: parquet.NewGenericWriter[Row](w, parquet.Compression(&zstd.Codec{}), parquet.MaxRowsPerRowGroup(rowGroup))}
	}
	b := bufio.NewWriterSize(w, 1<<16)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false) // the data stays byte for byte
	return &lines{b, enc}
}

const (
	rowGroup  = 20_000 // rows, about 20 MB of memory while they are collected
	rowsAtOne = 200    // handed over, or read, at a time
	maxLine   = 8 << 20
)

type parquetEncoder struct {
	w    *parquet.GenericWriter[Row]
	rows []Row
}

func (p *parquetEncoder) add(r Row) error {
	r.Data = slices.Clone(r.Data) // the record's memory is the reader's
	if p.rows = append(p.rows, r); len(p.rows) < rowsAtOne {
		return nil
	}
	return p.flush()
}

func (p *parquetEncoder) flush() error {
	_, err := p.w.Write(p.rows)
	p.rows = p.rows[:0]
	return err
}

func (p *parquetEncoder) end() error { return errors.Join(p.flush(), p.w.Close()) }

type lines struct {
	b   *bufio.Writer
	enc *json.Encoder
}

func (l *lines) add(r Row) error { return l.enc.Encode(r) }
func (l *lines) end() error      { return l.b.Flush() }

// readRows hands every row of a file to take.
func readRows(format string, f *os.File, take func(*Row) error) error {
	if format == Parquet {
		return readParquet(f, take)
	}
	in := bufio.NewScanner(f)
	in.Buffer(nil, maxLine)
	for in.Scan() {
		r, err := readLine(in.Bytes())
		if err != nil {
			return err
		}
		if err := take(r); err != nil {
			return err
		}
	}
	return in.Err()
}

// readLine reads a row in the one spelling in which it is written: of a field that is
// there twice, other readers might take the other value.
func readLine(line []byte) (*Row, error) {
	var r Row
	if err := json.Unmarshal(line, &r); err != nil {
		return nil, fmt.Errorf("not a line of an export: %w", err)
	}
	var again bytes.Buffer
	enc := json.NewEncoder(&again)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil || !bytes.Equal(bytes.TrimSuffix(again.Bytes(), []byte{'\n'}), line) {
		return nil, errors.New("not a line of an export: it is written in another form")
	}
	return &r, nil
}

// ours says whether a file has the columns of an export and no other, which nobody would
// check, compressed as we do.
func ours(file *parquet.File) bool {
	for _, g := range file.Metadata().RowGroups {
		for _, c := range g.Columns {
			if c.MetaData.Codec != format.Zstd {
				return false
			}
		}
	}
	return file.Schema().String() == parquet.NewSchema(file.Schema().Name(), parquet.SchemaOf(Row{})).String()
}

func readParquet(f *os.File, take func(*Row) error) (err error) {
	defer func() { // of a file that somebody spoilt the library panics
		if spoilt := recover(); spoilt != nil {
			err = fmt.Errorf("not a Parquet file of an export: %v", spoilt)
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	file, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		return fmt.Errorf("not a Parquet file: %w", err)
	}
	if !ours(file) {
		return errors.New("not a Parquet file of an export: its columns or their compression are others")
	}
	in := parquet.NewGenericReader[Row](file)
	defer func() { err = errors.Join(err, in.Close()) }()
	rows := make([]Row, rowsAtOne)
	for {
		n, err := in.Read(rows)
		for i := range rows[:n] {
			if err := take(&rows[i]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read Parquet: %w", err)
		}
	}
}

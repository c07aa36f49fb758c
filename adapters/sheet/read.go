package sheet

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"goniec/domain"
)

// CodeFile refuses a file that does not hold what was asked for.
const CodeFile = "invalid_file"

// MaxRead bounds what is read of a file, bytes.
const MaxRead = 4 << 20

// Row is a row of a file that was read: its values by column, absent where the file has none.
type Row struct {
	Line   int // of the file, counted from 1
	Values map[string]string
}

// ReadCSV reads a table whose first line names the columns, in any order: UTF-8, with or without a byte order mark, separated
// by commas or semicolons. Spaces around values are left out. Errors are *domain.Error and name the line.
func ReadCSV(from io.Reader, columns []string, limit int) ([]Row, error) {
	data, err := readAll(from)
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma, r.TrimLeadingSpace = separator(data), true
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, bad(1, "is missing: the first line names the columns, some of %s", strings.Join(columns, ", "))
	}
	if err != nil {
		return nil, notCSV(err)
	}
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
	}
	if err := checkColumns(1, header, columns); err != nil {
		return nil, err
	}
	var rows []Row
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, notCSV(err)
		}
		line, _ := r.FieldPos(0)
		if len(rows) == limit {
			return nil, bad(line, "is one too many: %d rows are possible", limit)
		}
		row := Row{Line: line, Values: make(map[string]string, len(header))}
		for i, name := range header {
			if v := strings.TrimSpace(record[i]); v != "" {
				row.Values[name] = v
			}
		}
		rows = append(rows, row)
	}
}

// ReadYAML reads a list of mappings, of YAML or of JSON. Numbers are taken as they are written.
func ReadYAML(from io.Reader, columns []string, limit int) ([]Row, error) {
	data, err := readAll(from)
	if err != nil {
		return nil, err
	}
	var root yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(data))
	if err := documents.Decode(&root); err != nil {
		return nil, domain.Refuse(CodeFile, "the file is neither YAML nor JSON")
	}
	if !errors.Is(documents.Decode(new(yaml.Node)), io.EOF) {
		return nil, domain.Refuse(CodeFile, "the file must hold one document")
	}
	if len(root.Content) != 1 || root.Content[0].Kind != yaml.SequenceNode {
		return nil, domain.Refuse(CodeFile, "the file must hold a list of mappings")
	}
	list := root.Content[0].Content
	if len(list) > limit {
		return nil, bad(list[limit].Line, "is one too many: %d rows are possible", limit)
	}
	rows := make([]Row, len(list))
	for i, item := range list {
		if rows[i], err = mapping(item, columns); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func mapping(item *yaml.Node, columns []string) (Row, error) {
	row := Row{Line: item.Line, Values: map[string]string{}}
	if item.Kind != yaml.MappingNode {
		return row, bad(item.Line, "must be a mapping")
	}
	var names []string
	for i := 0; i+1 < len(item.Content); i += 2 {
		name, value := item.Content[i], item.Content[i+1]
		if value.Kind != yaml.ScalarNode {
			return row, bad(value.Line, "must have simple values only")
		}
		names = append(names, name.Value)
		if v := strings.TrimSpace(value.Value); v != "" && value.Tag != "!!null" {
			row.Values[name.Value] = v
		}
	}
	return row, checkColumns(item.Line, names, columns)
}

func checkColumns(line int, names, columns []string) error {
	for i, name := range names {
		switch {
		case !slices.Contains(columns, name):
			return bad(line, "has a column that is not known, its number %d; known are %s", i+1, strings.Join(columns, ", "))
		case slices.Contains(names[:i], name):
			return bad(line, "names the column %s twice", name)
		}
	}
	return nil
}

func readAll(from io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(bufio.NewReader(from), MaxRead+1))
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	if len(data) > MaxRead {
		return nil, domain.Refuse(CodeFile, "the file may have %d bytes", MaxRead)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		return nil, domain.Refuse(CodeFile, "the file is not UTF-8")
	}
	return data, nil
}

// separator is what the first line has more of.
func separator(data []byte) rune {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	if bytes.Count(line, []byte(";")) > bytes.Count(line, []byte(",")) {
		return ';'
	}
	return ','
}

func notCSV(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return bad(parse.Line, "cannot be read: %s", parse.Err)
	}
	return fmt.Errorf("read CSV: %w", err)
}

func bad(line int, format string, args ...any) error {
	return domain.RefuseField(CodeFile, fmt.Sprintf("line %d", line), format, args...)
}

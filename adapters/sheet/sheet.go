// Package sheet writes tables for people's spreadsheets: as CSV (RFC 4180, UTF-8)
// and as XLSX. Texts in it may be a stranger's: none is ever taken for a formula.
// Amounts of money stay decimals, digit for digit.
package sheet

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
)

// Table is what is written.
type Table struct {
	Name    string // of the sheet
	Columns []string
	Rows    [][]Cell
}

// Cell is a text, a number or nothing.
type Cell struct {
	value  string
	number bool
}

// Text is a text of whatever origin.
func Text(s string) Cell { return Cell{value: s} }

// Int is a whole number.
func Int(n int64) Cell { return Cell{strconv.FormatInt(n, 10), true} }

// Decimal is a number with these digits, such as "0.540000"; what is none is a
// text, and "" is an empty cell.
func Decimal(s string) Cell { return Cell{s, decimal(s)} }

func decimal(s string) bool {
	whole, fraction, point := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	return digits(whole) && (!point || digits(fraction))
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// WriteCSV writes the table with its columns' names in the first line. A text that
// a spreadsheet would take for a formula gets an apostrophe in front of it.
func (t Table) WriteCSV(to io.Writer) error {
	w := csv.NewWriter(to)
	w.UseCRLF = true
	line := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		line[i] = harmless(c)
	}
	if err := w.Write(line); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	for _, row := range t.Rows {
		for i, c := range row {
			if line[i] = c.value; !c.number {
				line[i] = harmless(c.value)
			}
		}
		if err := w.Write(line); err != nil {
			return fmt.Errorf("write CSV: %w", err)
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

// harmless is the text as no program takes it for a formula.
func harmless(s string) string {
	first := strings.TrimLeft(s, " ")
	if first != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(first)[0]) {
		return "'" + s
	}
	return s
}

// WriteXLSX writes the table as a workbook of one sheet. Texts are texts there by
// their type; amounts are numbers, written digit for digit.
func (t Table) WriteXLSX(to io.Writer) (err error) {
	f := excelize.NewFile()
	defer func() {
		if fault := f.Close(); err == nil && fault != nil {
			err = fmt.Errorf("write XLSX: %w", fault)
		}
	}()
	if err := f.SetSheetName("Sheet1", t.Name); err != nil {
		return fmt.Errorf("write XLSX: %w", err)
	}
	head := make([]Cell, len(t.Columns))
	for i, c := range t.Columns {
		head[i] = Text(c)
	}
	for i, row := range append([][]Cell{head}, t.Rows...) {
		if err := t.row(f, i+1, row); err != nil {
			return fmt.Errorf("write XLSX: %w", err)
		}
	}
	if err := f.Write(to); err != nil {
		return fmt.Errorf("write XLSX: %w", err)
	}
	return nil
}

func (t Table) row(f *excelize.File, n int, row []Cell) error {
	for i, c := range row {
		if c.value == "" {
			continue
		}
		at, err := excelize.CoordinatesToCellName(i+1, n)
		if err != nil {
			return err
		}
		set := f.SetCellStr
		if c.number {
			set = f.SetCellDefault
		}
		if err := set(t.Name, at, c.value); err != nil {
			return err
		}
	}
	return nil
}

package sheet_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"goniec/adapters/sheet"
)

func table() sheet.Table {
	return sheet.Table{
		Name: "traffic", Columns: []string{"sender", "sent", "cost PLN"},
		Rows: [][]sheet.Cell{
			{sheet.Text("Żółw, \"S.A.\""), sheet.Int(7), sheet.Decimal("0.540000")},
			{sheet.Text("=HYPERLINK(\"http://x\")"), sheet.Int(-1), sheet.Decimal("-1234567890.123456")},
			{sheet.Text("007"), sheet.Int(0), sheet.Decimal("")},
		},
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, table().WriteCSV(&b))
	require.Equal(t, "sender,sent,cost PLN\r\n"+
		"\"Żółw, \"\"S.A.\"\"\",7,0.540000\r\n"+
		"\"'=HYPERLINK(\"\"http://x\"\")\",-1,-1234567890.123456\r\n"+
		"007,0,\r\n", b.String())
}

// No text begins with what a spreadsheet takes for a formula, and nothing else is changed.
func TestNoTextIsAFormula(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		clean := strings.NewReplacer("\r", "", "\n", "") // which the writer makes those of its lines
		text := rapid.Map(rapid.OneOf(rapid.String(), rapid.StringMatching(`[ \t]{0,2}[=+@＝＋－＠-][a-zA-Z0-9()]{0,5}`)), clean.Replace).Draw(t, "text")
		for _, c := range []sheet.Cell{sheet.Text(text), sheet.Decimal(text)} {
			var b bytes.Buffer
			require.NoError(t, sheet.Table{Name: "x", Columns: []string{"a"}, Rows: [][]sheet.Cell{{c}}}.WriteCSV(&b))
			read := csv.NewReader(&b)
			read.FieldsPerRecord = -1
			lines, err := read.ReadAll()
			require.NoError(t, err)
			if len(lines) < 2 {
				require.Empty(t, text)
				continue
			}
			got := lines[1][0]
			if c == sheet.Text(text) {
				require.NotContains(t, "=+-@＝＋－＠", firstOf(strings.TrimLeft(got, " \t\n\r")), got)
			}
			require.Contains(t, []string{text, "'" + text}, got)
		}
	})
}

func firstOf(s string) string {
	for _, r := range s {
		return string(r)
	}
	return "none"
}

func TestXLSX(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, table().WriteXLSX(&b))
	f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	require.NoError(t, err)
	defer f.Close()
	rows, err := f.GetRows("traffic", excelize.Options{RawCellValue: true})
	require.NoError(t, err)
	require.Equal(t, [][]string{
		{"sender", "sent", "cost PLN"},
		{"Żółw, \"S.A.\"", "7", "0.540000"},
		{"=HYPERLINK(\"http://x\")", "-1", "-1234567890.123456"},
		{"007", "0"},
	}, rows)
	formula, err := f.GetCellFormula("traffic", "A3")
	require.NoError(t, err)
	require.Empty(t, formula)

	part := partOf(t, b.Bytes(), "xl/worksheets/sheet1.xml")
	require.Contains(t, part, "<v>-1234567890.123456</v>", "a number, digit for digit")
	require.NotContains(t, part, "<f>")
	require.Contains(t, part, `<c r="A4" t="s">`, "a text that looks like a number")
}

func partOf(t *testing.T, b []byte, name string) string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	f, err := z.Open(name)
	require.NoError(t, err)
	defer f.Close()
	out, err := io.ReadAll(f)
	require.NoError(t, err)
	return string(out)
}

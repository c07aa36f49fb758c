package recipients_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"

	"goniec/adapters/recipients"
	"goniec/domain"
)

// read returns the good rows and, of the bad ones, "line code field".
func read(t *testing.T, in io.Reader) (rows []recipients.Row, bad []string) {
	t.Helper()
	r, err := recipients.NewReader(in, recipients.Options{Country: "PL"})
	require.NoError(t, err)
	for {
		row, err := r.Next()
		var b *recipients.BadRow
		switch {
		case errors.Is(err, io.EOF):
			return rows, bad
		case errors.As(err, &b):
			bad = append(bad, strings.TrimSpace(b.Error()[:strings.IndexByte(b.Error(), ':')+1]+" "+b.Err.Code+" "+b.Err.Field))
		default:
			require.NoError(t, err)
			rows = append(rows, row)
		}
	}
}

func row(line int, to, country string, fields ...string) recipients.Row {
	r := recipients.Row{Line: line, To: to, Country: country, Fields: map[string]string{}}
	for i := 0; i < len(fields); i += 2 {
		r.Fields[fields[i]] = fields[i+1]
	}
	return r
}

func windows(t *testing.T, s string) string {
	t.Helper()
	out, err := charmap.Windows1250.NewEncoder().String(s)
	require.NoError(t, err)
	return out
}

func TestRead(t *testing.T) {
	t.Parallel()
	first := row(2, "+48500100201", "PL", "to", "500100201", "name", "Żaneta")
	second := row(3, "+420601123456", "CZ", "to", "+420601123456", "name", "Łukasz")
	const comma = "to,name\n500100201,Żaneta\n+420601123456,Łukasz\n"
	for name, in := range map[string]string{
		"comma":               comma,
		"semicolon":           strings.ReplaceAll(comma, ",", ";"),
		"no last line break":  strings.TrimSuffix(comma, "\n"),
		"Windows line breaks": strings.ReplaceAll(comma, "\n", "\r\n"),
		"byte order mark":     "\xef\xbb\xbf" + comma,
		"Windows-1250":        windows(t, comma),
		"capital To, spaces":  strings.Replace(comma, "to,name", " To , name ", 1),
		"quotes":              "\"to\",\"name\"\n\"500100201\",\"Żaneta\"\n+420601123456,\"Łukasz\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, bad := read(t, iotest.OneByteReader(strings.NewReader(in)))
			require.Empty(t, bad)
			require.Equal(t, []recipients.Row{first, second}, rows)
		})
	}
}

func TestReadValues(t *testing.T) {
	t.Parallel()
	rows, bad := read(t, strings.NewReader("name;to;note\n"+
		"\"A; \"\"B\"\"\";500100201;\"two\nlines\"\n"+
		"\n \r\n"+
		"Jan \"Kowal\";500100202;a\"\"b\n"+
		";500100203;\n"))
	require.Empty(t, bad)
	require.Equal(t, []recipients.Row{
		row(2, "+48500100201", "PL", "name", `A; "B"`, "to", "500100201", "note", "two\nlines"),
		row(6, "+48500100202", "PL", "name", `Jan "Kowal"`, "to", "500100202", "note", `a""b`),
		row(7, "+48500100203", "PL", "name", "", "to", "500100203", "note", ""),
	}, rows)
}

func TestBadRowsDoNotStopTheOthers(t *testing.T) {
	t.Parallel()
	good := "500100201,ok\n"
	for name, c := range map[string]struct {
		rows string
		bad  []string
	}{
		"number":                 {"12,x\n", []string{"line 3: invalid_number to"}},
		"no number":              {",x\n", []string{"line 3: invalid_number to"}},
		"too few columns":        {"500100201\n", []string{"line 3: wrong_column_count"}},
		"too many columns":       {"500100201,a,b\n", []string{"line 3: wrong_column_count"}},
		"a thousand columns":     {strings.Repeat(",", 1000) + "\n", []string{"line 3: wrong_column_count"}},
		"behind a quote":         {"500100201,\"a\"b\n", []string{"line 3: quote_not_closed"}},
		"control character":      {"500100201,a\x00b\n", []string{"line 3: invalid_value name"}},
		"long value":             {"500100201," + strings.Repeat("a", recipients.MaxField+1) + "\n", []string{"line 3: too_long name"}},
		"endless row":            {strings.Repeat("a", 3*recipients.MaxRecord) + "\n", []string{"line 3: too_long"}},
		"Windows-1250 after UTF": {"500100201,ż\n500100201,\xbf\n", []string{"line 4: invalid_encoding name"}},
		"byte nobody has":        {"500100201,\x81\n", []string{"line 3: invalid_encoding name"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, bad := read(t, strings.NewReader("to,name\n"+good+c.rows+good))
			require.Equal(t, c.bad, bad)
			require.GreaterOrEqual(t, len(rows), 2)
			require.Equal(t, 2+strings.Count(c.rows, "\n")+1, rows[len(rows)-1].Line)
		})
	}
}

// A quote that is never closed must not swallow the rest of the file.
func TestOpenQuoteCostsOneLine(t *testing.T) {
	t.Parallel()
	for _, tail := range []int{3, 20_000} {
		rows, bad := read(t, strings.NewReader("to,name\n500100201,\"open\n"+strings.Repeat("500100202,x\n", tail)))
		require.Equal(t, []string{"line 2: quote_not_closed"}, bad)
		require.Len(t, rows, tail)
		require.Equal(t, tail+2, rows[tail-1].Line)
	}
}

func TestHeaderIsRefused(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"empty": "", "mark only": "\xef\xbb\xbf", "blank lines": "\n\n", "no to": "number,name\n", "a number": "500100201\n500100202\n",
		"twice": "to,To\n", "no name": "to,\n", "many": "to" + strings.Repeat(",c", 100) + "\n", "endless": strings.Repeat("a", 1<<20),
		"open quote": "\"to,name\n",
	} {
		_, err := recipients.NewReader(strings.NewReader(in), recipients.Options{})
		require.Equal(t, "invalid_header", domain.CodeOf(err), name)
		require.NotContains(t, err.Error(), "500100")
	}
}

func TestReadErrorEndsIt(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	_, err := recipients.NewReader(iotest.ErrReader(broken), recipients.Options{})
	require.ErrorIs(t, err, broken)
}

func FuzzReader(f *testing.F) {
	for _, s := range []string{
		"to,name\n500100201,A\n", "to;n\r\n\"500100201\";\"a\n\"\"b\"\n", "\xef\xbb\xbfto\n+48500100201", "to\n\"", "to,n\n1,\xbf\n\"\"\"", "to,a\"\"b\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := recipients.NewReader(strings.NewReader(string(in)), recipients.Options{Country: "PL"})
		if err != nil {
			return
		}
		last := 1
		for range len(in) + 2 {
			row, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			var bad *recipients.BadRow
			if errors.As(err, &bad) {
				row.Line = bad.Line
			} else {
				require.NoError(t, err)
				require.Len(t, row.Fields, len(r.Columns()))
			}
			require.Greater(t, row.Line, last-1)
			last = row.Line
		}
		t.Fatal("the reader does not come to an end")
	})
}

package sheet

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var known = []string{"country", "amount", "note"}

func TestRead(t *testing.T) {
	t.Parallel()
	want := []map[string]string{{"country": "PL", "amount": "0.050"}, {"country": "DE", "amount": "1", "note": "a, b"}}
	for name, rows := range map[string]func() ([]Row, error){
		"csv":              csvOf("country,amount,note\nPL, 0.050 ,\nDE,1,\"a, b\"\n"),
		"semicolons":       csvOf("amount;country;note\r\n0.050;PL;\r\n1;DE;a, b\r\n"),
		"byte order mark":  csvOf("\ufeffcountry,amount,note\nPL,0.050,\nDE,1,\"a, b\""),
		"yaml":             yamlOf("- {country: PL, amount: 0.050}\n- country: DE\n  amount: 1\n  note: a, b\n"),
		"json":             yamlOf(`[{"country":"PL","amount":"0.050","note":null},{"country":"DE","amount":1,"note":"a, b"}]`),
		"yaml with quotes": yamlOf("- {country: \"PL\", amount: \"0.050\"}\n- {country: 'DE', amount: '1', note: 'a, b'}"),
	} {
		got, err := rows()
		require.NoError(t, err, name)
		require.Len(t, got, 2, name)
		for i := range want {
			require.Equal(t, want[i], got[i].Values, name)
		}
	}
}

func csvOf(s string) func() ([]Row, error) {
	return func() ([]Row, error) { return ReadCSV(strings.NewReader(s), known, 2) }
}

func yamlOf(s string) func() ([]Row, error) {
	return func() ([]Row, error) { return ReadYAML(strings.NewReader(s), known, 2) }
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for want, rows := range map[string]func() ([]Row, error){
		"invalid_file: line 1: is missing: the first line names the columns, some of country, amount, note":   csvOf(""),
		"invalid_file: line 1: has a column that is not known, its number 2; known are country, amount, note": csvOf("country,price\n"),
		"invalid_file: line 1: names the column country twice":                                                csvOf("country,country\n"),
		"invalid_file: line 3: cannot be read: wrong number of fields":                                        csvOf("country,amount\nPL,1\nDE\n"),
		"invalid_file: line 4: is one too many: 2 rows are possible":                                          csvOf("country\nPL\nDE\nFR\n"),
		"invalid_file: the file is not UTF-8":                                                                 csvOf("country\n\xff\n"),
		"invalid_file: the file may have 4194304 bytes":                                                       csvOf(strings.Repeat("a", MaxRead+1)),
		"invalid_file: the file is neither YAML nor JSON":                                                     yamlOf("{"),
		"invalid_file: the file must hold a list of mappings":                                                 yamlOf("a: 1"),
		"invalid_file: the file must hold one document":                                                       yamlOf("- {country: PL}\n---\n- {country: DE}"),
		"invalid_file: line 2: must be a mapping":                                                             yamlOf("- {country: PL}\n- PL"),
		"invalid_file: line 1: must have simple values only":                                                  yamlOf("- {country: [PL]}"),
		"invalid_file: line 3: has a column that is not known, its number 2; known are country, amount, note": yamlOf("- {country: PL}\n\n- {country: PL, price: 1}"),
		"invalid_file: line 3: is one too many: 2 rows are possible":                                          yamlOf("- {}\n- {}\n- {}"),
	} {
		_, err := rows()
		require.EqualError(t, err, want)
	}
}

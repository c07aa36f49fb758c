package cli

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"goniec/adapters/httpapi"
)

func aStatement() httpapi.StatementBody {
	return httpapi.StatementBody{
		Account: testID, Name: "Demo", Month: "2026-11", State: "open", Currency: "PLN", Total: "10.12",
		Lines: []httpapi.StatementLine{
			{Kind: "usage", Rule: "F1", Sender: "=GONIEC", Country: "PL", Channel: "viber", PriceVersion: "default@1", Count: 3, Parts: 3, Exact: "1.123400", Amount: "1.12"},
			{Kind: "minimum", Rule: "F3", Sender: "=GONIEC", Country: "PL", Exact: "9.000000", Amount: "9.00"},
		},
		Obligations: []httpapi.ObligationBody{
			{Month: "2026-11", Sender: "=GONIEC", Countries: []string{"PL"}, Minimum: "10.12", Traffic: "1.12", Charged: "9.00", Reason: "charged"},
			{Month: "2026-11", Sender: "A", Countries: []string{"DE"}, Traffic: "1.50", Charged: "0.00", Reason: "no_minimum"},
			{Month: "2026-11", Sender: "B", Countries: []string{"FR"}, Traffic: "0.25", Charged: "0.00", Reason: "no_minimum"},
		},
	}
}

// rules.md F3, F8, F9: a statement as a spreadsheet has every line, digit for digit; as
// text it says in one line which senders have no minimum.
func TestStatementForms(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("GET /v1/billing/2026-11/statement", 200, aStatement())
	show := []string{"billing", "statement", testID, "2026-11"}
	text := f.do(show...).out
	require.Contains(t, text, "minimum of =GONIEC in PL, 2026-11: 9.00 PLN charged, Viber traffic 1.12 PLN\n2 senders without a minimum in the terms, Viber traffic 1.75 PLN\ntotal: 10.12 PLN\n")
	require.NotContains(t, text, "minimum of A")
	html := f.do(append(show, "--format", "html")...).out
	require.Contains(t, html, "<li>2 senders without a minimum in the terms, Viber traffic 1.75 PLN</li>")
	require.NotContains(t, html, "<li>A")

	path := filepath.Join(t.TempDir(), "november.xlsx")
	require.Equal(t, result{0, "written to " + path + "\n", ""}, f.do(append(show, "--xlsx", path)...))
	book, err := excelize.OpenFile(path)
	require.NoError(t, err)
	rows, err := book.GetRows("2026-11", excelize.Options{RawCellValue: true})
	require.NoError(t, err)
	require.NoError(t, book.Close())
	require.Len(t, rows, 3)
	require.Equal(t, statementTable(aStatement()).Columns, rows[0])
	require.Equal(t, []string{testID, "2026-11", "open", "usage", "F1", "=GONIEC", "PL", "viber", "", "", "default@1", "", "", "", "3", "3", "0", "1.123400", "1.12", "PLN"}, rows[1])
	require.Equal(t, []string{"9.000000", "9.00", "PLN"}, rows[2][17:])
	require.Equal(t, ExitUsage, f.do(append(show, "--xlsx", path, "--format", "csv")...).code)
	require.Equal(t, ExitUsage, f.do(append(show, "--format", "pdf")...).code)
	require.NotZero(t, f.do(append(show, "--xlsx", t.TempDir())...).code, "a folder")

	some := aStatement()
	some.Obligations = some.Obligations[:1]
	f.says("GET /v1/billing/2026-11/statement", 200, some)
	require.NotContains(t, f.do(show...).out, "without a minimum")
}

package cli

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
)

// rules.md F9: a billing party is named, shown, and stands on statements.
func TestParty(t *testing.T) {
	t.Parallel()
	want := httpapi.PartyBody{LegalName: "Sklep <& Syn>", Country: "PL", TaxID: "526-000-12-46", Address: "ul. Prosta 1", ExternalID: "K-7"}
	var got httpapi.PartyBody
	at := time.Date(2026, 12, 4, 0, 0, 0, 0, time.UTC)
	f := newFake(t).on("PUT /v1/accounts/"+testID+"/party", func(_ int, body []byte, _ *http.Request) (int, any) {
		require.NoError(t, json.Unmarshal(body, &got))
		return 200, httpapi.ChangedBody{Changed: true}
	}).says("GET /v1/accounts/"+testID+"/party", 200, want).
		says("GET /v1/billing/2026-11/statement", 200, httpapi.StatementBody{Account: testID, Name: "Demo", Month: "2026-11", State: "closed", ClosedAt: &at, Party: &want, Currency: "PLN", Total: "0.00"})
	set := []string{"account", "party", "set", testID, "--legal-name", want.LegalName, "--tax-id", want.TaxID, "--address", want.Address, "--external-id", "K-7"}
	require.Equal(t, result{0, "billing party named\n", ""}, f.do(set...))
	require.Equal(t, want, got)
	const shown = "Sklep <& Syn>\nul. Prosta 1, PL\ntax number 526-000-12-46\nin the billing program: K-7\n"
	require.Equal(t, result{0, shown, ""}, f.do("account", "party", "show", testID))
	require.Contains(t, f.do("billing", "statement", testID, "2026-11").out, shown)
	require.Contains(t, f.do("billing", "statement", testID, "2026-11", "--format", "html").out, "<p>Sklep &lt;&amp; Syn&gt;<br>ul. Prosta 1, PL<br>Tax number 526-000-12-46<br>K-7</p>")
	require.Equal(t, &want, decode[httpapi.StatementBody](t, f.do("billing", "statement", testID, "2026-11", "--json").out).Party)
	require.Equal(t, ExitUsage, f.do("account", "party", "set", testID, "--address", "x").code)
}

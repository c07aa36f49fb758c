package cli

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/domain/account"
)

func TestRegulationsListed(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("GET /v1/regulations", 200, httpapi.RegulationsList{})
	require.Contains(t, f.do("regulations", "list").out, "no regulations are published")
	f.says("GET /v1/regulations", 200, httpapi.RegulationsList{
		Versions: []httpapi.RegulationsBody{{Version: 1, Title: "First", ValidFrom: "2026-01-01"}, {Version: 2, Title: "Second", ValidFrom: "2026-11-01"}},
		Accepted: []httpapi.AcceptanceBody{{Version: 1, By: "office", At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}}, InForce: 2,
		Missing: []account.Item{{Code: "regulations_missing", Needs: "acceptance of the regulations, version 2"}},
	})
	require.Equal(t, `VERSION  FROM        STATE     ACCEPTED              TITLE
1        2026-01-01  –         2026-01-02 by office  First
2        2026-11-01  in force  –                     Second
missing: acceptance of the regulations, version 2: goniec regulations show 2, then goniec regulations accept 2
`, f.do("regulations", "list").out)
}

func TestRegulationsShownAndAccepted(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("GET /v1/regulations/2/text", 200, "# Rules").says("POST /v1/regulations/2/acceptance", 200, httpapi.ChangedBody{Changed: true})
	require.Equal(t, "# Rules\n", f.do("regulations", "show", "2").out)
	path := filepath.Join(t.TempDir(), "rules.md")
	require.Zero(t, f.do("regulations", "show", "2", "--out", path).code)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "# Rules", string(data))
	f.says("GET /v1/regulations/2/text", 200, "%PDF-1.7")
	require.Equal(t, ExitUsage, f.do("regulations", "show", "2").code)
	require.Equal(t, result{0, "version 2 of the regulations is accepted\n", ""}, f.do("regulations", "accept", "2"))
	f.says("POST /v1/regulations/3/acceptance", 404, httpapi.Problem{Status: 404, Code: "not_found", Detail: "x"})
	require.Equal(t, ExitRefused, f.do("regulations", "accept", "3").code)
}

func TestRegulationsPublished(t *testing.T) {
	t.Parallel()
	f := newFake(t).says("POST /v1/regulations", 201, httpapi.RegulationsBody{Version: 3, ValidFrom: "2027-01-01"})
	pl := account.Minimum{Country: "PL", Currency: "PLN", Unit: account.UnitAmount, Amount: "250.00"}
	f.says("POST /v1/regulations/preview", 200, httpapi.MinimumsPreview{
		Changes: []account.MinimumChange{{Country: "PL", Currency: "PLN", After: &pl}},
		Senders: []account.MinimumEffect{{Account: "a-1", Sender: "Sowa", Country: "PL", State: account.SenderActive}},
	})
	publish := func(text, minimums string, more ...string) result {
		return f.do(append([]string{"regulations", "publish", "--title", "R", "--text", text, "--valid-from", "2027-01-01", "--minimums", minimums}, more...)...)
	}
	text, minimums := file(t, "r.txt", "rules"), file(t, "m.json", `[{"country":"PL","currency":"PLN","amount":"250.00"}]`)
	preview := "COUNTRY  BEFORE  AFTER\nPL       –       250.00 PLN\nSENDER  COUNTRY  STATE   ACCOUNT\nSowa    PL       active  a-1\n"
	require.Equal(t, result{0, preview + "From 2027-01-01 on accounts that have not accepted the version send nothing: their clients accept it before.\n" +
		"Nothing was published: repeat with --yes to publish the version.\n", ""}, publish(text, minimums))
	require.Equal(t, result{0, preview + "version 3 of the regulations is published; it is in force from 2027-01-01, and who has not accepted it by then sends nothing\n", ""}, publish(text, minimums, "--yes"))
	sent := decode[httpapi.RegulationsRequest](t, f.got("POST")[2].body)
	require.Equal(t, httpapi.RegulationsRequest{
		Title: "R", Text: base64.StdEncoding.EncodeToString([]byte("rules")), ContentType: "text/plain", ValidFrom: "2027-01-01",
		Minimums: []account.Minimum{{Country: "PL", Currency: "PLN", Amount: "250.00"}},
	}, sent)
	for _, r := range []result{publish(file(t, "r.doc", "x"), ""), publish(text, file(t, "x.json", "{")), publish(filepath.Join(t.TempDir(), "none.txt"), "")} {
		require.Equal(t, ExitUsage, r.code)
	}
	require.Len(t, f.got("POST"), 3)
	bad := publish(text, file(t, "m.csv", "country,currency,amount,messages\nPL,PLN,250,many\n"))
	require.Equal(t, result{ExitUsage, "", "goniec: --minimums: line 2: messages must be a whole number\n"}, bad)
}

package cli

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
)

func reportRange() httpapi.ReportRange {
	return httpapi.ReportRange{From: "2026-11-04", To: "2026-11-10", Zone: "Europe/Warsaw", By: []string{"day", "sender"}}
}

func TestReportTables(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	key := httpapi.ReportKey{Day: "2026-11-10", Sender: "GONIEC"}
	f.says("GET /v1/reports/traffic", http.StatusOK, httpapi.TrafficReport{ReportRange: reportRange(), Rows: []httpapi.TrafficRow{{
		ReportKey: key, Accepted: 1200, Sent: 9, Delivered: 8, Fallbacks: 3, FallbackBy: map[string]int64{"deadline": 2, "route_down": 1},
		Cost: map[string]string{"PLN": "10.500000", "EUR": "0.123400"},
	}}})
	got := f.do("report", "traffic", "--by", "day,sender", "--from", "2026-11-04", "--tag", "a b")
	require.Zero(t, got.code, got.err)
	require.Equal(t, "2026-11-04 to 2026-11-10, Europe/Warsaw\n"+
		"DAY         SENDER  ASKED  SENT  DELIVERED  VIBER  SMS  READ  LATE  DOUBLE  FAILED  UNKNOWN  CANCELLED  REPLIES  OPT-OUTS  COST                   FALLBACKS\n"+
		"2026-11-10  GONIEC  1,200  9     8          0      0    0     0     0       0       0        0          0        0         0.1234 EUR, 10.50 PLN  3: 2 deadline, 1 route_down\n", got.out)
	require.Equal(t, "GET /v1/reports/traffic?by=day%2Csender&from=2026-11-04&tag=a+b", f.got("GET")[0].at)

	f.says("GET /v1/reports/times", http.StatusOK, httpapi.TimesReport{ReportRange: reportRange(), Rows: []httpapi.TimesRow{
		{ReportKey: key, What: "delivery", Messages: 3, P50: 950, P90: 15_000, P95: 15_000, P99: 90_000, Max: 90_000},
	}})
	require.Contains(t, f.do("report", "times").out, "2026-11-10  GONIEC  delivery  3         950ms  15s  15s  1m30s  1m30s")

	f.says("GET /v1/reports/doubles", http.StatusOK, httpapi.DoublesReport{ReportRange: reportRange(), Rows: []httpapi.DoublesRow{}})
	require.Equal(t, "2026-11-04 to 2026-11-10, Europe/Warsaw: nothing to report\n", f.do("report", "doubles").out)
	require.Equal(t, httpapi.DoublesReport{ReportRange: reportRange(), Rows: []httpapi.DoublesRow{}},
		decode[httpapi.DoublesReport](t, f.do("report", "doubles", "--json").out))
}

func TestReportFiles(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.on("GET /v1/reports/doubles", func(_ int, _ []byte, r *http.Request) (int, any) {
		return http.StatusOK, r.URL.Query().Get("format") + ",file\r\n"
	})
	require.Equal(t, result{0, "csv,file\r\n", ""}, f.do("report", "doubles", "--csv"))
	path := filepath.Join(t.TempDir(), "r.xlsx")
	require.Equal(t, result{0, "written to " + path + "\n", ""}, f.do("report", "doubles", "--xlsx", path))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "xlsx,file\r\n", string(b))
	require.Equal(t, fileBody{path, 11}, decode[fileBody](t, f.do("report", "doubles", "--xlsx", path, "--json").out))
	require.Equal(t, ExitUsage, f.do("report", "doubles", "--csv", "--json").code)
	require.Equal(t, ExitUsage, f.do("report", "doubles", "--csv", "--xlsx", path).code)
}

func TestMessagesAreFoundByNumberWithoutNamingItInTheURL(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.says("POST /v1/messages/search", http.StatusOK, httpapi.MessageList{Messages: []httpapi.Message{}})
	require.Equal(t, result{0, "no messages\n", ""}, f.do("messages", "list", "--number", "+48500100201", "--to", "2026-11-10"))
	got := f.got("")
	require.Len(t, got, 1)
	require.Equal(t, "POST /v1/messages/search", got[0].at)
	require.JSONEq(t, `{"to":"+48500100201","before":"2026-11-10","limit":51}`, got[0].body)
}

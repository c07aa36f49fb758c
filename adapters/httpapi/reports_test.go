package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"goniec/adapters/httpapi"
)

func (q *queries) Traffic(_ context.Context, r httpapi.Report) ([]httpapi.TrafficRow, error) {
	q.reports = append(q.reports, r)
	return q.traffic, q.err
}

func (q *queries) Times(_ context.Context, r httpapi.Report) ([]httpapi.TimesRow, error) {
	q.reports = append(q.reports, r)
	return []httpapi.TimesRow{{ReportKey: httpapi.ReportKey{Day: "2026-11-10", Channel: "sms"}, What: "delivery", Messages: 3, P50: 1, P90: 2, P95: 3, P99: 4, Max: 5}}, q.err
}

func (q *queries) Doubles(_ context.Context, r httpapi.Report) ([]httpapi.DoublesRow, error) {
	q.reports = append(q.reports, r)
	return []httpapi.DoublesRow{{ReportKey: httpapi.ReportKey{Day: "2026-11-10"}, Messages: 2, Viber: "0.100000", SMS: "0.180000", Cost: "0.280000", Currency: "PLN"}}, q.err
}

func TestWhatAReportAsksFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	day := func(m time.Month, d int) time.Time { return time.Date(2026, m, d, 0, 0, 0, 0, time.UTC) }
	for path, want := range map[string]httpapi.Report{
		"traffic": {From: day(11, 4), To: day(11, 10), By: []string{"day"}},
		"traffic?from=2026-11-01&to=2026-11-30&by=hour,sender,tag&sender=GONIEC&country=PL&category=promotional&tag=a": {
			From: day(11, 1), To: day(11, 30), By: []string{"hour", "sender", "tag"}, Sender: "GONIEC", Country: "PL", Category: "promotional", Tag: "a",
		},
		"times?by=channel&from=2026-11-09":  {From: day(11, 9), To: day(11, 10), By: []string{"channel"}},
		"doubles?by=category&to=2026-10-01": {From: day(9, 25), To: day(10, 1), By: []string{"category"}},
	} {
		b := b.with(t)
		b.queries.reports = nil
		w := b.get("/v1/reports/" + path)
		require.Equal(t, http.StatusOK, w.Code, w.Body.String())
		require.Len(t, b.queries.reports, 1)
		got := b.queries.reports[0]
		require.Equal(t, "Europe/Warsaw", got.Zone.String())
		want.Account, want.Zone = acc, got.Zone
		require.Equal(t, want, got, path)
	}
	b.get("/v1/reports/traffic?zone=America/New_York")
	require.Equal(t, "America/New_York", b.queries.reports[len(b.queries.reports)-1].Zone.String())
}

func TestReportsThatAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	long := string(bytes.Repeat([]byte("x"), 65))
	for query, field := range map[string]string{
		"from=yesterday":                        "from",
		"to=2026-11-10T09:30:00Z":               "to",
		"to=9999-12-31":                         "to",
		"from=2026-11-10&to=2026-11-09":         "from",
		"from=2025-10-06&to=2026-11-10":         "from", // 401 days
		"from=2026-10-10&to=2026-11-10&by=hour": "from", // 32 days
		"by=week":                               "by",
		"by=day,hour":                           "by",
		"by=sender,sender":                      "by",
		"by=day,":                               "by",
		"by=channel":                            "by",
		"zone=Nowhere":                          "zone",
		"zone=Local":                            "zone",
		"zone=Asia/Kolkata":                     "zone",
		"sender=" + long:                        "sender",
		"tag=" + long:                           "tag",
		"country=XX":                            "country",
		"category=news":                         "category",
		"format=pdf":                            "format",
	} {
		w := b.get("/v1/reports/traffic?" + query)
		require.Equal(t, http.StatusUnprocessableEntity, w.Code, query)
		p := decode[httpapi.Problem](t, w)
		require.Len(t, p.Errors, 1)
		require.Equal(t, field, p.Errors[0].Field, query)
	}
	require.Equal(t, http.StatusBadRequest, b.get("/v1/reports/times?tag=x").Code)
	require.Equal(t, http.StatusForbidden, b.operator(http.MethodGet, "/v1/reports/times", "").Code)
	require.Equal(t, http.StatusOK, b.get("/v1/reports/traffic?from=2025-10-07&to=2026-11-10").Code, "400 days")

	b.queries.err = httpapi.ErrReportTooLarge
	w := b.get("/v1/reports/traffic?by=sender")
	require.Equal(t, http.StatusUnprocessableEntity, w.Code)
	require.Equal(t, httpapi.CodeTooMany, decode[httpapi.Problem](t, w).Code)
}

func trafficRows() []httpapi.TrafficRow {
	return []httpapi.TrafficRow{
		{
			ReportKey: httpapi.ReportKey{Day: "2026-11-10", Tag: "@SUM(A1)"}, Accepted: 5, Sent: 4, Delivered: 3, DeliveredViber: 2, DeliveredSMS: 1, Read: 1,
			Fallbacks: 2, FallbackBy: map[string]int64{"deadline": 1, "route_down": 1}, Replies: 1, Cost: map[string]string{"PLN": "0.280000"},
		},
		{ReportKey: httpapi.ReportKey{Day: "2026-11-11", Tag: "spring"}, Accepted: 1, FallbackBy: map[string]int64{}, Cost: map[string]string{"EUR": "0.070000"}},
	}
}

func TestAReportAsJSON(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.queries.traffic = trafficRows()
	w := b.get("/v1/reports/traffic?by=day,tag&to=2026-11-11")
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	var out map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &out))
	require.Equal(t, []any{"day", "tag"}, out["by"])
	require.Equal(t, "2026-11-05", out["from"])
	require.Equal(t, "Europe/Warsaw", out["zone"])
	row, _ := out["rows"].([]any)[0].(map[string]any)
	require.Equal(t, map[string]any{
		"day": "2026-11-10", "tag": "@SUM(A1)", "accepted": 5.0, "sent": 4.0, "delivered": 3.0, "delivered_viber": 2.0, "delivered_sms": 1.0, "read": 1.0,
		"fallbacks": 2.0, "fallback_by": map[string]any{"deadline": 1.0, "route_down": 1.0}, "late": 0.0, "double": 0.0, "failed": 0.0, "unknown": 0.0,
		"cancelled": 0.0, "replies": 1.0, "opt_outs": 0.0, "cost": map[string]any{"PLN": "0.280000"},
	}, row)
}

func TestAReportAsCSV(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.queries.traffic = trafficRows()
	want := "day,tag,accepted,sent,delivered,delivered_viber,delivered_sms,read,fallbacks,late,double,failed,unknown,cancelled,replies,opt_outs,fallback_deadline,fallback_route_down,cost_EUR,cost_PLN\r\n" +
		"2026-11-10,'@SUM(A1),5,4,3,2,1,1,2,0,0,0,0,0,1,0,1,1,0.000000,0.280000\r\n" +
		"2026-11-11,spring,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0.070000,0.000000\r\n"
	byFormat := b.get("/v1/reports/traffic?by=day,tag&format=csv")
	byAccept := b.call(request{method: http.MethodGet, path: "/v1/reports/traffic?by=day,tag", key: clientKey, header: map[string]string{"Accept": "text/csv, */*;q=0.1"}})
	for _, w := range []interface{ Header() http.Header }{byFormat, byAccept} {
		require.Equal(t, "text/csv; charset=utf-8; header=present", w.Header().Get("Content-Type"))
		require.Equal(t, `attachment; filename="traffic.csv"`, w.Header().Get("Content-Disposition"))
	}
	require.Equal(t, want, byFormat.Body.String())
	require.Equal(t, want, byAccept.Body.String())

	require.Equal(t, "day,what,messages,p50_ms,p90_ms,p95_ms,p99_ms,max_ms\r\n2026-11-10,delivery,3,1,2,3,4,5\r\n", b.get("/v1/reports/times?format=csv").Body.String())
	require.Equal(t, "day,messages,viber,sms,cost,currency\r\n2026-11-10,2,0.100000,0.180000,0.280000,PLN\r\n", b.get("/v1/reports/doubles?format=csv").Body.String())
	b.queries.traffic = nil
	require.Contains(t, b.get("/v1/reports/traffic?format=csv").Body.String(), "cost_PLN", "the account's currency has its column")
	require.Contains(t, b.get("/v1/reports/traffic").Body.String(), `"rows":[]`)
}

func TestAReportAsXLSX(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.queries.traffic = trafficRows()
	w := b.get("/v1/reports/traffic?by=day,tag&format=xlsx")
	require.Equal(t, http.StatusOK, w.Code)
	f, err := excelize.OpenReader(w.Body)
	require.NoError(t, err)
	defer f.Close()
	rows, err := f.GetRows("traffic", excelize.Options{RawCellValue: true})
	require.NoError(t, err)
	require.Len(t, rows, 3)
	require.Equal(t, "@SUM(A1)", rows[1][1])
	require.Equal(t, "0.280000", rows[1][19])

	b.queries.traffic = make([]httpapi.TrafficRow, 10_001)
	large := b.get("/v1/reports/traffic?format=xlsx")
	require.Equal(t, http.StatusUnprocessableEntity, large.Code)
	require.Equal(t, "format", decode[httpapi.Problem](t, large).Errors[0].Field)
}

func TestTheDocumentDescribesReports(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct {
					Schema struct {
						Ref string `json:"$ref"`
					} `json:"schema"`
				} `json:"content"`
			} `json:"responses"`
		} `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(b.api.OpenAPI(), &doc))
	content := doc.Paths["/v1/reports/traffic"]["get"].Responses["200"].Content
	require.Len(t, content, 3)
	require.Equal(t, "#/components/schemas/TrafficReport", content["application/json"].Schema.Ref)
	require.Contains(t, b.get("/docs").Body.String(), "fallback_by")
}

func TestSearchByNumberIDAndReference(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.queries.page = []httpapi.Message{{ID: msgID, AcceptedAt: now}}
	w := b.post("/v1/messages/search", `{"to": "500 100 201", "limit": 7, "state": "failed", "sender": "GONIEC", "from": "2026-11-01", "before": "2026-11-09"}`)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	require.Equal(t, httpapi.Filter{
		Account: acc, Number: "+48500100201", State: "failed", Sender: "GONIEC", Limit: 8,
		From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 9, 0, 0, 0, 0, time.UTC),
	}, b.queries.filters[0])
	require.Len(t, decode[httpapi.MessageList](t, w).Messages, 1)
	require.NotContains(t, b.log.String(), "500100201")

	b.post("/v1/messages/search", `{"id": "`+msgID+`", "client_ref": "a"}`)
	require.Equal(t, httpapi.Filter{Account: acc, ID: msgID, ClientRef: "a", Limit: 51}, b.queries.filters[1])

	for body, field := range map[string]string{`{"to": "12"}`: "to", `{"id": "x"}`: "id", `{"limit": 201}`: "limit", `{"limit": -1}`: "limit", `{"cursor": "x"}`: "cursor", `{"before": "x"}`: "before"} {
		w := b.post("/v1/messages/search", body)
		require.Equal(t, http.StatusUnprocessableEntity, w.Code, body)
		require.Equal(t, field, decode[httpapi.Problem](t, w).Errors[0].Field)
	}
	require.Equal(t, http.StatusForbidden, b.operator(http.MethodPost, "/v1/messages/search", `{}`).Code)
}

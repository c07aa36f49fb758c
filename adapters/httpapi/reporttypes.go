package httpapi

import (
	"maps"
	"slices"
	"time"

	"goniec/adapters/sheet"
)

// ReportRange says what a report covers.
type ReportRange struct {
	From string   `json:"from" example:"2026-11-01"`
	To   string   `json:"to" doc:"The last day that is in it." example:"2026-11-30"`
	Zone string   `json:"zone" example:"Europe/Warsaw"`
	By   []string `json:"by"`
}

func rangeOf(r Report) ReportRange {
	return ReportRange{r.From.Format(time.DateOnly), r.To.Format(time.DateOnly), r.Zone.String(), r.By}
}

// ReportKey is what a row is about, as far as the report tells rows apart by it.
type ReportKey struct {
	Day      string `json:"day,omitempty" example:"2026-11-16"`
	Hour     string `json:"hour,omitempty" doc:"When it begins." example:"2026-11-16T09:00:00+01:00"`
	Sender   string `json:"sender,omitempty"`
	Country  string `json:"country,omitempty"`
	Category string `json:"category,omitempty"`
	Tag      string `json:"tag,omitempty"`
	Channel  string `json:"channel,omitempty" doc:"Of the first delivery."`
}

func (k ReportKey) cells(by []string) (out []sheet.Cell) {
	for _, b := range by {
		out = append(out, sheet.Text(map[string]string{
			"day": k.Day, "hour": k.Hour, "sender": k.Sender, "country": k.Country, "category": k.Category, "tag": k.Tag, "channel": k.Channel,
		}[b]))
	}
	return out
}

// TrafficReport answers GET /v1/reports/traffic.
type TrafficReport struct {
	ReportRange
	Rows []TrafficRow `json:"rows"`

	currency string // the account's: it has a column also when nothing was charged
}

// TrafficRow counts messages.
type TrafficRow struct {
	ReportKey
	Accepted       int64             `json:"accepted" doc:"Asked for; those refused afterwards are among failed."`
	Sent           int64             `json:"sent" doc:"A carrier took it at least once."`
	Delivered      int64             `json:"delivered"`
	DeliveredViber int64             `json:"delivered_viber" doc:"First on Viber."`
	DeliveredSMS   int64             `json:"delivered_sms" doc:"First as SMS."`
	Read           int64             `json:"read" doc:"Others may have been read as well: users can switch it off."`
	Fallbacks      int64             `json:"fallbacks"`
	FallbackBy     map[string]int64  `json:"fallback_by" doc:"The fallbacks by reason."`
	Late           int64             `json:"late" doc:"Delivered on Viber after the fallback."`
	Double         int64             `json:"double" doc:"Delivered on both channels."`
	Failed         int64             `json:"failed"`
	Unknown        int64             `json:"unknown"`
	Cancelled      int64             `json:"cancelled"`
	Replies        int64             `json:"replies"`
	OptOuts        int64             `json:"opt_outs"`
	Cost           map[string]string `json:"cost" doc:"By currency: decimal, exact."`
}

func (r TrafficReport) table() sheet.Table {
	reasons, currencies := map[string]bool{}, map[string]bool{r.currency: true}
	for _, row := range r.Rows {
		for reason := range row.FallbackBy {
			reasons[reason] = true
		}
		for currency := range row.Cost {
			currencies[currency] = true
		}
	}
	delete(currencies, "")
	t := sheet.Table{Name: "traffic", Columns: append(slices.Clone(r.By), "accepted", "sent", "delivered", "delivered_viber", "delivered_sms", "read", "fallbacks",
		"late", "double", "failed", "unknown", "cancelled", "replies", "opt_outs")}
	sortedReasons, sortedCurrencies := slices.Sorted(maps.Keys(reasons)), slices.Sorted(maps.Keys(currencies))
	for _, reason := range sortedReasons {
		t.Columns = append(t.Columns, "fallback_"+reason)
	}
	for _, currency := range sortedCurrencies {
		t.Columns = append(t.Columns, "cost_"+currency)
	}
	for _, row := range r.Rows {
		cells := row.cells(r.By)
		for _, n := range []int64{
			row.Accepted, row.Sent, row.Delivered, row.DeliveredViber, row.DeliveredSMS, row.Read, row.Fallbacks,
			row.Late, row.Double, row.Failed, row.Unknown, row.Cancelled, row.Replies, row.OptOuts,
		} {
			cells = append(cells, sheet.Int(n))
		}
		for _, reason := range sortedReasons {
			cells = append(cells, sheet.Int(row.FallbackBy[reason]))
		}
		for _, currency := range sortedCurrencies {
			cells = append(cells, sheet.Decimal(orNothing(row.Cost[currency])))
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

func orNothing(amount string) string {
	if amount == "" {
		return "0.000000"
	}
	return amount
}

// TimesReport answers GET /v1/reports/times.
type TimesReport struct {
	ReportRange
	Rows []TimesRow `json:"rows"`
}

// TimesRow says how long messages took.
type TimesRow struct {
	ReportKey
	What     string `json:"what" enum:"delivery,fallback"`
	Messages int64  `json:"messages"`
	P50      int64  `json:"p50_ms"`
	P90      int64  `json:"p90_ms"`
	P95      int64  `json:"p95_ms"`
	P99      int64  `json:"p99_ms"`
	Max      int64  `json:"max_ms"`
}

func (r TimesReport) table() sheet.Table {
	t := sheet.Table{Name: "times", Columns: append(slices.Clone(r.By), "what", "messages", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "max_ms")}
	for _, row := range r.Rows {
		cells := append(row.cells(r.By), sheet.Text(row.What))
		for _, n := range []int64{row.Messages, row.P50, row.P90, row.P95, row.P99, row.Max} {
			cells = append(cells, sheet.Int(n))
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// DoublesReport answers GET /v1/reports/doubles.
type DoublesReport struct {
	ReportRange
	Rows []DoublesRow `json:"rows" doc:"One for each currency."`
}

// DoublesRow is what messages cost that were charged on both channels.
type DoublesRow struct {
	ReportKey
	Messages int64  `json:"messages"`
	Viber    string `json:"viber" doc:"Decimal, exact."`
	SMS      string `json:"sms" doc:"Decimal, exact."`
	Cost     string `json:"cost" doc:"Both together."`
	Currency string `json:"currency"`
}

func (r DoublesReport) table() sheet.Table {
	t := sheet.Table{Name: "doubles", Columns: append(slices.Clone(r.By), "messages", "viber", "sms", "cost", "currency")}
	for _, row := range r.Rows {
		t.Rows = append(t.Rows, append(row.cells(r.By), sheet.Int(row.Messages), sheet.Decimal(row.Viber), sheet.Decimal(row.SMS), sheet.Decimal(row.Cost), sheet.Text(row.Currency)))
	}
	return t
}

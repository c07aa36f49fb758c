package gateway

import (
	"context"
	"errors"

	"goniec/adapters/httpapi"
	"goniec/projections/query"
)

// Traffic implements httpapi.Reports.
func (q Queries) Traffic(ctx context.Context, r httpapi.Report) ([]httpapi.TrafficRow, error) {
	rows, err := q.Reader.TrafficReport(ctx, asked(r))
	return reported(rows, err, func(row query.TrafficRow) httpapi.TrafficRow {
		return httpapi.TrafficRow{
			ReportKey: httpapi.ReportKey(row.Key), Accepted: row.Accepted, Sent: row.Sent, Delivered: row.Delivered, DeliveredViber: row.DeliveredViber,
			DeliveredSMS: row.DeliveredSMS, Read: row.Read, Fallbacks: row.Fallbacks, FallbackBy: row.FallbackBy, Late: row.Late,
			Double: row.Double, Failed: row.Failed, Unknown: row.Unknown, Cancelled: row.Cancelled, Replies: row.Replies,
			OptOuts: row.OptOuts, Cost: row.Cost,
		}
	})
}

// Times implements httpapi.Reports.
func (q Queries) Times(ctx context.Context, r httpapi.Report) ([]httpapi.TimesRow, error) {
	rows, err := q.Reader.TimesReport(ctx, asked(r))
	return reported(rows, err, func(row query.TimesRow) httpapi.TimesRow {
		return httpapi.TimesRow{
			ReportKey: httpapi.ReportKey(row.Key), What: row.What, Messages: row.Messages, P50: row.P50.Milliseconds(), P90: row.P90.Milliseconds(),
			P95: row.P95.Milliseconds(), P99: row.P99.Milliseconds(), Max: row.Max.Milliseconds(),
		}
	})
}

// Doubles implements httpapi.Reports.
func (q Queries) Doubles(ctx context.Context, r httpapi.Report) ([]httpapi.DoublesRow, error) {
	rows, err := q.Reader.DoublesReport(ctx, asked(r))
	return reported(rows, err, func(row query.DoublesRow) httpapi.DoublesRow {
		return httpapi.DoublesRow{ReportKey: httpapi.ReportKey(row.Key), Messages: row.Messages, Viber: row.Viber, SMS: row.SMS, Cost: row.Cost, Currency: row.Currency}
	})
}

func asked(r httpapi.Report) query.Report {
	out := query.Report{
		Account: r.Account, From: r.From, To: r.To, Zone: r.Zone, Sender: r.Sender, Country: r.Country, Category: r.Category, Tag: r.Tag,
	}
	for _, d := range r.By {
		out.By = append(out.By, query.Dimension(d))
	}
	return out
}

// reported turns the rows of a report into those that are shown.
func reported[R, S any](rows []R, err error, show func(R) S) ([]S, error) {
	if errors.Is(err, query.ErrTooManyRows) {
		return nil, httpapi.ErrReportTooLarge
	}
	if err != nil {
		return nil, known(err)
	}
	out := make([]S, len(rows))
	for i, row := range rows {
		out[i] = show(row)
	}
	return out, nil
}

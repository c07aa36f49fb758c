package client

import (
	"context"
	"net/http"
	"net/url"

	"goniec/adapters/httpapi"
)

// ReportFilter selects what a report counts; empty values are the API's defaults.
type ReportFilter struct {
	From, To, Zone, By, Sender, Country, Category, Tag string
}

func (f ReportFilter) query(format string) url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"from": f.From, "to": f.To, "zone": f.Zone, "by": f.By, "sender": f.Sender, "country": f.Country, "category": f.Category, "tag": f.Tag, "format": format,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// TrafficReport counts messages.
func (c *Client) TrafficReport(ctx context.Context, f ReportFilter) (out httpapi.TrafficReport, err error) {
	err = c.get(ctx, "/v1/reports/traffic", f.query(""), &out)
	return out, err
}

// TimesReport says how long messages took.
func (c *Client) TimesReport(ctx context.Context, f ReportFilter) (out httpapi.TimesReport, err error) {
	err = c.get(ctx, "/v1/reports/times", f.query(""), &out)
	return out, err
}

// DoublesReport says what messages cost that were charged on both channels.
func (c *Client) DoublesReport(ctx context.Context, f ReportFilter) (out httpapi.DoublesReport, err error) {
	err = c.get(ctx, "/v1/reports/doubles", f.query(""), &out)
	return out, err
}

// ReportFile returns a report (traffic, times, doubles) as a file: csv or xlsx.
func (c *Client) ReportFile(ctx context.Context, name, format string, f ReportFilter) (file []byte, err error) {
	err = c.get(ctx, "/v1/reports/"+url.PathEscape(name), f.query(format), &file)
	return file, err
}

// search is Messages with a number, which goes in the body: it has no business in a URL.
func (c *Client) search(ctx context.Context, f Filter) (out httpapi.MessageList, err error) {
	in := httpapi.SearchRequest{
		To: f.Number, State: f.State, Sender: f.Sender, From: f.From, Before: f.To, ClientRef: f.ClientRef, Limit: f.Limit, Cursor: f.Cursor,
	}
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/messages/search", in: in, out: &out, repeatable: true})
	return out, err
}

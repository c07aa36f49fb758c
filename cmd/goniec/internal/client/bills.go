package client

import (
	"context"
	"net/http"
	"net/url"

	"goniec/adapters/httpapi"
)

func bills(month, rest string) string { return "/v1/billing/" + url.PathEscape(month) + rest }

// ofAccount names an account in a query, "" = none.
func ofAccount(account string) url.Values {
	if account == "" {
		return nil
	}
	return url.Values{"account": {account}}
}

// Forecast returns what the current month comes to for the senders of the key's account
// or, with a key of the installation, of the one that is named.
func (c *Client) Forecast(ctx context.Context, account string) (out httpapi.ForecastBody, err error) {
	err = c.get(ctx, "/v1/billing/forecast", ofAccount(account), &out)
	return out, err
}

func party(account string) string { return "/v1/accounts/" + url.PathEscape(account) + "/party" }

// Party returns whom an account's months are invoiced to.
func (c *Client) Party(ctx context.Context, account string) (out httpapi.PartyBody, err error) {
	err = c.get(ctx, party(account), nil, &out)
	return out, err
}

// SetParty says whom; repeating it changes nothing.
func (c *Client) SetParty(ctx context.Context, account string, in httpapi.PartyBody) (out httpapi.ChangedBody, err error) {
	err = c.do(ctx, request{method: http.MethodPut, path: party(account), in: in, out: &out, repeatable: true})
	return out, err
}

// Statement returns a month of an account, closed or as a preview.
func (c *Client) Statement(ctx context.Context, account, month string) (out httpapi.StatementBody, err error) {
	err = c.get(ctx, bills(month, "/statement"), url.Values{"account": {account}}, &out)
	return out, err
}

// CloseMonth closes a month, or says what that would write; repeating it changes nothing.
func (c *Client) CloseMonth(ctx context.Context, month string, in httpapi.CloseRequest) (out httpapi.CloseBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: bills(month, "/close"), in: in, out: &out, repeatable: true})
	return out, err
}

// RequestCredit asks for a sum off a month; with the credit's id a repeat is the same one.
func (c *Client) RequestCredit(ctx context.Context, month string, in httpapi.CreditRequest) (out httpapi.CreditBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: bills(month, "/credits"), in: in, out: &out, repeatable: in.Credit != ""})
	return out, err
}

// DecideCredit is "approve" or "reject".
func (c *Client) DecideCredit(ctx context.Context, month, credit, word string, in httpapi.CreditDecision) (out httpapi.CreditBody, err error) {
	path := bills(month, "/credits/"+url.PathEscape(credit)+"/"+word)
	err = c.do(ctx, request{method: http.MethodPost, path: path, in: in, out: &out, repeatable: true})
	return out, err
}

// Waive frees a sender from a month's minimum.
func (c *Client) Waive(ctx context.Context, month string, in httpapi.WaiveRequest) (out httpapi.ChangedBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: bills(month, "/waivers"), in: in, out: &out, repeatable: true})
	return out, err
}

package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"goniec/adapters/httpapi"
)

// Every method fails with *Error for an answer that is a problem, with an error
// that wraps ErrUnavailable when none came, or with ctx's cause.

// Send sends one message. With a key it is repeated while goniec is not
// available, and there is one message however often it is asked for.
func (c *Client) Send(ctx context.Context, key string, m httpapi.MessageRequest) (out httpapi.AcceptedBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/messages", key: key, in: m, out: &out, repeatable: key != ""})
	return out, err
}

// SendBatch sends up to httpapi.MaxBatch messages; see Send.
func (c *Client) SendBatch(ctx context.Context, key string, m []httpapi.MessageRequest) (out httpapi.BatchBody, err error) {
	err = c.do(ctx, request{
		method: http.MethodPost, path: "/v1/messages/batch", key: key, in: httpapi.BatchRequest{Messages: m}, out: &out, repeatable: key != "",
	})
	return out, err
}

// Preview judges and prices messages without sending them.
func (c *Client) Preview(ctx context.Context, m []httpapi.MessageRequest) (out httpapi.PreviewBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/messages/preview", in: httpapi.BatchRequest{Messages: m}, out: &out, repeatable: true})
	return out, err
}

// Message returns a message with its timeline.
func (c *Client) Message(ctx context.Context, id string) (out httpapi.Message, err error) {
	err = c.get(ctx, "/v1/messages/"+url.PathEscape(id), nil, &out)
	return out, err
}

// Filter selects messages; empty values select all.
type Filter struct {
	State, Sender, From, To, ClientRef, Cursor string
	Limit                                      int    // 1 to 200; 0 = the API's default
	Number                                     string // of the recipient
}

// Messages returns a page, newest first.
func (c *Client) Messages(ctx context.Context, f Filter) (out httpapi.MessageList, err error) {
	if f.Number != "" {
		return c.search(ctx, f)
	}
	q := url.Values{}
	for name, value := range map[string]string{
		"state": f.State, "sender": f.Sender, "from": f.From, "to": f.To, "client_ref": f.ClientRef, "cursor": f.Cursor,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	err = c.get(ctx, "/v1/messages", q, &out)
	return out, err
}

// Cancel stops what has not gone out of a message.
func (c *Client) Cancel(ctx context.Context, id string) (out httpapi.ChangedBody, err error) {
	err = c.do(ctx, request{method: http.MethodDelete, path: "/v1/messages/" + url.PathEscape(id), out: &out, repeatable: true})
	return out, err
}

// Billing returns a month ("2026-11") of the key's account or, with a key of the
// installation, of the one that is named.
func (c *Client) Billing(ctx context.Context, month, account string) (out httpapi.BillingBody, err error) {
	err = c.get(ctx, "/v1/billing/"+url.PathEscape(month), ofAccount(account), &out)
	return out, err
}

// Senders lists the account's senders.
func (c *Client) Senders(ctx context.Context) (out httpapi.SenderList, err error) {
	err = c.get(ctx, "/v1/senders", nil, &out)
	return out, err
}

// Sender returns a configuration with its form.
func (c *Client) Sender(ctx context.Context, id string) (out httpapi.SenderBody, err error) {
	err = c.get(ctx, "/v1/senders/"+url.PathEscape(id), nil, &out)
	return out, err
}

// CreateSender makes a configuration; the same again is the same one.
func (c *Client) CreateSender(ctx context.Context, in httpapi.SenderRequest) (out httpapi.SenderBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/senders", in: in, out: &out, repeatable: true})
	return out, err
}

// SaveSender saves a part of the form, of that version; 0 = whatever it is.
func (c *Client) SaveSender(ctx context.Context, id string, version int64, in httpapi.FormRequest) (out httpapi.SenderBody, err error) {
	err = c.do(ctx, request{
		method: http.MethodPatch, path: "/v1/senders/" + url.PathEscape(id), ifVersion: version, in: in, out: &out, repeatable: version == 0,
	})
	return out, err
}

// StepSender is POST /v1/senders/{id}/<step>, such as "submit" or "disable/withdraw",
// with its body, nil for none; for the version see SaveSender.
func (c *Client) StepSender(ctx context.Context, id, step string, version int64, in any) (out httpapi.SenderBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/senders/" + url.PathEscape(id) + "/" + step, ifVersion: version, in: in, out: &out})
	return out, err
}

// SenderLogo returns the logo's file.
func (c *Client) SenderLogo(ctx context.Context, id string) (file []byte, err error) {
	err = c.get(ctx, "/v1/senders/"+url.PathEscape(id)+"/logo", nil, &file)
	return file, err
}

// CreateAccount opens an account; with its id a repeat is the same one. It needs an
// operator's key, as IssueKey and PublishPrices do.
func (c *Client) CreateAccount(ctx context.Context, in httpapi.AccountRequest) (out httpapi.AccountBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/accounts", in: in, out: &out, repeatable: in.ID != ""})
	return out, err
}

// IssueKey makes a key of an account; its secret is in this answer only.
func (c *Client) IssueKey(ctx context.Context, account string, in httpapi.KeyRequest) (out httpapi.KeyBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/accounts/" + url.PathEscape(account) + "/keys", in: in, out: &out})
	return out, err
}

// Tasks lists what operators have to do.
func (c *Client) Tasks(ctx context.Context) (out httpapi.TaskList, err error) {
	err = c.get(ctx, "/v1/tasks", nil, &out)
	return out, err
}

// Regulations lists the versions, and what the account has accepted.
func (c *Client) Regulations(ctx context.Context) (out httpapi.RegulationsList, err error) {
	err = c.get(ctx, "/v1/regulations", nil, &out)
	return out, err
}

// RegulationsText returns a version's text, as it was published.
func (c *Client) RegulationsText(ctx context.Context, version string) (file []byte, err error) {
	err = c.get(ctx, "/v1/regulations/"+url.PathEscape(version)+"/text", nil, &file)
	return file, err
}

// AcceptRegulations accepts a version for the account.
func (c *Client) AcceptRegulations(ctx context.Context, version string) (out httpapi.ChangedBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/regulations/" + url.PathEscape(version) + "/acceptance", out: &out, repeatable: true})
	return out, err
}

// PublishRegulations publishes a version. It needs an operator's key.
func (c *Client) PublishRegulations(ctx context.Context, in httpapi.RegulationsRequest) (out httpapi.RegulationsBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/regulations", in: in, out: &out, repeatable: true})
	return out, err
}

// PreviewRegulations says what a version's minimums would change.
func (c *Client) PreviewRegulations(ctx context.Context, in httpapi.MinimumsRequest) (out httpapi.MinimumsPreview, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/regulations/preview", in: in, out: &out, repeatable: true})
	return out, err
}

// Prices returns the versions of a price list; account "" is the default list.
func (c *Client) Prices(ctx context.Context, account string) (out httpapi.PriceVersions, err error) {
	err = c.get(ctx, "/v1/prices", ofAccount(account), &out)
	return out, err
}

// PreviewPrices says what a version of a price list would change.
func (c *Client) PreviewPrices(ctx context.Context, in httpapi.PricesRequest) (out httpapi.PricesPreview, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/prices/preview", in: in, out: &out, repeatable: true})
	return out, err
}

// PublishPrices adds a version to a price list; each call adds one.
func (c *Client) PublishPrices(ctx context.Context, in httpapi.PricesRequest) (out httpapi.PricesBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/prices", in: in, out: &out})
	return out, err
}

// Pause turns a switch on; Resume turns it off. Both need an operator's key.
func (c *Client) Pause(ctx context.Context, in httpapi.PauseRequest) (out httpapi.SwitchBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/pause", in: in, out: &out, repeatable: true})
	return out, err
}

// Resume turns a switch off.
func (c *Client) Resume(ctx context.Context, in httpapi.PauseRequest) (out httpapi.SwitchBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/resume", in: in, out: &out, repeatable: true})
	return out, err
}

// Pauses lists what is paused.
func (c *Client) Pauses(ctx context.Context) (out httpapi.PauseList, err error) {
	err = c.get(ctx, "/v1/pauses", nil, &out)
	return out, err
}

// ExportPerson writes everything that is kept about a number to w. It needs an operator's key.
func (c *Client) ExportPerson(ctx context.Context, in httpapi.PersonRequest, w io.Writer) error {
	return c.do(ctx, request{method: http.MethodPost, path: "/v1/privacy/export", in: in, out: &stream{w}, slow: true})
}

// ErasePerson erases a number and its texts. It needs an operator's key.
func (c *Client) ErasePerson(ctx context.Context, in httpapi.EraseRequest) (out httpapi.ErasedBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/privacy/erase", in: in, out: &out, slow: true, repeatable: true})
	return out, err
}

// Unknown lists attempts of unknown outcome, the oldest first; with an id those
// of that message, or that attempt. It needs an operator's key.
func (c *Client) Unknown(ctx context.Context, id string, limit int) (out httpapi.UnknownList, err error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if id != "" {
		q.Set("id", id)
	}
	err = c.get(ctx, "/v1/unknown", q, &out)
	return out, err
}

// Unmatched lists reports that fit no attempt, the newest first. It needs an
// operator's key.
func (c *Client) Unmatched(ctx context.Context, limit int) (out httpapi.UnmatchedList, err error) {
	err = c.get(ctx, "/v1/unmatched", url.Values{"limit": {strconv.Itoa(limit)}}, &out)
	return out, err
}

// Resolve says what became of an attempt of unknown outcome.
func (c *Client) Resolve(ctx context.Context, message string, in httpapi.ResolveRequest) (out httpapi.ChangedBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/unknown/" + url.PathEscape(message) + "/resolve", in: in, out: &out, repeatable: true})
	return out, err
}

// OptOut records an opt-out, LiftOptOut its end.
func (c *Client) OptOut(ctx context.Context, in httpapi.OptOutRequest) (out httpapi.ChangedBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/opt-outs", in: in, out: &out, repeatable: true})
	return out, err
}

// LiftOptOut records that a recipient has consented again.
func (c *Client) LiftOptOut(ctx context.Context, in httpapi.OptOutRequest) (out httpapi.ChangedBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/opt-outs/lift", in: in, out: &out, repeatable: true})
	return out, err
}

// AddWebhook registers an endpoint; its secret is in this answer only. It is
// not repeated: that would register another one.
func (c *Client) AddWebhook(ctx context.Context, in httpapi.WebhookRequest) (out httpapi.Webhook, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: "/v1/webhooks", in: in, out: &out})
	return out, err
}

// Webhooks lists the account's endpoints.
func (c *Client) Webhooks(ctx context.Context) (out httpapi.WebhookList, err error) {
	err = c.get(ctx, "/v1/webhooks", nil, &out)
	return out, err
}

// RemoveWebhook removes an endpoint.
func (c *Client) RemoveWebhook(ctx context.Context, id string) (out httpapi.ChangedBody, err error) {
	err = c.do(ctx, request{method: http.MethodDelete, path: webhook(id, ""), out: &out, repeatable: true})
	return out, err
}

// TestWebhook calls an endpoint once with a test event.
func (c *Client) TestWebhook(ctx context.Context, id string) (out httpapi.WebhookAttempt, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: webhook(id, "/test"), out: &out})
	return out, err
}

// WebhookLog returns a page of an endpoint's attempts, newest first.
func (c *Client) WebhookLog(ctx context.Context, id, cursor string, limit int) (out httpapi.WebhookLog, err error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	err = c.get(ctx, webhook(id, "/log"), q, &out)
	return out, err
}

// ResendWebhook queues an event once more.
func (c *Client) ResendWebhook(ctx context.Context, id, event string) (out httpapi.ResentBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: webhook(id, "/resend"), in: httpapi.ResendRequest{EventID: event}, out: &out})
	return out, err
}

// ParkedList returns a page of what is parked or, with all, ever was. For operators.
func (c *Client) ParkedList(ctx context.Context, all bool, limit int, cursor string) (out httpapi.ParkedList, err error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}, "all": {strconv.FormatBool(all)}}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	err = c.get(ctx, "/v1/parked", q, &out)
	return out, err
}

// Parked returns one parked thing and what waits behind it. For operators.
func (c *Client) Parked(ctx context.Context, id string) (out httpapi.ParkedThing, err error) {
	err = c.get(ctx, parked(id, ""), nil, &out)
	return out, err
}

// ParkedContent returns what a parked command holds; that it was shown is an event.
func (c *Client) ParkedContent(ctx context.Context, id string) (out httpapi.ParkedContent, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: parked(id, "/content"), out: &out})
	return out, err
}

// RetryParked has a parked thing decided again. It is not repeated: a second
// time it would be refused, although the first did it.
func (c *Client) RetryParked(ctx context.Context, id string) (out httpapi.UnparkedBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: parked(id, "/retry"), out: &out})
	return out, err
}

// DropParked gives a parked thing up; see RetryParked.
func (c *Client) DropParked(ctx context.Context, id, reason string) (out httpapi.UnparkedBody, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: parked(id, "/drop"), in: httpapi.DropRequest{Reason: reason}, out: &out})
	return out, err
}

func parked(id, rest string) string { return "/v1/parked/" + url.PathEscape(id) + rest }

func webhook(id, rest string) string { return "/v1/webhooks/" + url.PathEscape(id) + rest }

func (c *Client) get(ctx context.Context, path string, q url.Values, out any) error {
	return c.do(ctx, request{method: http.MethodGet, path: path, query: q, out: out, repeatable: true})
}

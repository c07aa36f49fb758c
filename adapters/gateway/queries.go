package gateway

import (
	"context"
	"errors"

	"goniec/adapters/httpapi"
	"goniec/projections/query"
)

// Queries answers the API's questions from the read models.
type Queries struct {
	Reader *query.Reader
	// Recipient is who a number (E.164) is for an account: the read models know no numbers.
	Recipient func(account, e164 string) string
}

var _ httpapi.Queries = Queries{}

// Message implements httpapi.Queries.
func (q Queries) Message(ctx context.Context, account, id string) (httpapi.Message, error) {
	m, err := q.Reader.Message(ctx, account, id)
	if err != nil {
		return httpapi.Message{}, known(err)
	}
	return shown(m), nil
}

// Messages implements httpapi.Queries.
func (q Queries) Messages(ctx context.Context, f httpapi.Filter) ([]httpapi.Message, error) {
	in := query.Filter{
		Account: f.Account, ID: f.ID, State: f.State, Sender: f.Sender, From: f.From, To: f.To, ClientRef: f.ClientRef, Limit: f.Limit,
	}
	if f.Number != "" {
		in.Recipient = q.Recipient(f.Account, f.Number)
	}
	if f.After != nil {
		in.After = &query.Cursor{At: f.After.At, ID: f.After.ID}
	}
	list, err := q.Reader.Messages(ctx, in)
	if err != nil {
		return nil, known(err)
	}
	out := make([]httpapi.Message, len(list))
	for i, m := range list {
		out[i] = shown(m)
	}
	return out, nil
}

// Unknown implements httpapi.Queries.
func (q Queries) Unknown(ctx context.Context, messageOrAttempt string, limit int) ([]httpapi.UnknownAttempt, error) {
	list, err := q.Reader.UnknownAttempts(ctx, messageOrAttempt, limit)
	if err != nil {
		return nil, known(err)
	}
	out := make([]httpapi.UnknownAttempt, len(list))
	for i, u := range list {
		out[i] = httpapi.UnknownAttempt{
			Message: u.Message, Attempt: u.Attempt, Account: u.Account, State: string(u.State), Country: u.Country, Sender: u.Sender,
			ClientRef: u.ClientRef, Channel: u.Channel, Route: u.Route, Since: u.Since.UTC(), Reason: u.Reason, Code: u.Code,
		}
	}
	return out, nil
}

// Unmatched implements httpapi.Queries. The number's keyed hash stays inside.
func (q Queries) Unmatched(ctx context.Context, limit int) ([]httpapi.UnmatchedReport, error) {
	list, err := q.Reader.UnmatchedReports(ctx, limit)
	if err != nil {
		return nil, known(err)
	}
	out := make([]httpapi.UnmatchedReport, len(list))
	for i, r := range list {
		out[i] = httpapi.UnmatchedReport{
			ID: r.ID, Route: r.Route, Channel: r.Channel, ServiceID: r.ServiceID, CarrierID: r.CarrierID, Status: r.Status, Code: r.Code,
			At: r.At.UTC(), Received: r.Received.UTC(), Why: r.Why,
		}
	}
	return out, nil
}

// Billing implements httpapi.Queries.
func (q Queries) Billing(ctx context.Context, account, month string) ([]httpapi.BillingLine, error) {
	lines, err := q.Reader.Billing(ctx, account, month)
	if err != nil {
		return nil, known(err)
	}
	out := make([]httpapi.BillingLine, len(lines))
	for i, l := range lines {
		out[i] = httpapi.BillingLine{
			Sender: l.Sender, Country: l.Country, Channel: l.Channel, Category: l.Category, Content: l.Content,
			Count: l.Count, Parts: l.Parts, Amount: l.LineAmount, Currency: l.Currency, PriceVersion: l.PriceVersion,
		}
	}
	return out, nil
}

// SenderMonths implements httpapi.Queries.
func (q Queries) SenderMonths(ctx context.Context, account, month string) (map[string]httpapi.SenderTraffic, error) {
	list, err := q.Reader.SenderMonths(ctx, account, month)
	if err != nil {
		return nil, known(err)
	}
	out := make(map[string]httpapi.SenderTraffic, len(list))
	for _, m := range list {
		out[m.Sender] = httpapi.SenderTraffic{
			Month: m.Month, Currency: m.Currency, Free: m.Free, Minimum: m.MinimumAmount, MinimumMessages: m.MinimumMessages,
			Messages: m.Messages, Amount: m.Amount, LastMessages: m.PreviousMessages, LastAmount: m.PreviousAmount,
		}
	}
	return out, nil
}

func known(err error) error {
	if errors.Is(err, query.ErrNotFound) {
		return httpapi.ErrNotFound
	}
	return err
}

func shown(m query.Message) httpapi.Message {
	out := httpapi.Message{
		ID: m.ID, State: string(m.State), Ended: m.Ended, WaitsFor: string(m.WaitsFor), Channel: m.Channel, Sender: m.Sender, Country: m.Country,
		Category: m.Category, PricedCategory: m.PricedCategory, ClientRef: m.ClientRef, Tags: m.Tags, Test: m.Test,
		AcceptedAt: m.AcceptedAt, SendAt: m.SendAt, Deadline: m.Deadline, SMSParts: m.SMSParts, Reason: m.Reason, FallbackReason: m.FallbackReason,
		LateDelivery: m.LateDelivery, DoubleDelivery: m.DoubleDelivery, Charges: []httpapi.Charge{},
	}
	for _, c := range m.Charges {
		out.Charges = append(out.Charges, httpapi.Charge{Channel: string(c.Channel), Parts: c.Parts, Amount: c.Amount, Currency: c.Currency})
	}
	for _, s := range m.Timeline {
		out.Timeline = append(out.Timeline, httpapi.TimelineStep{At: s.At, Type: s.Type, Channel: string(s.Channel), Code: s.Code, Reason: s.Reason, Until: s.Until})
	}
	return out
}

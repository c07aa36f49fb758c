package httpapi

import (
	"context"
	"encoding/json"
	"time"

	"goniec/domain"
	"goniec/domain/money"
)

// batchWire is BatchRequest with its items left for one by one: a fault in one
// is that one's alone.
type batchWire struct {
	Messages []json.RawMessage `json:"messages"`
}

// item is one message of a batch, judged.
type item struct {
	message NewMessage
	faults  []*domain.Error
}

func (a *API) sendBatch(ctx context.Context, c *call, in *sendParams, body *batchWire) (*answer[BatchBody], error) {
	key, err := idempotencyKey(in.Key)
	if err != nil {
		return nil, err
	}
	items, err := a.judge(c, body, key)
	if err != nil {
		return nil, err
	}
	var good []NewMessage
	for _, it := range items {
		if len(it.faults) == 0 {
			good = append(good, it.message)
		}
	}
	accepted, err := a.accept(ctx, good)
	if err != nil {
		return nil, err
	}
	return ok(a.batchAnswer(c, items, accepted))
}

func (a *API) batchAnswer(c *call, items []item, accepted []Accepted) BatchBody {
	out := BatchBody{Results: make([]ItemResult, len(items))}
	next := 0
	for i, it := range items {
		r := ItemResult{Index: i}
		faults := it.faults
		if len(faults) == 0 {
			if accepted[next].Err != nil {
				faults = []*domain.Error{accepted[next].Err}
			}
			r.Repeated = accepted[next].Repeated
			r.ID, r.PricedCategory, r.SMSParts = accepted[next].ID, string(it.message.PricedCategory), it.message.SMSParts
			next++
		}
		if len(faults) > 0 {
			p := refusals(faults)
			r = ItemResult{Index: i, Code: p.Code, Errors: c.said(p.Errors)}
			a.metrics.refused.WithLabelValues(p.Code).Inc()
			out.Refused++
		} else {
			out.Accepted++
		}
		out.Results[i] = r
	}
	return out
}

// judge validates every item.
func (a *API) judge(c *call, body *batchWire, key string) ([]item, error) {
	if len(body.Messages) == 0 {
		return nil, domain.RefuseField(CodeRequired, "messages", "must have at least one message")
	}
	if len(body.Messages) > MaxBatch {
		return nil, domain.RefuseField(CodeTooMany, "messages", "are %d; at most %d are possible", len(body.Messages), MaxBatch)
	}
	items := make([]item, len(body.Messages))
	seen := make(map[[3]string]bool, len(items))
	for i, raw := range body.Messages {
		var r MessageRequest
		if items[i].faults = decodeStrict(raw, &r); len(items[i].faults) > 0 {
			continue
		}
		m, faults := a.check.Validate(c.key.Account, r)
		m.Actor, m.IdempotencyKey = c.actor(), key
		if len(faults) == 0 {
			faults = repeated(seen, m)
		}
		items[i] = item{message: m, faults: faults}
	}
	return items, nil
}

// repeated refuses an item that an earlier one of the batch stands for already.
// With an Idempotency-Key number and client_ref name the message, whatever its text.
func repeated(seen map[[3]string]bool, m NewMessage) []*domain.Error {
	name := [3]string{m.To, m.ClientRef, m.Text}
	if m.IdempotencyKey != "" {
		name[2] = ""
	}
	if seen[name] {
		return []*domain.Error{domain.Refuse(CodeDuplicateInBatch, "repeats an earlier message of this batch: give it a client_ref of its own")}
	}
	seen[name] = true
	return nil
}

func (a *API) preview(_ context.Context, c *call, _ *noParams, body *batchWire) (*answer[PreviewBody], error) {
	items, err := a.judge(c, body, "")
	if err != nil {
		return nil, err
	}
	out := PreviewBody{Results: make([]PreviewItem, len(items))}
	for i, it := range items {
		if len(it.faults) > 0 {
			p := refusals(it.faults)
			out.Results[i] = PreviewItem{Index: i, Code: p.Code, Errors: c.said(p.Errors)}
			continue
		}
		out.Results[i] = a.price(i, it.message, a.cfg.Clock.Now())
	}
	return ok(out)
}

// price says what the message would cost on each channel if it went out now.
func (a *API) price(i int, m NewMessage, now time.Time) PreviewItem {
	acc, _ := a.cfg.View.AccountByID(m.Account)
	p := PreviewItem{
		Index: i, Country: m.Country, PricedCategory: string(m.PricedCategory),
		SMSParts: m.SMSParts, SMSEncoding: m.SMSEncoding, Currency: acc.Currency,
	}
	cost := func(ch domain.Channel, parts int) string {
		unit, _, _ := a.cfg.View.Price(m.Account, now, m.Country, ch, m.PricedCategory, m.Content)
		amount, err := money.Parse(unit)
		if err != nil {
			return ""
		}
		if amount, err = amount.Times(parts); err != nil {
			return ""
		}
		return amount.String()
	}
	p.ViberPrice = cost(domain.Viber, 1)
	if m.Fallback {
		p.SMSPrice = cost(domain.SMS, m.SMSParts)
	}
	return p
}

package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"goniec/adapters/phone"
	"goniec/domain"
	"goniec/domain/money"
)

type monthParam struct {
	Month   string `path:"month" doc:"A calendar month in the billing zone." example:"2026-11"`
	Account string `query:"account" format:"uuid" doc:"Required with a key of the installation; a client's own account otherwise."`
}

// registerAccount adds what a client does besides messages.
func (a *API) registerAccount(api huma.API) {
	register(a, api, operation{
		id: "get-billing", method: http.MethodGet, path: "/v1/billing/{month}", tag: "Billing",
		errors: []int{http.StatusUnprocessableEntity}, summary: "A month's lines and totals",
	}, a.billing)
	register(a, api, operation{
		id: "opt-out", method: http.MethodPost, path: "/v1/opt-outs", tag: "Opt-outs",
		summary: "Record that a recipient has opted out", description: "It also stops messages that still wait.",
	}, a.optOut(false))
	register(a, api, operation{
		id: "lift-opt-out", method: http.MethodPost, path: "/v1/opt-outs/lift", tag: "Opt-outs",
		summary: "Record that a recipient has consented again",
	}, a.optOut(true))
}

func (a *API) billing(ctx context.Context, c *call, in *monthParam, _ *noBody) (*answer[BillingBody], error) {
	if _, err := billMonth(in.Month); err != nil {
		return nil, err
	}
	of, err := a.accountOf(c, in.Account)
	if err != nil {
		return nil, err
	}
	lines, err := a.cfg.Queries.Billing(ctx, of, in.Month)
	if err != nil {
		return nil, err
	}
	out := BillingBody{Month: in.Month, Lines: lines, Totals: []BillingTotal{}}
	if out.Lines == nil {
		out.Lines = []BillingLine{}
	}
	out.Totals, err = totals(out.Lines)
	if err != nil {
		return nil, err
	}
	return ok(out)
}

// totals adds the lines, which are rounded already: a bill is the sum of its lines.
func totals(lines []BillingLine) ([]BillingTotal, error) {
	sums := map[string]money.Amount{}
	order := []string{}
	for _, l := range lines {
		amount, err := money.Parse(l.Amount)
		if err != nil {
			return nil, err
		}
		old, seen := sums[l.Currency]
		if !seen {
			order = append(order, l.Currency)
		}
		if sums[l.Currency], err = old.Plus(amount); err != nil {
			return nil, err
		}
	}
	out := make([]BillingTotal, 0, len(order))
	for _, currency := range order {
		out = append(out, BillingTotal{Currency: currency, Amount: sums[currency].Cents()})
	}
	return out, nil
}

func (a *API) optOut(lift bool) func(context.Context, *call, *noParams, *OptOutRequest) (*answer[ChangedBody], error) {
	return func(ctx context.Context, c *call, _ *noParams, body *OptOutRequest) (*answer[ChangedBody], error) {
		if body.To == "" {
			return nil, domain.RefuseField(CodeRequired, "to", "is required")
		}
		to, _, err := phone.Normalise(body.To, a.cfg.Country)
		if err != nil {
			return nil, err
		}
		for i, s := range body.Scopes {
			if i >= 6 || !s.Valid() {
				return nil, domain.RefuseField(CodeInvalidValue, "scopes["+strconv.Itoa(i)+"]", "must be a channel (viber, sms) with a category; at most 6")
			}
		}
		out, err := a.cfg.Commander.OptOut(ctx, c.origin(), OptOut{To: to, Scopes: body.Scopes, Lift: lift})
		if err != nil {
			return nil, err
		}
		return ok(ChangedBody{Changed: len(out.Events) > 0})
	}
}

package gateway

import (
	"context"
	"errors"

	"goniec/adapters/httpapi"
	"goniec/adapters/webhooks"
	"goniec/domain/account"
)

// Hooks shows the webhook engine to the API.
type Hooks struct{ *webhooks.Webhooks }

var _ httpapi.Webhooks = Hooks{}

// CheckEvents implements httpapi.Webhooks.
func (Hooks) CheckEvents(names []string) error { return webhooks.CheckEvents(names) }

// Test implements httpapi.Webhooks. A call that could not be logged was made all the same.
func (h Hooks) Test(ctx context.Context, account, endpoint string) (httpapi.WebhookAttempt, error) {
	a, err := h.Webhooks.Test(ctx, account, endpoint)
	return attempt(a), hookError(err)
}

// Log implements httpapi.Webhooks.
func (h Hooks) Log(ctx context.Context, account, endpoint, cursor string, limit int) ([]httpapi.WebhookAttempt, string, error) {
	page, next, err := h.Webhooks.Log(ctx, account, endpoint, cursor, limit)
	if err != nil {
		return nil, "", hookError(err)
	}
	out := make([]httpapi.WebhookAttempt, len(page))
	for i, a := range page {
		out[i] = attempt(a)
	}
	return out, next, nil
}

// Resend implements httpapi.Webhooks.
func (h Hooks) Resend(ctx context.Context, account, endpoint, eventID string) error {
	return hookError(h.Webhooks.Resend(ctx, account, endpoint, eventID))
}

func hookError(err error) error {
	if errors.Is(err, webhooks.ErrNotFound) {
		return httpapi.ErrNotFound
	}
	return err
}

func attempt(a webhooks.Attempt) httpapi.WebhookAttempt {
	out := httpapi.WebhookAttempt{
		EventID: a.EventID, Type: a.Type, At: a.At, Attempt: a.Attempt, Status: a.Status, Error: a.Error,
		Duration: a.Duration.Milliseconds(), Done: a.Done,
	}
	if !a.Next.IsZero() {
		out.Next = &a.Next
	}
	return out
}

// Endpoints lets the webhook engine register endpoints through the Gateway.
type Endpoints struct{ Gateway *Gateway }

var _ webhooks.Commander = Endpoints{}

// Configure implements webhooks.Commander.
func (e Endpoints) Configure(ctx context.Context, accountID, actor string, c account.Command) error {
	_, err := e.Gateway.Configure(ctx, httpapi.Origin{Account: accountID, Actor: actor}, accountID, account.AccountStream(accountID), c)
	return err
}

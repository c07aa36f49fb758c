package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"goniec/domain"
	"goniec/domain/account"
)

type logParams struct {
	ID     string `path:"id" format:"uuid"`
	Limit  string `query:"limit" doc:"1 to 200, default 50."`
	Cursor string `query:"cursor" doc:"next of the page before."`
}

func (a *API) registerWebhooks(api huma.API) {
	missing := []int{http.StatusNotFound}
	register(a, api, operation{
		id: "add-webhook", method: http.MethodPost, path: "/v1/webhooks", tag: "Webhooks",
		status: http.StatusCreated, summary: "Register an endpoint",
		description: "Calls are signed as Standard Webhooks asks, with the secret that is shown in this answer only.",
	}, a.addWebhook)
	register(a, api, operation{
		id: "list-webhooks", method: http.MethodGet, path: "/v1/webhooks", tag: "Webhooks",
		summary: "The account's endpoints",
	}, a.listWebhooks)
	register(a, api, operation{
		id: "remove-webhook", method: http.MethodDelete, path: "/v1/webhooks/{id}", tag: "Webhooks",
		errors: missing, summary: "Remove an endpoint",
	}, a.removeWebhook)
	register(a, api, operation{
		id: "test-webhook", method: http.MethodPost, path: "/v1/webhooks/{id}/test", tag: "Webhooks",
		errors: missing, summary: "Call the endpoint once with a test event",
		description: "Answers what came of the call; success of this request does not mean that the endpoint took it.",
	}, a.testWebhook)
	register(a, api, operation{
		id: "webhook-log", method: http.MethodGet, path: "/v1/webhooks/{id}/log", tag: "Webhooks",
		errors: []int{http.StatusNotFound, http.StatusUnprocessableEntity}, summary: "Attempts, newest first",
	}, a.webhookLog)
	register(a, api, operation{
		id: "resend-webhook", method: http.MethodPost, path: "/v1/webhooks/{id}/resend", tag: "Webhooks",
		status: http.StatusAccepted, errors: missing, summary: "Send an event once more",
	}, a.resendWebhook)
}

func (a *API) addWebhook(ctx context.Context, c *call, _ *noParams, body *WebhookRequest) (*answer[Webhook], error) {
	if body.URL == "" {
		return nil, domain.RefuseField(CodeRequired, "url", "is required")
	}
	if len(body.URL) > account.MaxURL { // before anybody resolves it
		return nil, domain.RefuseField(CodeTooLong, "url", "must be at most %d characters", account.MaxURL)
	}
	if err := a.cfg.Webhooks.CheckEvents(body.Events); err != nil {
		return nil, err
	}
	if err := a.cfg.Webhooks.CheckURL(ctx, body.URL); err != nil {
		return nil, err
	}
	plain, sealed, err := a.cfg.Webhooks.NewSecret()
	if err != nil {
		return nil, err
	}
	add := account.AddEndpoint{Endpoint: uuid.NewString(), URL: body.URL, Events: body.Events, Secret: sealed}
	if _, err := a.configure(ctx, c, c.key.Account, account.AccountStream(c.key.Account), add); err != nil {
		return nil, err
	}
	out := Webhook{ID: add.Endpoint, URL: add.URL, Events: orEmpty(add.Events), Added: a.cfg.Clock.Now(), Secret: plain}
	return &answer[Webhook]{Status: http.StatusCreated, Location: "/v1/webhooks/" + add.Endpoint, Body: out}, nil
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func (a *API) listWebhooks(_ context.Context, c *call, in *accountParam, _ *noBody) (*answer[WebhookList], error) {
	of, err := a.accountOf(c, in.Account)
	if err != nil {
		return nil, err
	}
	out := WebhookList{Webhooks: []Webhook{}}
	for _, e := range a.cfg.View.Endpoints(of) {
		out.Webhooks = append(out.Webhooks, Webhook{ID: e.ID, URL: e.URL, Events: orEmpty(e.Events), Added: e.Added})
	}
	return ok(out)
}

// endpoint refuses what is not one of the account's endpoints.
func (a *API) endpoint(c *call, id string) error {
	for _, e := range a.cfg.View.Endpoints(c.key.Account) {
		if e.ID == id {
			return nil
		}
	}
	return ErrNotFound
}

func (a *API) removeWebhook(ctx context.Context, c *call, in *idParam, _ *noBody) (*answer[ChangedBody], error) {
	if _, err := uuid.Parse(in.ID); err != nil {
		return nil, ErrNotFound
	}
	out, err := a.configure(ctx, c, c.key.Account, account.AccountStream(c.key.Account), account.RemoveEndpoint{Endpoint: in.ID})
	if err != nil {
		return nil, err
	}
	return ok(ChangedBody{Changed: len(out.Events) > 0})
}

func (a *API) testWebhook(ctx context.Context, c *call, in *idParam, _ *noBody) (*answer[WebhookAttempt], error) {
	if err := a.endpoint(c, in.ID); err != nil {
		return nil, err
	}
	attempt, err := a.cfg.Webhooks.Test(ctx, c.key.Account, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(attempt)
}

func (a *API) webhookLog(ctx context.Context, c *call, in *logParams, _ *noBody) (*answer[WebhookLog], error) {
	if err := a.endpoint(c, in.ID); err != nil {
		return nil, err
	}
	limit := standardPage
	if in.Limit != "" {
		var err error
		if limit, err = strconv.Atoi(in.Limit); err != nil || limit < 1 || limit > largestPage {
			return nil, domain.RefuseField(CodeInvalidValue, "limit", "must be from 1 to %d", largestPage)
		}
	}
	if len(in.Cursor) > 256 {
		return nil, domain.RefuseField(CodeInvalidValue, "cursor", "must be the next of an earlier page")
	}
	attempts, next, err := a.cfg.Webhooks.Log(ctx, c.key.Account, in.ID, in.Cursor, limit)
	if err != nil {
		return nil, err
	}
	return ok(WebhookLog{Attempts: orEmpty(attempts), Next: next})
}

func (a *API) resendWebhook(ctx context.Context, c *call, in *idParam, body *ResendRequest) (*answer[ResentBody], error) {
	if err := a.endpoint(c, in.ID); err != nil {
		return nil, err
	}
	if body.EventID == "" || len(body.EventID) > 100 || noText(body.EventID) {
		return nil, domain.RefuseField(CodeRequired, "event_id", "is required: the id of an event in the log")
	}
	if err := a.cfg.Webhooks.Resend(ctx, c.key.Account, in.ID, body.EventID); err != nil {
		return nil, err
	}
	return &answer[ResentBody]{Status: http.StatusAccepted, Body: ResentBody(*body)}, nil
}

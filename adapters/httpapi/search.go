package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"goniec/adapters/phone"
	"goniec/domain"
)

// SearchRequest is the body of POST /v1/messages/search: what all messages found
// have in common. It is a body because a number has no business in a URL.
type SearchRequest struct {
	To        string `json:"to,omitempty" doc:"The recipient's number, as it may be given when sending: exactly this one." example:"+48500100201"`
	ID        string `json:"id,omitempty" format:"uuid"`
	ClientRef string `json:"client_ref,omitempty" maxLength:"100"`
	State     string `json:"state,omitempty" enum:"accepted,waiting,sending,sent,delivered,read,failed,unknown,cancelled"`
	Sender    string `json:"sender,omitempty"`
	From      string `json:"from,omitempty" doc:"Accepted at or after: a time (2026-11-10T09:30:00Z) or a day (2026-11-10, UTC)."`
	Before    string `json:"before,omitempty" doc:"Accepted before."`
	Limit     int    `json:"limit,omitempty" doc:"1 to 200, default 50."`
	Cursor    string `json:"cursor,omitempty" doc:"next of the page before."`
}

func (a *API) registerSearch(api huma.API) {
	register(a, api, operation{
		id: "search-messages", method: http.MethodPost, path: "/v1/messages/search", tag: "Messages",
		summary:     "Find messages by number, id or your own reference, newest first",
		description: "A number is looked for by its keyed hash; it is kept nowhere on the way.",
	}, a.search)
}

func (a *API) search(ctx context.Context, c *call, _ *noParams, body *SearchRequest) (*answer[MessageList], error) {
	in := listParams{State: body.State, Sender: body.Sender, From: body.From, ClientRef: body.ClientRef, Cursor: body.Cursor}
	if body.Limit != 0 {
		in.Limit = strconv.Itoa(body.Limit)
	}
	f, err := in.filter(c.key.Account)
	if err != nil {
		return nil, err
	}
	if f.To, err = when("before", body.Before); err != nil {
		return nil, err
	}
	if body.ID != "" {
		if !messageID(body.ID) {
			return nil, domain.RefuseField(CodeInvalidValue, "id", "must be the id of a message")
		}
		f.ID = body.ID
	}
	if body.To != "" {
		if f.Number, _, err = phone.Normalise(body.To, a.cfg.Country); err != nil {
			return nil, err
		}
	}
	return a.page(ctx, f)
}

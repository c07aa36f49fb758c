package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"goniec/domain"
	"goniec/domain/message"
)

type unknownParams struct {
	ID    string `query:"id" doc:"Only those of this message, or this attempt."`
	Limit string `query:"limit" doc:"1 to 1000, default 200; the oldest first."`
}

// Pages of the operator's queues.
const (
	standardQueue = 200
	largestQueue  = 1000
)

type queueParams struct {
	Limit string `query:"limit" doc:"1 to 1000, default 200; the newest first."`
}

// registerUnknown adds the queues of unknown outcomes (rules.md D18) and of reports
// that fit nothing.
func (a *API) registerUnknown(api huma.API) {
	register(a, api, operation{
		id: "list-unknown", method: http.MethodGet, path: "/v1/unknown", tag: "Operator", errors: []int{http.StatusUnprocessableEntity},
		summary:     "Attempts whose outcome at the carrier is unknown, the oldest first",
		description: "Each waits for a report, or for an operator's word. It holds no numbers.",
	}, a.unknown)
	register(a, api, operation{
		id: "resolve-unknown", method: http.MethodPost, path: "/v1/unknown/{id}/resolve", tag: "Operator",
		errors: []int{http.StatusNotFound, http.StatusConflict}, summary: "Say what became of an attempt of unknown outcome",
		description: "The id is the message's. sent: the carrier took it; an SMS is charged, by the time of its attempt. not_sent: closed without a charge. " +
			"send_sms: the SMS goes now instead of at the deadline, if none has begun. A later report may still raise the state. Repeating it changes nothing.",
	}, a.resolveUnknown)
	register(a, api, operation{
		id: "list-unmatched", method: http.MethodGet, path: "/v1/unmatched", tag: "Operator", errors: []int{http.StatusUnprocessableEntity},
		summary:     "Carriers' reports that fit no attempt, the newest first",
		description: "Each is tried again when an attempt to its number is answered. It holds no numbers.",
	}, a.unmatched)
}

func (a *API) unknown(ctx context.Context, _ *call, in *unknownParams, _ *noBody) (*answer[UnknownList], error) {
	limit, err := queueLimit(in.Limit)
	if err != nil {
		return nil, err
	}
	if _, err := uuid.Parse(in.ID); in.ID != "" && err != nil {
		return nil, domain.RefuseField(CodeInvalidValue, "id", "must be the id of a message or an attempt")
	}
	found, err := a.cfg.Queries.Unknown(ctx, in.ID, limit)
	if err != nil {
		return nil, err
	}
	return ok(UnknownList{Attempts: found})
}

func (a *API) unmatched(ctx context.Context, _ *call, in *queueParams, _ *noBody) (*answer[UnmatchedList], error) {
	limit, err := queueLimit(in.Limit)
	if err != nil {
		return nil, err
	}
	found, err := a.cfg.Queries.Unmatched(ctx, limit)
	if err != nil {
		return nil, err
	}
	return ok(UnmatchedList{Reports: found})
}

func queueLimit(s string) (int, error) {
	if s == "" {
		return standardQueue, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > largestQueue {
		return 0, domain.RefuseField(CodeInvalidValue, "limit", "must be from 1 to %d", largestQueue)
	}
	return n, nil
}

func (a *API) resolveUnknown(ctx context.Context, c *call, in *idParam, body *ResolveRequest) (*answer[ChangedBody], error) {
	if !messageID(in.ID) {
		return nil, ErrNotFound
	}
	r := message.Resolve{Attempt: body.Attempt, As: message.Resolution(body.As), Reason: body.Reason, By: c.actor()}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	out, err := a.cfg.Commander.Resolve(ctx, c.origin(), in.ID, r)
	if err != nil {
		return nil, err
	}
	return ok(ChangedBody{Changed: len(out.Events) > 0})
}

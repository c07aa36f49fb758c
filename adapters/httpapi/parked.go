package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"goniec/domain"
	"goniec/domain/partition"
)

// Parking is what operators do about commands that could not be decided. A
// refusal is a *domain.Error; nothing of that name is ErrNotFound.
type Parking interface {
	// List returns a page, the newest first: what is parked now or, with all, ever was.
	List(ctx context.Context, all bool, limit int, after *Cursor) ([]Parked, error)
	// Thing returns one, and up to limit of those that wait behind it, in their order.
	Thing(ctx context.Context, id string, limit int) (Parked, []Parked, error)
	// Content returns what a parked command holds; that it was shown is an event first.
	Content(ctx context.Context, o Origin, id string) (ParkedContent, error)
	// Retry has it decided again, and what waits behind it.
	Retry(ctx context.Context, o Origin, id string) (Outcome, error)
	// Drop gives it up, and has what waits behind it decided.
	Drop(ctx context.Context, o Origin, id, reason string) (Outcome, error)
}

// Parked is something that could not be decided.
type Parked struct {
	ID        string     `json:"id" format:"uuid"`
	State     string     `json:"state" enum:"parked,retried,dropped"`
	Reason    string     `json:"reason" doc:"Why, as a code; after a retry that failed, why it did." example:"decision_failed"`
	Detail    string     `json:"detail,omitempty" doc:"The kind of error; never what the command held."`
	Type      string     `json:"type,omitempty" example:"message.cancel.v1" doc:"Of the command; timer/… for a timer; empty when it could not be read."`
	Command   string     `json:"command,omitempty" doc:"Its id."`
	Stream    string     `json:"stream,omitempty" doc:"The message that waits with it; none = it stands alone."`
	Account   string     `json:"account,omitempty"`
	Partition int32      `json:"partition"`
	Lane      string     `json:"lane,omitempty" doc:"The inbox that it came by, and its place there."`
	Offset    int64      `json:"offset"`
	Position  int        `json:"position" doc:"In the line of its stream."`
	Behind    int        `json:"behind" doc:"How many wait behind it."`
	Received  *time.Time `json:"received_at,omitempty"`
	At        time.Time  `json:"parked_at"`
	Retries   int        `json:"retries" doc:"That failed."`
	Shown     int        `json:"shown" doc:"How often its content was shown."`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	EndedBy   string     `json:"ended_by,omitempty" example:"key:0b7f3c1a-8e52-4d0e-9a6f-2f1f5a1c0003"`
	Note      string     `json:"note,omitempty" doc:"Why it was dropped; or the code with which it was refused when it was decided again."`
}

// ParkedList is a page, the newest first.
type ParkedList struct {
	Parked []Parked `json:"parked"`
	Next   string   `json:"next,omitempty" doc:"cursor of the next page; absent on the last."`
}

// ParkedThing is one of them with those that wait behind it.
type ParkedThing struct {
	Parked
	Line []Parked `json:"line" doc:"Those behind it, in their order; 200 at most."`
}

// ParkedContent is the record that was parked, as it came.
type ParkedContent struct {
	ID      string            `json:"id" format:"uuid"`
	Key     string            `json:"key"`
	Headers map[string]string `json:"headers"`
	Value   string            `json:"value" doc:"Bytes that are no UTF-8 are replaced."`
}

// DropRequest is the body of POST /v1/parked/{id}/drop.
type DropRequest struct {
	Reason string `json:"reason" maxLength:"500" doc:"For the journal, which is kept for ever: nothing personal."`
}

// UnparkedBody says what came of a retry or a drop.
type UnparkedBody struct {
	Decided     int  `json:"decided" doc:"How many were decided: it, unless it was dropped, and those behind it."`
	ParkedAgain bool `json:"parked_again" doc:"One of them failed again: it is parked, and what is behind it waits."`
}

type parkedParams struct {
	All    bool   `query:"all" doc:"Also what was retried or dropped."`
	Limit  string `query:"limit" doc:"1 to 200, default 50."`
	Cursor string `query:"cursor" doc:"next of the page before."`
}

// registerParked adds what operators do about parked commands.
func (a *API) registerParked(api huma.API) {
	missing, conflict := []int{http.StatusNotFound}, []int{http.StatusNotFound, http.StatusConflict}
	op := func(id, method, path, summary string, errors []int) operation {
		return operation{id: id, method: method, path: path, tag: "Operator", summary: summary, errors: errors}
	}
	register(a, api, op("list-parked", http.MethodGet, "/v1/parked", "What could not be decided and waits", nil), a.parkedList)
	register(a, api, op("get-parked", http.MethodGet, "/v1/parked/{id}", "One of it, and what waits behind it", missing), a.parkedThing)
	register(a, api, op("show-parked", http.MethodPost, "/v1/parked/{id}/content", "What a parked command holds; an event says who was shown it", conflict), a.parkedContent)
	register(a, api, op("retry-parked", http.MethodPost, "/v1/parked/{id}/retry", "Decide it again, and then what waits behind it", conflict), a.parkedRetry)
	register(a, api, op("drop-parked", http.MethodPost, "/v1/parked/{id}/drop", "Give it up; what waits behind it is decided", conflict), a.parkedDrop)
}

func (a *API) parkedList(ctx context.Context, _ *call, in *parkedParams, _ *noBody) (*answer[ParkedList], error) {
	limit := standardPage
	var err error
	if in.Limit != "" {
		if limit, err = strconv.Atoi(in.Limit); err != nil || limit < 1 || limit > largestPage {
			return nil, domain.RefuseField(CodeInvalidValue, "limit", "must be from 1 to %d", largestPage)
		}
	}
	after, err := decodeCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	found, err := a.cfg.Parking.List(ctx, in.All, limit+1, after)
	if err != nil {
		return nil, err
	}
	out := ParkedList{Parked: found}
	if len(found) > limit {
		out.Parked = found[:limit]
		last := out.Parked[limit-1]
		out.Next = encodeCursor(Cursor{At: last.At, ID: last.ID})
	}
	return ok(out)
}

func (a *API) parkedThing(ctx context.Context, _ *call, in *idParam, _ *noBody) (*answer[ParkedThing], error) {
	thing, line, err := a.cfg.Parking.Thing(ctx, in.ID, largestPage)
	if err != nil {
		return nil, err
	}
	return ok(ParkedThing{thing, line})
}

func (a *API) parkedContent(ctx context.Context, c *call, in *idParam, _ *noBody) (*answer[ParkedContent], error) {
	content, err := a.cfg.Parking.Content(ctx, c.origin(), in.ID)
	if err != nil {
		return nil, err
	}
	return ok(content)
}

func (a *API) parkedRetry(ctx context.Context, c *call, in *idParam, _ *noBody) (*answer[UnparkedBody], error) {
	out, err := a.cfg.Parking.Retry(ctx, c.origin(), in.ID)
	return unparked(out, err)
}

func (a *API) parkedDrop(ctx context.Context, c *call, in *idParam, body *DropRequest) (*answer[UnparkedBody], error) {
	if err := partition.CheckReason(body.Reason); err != nil {
		return nil, err
	}
	out, err := a.cfg.Parking.Drop(ctx, c.origin(), in.ID, body.Reason)
	return unparked(out, err)
}

func unparked(out Outcome, err error) (*answer[UnparkedBody], error) {
	if err != nil {
		return nil, err
	}
	var body UnparkedBody
	for _, typ := range out.Events {
		switch typ {
		case partition.TypeRetried:
			body.Decided++
		case partition.TypeRetryFailed, partition.TypeParked:
			body.ParkedAgain = true
		}
	}
	return ok(body)
}

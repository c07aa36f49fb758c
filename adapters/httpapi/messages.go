package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/internal/pause"
)

// maxIdempotencyKey bounds the header.
const maxIdempotencyKey = 255

// Pages of a list.
const (
	standardPage = 50
	largestPage  = 200
)

type sendParams struct {
	Key string `header:"Idempotency-Key" doc:"With the same key, number and client_ref there is one message, however often it is asked for."`
}

type listParams struct {
	State     string `query:"state" enum:"accepted,waiting,sending,sent,delivered,read,failed,unknown,cancelled"`
	Sender    string `query:"sender"`
	From      string `query:"from" doc:"Accepted at or after: a time (2026-11-10T09:30:00Z) or a day (2026-11-10, UTC)."`
	To        string `query:"to" doc:"Accepted before."`
	ClientRef string `query:"client_ref"`
	Limit     string `query:"limit" doc:"1 to 200, default 50."`
	Cursor    string `query:"cursor" doc:"next of the page before."`
}

func (a *API) registerMessages(api huma.API) {
	conflict := []int{http.StatusConflict}
	register(a, api, operation{
		id: "send-message", method: http.MethodPost, path: "/v1/messages", tag: "Messages",
		status: http.StatusAccepted, errors: conflict, summary: "Send a message",
		description: "Answers 202 only when the message is durable. After a 503 it may have been accepted: repeat it with the same Idempotency-Key.",
	}, a.send)
	register(a, api, operation{
		id: "send-batch", method: http.MethodPost, path: "/v1/messages/batch", tag: "Messages",
		maxBody: MaxBatchBody, batch: true, documented: reflect.TypeFor[BatchRequest](), summary: "Send up to 10,000 messages",
		description: "Each item is judged for itself and answered in order. An item that repeats an earlier one (number, client_ref, text) is refused.",
	}, a.sendBatch)
	register(a, api, operation{
		id: "preview-batch", method: http.MethodPost, path: "/v1/messages/preview", tag: "Messages",
		maxBody: MaxBatchBody, batch: true, documented: reflect.TypeFor[BatchRequest](), summary: "Judge and price messages without sending them",
	}, a.preview)
	register(a, api, operation{
		id: "list-messages", method: http.MethodGet, path: "/v1/messages", tag: "Messages",
		errors: []int{http.StatusUnprocessableEntity}, summary: "List messages, newest first",
	}, a.list)
	a.registerSearch(api)
	register(a, api, operation{
		id: "get-message", method: http.MethodGet, path: "/v1/messages/{id}", tag: "Messages",
		errors: []int{http.StatusNotFound}, summary: "A message with its timeline and charges",
		description: "A message just accepted is waited for up to 2 seconds.",
	}, a.get)
	register(a, api, operation{
		id: "cancel-message", method: http.MethodDelete, path: "/v1/messages/{id}", tag: "Messages",
		errors: []int{http.StatusNotFound, http.StatusConflict}, summary: "Stop what has not gone out",
	}, a.cancel)
}

func (a *API) send(ctx context.Context, c *call, in *sendParams, body *MessageRequest) (*answer[AcceptedBody], error) {
	key, err := idempotencyKey(in.Key)
	if err != nil {
		return nil, err
	}
	m, faults := a.check.Validate(c.key.Account, *body)
	if len(faults) > 0 {
		p := refusals(faults)
		a.metrics.refused.WithLabelValues(p.Code).Inc()
		return nil, p
	}
	m.Actor, m.IdempotencyKey = c.actor(), key
	accepted, err := a.accept(ctx, []NewMessage{m})
	if err != nil {
		return nil, err
	}
	if accepted[0].Err != nil {
		return nil, accepted[0].Err
	}
	return &answer[AcceptedBody]{
		Status: http.StatusAccepted, Location: "/v1/messages/" + accepted[0].ID,
		Body: AcceptedBody{ID: accepted[0].ID, PricedCategory: string(m.PricedCategory), SMSParts: m.SMSParts, SendAt: m.SendAt, Repeated: accepted[0].Repeated},
	}, nil
}

var errShortAnswer = errors.New("not every message was answered")

func (a *API) accept(ctx context.Context, messages []NewMessage) ([]Accepted, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	accepted, err := a.cfg.Accepter.AcceptMessages(ctx, messages)
	if err == nil && len(accepted) != len(messages) {
		err = errShortAnswer
	}
	return accepted, err
}

func idempotencyKey(s string) (string, error) {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return "", domain.RefuseField(CodeInvalidValue, "Idempotency-Key", "must be printable ASCII without spaces")
		}
	}
	if len(s) > maxIdempotencyKey {
		return "", domain.RefuseField(CodeTooLong, "Idempotency-Key", "must be at most %d characters", maxIdempotencyKey)
	}
	return s, nil
}

func (a *API) get(ctx context.Context, c *call, in *idParam, _ *noBody) (*answer[Message], error) {
	if !messageID(in.ID) {
		return nil, ErrNotFound
	}
	m, err := a.await(ctx, c.key.Account, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(m)
}

// messageID says whether the id has the form of one; nothing else is waited for.
func messageID(s string) bool {
	id, err := uuid.Parse(s)
	return err == nil && len(s) == 36 && id.Version() == 8
}

// await waits for a message that the projection may not have yet. Another
// account's is not told from one that does not exist, by time neither.
func (a *API) await(ctx context.Context, accountID, id string) (Message, error) {
	waiting, cancel := context.WithTimeout(ctx, a.cfg.Patience)
	defer cancel()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		m, err := a.cfg.Queries.Message(ctx, accountID, id)
		if !errors.Is(err, ErrNotFound) {
			return m, err
		}
		if pause.For(waiting, wait) != nil {
			return Message{}, ErrNotFound
		}
	}
}

func (a *API) cancel(ctx context.Context, c *call, in *idParam, _ *noBody) (*answer[ChangedBody], error) {
	if !messageID(in.ID) {
		return nil, ErrNotFound
	}
	out, err := a.cfg.Commander.Cancel(ctx, c.origin(), in.ID)
	if err != nil {
		return nil, err
	}
	return ok(ChangedBody{Changed: len(out.Events) > 0})
}

func (a *API) list(ctx context.Context, c *call, in *listParams, _ *noBody) (*answer[MessageList], error) {
	f, err := in.filter(c.key.Account)
	if err != nil {
		return nil, err
	}
	return a.page(ctx, f)
}

func (a *API) page(ctx context.Context, f Filter) (*answer[MessageList], error) {
	limit := f.Limit
	f.Limit++ // one more tells whether there is a next page
	found, err := a.cfg.Queries.Messages(ctx, f)
	if err != nil {
		return nil, err
	}
	out := MessageList{Messages: found}
	if len(found) > limit {
		out.Messages = found[:limit]
		last := out.Messages[limit-1]
		out.Next = encodeCursor(Cursor{At: last.AcceptedAt, ID: last.ID})
	}
	if out.Messages == nil {
		out.Messages = []Message{}
	}
	return ok(out)
}

func (in *listParams) filter(accountID string) (Filter, error) {
	f := Filter{Account: accountID, State: message.Status(in.State), Sender: in.Sender, ClientRef: in.ClientRef, Limit: standardPage}
	if in.State != "" && !knownState(f.State) {
		return f, domain.RefuseField(CodeInvalidValue, "state", "is not a state of a message")
	}
	for _, text := range []struct{ field, value string }{{"sender", in.Sender}, {"client_ref", in.ClientRef}} {
		if noText(text.value) {
			return f, domain.RefuseField(CodeInvalidEncoding, text.field, "is no text: it holds U+0000")
		}
	}
	if utf8.RuneCountInString(in.Sender) > MaxSender || utf8.RuneCountInString(in.ClientRef) > MaxClientRef {
		return f, domain.Refuse(CodeTooLong, "sender may have %d characters, client_ref %d", MaxSender, MaxClientRef)
	}
	var err error
	if in.Limit != "" {
		if f.Limit, err = strconv.Atoi(in.Limit); err != nil || f.Limit < 1 || f.Limit > largestPage {
			return f, domain.RefuseField(CodeInvalidValue, "limit", "must be from 1 to %d", largestPage)
		}
	}
	if f.From, err = when("from", in.From); err != nil {
		return f, err
	}
	if f.To, err = when("to", in.To); err != nil {
		return f, err
	}
	f.After, err = decodeCursor(in.Cursor)
	return f, err
}

func knownState(s message.Status) bool {
	switch s {
	case message.StatusAccepted, message.StatusWaiting, message.StatusSending, message.StatusSent, message.StatusDelivered,
		message.StatusRead, message.StatusFailed, message.StatusUnknown, message.StatusCancelled:
		return true
	}
	return false
}

func when(field, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, domain.RefuseField(CodeInvalidValue, field, "must be a time (2026-11-10T09:30:00Z) or a day (2026-11-10)")
}

func encodeCursor(c Cursor) string {
	b, _ := json.Marshal(c) // a time and a string always can be
	return base64.RawURLEncoding.EncodeToString(b)
}

func decodeCursor(s string) (*Cursor, error) {
	if s == "" {
		return nil, nil
	}
	var c Cursor
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) > 256 || json.Unmarshal(b, &c) != nil || !messageID(c.ID) {
		return nil, domain.RefuseField(CodeInvalidValue, "cursor", "must be the next of an earlier page")
	}
	return &c, nil
}

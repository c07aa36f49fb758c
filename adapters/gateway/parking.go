package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"goniec/adapters/httpapi"
	"goniec/domain"
	"goniec/domain/partition"
	"goniec/eventstore"
	"goniec/projections/query"
)

// Parking shows operators what could not be decided, and sends what they decide about it.
type Parking struct {
	Gateway *Gateway
	Reader  *query.Reader
}

var _ httpapi.Parking = Parking{}

// List implements httpapi.Parking.
func (p Parking) List(ctx context.Context, all bool, limit int, after *httpapi.Cursor) ([]httpapi.Parked, error) {
	var from *query.ParkedCursor
	if after != nil {
		from = &query.ParkedCursor{At: after.At, ID: after.ID}
	}
	list, err := p.Reader.Parked(ctx, all, limit, from)
	return parkedThings(list), known(err)
}

// Thing implements httpapi.Parking.
func (p Parking) Thing(ctx context.Context, id string, limit int) (httpapi.Parked, []httpapi.Parked, error) {
	t, err := p.Reader.ParkedThing(ctx, strings.ToLower(id))
	if err != nil {
		return httpapi.Parked{}, nil, known(err)
	}
	line, err := p.Reader.ParkedBehind(ctx, t.ID, limit)
	return parkedThing(t), parkedThings(line), known(err)
}

// Content implements httpapi.Parking: it is opened first, so that nothing is
// recorded as shown that could not be.
func (p Parking) Content(ctx context.Context, o httpapi.Origin, id string) (httpapi.ParkedContent, error) {
	id = strings.ToLower(id)
	if _, err := p.Reader.ParkedThing(ctx, id); err != nil {
		return httpapi.ParkedContent{}, known(err)
	}
	sealed, err := p.Reader.ParkedContent(ctx, id)
	if err != nil && !errors.Is(err, query.ErrNotFound) {
		return httpapi.ParkedContent{}, err
	}
	var r eventstore.Record
	if sealed != nil {
		if r, err = p.open(id, sealed); err != nil {
			return httpapi.ParkedContent{}, err
		}
	}
	if _, err := p.operate(ctx, o, id, partition.CommandRead, partition.Read{}); err != nil { // also says why there is none
		return httpapi.ParkedContent{}, err
	}
	if sealed == nil {
		return httpapi.ParkedContent{}, fmt.Errorf("%w: the content is not projected yet", eventstore.ErrUnavailable)
	}
	out := httpapi.ParkedContent{ID: id, Key: string(r.Key), Headers: map[string]string{}, Value: strings.ToValidUTF8(string(r.Value), "\uFFFD")}
	for _, h := range r.Headers {
		out.Headers[string(h.Key)] = string(h.Value)
	}
	return out, nil
}

func (p Parking) open(id string, sealed []byte) (r eventstore.Record, err error) {
	plain, err := p.Gateway.cfg.Keyring.Open(sealed, partition.StreamPrefix+id)
	if errors.Is(err, eventstore.ErrKeyGone) {
		return r, domain.Refuse(partition.CodeContentGone, "the retention of what it holds is over")
	}
	if err == nil {
		err = json.Unmarshal(plain, &r)
	}
	if err != nil {
		return r, errors.New("what is parked does not open")
	}
	return r, nil
}

// Retry implements httpapi.Parking.
func (p Parking) Retry(ctx context.Context, o httpapi.Origin, id string) (httpapi.Outcome, error) {
	return p.operate(ctx, o, id, partition.CommandRetry, partition.Retry{})
}

// Drop implements httpapi.Parking.
func (p Parking) Drop(ctx context.Context, o httpapi.Origin, id, reason string) (httpapi.Outcome, error) {
	return p.operate(ctx, o, id, partition.CommandDrop, partition.Drop{Reason: reason})
}

// operate sends an operator's command to the partition that the id names.
func (p Parking) operate(ctx context.Context, o httpapi.Origin, thing, typ string, data any) (httpapi.Outcome, error) {
	id, part, err := p.Gateway.cfg.Part.ParseID(thing)
	if err != nil {
		return httpapi.Outcome{}, httpapi.ErrNotFound
	}
	return p.Gateway.do(ctx, eventstore.InboxUrgent, part, eventstore.Command{
		Type: typ, Stream: partition.StreamPrefix + id.String(), Account: o.Account, Actor: o.Actor, Correlation: o.Request,
	}, data)
}

func parkedThings(list []query.Parked) []httpapi.Parked {
	out := make([]httpapi.Parked, len(list))
	for i, t := range list {
		out[i] = parkedThing(t)
	}
	return out
}

func parkedThing(t query.Parked) httpapi.Parked {
	return httpapi.Parked{
		ID: t.ID, State: t.State, Reason: t.Reason, Detail: t.Detail, Type: t.Type, Command: t.Command, Stream: t.Stream, Account: t.Account,
		Partition: t.Partition, Lane: t.Lane, Offset: t.Offset, Position: t.Position, Behind: t.Behind, Received: t.Received, At: t.At,
		Retries: t.Retries, Shown: t.Shown, EndedAt: t.EndedAt, EndedBy: t.EndedBy, Note: t.Note,
	}
}

package messages

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"goniec/domain/message"
	"goniec/projections"
)

// row is one message of a batch: what is stored of it, what comes to it, and
// what it becomes.
type row struct {
	id     uuid.UUID
	stream string
	events []projections.Event
	base   int64 // version in the table; 0 = not there

	version    int64
	account    uuid.UUID
	recipient  string
	country    string
	sender     string
	category   string
	priced     string
	content    string
	clientRef  string
	tags       []string
	smsParts   int
	test       bool
	late       bool
	double     bool
	acceptedAt time.Time
	updatedAt  time.Time
	sentAt     time.Time
	readAt     time.Time
	sendAt     time.Time // when it is, or was, released, if it had to wait
	why        string    // the last word on a failure, also when a report has raised the state since
	state      message.State
	stored     place // where traffic counts it now
	unknown    []unknown

	charged   bool      // the table holds charges of it
	paid      []Charge  // those of them, and those counted now, that are not waived
	delivered first     // as the sums count it
	fellBack  time.Time // in this batch
	steps     []Step    // to be appended
	charges   []Charge  // to be appended
}

// group sorts a batch by message. Stored are those that have to be read: their
// first event is not their stream's first, and they were not written recently.
func group(events []projections.Event, recent *recent) (rows []*row, stored map[uuid.UUID]*row, err error) {
	byStream := make(map[string]*row, len(events)/4+1)
	stored = map[uuid.UUID]*row{}
	for _, e := range events {
		r := byStream[e.Stream]
		if r == nil {
			id, err := projections.StreamID(Name, e.Stream)
			if err != nil {
				return nil, nil, err
			}
			if r = recent.take(id); r == nil || e.Version == 1 {
				r = &row{id: id, stream: e.Stream, state: message.New(id.String())}
				if e.Version > 1 {
					stored[id] = r
				}
			}
			byStream[e.Stream] = r
			rows = append(rows, r)
		}
		r.events = append(r.events, e)
	}
	slices.SortFunc(rows, func(a, b *row) int { return bytes.Compare(a.id[:], b.id[:]) })
	return rows, stored, nil
}

// load reads what the table holds of the known messages.
func load(ctx context.Context, tx projections.Tx, known map[uuid.UUID]*row) error {
	if len(known) == 0 {
		return nil
	}
	ids := make(projections.UUIDs, 0, len(known))
	for id := range known {
		ids = append(ids, projections.UUID(id))
	}
	rows, err := tx.Query(ctx, `SELECT id, version, account, country, sender, category, tags, test, late_delivery, double_delivery,
		accepted_at, sent_at, read_at, send_at, coalesce(reason, ''), charges, coalesce(unknown, ''), fold FROM messages WHERE id = ANY($1)`, ids)
	if err != nil {
		return fmt.Errorf("load messages: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows, known); err != nil {
			return fmt.Errorf("load messages: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("load messages: %w", err)
	}
	return nil
}

func scan(rows pgx.Rows, known map[uuid.UUID]*row) error {
	var id, account uuid.UUID
	var tags, fold []byte
	var sentAt, readAt, sendAt *time.Time
	var charges, doubts string
	var got row
	if err := rows.Scan(&id, &got.base, &account, &got.country, &got.sender, &got.category, &tags, &got.test, &got.late, &got.double,
		&got.acceptedAt, &sentAt, &readAt, &sendAt, &got.why, &charges, &doubts, &fold); err != nil {
		return err
	}
	var err error
	if got.unknown, err = parseUnknown(doubts); err != nil {
		return err
	}
	if got.charged, got.paid, err = parseCharges(charges); err != nil {
		return err
	}
	r := known[id]
	got.id, got.stream, got.events = r.id, r.stream, r.events
	got.version, got.account, got.acceptedAt = got.base, account, got.acceptedAt.UTC()
	got.sentAt, got.readAt, got.sendAt = orZero(sentAt), orZero(readAt), orZero(sendAt)
	if tags != nil {
		if err := json.Unmarshal(tags, &got.tags); err != nil {
			return fmt.Errorf("tags: %w", err)
		}
	}
	if err := json.Unmarshal(fold, &got.state); err != nil {
		return fmt.Errorf("fold: %w", err)
	}
	got.state.ID = id.String()
	got.stored, got.delivered = got.place(), got.first()
	*r = got
	return nil
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// fold applies the batch's events of this message.
func (r *row) fold() error {
	for _, e := range r.events {
		if err := projections.Succeeds(Name, r.stream, r.version, e.Version); err != nil {
			return err
		}
		fact, _ := e.Fact.(message.Event) // Wants lets nothing else through
		if err := r.note(fact, e); err != nil {
			return err
		}
		r.state = message.Evolve(r.state, fact, e.Time)
		r.noteUnknown(fact, e)
		r.version, r.updatedAt = e.Version, e.Time
		r.steps = append(r.steps, step(r.state, fact, e))
	}
	return nil
}

// note keeps what the columns need and message.State does not.
func (r *row) note(fact message.Event, e projections.Event) (err error) {
	if r.version == 0 {
		r.acceptedAt = e.Time
	}
	switch f := fact.(type) {
	case message.Accepted:
		r.account, err = uuid.Parse(f.Account)
		r.recipient, r.country, r.sender, r.category, r.priced = f.Recipient, f.Country, f.Sender, string(f.Category), string(f.PricedCategory)
		r.content, r.clientRef, r.tags, r.test = string(f.Content), f.ClientRef, f.Tags, f.Test
		r.smsParts = f.SMSParts
	case message.Refused:
		r.account, err = uuid.Parse(f.Account)
		r.recipient, r.country, r.sender, r.category, r.clientRef, r.tags = f.Recipient, f.Country, f.Sender, f.Category, f.ClientRef, f.Tags
		r.why = f.Reason
	case message.Waiting:
		r.sendAt = f.Until
	case message.AttemptAccepted, message.AttemptResolved:
		r.sent(e.Time)
	case message.Delivered:
		r.sent(e.Time)
		r.late, r.double = r.late || f.Late, r.double || f.Double
	case message.Read:
		r.readAt = e.Time
	case message.FellBack:
		r.fellBack = e.Time
	case message.Charged:
		r.charges = append(r.charges, charge(f))
	case message.Failed:
		r.why = f.Reason
	case message.Unknown:
		r.why = f.Reason
	}
	if err != nil {
		return &projections.ErrUnfit{Projection: Name, Stream: r.stream, What: "its account is no uuid"}
	}
	return nil
}

// sent notes when a carrier first had the message, as far as we know.
func (r *row) sent(at time.Time) {
	if r.sentAt.IsZero() {
		r.sentAt = at
	}
}

// kept is the state as it is stored: without what columns hold and Evolve does not regard.
func (r *row) kept() ([]byte, error) {
	s := r.state
	s.ID = ""
	t := &s.Accepted
	t.Account, t.Recipient, t.Number, t.Country, t.Sender, t.BodyDigest, t.SMSFrom = "", "", "", "", "", "", ""
	return json.Marshal(s)
}

// reason is why the message came to nothing, if it did, or why it waits.
func (r *row) reason() string {
	switch {
	case r.state.Hold != "":
		return message.ReasonPaused
	case r.state.Status == message.StatusWaiting:
		return message.ReasonScheduled
	}
	if r.state.Status == message.StatusFailed || r.state.Status == message.StatusUnknown {
		return r.why
	}
	return ""
}

package query

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"goniec/domain/message"
	"goniec/internal/pause"
	"goniec/projections/messages"
)

// Message is a message as its account sees it. It holds neither number nor text.
type Message struct {
	ID             string            `json:"id"`
	State          message.Status    `json:"state"`
	Ended          bool              `json:"ended"` // nothing more is planned; a late report may still raise the state
	WaitsFor       message.Wait      `json:"waits_for,omitempty"`
	Channel        string            `json:"channel,omitempty"`
	Sender         string            `json:"sender"`
	Country        string            `json:"country"`
	Category       string            `json:"category"`
	PricedCategory string            `json:"priced_category,omitempty"`
	Content        string            `json:"content,omitempty"`
	ClientRef      string            `json:"client_ref,omitempty"`
	Tags           []string          `json:"tags,omitempty"`
	SMSParts       int               `json:"sms_parts,omitempty"`
	Test           bool              `json:"test,omitempty"`
	AcceptedAt     time.Time         `json:"accepted_at"`
	UpdatedAt      time.Time         `json:"updated_at"`
	SendAt         *time.Time        `json:"send_at,omitempty"` // when it is, or was, released; nil = it went at once
	Deadline       *time.Time        `json:"deadline,omitempty"`
	EndedAt        *time.Time        `json:"ended_at,omitempty"`
	Reason         string            `json:"reason,omitempty"` // why it failed, is unknown or waits
	FallbackReason string            `json:"fallback_reason,omitempty"`
	LateDelivery   bool              `json:"late_delivery"`
	DoubleDelivery bool              `json:"double_delivery"`
	Charges        []messages.Charge `json:"charges"`
	Timeline       []messages.Step   `json:"timeline,omitempty"` // not in lists
	Version        int64             `json:"version"`            // events projected so far
}

const messageColumns = `id::text, state, ended, coalesce(waits_for, ''), coalesce(channel, ''), sender, country, category, priced_category, content,
	coalesce(client_ref, ''), tags, coalesce(sms_parts, 0), test, accepted_at, updated_at, send_at, deadline, ended_at,
	coalesce(reason, ''), coalesce(fallback_reason, ''), late_delivery, double_delivery, charges`

// Message returns a message of the account with its timeline, or ErrNotFound.
func (r *Reader) Message(ctx context.Context, account, messageID string) (Message, error) {
	owner, err := id(account)
	if err != nil {
		return Message{}, err
	}
	name, err := id(messageID)
	if err != nil {
		return Message{}, err
	}
	q := "SELECT " + messageColumns + ", timeline, version FROM goniec.messages WHERE id = $1 AND account = $2"
	return one(ctx, r, utcMessage, q, name, owner)
}

// AwaitMessage is Message, but gives a message that is not projected yet up to
// wait to appear, and to reach the version (0 = any). When the time is over it
// answers as Message does.
func (r *Reader) AwaitMessage(ctx context.Context, account, messageID string, version int64, wait time.Duration) (Message, error) {
	deadline := time.Now().Add(wait)
	for rest := 10 * time.Millisecond; ; rest = min(2*rest, 200*time.Millisecond) {
		m, err := r.Message(ctx, account, messageID)
		if err == nil && m.Version >= version {
			return m, nil
		}
		if err != nil && !errors.Is(err, ErrNotFound) || time.Now().Add(rest).After(deadline) {
			return m, err
		}
		if err := pause.For(ctx, rest); err != nil {
			return Message{}, fault(err)
		}
	}
}

func utcMessage(row pgx.CollectableRow) (Message, error) {
	m, err := pgx.RowToStructByPos[Message](row)
	m.AcceptedAt, m.UpdatedAt = m.AcceptedAt.UTC(), m.UpdatedAt.UTC()
	for _, t := range []*time.Time{m.SendAt, m.Deadline, m.EndedAt} {
		if t != nil {
			*t = t.UTC()
		}
	}
	return m, err
}

// Filter selects messages of one account. Zero values select all.
type Filter struct {
	Account   string // required
	ID        string
	State     message.Status
	Sender    string
	From, To  time.Time // of acceptance: From ≤ t < To
	ClientRef string
	Recipient string  // the keyed hash of account and number
	Limit     int     // 1 to 1,000; default 100
	After     *Cursor // continue behind this one
}

// Cursor is the place of a message in the list.
type Cursor struct {
	At time.Time `json:"a"` // of acceptance
	ID string    `json:"i"`
}

// CursorOf is where the list goes on after m.
func CursorOf(m Message) Cursor { return Cursor{At: m.AcceptedAt, ID: m.ID} }

// Messages returns a page, newest first, without timelines. A page with fewer
// than Limit messages is the last.
func (r *Reader) Messages(ctx context.Context, f Filter) ([]Message, error) {
	where, args, err := f.where()
	if err != nil {
		return nil, err
	}
	limit := f.Limit
	if limit < 1 {
		limit = 100
	}
	q := "SELECT " + messageColumns + ", NULL::jsonb, version FROM goniec.messages WHERE " + where +
		fmt.Sprintf(" ORDER BY accepted_at DESC, id DESC LIMIT %d", min(limit, 1000))
	return many(ctx, r, utcMessage, q, args...)
}

// where is the filter's condition; an id that is none is not found.
func (f *Filter) where() (string, []any, error) {
	owner, err := id(f.Account)
	if err != nil {
		return "", nil, err
	}
	where, args := []string{"account = $1"}, []any{owner}
	add := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		where = append(where, condition)
	}
	for _, text := range []struct{ condition, value string }{
		{"state = ?", string(f.State)}, {"sender = ?", f.Sender}, {"client_ref = ?", f.ClientRef},
	} {
		if text.value != "" {
			add(text.condition, text.value)
		}
	}
	for _, one := range []struct{ condition, value string }{{"id = ?", f.ID}, {"recipient = ?", f.Recipient}} {
		if one.value == "" {
			continue
		}
		v, err := id(one.value)
		if err != nil {
			return "", nil, err
		}
		add(one.condition, v)
	}
	if !f.From.IsZero() {
		add("accepted_at >= ?", f.From)
	}
	if !f.To.IsZero() {
		add("accepted_at < ?", f.To)
	}
	if f.After != nil {
		after, err := id(f.After.ID)
		if err != nil {
			return "", nil, err
		}
		add("(accepted_at, id) < (?, ?)", f.After.At, after)
	}
	return strings.Join(where, " AND "), args, nil
}

// StateCount is how many messages stand in a state.
type StateCount struct {
	State    message.Status `json:"state"`
	Ended    bool           `json:"ended"`
	Messages int64          `json:"messages"`
}

// States counts an account's messages accepted since a time by state, tests included.
func (r *Reader) States(ctx context.Context, account string, since time.Time) ([]StateCount, error) {
	owner, err := id(account)
	if err != nil {
		return nil, err
	}
	return many(ctx, r, pgx.RowToStructByPos[StateCount], `SELECT state, ended, count(*) FROM goniec.messages
		WHERE account = $1 AND accepted_at >= $2 GROUP BY 1, 2 ORDER BY 1, 2`, owner, since)
}

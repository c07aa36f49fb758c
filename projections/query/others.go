package query

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"goniec/domain/message"
	"goniec/projections/senders"
)

// Sender is a configuration with its history.
type Sender struct {
	ID        string           `json:"id"`
	Account   string           `json:"account"`
	Name      string           `json:"name"`
	Company   string           `json:"company"`
	Country   string           `json:"country"`
	TwoWay    bool             `json:"two_way"`
	State     string           `json:"state"` // new, submitted, active, disabled
	ServiceID int64            `json:"service_id,omitempty"`
	ActiveOn  *time.Time       `json:"active_on,omitempty"`
	Reasons   []string         `json:"reasons,omitempty"` // why it was returned
	CreatedAt time.Time        `json:"created_at"`
	UpdatedAt time.Time        `json:"updated_at"`
	History   []senders.Change `json:"history"`
}

// Senders returns an account's configurations by name and country.
func (r *Reader) Senders(ctx context.Context, account string) ([]Sender, error) {
	owner, err := id(account)
	if err != nil {
		return nil, err
	}
	return many(ctx, r, pgx.RowToStructByPos[Sender], `SELECT id::text, account::text, name, company, country, two_way, state, coalesce(service_id, 0),
		active_on, reasons, created_at, updated_at, history FROM goniec.senders WHERE account = $1 ORDER BY name COLLATE "C", country, id`, owner)
}

// SenderMonth is a configuration's month: its minimum and its traffic on Viber (rules.md A4).
// Amounts have 2 places.
type SenderMonth struct {
	Sender           string
	Month            string
	Currency         string
	Free             string // why there is no minimum; "" = there is one
	MinimumAmount    string // "" = none
	MinimumMessages  int64  // 0 = messages are not counted
	Messages         int64
	Amount           string
	PreviousMessages int64
	PreviousAmount   string
}

// SenderMonths returns the month ("2026-11") of an account's configurations, or of all
// accounts' for "". Those that had not been active by then have none.
func (r *Reader) SenderMonths(ctx context.Context, account, month string) ([]SenderMonth, error) {
	if account == "" {
		return many(ctx, r, pgx.RowToStructByPos[SenderMonth], fmt.Sprintf(senderMonths, ""), month)
	}
	owner, err := id(account)
	if err != nil {
		return nil, err
	}
	return many(ctx, r, pgx.RowToStructByPos[SenderMonth], fmt.Sprintf(senderMonths, ofAccount), month, owner)
}

const ofAccount = "AND account = $2"

// senderMonths is asked for one month, and for one account or all.
const senderMonths = `SELECT sender::text, month, currency, coalesce(free, ''), coalesce(minimum_amount::text, ''),
	coalesce(minimum_messages, 0), messages, amount::text, previous_messages, previous_amount::text
	FROM goniec.sender_month_traffic WHERE month = $1 %s ORDER BY sender`

// OptOut is the last word of a recipient on a channel and category.
type OptOut struct {
	Recipient string    `json:"recipient"`
	Channel   string    `json:"channel"`
	Category  string    `json:"category"`
	Stopped   bool      `json:"stopped"`
	Origin    string    `json:"origin"`
	Message   string    `json:"message,omitempty"`
	Sender    string    `json:"sender,omitempty"`
	At        time.Time `json:"at"`
}

// OptOuts returns an account's newest opt-outs, lifted ones included.
func (r *Reader) OptOuts(ctx context.Context, account string, limit int) ([]OptOut, error) {
	owner, err := id(account)
	if err != nil {
		return nil, err
	}
	return many(ctx, r, pgx.RowToStructByPos[OptOut], `SELECT recipient::text, channel, category, stopped, origin, coalesce(message::text, ''),
		coalesce(sender, ''), said_at FROM goniec.opt_outs WHERE account = $1 ORDER BY said_at DESC, recipient, channel, category LIMIT $2`, owner, bound(limit))
}

// Reply is what a recipient wrote back, its text aside.
type Reply struct {
	ID       string    `json:"id"` // of its sealed text
	Channel  string    `json:"channel"`
	Sender   string    `json:"sender,omitempty"`
	Message  string    `json:"message,omitempty"` // the message it answers
	Keyword  string    `json:"keyword,omitempty"`
	TwoWay   bool      `json:"two_way"`
	Length   int       `json:"length"`
	Received time.Time `json:"received_at"`
}

// Replies returns an account's newest replies.
func (r *Reader) Replies(ctx context.Context, account string, limit int) ([]Reply, error) {
	owner, err := id(account)
	if err != nil {
		return nil, err
	}
	return many(ctx, r, pgx.RowToStructByPos[Reply], `SELECT id, channel, coalesce(sender, ''), coalesce(message::text, ''), coalesce(keyword, ''), two_way,
		length, received_at FROM goniec.replies WHERE account = $1 ORDER BY received_at DESC, event DESC LIMIT $2`, owner, bound(limit))
}

// RepliesOf returns a page of an account's replies to messages of one recipient, and those
// with the ids; next, "" on the last page, is where the list goes on. For operators.
func (r *Reader) RepliesOf(ctx context.Context, account, recipient string, ids []string, after string, limit int) (page []Reply, next string, err error) {
	owner, err := id(account)
	if err != nil {
		return nil, "", err
	}
	who, err := id(recipient)
	if err != nil {
		return nil, "", err
	}
	page, err = many(ctx, r, pgx.RowToStructByPos[Reply], `SELECT id, channel, coalesce(sender, ''), coalesce(message::text, ''), coalesce(keyword, ''), two_way,
		length, received_at FROM goniec.replies WHERE account = $1 AND id COLLATE "C" > $4
		AND (id = ANY($3) OR message IN (SELECT id FROM goniec.messages WHERE account = $1 AND recipient = $2))
		ORDER BY id COLLATE "C" LIMIT $5`, owner, who, ids, after, bound(limit))
	if err == nil && len(page) == bound(limit) {
		next = page[len(page)-1].ID
	}
	return page, next, err
}

// OptOutsOf returns the last words of a recipient. For operators.
func (r *Reader) OptOutsOf(ctx context.Context, recipient string) ([]OptOut, error) {
	who, err := id(recipient)
	if err != nil {
		return nil, err
	}
	return many(ctx, r, pgx.RowToStructByPos[OptOut], `SELECT recipient::text, channel, category, stopped, origin, coalesce(message::text, ''),
		coalesce(sender, ''), said_at FROM goniec.opt_outs WHERE recipient = $1 ORDER BY channel, category`, who)
}

// ReplyAccounts returns whose those of the replies are that belong to an account. For operators.
func (r *Reader) ReplyAccounts(ctx context.Context, ids []string) (map[string]string, error) {
	type owned struct{ ID, Account string }
	list, err := many(ctx, r, pgx.RowToStructByPos[owned], "SELECT id, account::text FROM goniec.replies WHERE id = ANY($1) AND account IS NOT NULL", ids)
	out := make(map[string]string, len(list))
	for _, o := range list {
		out[o.ID] = o.Account
	}
	return out, err
}

// UnmatchedReport is a carrier's report that fits no attempt. For operators.
type UnmatchedReport struct {
	ID        string    `json:"id"`
	Number    string    `json:"number"` // keyed hash
	Route     string    `json:"route"`
	Channel   string    `json:"channel"`
	ServiceID int64     `json:"service_id,omitempty"`
	CarrierID string    `json:"carrier_id"`
	Status    string    `json:"status"`
	Code      string    `json:"code,omitempty"`
	Pending   bool      `json:"pending"` // an attempt is in flight that it may belong to
	At        time.Time `json:"at"`
	Received  time.Time `json:"received_at"`
	Why       string    `json:"why"` // a Why constant of package recipient
}

// UnmatchedReports returns the newest reports that fit no attempt. They belong
// to no account: for operators only.
func (r *Reader) UnmatchedReports(ctx context.Context, limit int) ([]UnmatchedReport, error) {
	return many(ctx, r, pgx.RowToStructByPos[UnmatchedReport], `SELECT id, number, route, channel, coalesce(service_id, 0), carrier_id, status,
		coalesce(code, ''), pending, happened_at, received_at, why FROM goniec.unmatched_reports ORDER BY received_at DESC, id LIMIT $1`, bound(limit))
}

// UnknownAttempt is an attempt of which nobody knows whether the carrier took it,
// and that waits for a report or an operator's word (rules.md D18).
type UnknownAttempt struct {
	Message   string         `json:"message"`
	Account   string         `json:"account"`
	State     message.Status `json:"state"` // of the message
	Country   string         `json:"country"`
	Sender    string         `json:"sender"`
	ClientRef string         `json:"client_ref,omitempty"`
	Attempt   string         `json:"attempt"`
	Channel   string         `json:"channel"`
	Route     string         `json:"route"`
	Since     time.Time      `json:"since"`
	Reason    string         `json:"reason"`
	Code      string         `json:"code,omitempty"` // the carrier's
}

// UnknownAttempts returns the oldest attempts of unknown outcome, of all accounts;
// with an id those of that message, or that attempt. For operators only.
func (r *Reader) UnknownAttempts(ctx context.Context, messageOrAttempt string, limit int) ([]UnknownAttempt, error) {
	return many(ctx, r, pgx.RowToStructByPos[UnknownAttempt], `SELECT message::text, account::text, state, country, sender, coalesce(client_ref, ''), attempt, channel, route,
		since, reason, code FROM goniec.unknown_attempts WHERE $1 IN ('', message::text, attempt) ORDER BY since, attempt LIMIT $2`, messageOrAttempt, bound(limit))
}

// TrafficLine counts the messages accepted on a day (in the billing zone) by
// what has become of them; tests are not traffic.
type TrafficLine struct {
	Day            time.Time `json:"day"` // midnight UTC stands for the date
	Country        string    `json:"country"`
	Sender         string    `json:"sender"`
	Category       string    `json:"category"`
	Tag            string    `json:"tag,omitempty"`
	Accepted       int64     `json:"accepted"`
	Sent           int64     `json:"sent"` // a carrier took it at least once
	Delivered      int64     `json:"delivered"`
	DeliveredViber int64     `json:"delivered_viber"`
	DeliveredSMS   int64     `json:"delivered_sms"`
	Read           int64     `json:"read"`
	Fallbacks      int64     `json:"fallbacks"`
	Late           int64     `json:"late"`
	Double         int64     `json:"double"`
	Failed         int64     `json:"failed"`
	Unknown        int64     `json:"unknown"`
	Cancelled      int64     `json:"cancelled"`
}

// Traffic returns an account's days of [from, to], dates as UTC midnights. With
// byTag each message counts once under each of its tags, else once in all.
func (r *Reader) Traffic(ctx context.Context, account string, from, to time.Time, byTag bool) ([]TrafficLine, error) {
	owner, err := id(account)
	if err != nil {
		return nil, err
	}
	return many(ctx, r, pgx.RowToStructByPos[TrafficLine], `SELECT day, country, sender, category, tag, accepted, sent, delivered, delivered_viber,
		delivered_sms, read, fallbacks, late, double, failed, unknown, cancelled FROM goniec.traffic_by_day
		WHERE account = $1 AND day BETWEEN $2::date AND $3::date AND (tag <> '') = $4
		ORDER BY day, country, sender COLLATE "C", category, tag COLLATE "C"`, owner, from, to, byTag)
}

func bound(limit int) int { return min(max(limit, 1), 1000) }

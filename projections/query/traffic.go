package query

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// TrafficRow counts messages by what has become of them, their replies and
// opt-outs, and what they cost. Tests are not traffic.
type TrafficRow struct {
	Key
	Accepted       int64
	Sent           int64 // a carrier took it at least once
	Delivered      int64
	DeliveredViber int64
	DeliveredSMS   int64
	Read           int64
	Fallbacks      int64
	FallbackBy     map[string]int64 // by reason; they add up to Fallbacks
	Late           int64
	Double         int64
	Failed         int64
	Unknown        int64
	Cancelled      int64
	Replies        int64
	OptOuts        int64
	Cost           map[string]string // by currency: exact, 6 places
}

// trafficSums are a view's counters as traffic_by_hour has them, by reason of the fallback.
var trafficSums = sums{
	kept: &kept{"traffic", []string{"fallback_reason"}, []counter{
		{"accepted", "messages"},
		{"sent", "CASE WHEN sent THEN messages END"},
		{"delivered_viber", "CASE WHEN state IN ('delivered', 'read') AND channel = 'viber' THEN messages END"},
		{"delivered_sms", "CASE WHEN state IN ('delivered', 'read') AND channel = 'sms' THEN messages END"},
		{"read", "CASE WHEN state = 'read' THEN messages END"},
		{"late", "CASE WHEN late THEN messages END"},
		{"double", "CASE WHEN double THEN messages END"},
		{"failed", "CASE WHEN state = 'failed' THEN messages END"},
		{"unknown", "CASE WHEN state = 'unknown' THEN messages END"},
		{"cancelled", "CASE WHEN state = 'cancelled' THEN messages END"},
	}},
	has: whose, group: []int{1},
	what: `fallback_reason, sum(accepted)::bigint, coalesce(sum(sent), 0)::bigint, coalesce(sum(delivered_viber), 0)::bigint,
	coalesce(sum(delivered_sms), 0)::bigint, coalesce(sum(read), 0)::bigint, coalesce(sum(late), 0)::bigint, coalesce(sum(double), 0)::bigint,
	coalesce(sum(failed), 0)::bigint, coalesce(sum(unknown), 0)::bigint, coalesce(sum(cancelled), 0)::bigint`,
}

type trafficSum struct {
	keyed
	Reason                                                                         string
	Accepted, Sent, ByViber, BySMS, Read, Late, Double, Failed, Unknown, Cancelled int64
}

// keptCosts are what charges cost, by channel and whether both were charged.
var keptCosts = &kept{"cost", []string{"channel", "currency", "double"}, same("charges", "amount")}

var costSums = sums{
	kept: keptCosts, has: whose, group: []int{1}, what: "currency, sum(amount)::numeric(24, 6)::text",
}

type costSum struct {
	keyed
	Currency, Amount string
}

// Replies and opt-outs are joined with the message that they name: it says what
// they count for. Both came after it, which bounds what is read.
var (
	replySums  = answerSums("goniec.replies a", "a.received_at >= $2", "count(*)::bigint")
	optOutSums = answerSums("goniec.opt_outs a", "a.stopped AND a.said_at >= $2", "count(DISTINCT (a.recipient, a.message))::bigint")
)

func answerSums(from, where, what string) sums {
	return sums{
		from: from + ` JOIN goniec.messages m ON m.id = a.message
		CROSS JOIN LATERAL (SELECT '' AS tag UNION SELECT jsonb_array_elements_text(coalesce(m.tags, '[]'))) t`,
		at: "m.accepted_at", has: whose, what: what, where: "a.account = $1 AND NOT m.test AND " + where,
		column: map[Dimension]string{"account": "m.account", BySender: "m.sender", ByCountry: "m.country", ByCategory: "m.category", ByTag: "t.tag"},
	}
}

type answerSum struct {
	keyed
	Count int64
}

// TrafficReport counts an account's messages. It answers ErrTooManyRows for what
// is too large.
func (r *Reader) TrafficReport(ctx context.Context, f Report) ([]TrafficRow, error) {
	out := newReport(&f, func(k Key) TrafficRow {
		return TrafficRow{Key: k, FallbackBy: map[string]int64{}, Cost: map[string]string{}}
	})
	err := r.snapshot(ctx, func(ctx context.Context, tx pgx.Tx) error {
		err := ask(ctx, tx, &f, trafficSums, func(s trafficSum) error { return out.change(s.keyed, s.add) })
		if err == nil {
			err = ask(ctx, tx, &f, costSums, func(s costSum) error {
				return out.change(s.keyed, func(row *TrafficRow) { row.Cost[s.Currency] = s.Amount })
			})
		}
		if err == nil {
			err = ask(ctx, tx, &f, replySums, func(s answerSum) error {
				return out.change(s.keyed, func(row *TrafficRow) { row.Replies = s.Count })
			})
		}
		if err == nil {
			err = ask(ctx, tx, &f, optOutSums, func(s answerSum) error {
				return out.change(s.keyed, func(row *TrafficRow) { row.OptOuts = s.Count })
			})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out.sorted(), nil
}

func (s trafficSum) add(row *TrafficRow) {
	row.Accepted += s.Accepted
	row.Sent += s.Sent
	row.DeliveredViber += s.ByViber
	row.DeliveredSMS += s.BySMS
	row.Delivered += s.ByViber + s.BySMS
	row.Read += s.Read
	row.Late += s.Late
	row.Double += s.Double
	row.Failed += s.Failed
	row.Unknown += s.Unknown
	row.Cancelled += s.Cancelled
	if s.Reason != "" {
		row.Fallbacks += s.Accepted
		row.FallbackBy[s.Reason] += s.Accepted
	}
}

// Package replies is the read model of what recipients wrote back (rules.md D9).
// The texts are not in it: they lie sealed in the topic contents under the reply's id.
package replies

import (
	"context"
	"embed"
	"fmt"
	"strings"

	"goniec/domain"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/projections"
)

// Name of the projection.
const Name = "replies"

//go:embed migrations/*.sql
var files embed.FS

// Projection implements projections.Projection.
type Projection struct{ projections.Model }

// New returns the projection.
func New() Projection {
	return Projection{projections.Model{
		Called: Name, Journals: []string{eventstore.Messages}, Files: files,
		Compared: []projections.Table{{Name: "replies", Key: "event"}},
		Contract: []projections.View{{
			Name:   "replies",
			Select: "SELECT event, id, account, channel, sender, message, keyword, two_way, length, received_at FROM replies",
		}},
	}}
}

// Wants implements projections.Projection.
func (Projection) Wants(e domain.Event) bool {
	_, ok := e.(recipient.ReplyReceived)
	return ok
}

// Apply implements projections.Projection.
func (Projection) Apply(ctx context.Context, tx projections.Tx, partition int32, events []projections.Event) error {
	text := make([][]string, 7)
	var twoWay []bool
	var lengths []int64
	var at projections.Times
	for _, e := range events {
		r, _ := e.Fact.(recipient.ReplyReceived) // Wants lets nothing else through
		for i, s := range []string{e.ID, r.ID, r.Account, string(r.Channel), r.Sender, strings.TrimPrefix(r.Message, "message/"), r.Keyword} {
			text[i] = append(text[i], s)
		}
		twoWay, lengths, at = append(twoWay, r.TwoWay), append(lengths, int64(r.Length)), append(at, projections.Time(e.Time))
	}
	_, err := tx.Exec(ctx, `INSERT INTO replies (partition, event, id, account, channel, sender, message, keyword, two_way, length, received_at)
		SELECT $1, event, id, nullif(account, '')::uuid, channel, nullif(sender, ''), nullif(message, '')::uuid, nullif(keyword, ''), two_way, length, received_at
		FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bool[], $10::bigint[], $11::timestamptz[])
		AS n (event, id, account, channel, sender, message, keyword, two_way, length, received_at) ON CONFLICT DO NOTHING`,
		partition, text[0], text[1], text[2], text[3], text[4], text[5], text[6], twoWay, lengths, at)
	if err != nil {
		return fmt.Errorf("write replies: %w", err)
	}
	return nil
}

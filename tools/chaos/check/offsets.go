package check

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// command is a record of an inbox.
type command struct {
	lane string
	rec  *kgo.Record
	id   string
	kind string
	data commandData
}

// commandData are the fields of all commands that are needed here.
type commandData struct {
	ID         string `json:"id"`
	Attempt    string `json:"attempt"`
	Number     string `json:"number"`
	Channel    string `json:"channel"`
	CarrierID  string `json:"carrier_id"`
	Status     string `json:"status"`
	Subscribed bool   `json:"subscribed"`
}

// park notes what could not be processed.
func (b *books) park(e *event) {
	var d struct {
		Command string `json:"command"`
		Reason  string `json:"reason"`
		Lane    string `json:"lane"`
		Offset  int64  `json:"offset"`
	}
	e.into(&d)
	b.known.parked[place(d.Lane, e.partition, d.Offset)] = true
	b.r.find(Parked, "%s: command %s, %s", e.at(), d.Command, d.Reason)
}

func place(lane string, partition int32, offset int64) string {
	return fmt.Sprintf("%s/%d/%d", lane, partition, offset)
}

// checkOffsets: what lies below a committed offset was decided. Each command
// there has its effect in the journal, or an answer, or is one that rightly
// changes nothing.
func (b *books) checkOffsets(ctx context.Context) error {
	offsets, err := b.committed(ctx)
	if err != nil {
		return err
	}
	for lane, parts := range b.inbox {
		for p, records := range parts {
			b.r.Stats.Commands += len(records)
			end := offsets[lane][int32(p)] // partitions are few
			for _, rec := range records {
				if rec.Offset >= end {
					break
				}
				b.checkDecided(parseCommand(lane, rec), end)
			}
		}
	}
	return nil
}

func parseCommand(lane string, rec *kgo.Record) command {
	c := command{lane: lane, rec: rec}
	for _, h := range rec.Headers {
		switch h.Key {
		case "cmd_id":
			c.id = string(h.Value)
		case "cmd_type":
			c.kind = string(h.Value)
		}
	}
	_ = json.Unmarshal(rec.Value, &c.data) // what is not JSON is parked
	return c
}

func (b *books) checkDecided(c command, end int64) {
	if b.decided(c) {
		return
	}
	b.r.Stats.Premature++
	b.r.find(Premature, "%s of %s at %s was passed (committed offset %d), and nothing in the journal follows from it",
		c.kind, c.rec.Key, place(c.lane, c.rec.Partition, c.rec.Offset), end)
}

func (b *books) decided(c command) bool {
	k := &b.known
	if k.commands[c.id] || b.outcomes[c.id] || k.parked[place(c.lane, c.rec.Partition, c.rec.Offset)] {
		return true
	}
	switch c.kind {
	case "beat.v1":
		return true
	case "message.request.v1":
		st := b.stories[strings.TrimPrefix(string(c.rec.Key), "message/")]
		return st != nil && st.begun > 0
	case "message.answer.v1":
		a := k.attempts[c.data.Attempt]
		return a != nil && a.answered
	case "carrier.report.v1":
		return b.reported(c.data)
	case "carrier.subscription.v1": // a subscribe event lifts what there is, often nothing
		return c.data.Subscribed || k.optOuts[c.data.Number+"/viber_unsubscribe"]
	case "carrier.reply.v1":
		return k.replies[c.data.ID]
	}
	return false
}

// reported says whether a report had nothing left to say: each word counts once
// per channel, and none lowers what is better known.
func (b *books) reported(d commandData) bool {
	key := carrierKey(d.Channel, d.CarrierID)
	if b.known.stored[key+"/"+d.Status] {
		return true
	}
	a := b.known.carriers[key]
	if a == nil {
		return false
	}
	switch d.Status {
	case "delivered", "read":
		return a.of.delivered[a.channel] > 0
	case "accepted":
		return true
	}
	return a.undelivered || a.of.delivered[a.channel] > 0
}

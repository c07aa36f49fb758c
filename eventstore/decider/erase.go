package decider

import (
	"slices"
	"strings"
	"time"

	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

// Personal data ends in two ways. Of one person, their contents are destroyed: their own
// keys lie nowhere else. Of a day, the day keys are. Either is a tombstone of this
// partition, in the transaction of the event that tells of it: a killed owner has done
// both or neither.

// erase destroys contents of a recipient, or of a number that is nobody's recipient. What
// is still to be sent ends at once; what a carrier has finds no content for another try.
func (g *group) erase(c *eventstore.Command, e recipient.Erase) error {
	if err := e.Validate(); err != nil {
		return err
	}
	keys, ended := slices.Clone(e.Contents), 0
	if id, ok := strings.CutPrefix(c.Stream, recipientStream("")); ok {
		streams, err := g.lookup(message.RecipientKey(id))
		if err != nil {
			return err
		}
		for _, stream := range streams {
			key, over, err := g.endErased(stream)
			if err != nil {
				return err
			}
			keys, ended = append(keys, key), ended+over
		}
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	g.destroy(eventstore.Contents, keys)
	return g.emit(c.Stream, c.Account, facts(recipient.DecideErase(e, g.now, c.Account, c.Actor, len(keys), ended))...)
}

// endErased ends a message if it can be, and returns the key of its content. One that is
// parked is told nothing: when it is free again it finds no content.
func (g *group) endErased(stream string) (key string, ended int, err error) {
	s, err := g.message(stream)
	if err != nil {
		return "", 0, err
	}
	key = message.ContentKey(s.ID, s.Accepted.BodyDigest)
	if held, err := g.isParked(stream); err != nil || held {
		return key, 0, err
	}
	before := len(g.events)
	err = g.onMessage(stream, func() error { return g.decide(stream, s, whoseState(s), nil, message.Erase{}) })
	for _, ev := range g.events[before:] {
		if ev.Type == message.TypeFailed && ev.Stream == stream {
			ended = 1
		}
	}
	return key, ended, err
}

// destroy writes tombstones.
func (g *group) destroy(topic string, keys []string) {
	for _, key := range keys {
		g.records = append(g.records, eventstore.Tombstone(g.o.topics.Name(topic), g.o.part, key))
	}
}

const (
	// keysGrace is how long after its day's end a day key is destroyed: what was on its way then is read by then.
	keysGrace = time.Hour
	// keysInGroup bounds the keys that one transaction destroys.
	keysInGroup = 500
	// fillEvery is how often a record without meaning follows in the topics that are erased
	// from: Kafka compacts only what is not in the segment that is being written to, and ends
	// that when something is written to it that is an hour younger than its beginning.
	fillEvery = time.Hour
)

// keysDue returns keys of this partition whose day is over, once a day.
func (o *owner) keysDue() []string {
	now := o.cfg.Clock.Now().UTC().Add(-keysGrace)
	if now.Before(o.keysAt) {
		return nil
	}
	names := o.cfg.Keyring.Expired(o.part, now)
	if len(names) > keysInGroup {
		return names[:keysInGroup]
	}
	o.keysAt = now.Truncate(24*time.Hour).AddDate(0, 0, 1)
	return names
}

// endRetention destroys day keys.
func (g *group) endRetention(names []string) error {
	if len(names) == 0 {
		return nil
	}
	through := ""
	for _, name := range names {
		through = max(through, eventstore.KeyDay(name))
	}
	stream := partitionStream(g.o.part)
	g.destroy(eventstore.Keys, names)
	g.begin(&eventstore.Command{ID: g.o.derive(stream, "keys", names[0], names[len(names)-1]), Type: timerCommand, Stream: stream, Actor: "timer/keys", Time: g.now})
	return g.emit(stream, "", fact{partition.KeysDestroyed{Through: through, Keys: len(names)}, g.now})
}

// fillDue says whether fillers are to be written.
func (o *owner) fillDue() bool { return o.cfg.Now().Sub(o.filled) >= fillEvery }

// fill writes fillers, if it is time.
func (g *group) fill() {
	if !g.o.fillDue() {
		return
	}
	g.o.filled = g.o.cfg.Now()
	g.records = append(g.records, eventstore.Fillers(g.o.topics, g.o.part)...)
}

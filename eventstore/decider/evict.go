package decider

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/eventstore"
)

// A message is forgotten some weeks after its end (message.EvictAt). That is an
// event of the partition that names it, so that a replay forgets the same at the
// same place: its state, its timers and index entries, and its place in the state topic.

const (
	evictEvery = time.Second
	evictBatch = 500
)

func (k keyspace) evictAt(at time.Time, stream string) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(at.UnixMicro())) // times are after 1970
	return k.key('e', string(b[:]), stream)
}

func evictAt(a aggregate) time.Time {
	if m, ok := a.(messageState); ok {
		return message.EvictAt(m.State)
	}
	return time.Time{}
}

// moveEviction moves the stream's entry in the order of eviction.
func (g *group) moveEviction(stream string, before, after aggregate) error {
	was, is := evictAt(before), evictAt(after)
	if was.Equal(is) {
		return nil
	}
	if !was.IsZero() {
		if err := g.batch.Delete(g.o.keys.evictAt(was, stream), nil); err != nil {
			return err
		}
	}
	if is.IsZero() {
		return nil
	}
	return g.batch.Set(g.o.keys.evictAt(is, stream), nil, nil)
}

// evictable returns streams that may be forgotten now. As with timers, nothing is
// forgotten while the report that it waits for may lie unread in the inbox.
func (o *owner) evictable() ([]string, error) {
	if o.cfg.Now().Sub(o.evicted) < evictEvery {
		return nil, nil
	}
	now := o.cfg.Clock.Now()
	first, at, err := o.scanEvictable(now, 1)
	if err != nil || len(first) == 0 {
		o.evicted = o.cfg.Now()
		return nil, err
	}
	if ok, _ := o.timers.open(o.cfg.Now()); !ok {
		return nil, nil
	}
	if err := o.moveSafe(now, at); err != nil || o.timers.safe.Before(at) {
		return nil, nil //nolint:nilerr // the broker does not answer: it can wait
	}
	list, _, err := o.scanEvictable(earlier(now, o.timers.safe), evictBatch)
	return list, err
}

// scanEvictable returns up to n streams whose time has come until then, and the
// time of the first. What is parked is kept.
func (o *owner) scanEvictable(until time.Time, n int) (list []string, first time.Time, err error) {
	err = scan(o.store.db, o.keys.key('e'), o.keys.evictAt(until.Add(time.Microsecond), ""), func(k []byte) (bool, error) {
		stream := string(k[11:])
		if held, err := o.isParked(stream); err != nil || held {
			return true, err
		}
		if len(list) == 0 {
			first = time.UnixMicro(int64(binary.BigEndian.Uint64(k[3:11]))).UTC() // see evictAt
		}
		list = append(list, stream)
		return len(list) < n, nil
	})
	return list, first, err
}

// evict decides that the streams are forgotten, but those that have changed so
// that they must not be.
func (g *group) evict(streams []string) error {
	var ev partition.Evicted
	for _, stream := range streams {
		e, err := g.load(stream)
		if err != nil {
			return err
		}
		held, err := g.isParked(stream)
		if err != nil {
			return err
		}
		if at := evictAt(e.agg); !held && !at.IsZero() && !at.After(g.now) {
			ev.Messages = append(ev.Messages, strings.TrimPrefix(stream, "message/"))
		}
	}
	if len(ev.Messages) == 0 {
		return nil
	}
	g.begin(&eventstore.Command{ID: g.o.derive("evict", fmt.Sprint(g.o.epoch), ev.Messages[0]), Actor: "decider", Time: g.now})
	return g.emit(partitionStream(g.o.part), "", fact{ev, g.now})
}

// forget makes the streams that an eviction names streams without events.
func (g *group) forget(e domain.Event) error {
	ev, ok := e.(partition.Evicted)
	if !ok {
		return nil
	}
	for _, id := range ev.Messages {
		stream := messageStream(id)
		old, err := g.load(stream)
		if err != nil {
			return err
		}
		if old.version == 0 {
			continue
		}
		agg, err := emptyState(stream)
		if err != nil {
			return err
		}
		if err := g.replace(stream, old, &entry{agg: agg}); err != nil {
			return err
		}
	}
	return nil
}

// requestMayFollow says whether a request may still be on its way: the bulk
// lane has not been decided up to an end that was asked for now. In the urgent
// lane it would stand before the command that names it.
func (g *group) requestMayFollow() bool {
	o := g.o
	end, err := o.cfg.Cluster.End(o.topics.Name(eventstore.InboxBulk), o.part)
	return err != nil || o.saved[bulk] < end
}

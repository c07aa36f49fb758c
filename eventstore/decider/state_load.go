package decider

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/cockroachdb/pebble/v2"

	"goniec/eventstore"
)

// errTopicUnfit says that what the state topic held does not go together with the journal.
var errTopicUnfit = errors.New("a stream's next event does not follow its saved state")

// loadState fills the empty store from the state topic. ok is false when the
// topic holds no complete pass of this build over this journal; what was loaded
// so far must then be dropped.
func (o *owner) loadState(ctx context.Context) (m meta, ok bool, err error) {
	name := o.topics.Name(eventstore.State)
	id, err := o.cfg.Cluster.TopicID(name)
	if err != nil {
		return m, false, err
	}
	oldest, err := o.cfg.Cluster.Oldest(name, o.part)
	if err != nil {
		return m, false, fmt.Errorf("oldest offset of %s: %w", name, err)
	}
	end, err := o.cfg.Cluster.End(name, o.part)
	if err != nil {
		return m, false, fmt.Errorf("end offset of %s: %w", name, err)
	}
	began := o.cfg.Now()
	l := &loader{o: o, seen: map[uint64]struct{}{}, seed: maphash.MakeSeed()}
	l.begin()
	err = o.readRange(ctx, eventstore.State, oldest, end, func(r *eventstore.Record) error { return l.take(ctx, r) })
	if err := errors.Join(err, l.flush(ctx)); err != nil {
		return m, false, fmt.Errorf("load state: %w", err)
	}
	why, err := l.unfit(ctx, id)
	if err != nil || why != "" {
		if l.count > 0 {
			o.log.Warn("the state topic is of no use", "why", why)
		}
		return m, false, err
	}
	m = *l.mark
	m.Loading, m.Generation = true, 0
	o.log.Info("state loaded", "records", l.count, "took", o.cfg.Now().Sub(began))
	return m, true, o.keys.saveMeta(o.store.db, m)
}

// loadBytes is how much a loader collects before it puts it into the store: little enough
// for the memory of all partitions at once, enough for tables that need no merging with many others.
const loadBytes = 8 << 20

// loader puts the topic's records into the store, loadBytes at a time.
type loader struct {
	o       *owner
	g       *group
	mark    *meta               // the last one
	seen    map[uint64]struct{} // hashes of the streams that came, at most seenMost
	seed    maphash.Seed
	foreign bool // a record of another build stands among them
	count   int
}

func (l *loader) begin() {
	l.o.cache = newCache(func() int { return 4 }) // a stream seldom comes twice
	l.g = l.o.newGroup()
	l.g.batch = l.o.store.db.NewBatch() // nobody looks anything up in it
}

func (l *loader) take(ctx context.Context, r *eventstore.Record) error {
	if l.foreign {
		return nil
	}
	l.count++
	if string(r.Key) == markKey(l.o.part) {
		l.mark = &meta{}
		if err := json.Unmarshal(r.Value, l.mark); err != nil {
			l.foreign = true
		}
		return nil
	}
	if err := l.put(string(r.Key), r.Value); err != nil || l.g.batch.Len() < loadBytes {
		return err
	}
	if err := l.flush(ctx); err != nil {
		return err
	}
	l.begin()
	return nil
}

func (l *loader) put(stream string, value []byte) error {
	next, state, ok := savedState(stream, value)
	if !ok {
		l.foreign = true
		return nil
	}
	old, again, err := l.former(stream)
	if err != nil {
		return err
	}
	if err := l.g.replace(stream, old, next); err != nil {
		return err
	}
	k, b := l.o.keys, l.g.batch
	if next.version == 0 {
		return errors.Join(b.Delete(k.state(stream), nil), b.Set(k.tombstone(stream), nil, nil))
	}
	if again { // there may be one of it
		err = b.Delete(k.tombstone(stream), nil)
	}
	return errors.Join(err, b.Set(k.state(stream), state, nil))
}

// seenMost bounds what a loader remembers, some 20 bytes each.
const seenMost = 4_000_000

// former is what an older record of the stream has put into the store. Most
// streams come once: they need not be looked for.
func (l *loader) former(stream string) (e *entry, again bool, err error) {
	h := maphash.String(l.seed, stream)
	_, again = l.seen[h]
	if len(l.seen) < seenMost {
		l.seen[h] = struct{}{}
	} else {
		again = true
	}
	if again {
		e, err = l.g.load(stream)
		return e, true, err
	}
	agg, err := emptyState(stream)
	return &entry{agg: agg}, false, err
}

// savedState reads a record's value: the state, and the bytes that the store keeps
// of it. ok is false when another build wrote it.
func savedState(stream string, value []byte) (e *entry, state []byte, ok bool) {
	if value == nil {
		agg, err := emptyState(stream)
		return &entry{agg: agg}, nil, err == nil
	}
	schema, n := binary.Uvarint(value)
	if n <= 0 || schema != stateSchema {
		return nil, nil, false
	}
	version, agg, err := decodeState(stream, value[n:])
	if err != nil {
		return nil, nil, false
	}
	return &entry{version: version, agg: agg, timers: agg.timers(), index: agg.index()}, value[n:], true
}

func (l *loader) flush(ctx context.Context) error {
	err := l.o.store.ingest(ctx, fmt.Sprintf("load-%d", l.o.part), l.g.batch)
	return errors.Join(err, l.g.batch.Close(), l.o.find.forget())
}

// unfit says why what was loaded cannot be gone on from, or "".
func (l *loader) unfit(ctx context.Context, topicID string) (string, error) {
	switch {
	case l.foreign:
		return "another build wrote a part of it", nil
	case l.mark == nil:
		return "no pass was brought to an end", nil
	case l.mark.StateTopic != topicID:
		return "its mark was written to another topic of that name", nil
	}
	return l.o.misfit(ctx, *l.mark)
}

// passedOver says whether a stream that was loaded contains the event already.
// Loaded streams may be ahead of the mark that the replay begins at, and those
// that were there at the mark may be gone.
func (o *owner) passedOver(ev *eventstore.Event, old *entry) (bool, error) {
	if !o.loading || ev.Version == old.version+1 {
		return false, nil
	}
	if ev.Version <= old.version {
		return true, nil
	}
	_, gone, err := get(o.store.db, o.keys.tombstone(ev.Stream))
	if err == nil && !gone {
		err = fmt.Errorf("%w: offset %d of %s", errTopicUnfit, ev.Offset, ev.Topic)
	}
	return gone, err
}

// loaded ends what loadState began: the journals have been replayed.
func (o *owner) loaded() error {
	if !o.loading {
		return nil
	}
	o.loading = false
	b := o.store.db.NewBatch()
	prefix := o.keys.tombstone("")
	if err := b.DeleteRange(prefix, after(prefix), nil); err != nil {
		return err
	}
	if err := o.keys.saveMeta(b, o.meta()); err != nil {
		return err
	}
	return b.Commit(pebble.NoSync)
}

package decider

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"goniec/domain/catalog"
	"goniec/eventstore"
)

var journals = []string{accountsJournal, messagesJournal}

// recover brings the local state up to the journal's end. State that does not
// fit the journal (another installation's, from the future, of a journal that
// was rewritten) is dropped; then what the state topic holds is loaded, or all is
// rebuilt from the first event.
func (o *owner) recover(ctx context.Context) (replayed int, err error) {
	m, err := o.startingPoint(ctx)
	if err != nil {
		return 0, err
	}
	replayed, err = o.catchUp(ctx, m)
	if errors.Is(err, errTopicUnfit) {
		o.log.Warn("the state topic does not fit the journal: rebuilt from the first event", "why", err)
		if m, err = o.emptyMeta(); err == nil {
			replayed, err = o.catchUp(ctx, m)
		}
	}
	return replayed, err
}

// startingPoint is what the replay goes on from: the local state, the state
// topic's, or nothing.
func (o *owner) startingPoint(ctx context.Context) (meta, error) {
	m, ok, err := o.keys.loadMeta(o.store.db)
	if err != nil {
		return m, err
	}
	if ok {
		why, err := o.misfit(ctx, m)
		if err != nil || why == "" {
			return m, err
		}
		o.log.Warn("local state does not fit the journal and is rebuilt", "why", why)
	}
	empty, err := o.emptyMeta()
	if err != nil {
		return empty, err
	}
	m, ok, err = o.loadState(ctx)
	if err != nil || ok {
		return m, err
	}
	return empty, o.store.dropPartition(o.keys)
}

// catchUp replays what the journals hold beyond m.
func (o *owner) catchUp(ctx context.Context, m meta) (replayed int, err error) {
	o.marks, o.recorded, o.epoch, o.noted, o.loading = m.Journals, m.Recorded, m.Epoch, m.Inbox, m.Loading
	o.pass = pass{topic: m.StateTopic, gen: m.Generation, due: o.firstPass()}
	o.timers = newTimerGate(m.LastBeat, o.started, o.cfg.BeatGap, o.cfg.Grace)
	o.heads = map[string][32]byte{}
	o.cache = newCache(o.cached)
	if err := o.find.forget(); err != nil {
		return 0, err
	}
	for _, topic := range journals {
		n, err := o.replay(ctx, topic)
		if err != nil {
			return replayed, err
		}
		replayed += n
	}
	return replayed, o.loaded()
}

func (o *owner) emptyMeta() (meta, error) {
	m := meta{Journals: map[string]journalMark{}}
	for _, topic := range journals {
		oldest, err := o.cfg.Cluster.Oldest(o.topics.Name(topic), o.part)
		if err != nil {
			return m, fmt.Errorf("oldest offset of %s: %w", topic, err)
		}
		if oldest > 0 {
			return m, fatalf("journal %s/%d begins at offset %d: its beginning was deleted", topic, o.part, oldest)
		}
		head := eventstore.FirstPrevHash(o.cfg.Installation, topic, o.part)
		m.Journals[topic] = journalMark{Last: -1, Head: hex.EncodeToString(head[:])}
	}
	return m, o.store.dropPartition(o.keys)
}

// misfit says why the stored state cannot belong to this journal, or "". An
// error says that this could not be found out: the state may be good.
func (o *owner) misfit(ctx context.Context, m meta) (why string, err error) {
	switch {
	case m.Installation != o.cfg.Installation:
		return "it belongs to another installation", nil
	case m.Schema != stateSchema:
		return "another build wrote it", nil
	case m.Loading:
		return "its loading was not brought to an end", nil
	}
	for _, topic := range journals {
		mark, ok := m.Journals[topic]
		if !ok {
			return "it lacks " + topic, nil
		}
		end, err := o.cfg.Cluster.End(o.topics.Name(topic), o.part)
		if err != nil {
			return "", fmt.Errorf("end offset of %s: %w", topic, err)
		}
		if mark.Next > end {
			return fmt.Sprintf("%s: it is at offset %d, the journal ends at %d", topic, mark.Next, end), nil
		}
		if mark.Last < 0 {
			continue
		}
		if same, err := o.sameEvent(ctx, topic, mark); err != nil || !same {
			return fmt.Sprintf("%s: another event stands at offset %d", topic, mark.Last), err
		}
	}
	return "", nil
}

var errFound = errors.New("found")

func (o *owner) sameEvent(ctx context.Context, topic string, mark journalMark) (same bool, err error) {
	err = o.readRange(ctx, topic, mark.Last, mark.Next, func(r *eventstore.Record) error {
		ev, err := eventstore.ParseEvent(r)
		same = err == nil && r.Offset == mark.Last && hex.EncodeToString(ev.Hash[:]) == mark.Head
		return errFound
	})
	if errors.Is(err, eventstore.ErrOffsetGone) {
		return false, nil // deleted: emptyMeta has the word for it
	}
	if err != nil && !errors.Is(err, errFound) {
		return false, fmt.Errorf("compare state and journal: %w", err)
	}
	return same, nil
}

// recoverFetch bounds a fetch of a recovery, as it is stored: in memory it is ten
// times as much, and all partitions of a process may recover at a time.
const recoverFetch = 512 << 10

// readRange calls fn for each record of [from, to) of this partition of a topic.
func (o *owner) readRange(ctx context.Context, topic string, from, to int64, fn func(*eventstore.Record) error) error {
	if from >= to {
		return nil
	}
	return eventstore.ReadTo(ctx, o.cfg.Cluster.Read(o.topics.Name(topic), o.part, from, recoverFetch), to, fn)
}

// replay evolves the events that the state does not contain yet. The
// predecessor is fenced, so the journal's end does not move.
func (o *owner) replay(ctx context.Context, topic string) (int, error) {
	mark := o.marks[topic]
	chain := &eventstore.Chain{}
	if b, err := hex.DecodeString(mark.Head); err != nil || copy(chain.Head[:], b) != 32 {
		return 0, fatalf("state of %s/%d has no readable head", topic, o.part)
	}
	end, err := o.cfg.Cluster.End(o.topics.Name(topic), o.part)
	if err != nil {
		return 0, fmt.Errorf("end offset of %s: %w", topic, err)
	}
	rp := &replay{o: o, topic: topic, chain: chain}
	rp.begin()
	err = o.readRange(ctx, topic, mark.Next, end, rp.take)
	if errors.Is(err, eventstore.ErrOffsetGone) {
		return 0, fatalf("journal was cut: %w", err)
	}
	if err == nil {
		mark = o.marks[topic]
		mark.Next = max(mark.Next, end)
		o.marks[topic] = mark
		err = rp.flush()
	}
	o.heads[topic] = chain.Head
	return rp.count, err
}

// replay folds events into the store, some thousands a batch.
type replay struct {
	o     *owner
	topic string
	chain *eventstore.Chain
	g     *group
	count int
}

func (r *replay) begin() { r.g = r.o.newGroup() }

func (r *replay) take(rec *eventstore.Record) error {
	ev, err := r.chain.NextRecord(rec)
	if err != nil {
		return &fatalError{err}
	}
	if err := r.fold(ev); err != nil {
		return err
	}
	o := r.o
	o.marks[r.topic] = journalMark{Next: rec.Offset + 1, Last: rec.Offset, Head: hex.EncodeToString(ev.Hash[:])}
	o.epoch = max(o.epoch, ev.Epoch)
	o.noted.take(ev)
	if ev.Recorded.After(o.recorded) {
		o.recorded = ev.Recorded
	}
	if r.count++; r.count%5000 == 0 {
		return r.flush()
	}
	return nil
}

func (r *replay) fold(ev *eventstore.Event) error {
	old, err := r.g.load(ev.Stream)
	if err != nil {
		return &fatalError{err}
	}
	e, err := catalog.Decode(ev.Type, ev.Data)
	if errors.As(err, new(*catalog.ErrUnknownType)) {
		err = fmt.Errorf("%w: %w", err, eventstore.ErrNewerBuild)
	}
	if err != nil {
		return fatalf("%s/%d offset %d: %w", ev.Topic, ev.Partition, ev.Offset, err)
	}
	if skip, err := r.o.passedOver(ev, old); err != nil {
		return err
	} else if skip {
		return r.g.forget(e) // tombstones may come later than the partition's own state
	}
	if ev.Version != old.version+1 {
		return &fatalError{&eventstore.ErrBroken{
			Topic: ev.Topic, Partition: ev.Partition, Offset: ev.Offset,
			What: fmt.Sprintf("version %d of its stream follows version %d", ev.Version, old.version),
		}}
	}
	_, err = r.g.apply(ev.Stream, old, e, ev.Time)
	return err
}

func (r *replay) flush() error {
	if err := r.g.save(); err != nil {
		return err
	}
	r.begin()
	return nil
}

// save writes what the group changed, with the journal positions, to the store
// and makes it what the next group starts from.
func (g *group) save() error {
	o := g.o
	for stream, e := range g.changed {
		if err := g.saveState(stream, e); err != nil {
			return err
		}
	}
	for stream := range g.passed {
		if err := o.unmark(g.batch, stream); err != nil {
			return err
		}
	}
	if err := o.keys.saveMeta(g.batch, o.meta()); err != nil {
		return err
	}
	if err := g.batch.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	if err := o.find.forget(); err != nil {
		return err
	}
	for stream, e := range g.changed {
		o.cache.put(stream, e)
	}
	for _, t := range g.fresh {
		o.timers.set(t.due)
	}
	return nil
}

func (g *group) saveState(stream string, e *entry) (err error) {
	if e.version == 0 { // evicted
		err = g.batch.Delete(g.o.keys.state(stream), nil)
	} else {
		var b []byte
		if b, err = encodeState(e.version, e.agg); err == nil {
			err = g.batch.Set(g.o.keys.state(stream), b, nil)
		}
	}
	if err != nil || g.passed[stream] {
		return err
	}
	return g.batch.Set(g.o.keys.changed(g.o.pass.gen, stream), nil, nil)
}

func (o *owner) meta() meta {
	return meta{
		Installation: o.cfg.Installation, Schema: stateSchema, Journals: o.marks, Epoch: o.epoch, Recorded: o.recorded, Inbox: o.noted,
		LastBeat: o.timers.lastBeat, StateTopic: o.pass.topic, Generation: o.pass.gen, Loading: o.loading,
	}
}

// timerGate decides when timers may fire; see loop.
type timerGate struct {
	lastBeat   time.Time // real time: when somebody who takes reports was last heard
	began      time.Time
	graceUntil time.Time
	gap, grace time.Duration
	low        time.Time // no timer is due before, but those of parked streams; who sets a stream free lowers it, see wakeTimers
	safe       time.Time // domain time up to which the inbox is known to be decided
	asked      time.Time // domain time at which end was asked for
	end        int64     // end of inbox.urgent then; -1 = not asked
	askedReal  time.Time
}

func newTimerGate(lastBeat, began time.Time, gap, grace time.Duration) timerGate {
	return timerGate{lastBeat: earlier(lastBeat, began), began: began, gap: gap, grace: grace, end: -1, low: time.Unix(0, 0)} // keys cannot hold earlier times
}

// set notes that a timer was set.
func (t *timerGate) set(due time.Time) {
	if due.Before(t.low) {
		t.low = due
	}
}

// beat notes that a process that takes reports was alive at the real time at,
// which is now at the latest: its clock may be ahead of ours. After a gap, reports
// may still be on their way from the carriers' retries: timers wait.
func (t *timerGate) beat(at, now time.Time) {
	at = earlier(at, now)
	if !t.lastBeat.IsZero() && at.Sub(t.lastBeat) > t.gap {
		t.graceUntil = at.Add(t.grace)
	}
	if at.After(t.lastBeat) {
		t.lastBeat = at
	}
}

// open says whether timers may fire now (real time), and if not, why.
func (t *timerGate) open(now time.Time) (bool, string) {
	if now.Before(t.graceUntil) {
		return false, "recovery_grace"
	}
	if t.lastBeat.IsZero() {
		return true, ""
	}
	silent := now.Sub(later(t.lastBeat, t.began))
	if now.Sub(t.lastBeat) > t.gap && silent < t.gap+t.grace {
		return false, "no_beat"
	}
	return true, ""
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

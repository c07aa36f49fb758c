package decider

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"goniec/domain/partition"
	"goniec/eventstore"
)

const (
	tickEvery     = 10 * time.Millisecond
	idleCommit    = time.Hour   // both lanes' offsets are committed this often when idle (brokers expire them)
	beatCommit    = time.Minute // … and this often when there were records without an effect (beats)
	lazyCommit    = 20000       // … or after so many of them
	timersInGroup = 500
	askEvery      = 50 * time.Millisecond
)

var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// loop decides group after group until the partition is taken away.
func (o *owner) loop(ctx context.Context, offsets [2]int64) error {
	stop, err := o.startLanes(ctx, offsets)
	if err != nil {
		return err
	}
	defer stop()
	if o.parked, err = o.countParked(); err != nil {
		return err
	}
	o.cfg.Metrics.ParkedNow(o.part, o.parked.all)
	defer o.cfg.Metrics.ParkedNow(o.part, 0) // the next owner counts them
	defer o.progress.forget(o.part)
	if err := o.announce(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		inputs, err := o.gather(ctx, tick.C)
		if err != nil {
			return err
		}
		if err := o.round(ctx, inputs); err != nil {
			return err
		}
		o.measure(o.cfg.Now())
	}
}

// announce writes who owns the partition from here on. It also commits both
// lanes' offsets, so that a partition with a history always has them.
func (o *owner) announce(ctx context.Context) error {
	g := o.newGroup()
	g.begin(&eventstore.Command{ID: o.derive("owned", fmt.Sprint(o.epoch), o.cfg.Process), Actor: "decider"})
	ev := partition.Owned{Epoch: o.epoch, Process: o.cfg.Process}
	if err := g.emit(partitionStream(o.part), "", fact{ev, g.now}); err != nil {
		return err
	}
	return o.commit(ctx, g, nil)
}

func partitionStream(p eventstore.Partition) string { return fmt.Sprintf("partition/%d", p) }

// round decides one group of inputs and the timers that are due, and commits.
func (o *owner) round(ctx context.Context, inputs []*input) error {
	now := o.cfg.Clock.Now()
	if err := o.decideRound(ctx, inputs); err != nil {
		return err
	}
	o.tellProgress(now)
	return nil
}

func (o *owner) decideRound(ctx context.Context, inputs []*input) error {
	due, err := o.dueTimers()
	if err != nil {
		return err
	}
	timers := due
	resumed, err := o.dueResumes()
	if err != nil {
		return err
	}
	due = append(due, resumed...)
	old, err := o.evictable()
	if err != nil {
		return err
	}
	sealing, err := o.sealDue()
	if err != nil {
		return err
	}
	if sealing {
		sealing, err = o.allFire(timers)
		if err != nil {
			return err
		}
	}
	expired := o.keysDue()
	if len(inputs) == 0 && len(due) == 0 && len(old) == 0 && !sealing && len(expired) == 0 && !o.fillDue() && !o.offsetsDue() && !o.passWaits() {
		return nil
	}
	g, err := o.decideAll(inputs, due)
	if err != nil {
		return err
	}
	if err := g.evict(old); err != nil {
		return errors.Join(err, g.batch.Close())
	}
	if err := g.sealMonth(sealing); err != nil {
		return errors.Join(err, g.batch.Close())
	}
	if err := g.endRetention(expired); err != nil {
		return errors.Join(err, g.batch.Close())
	}
	g.fill()
	if err := g.pass(len(inputs)+len(due) == 0); err != nil {
		return errors.Join(err, g.batch.Close())
	}
	if err := o.commit(ctx, g, inputs); err != nil {
		return err
	}
	o.cfg.Keyring.Forget(expired)
	return nil
}

// decideAll decides inputs and timers in order. A command that cannot be
// processed makes the group start over, with that command parked.
func (o *owner) decideAll(inputs []*input, due []dueTimer) (*group, error) {
	bad := map[any]*poisonError{}
	for {
		g := o.newGroup()
		g.bad = bad
		err := g.decideInputs(inputs)
		if err == nil {
			err = g.fireTimers(due)
		}
		if err == nil {
			return g, nil
		}
		var p *poisonError
		if !errors.As(err, &p) || p.part == nil {
			return nil, errors.Join(err, g.batch.Close())
		}
		bad[p.part] = p
		if err := g.batch.Close(); err != nil {
			return nil, err
		}
	}
}

// commit writes the group's records and both inbox offsets in one transaction
// and then the local state. After an error the ownership starts over: whether
// the transaction happened is read back from Kafka, never guessed.
func (o *owner) commit(ctx context.Context, g *group, inputs []*input) error {
	if len(g.records) == 0 && !o.offsetsDue() {
		o.commits = o.cfg.Now()
		g.told()
		return g.save()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx) // no transaction begins after the partition was taken away
	}
	began := o.cfg.Now()
	if err := o.transact(g); err != nil {
		return errors.Join(err, g.batch.Close())
	}
	o.commits = o.cfg.Now()
	o.advance(g)
	g.tellParked()
	o.observe(inputs, len(g.events), o.cfg.Now().Sub(began))
	g.told()
	return g.save()
}

func (o *owner) offsetsDue() bool {
	moved := o.lanes[urgent].pos - o.saved[urgent] + o.lanes[bulk].pos - o.saved[bulk]
	idle := o.cfg.Now().Sub(o.savedAt)
	return moved > lazyCommit || moved > 0 && idle >= beatCommit || idle >= idleCommit
}

func (o *owner) transact(g *group) error {
	offsets, head := make([]eventstore.Offset, len(o.lanes)), headOf(g.heads)
	for i, l := range o.lanes {
		offsets[i] = eventstore.Offset{Topic: o.topics.Name(laneTopics[i]), Partition: o.part, Next: l.pos, Meta: head}
	}
	g.note()
	o.writing.RLock()
	defer o.writing.RUnlock()
	if err := o.producer.Write(g.records, offsets, o.claim.Member()); err != nil {
		if errors.Is(err, eventstore.ErrUnknownCommit) {
			o.cfg.Metrics.UnknownCommit(o.part)
		}
		return err
	}
	o.saved, o.savedAt = [2]int64{o.lanes[urgent].pos, o.lanes[bulk].pos}, o.cfg.Now()
	return nil
}

// advance notes where the committed events stand in the journal.
func (o *owner) advance(g *group) {
	for i, ev := range g.events {
		off := g.eventRecords[i].Offset
		o.marks[ev.Topic] = journalMark{Next: off + 1, Last: off, Head: hex.EncodeToString(ev.Hash[:])}
	}
	for topic, head := range g.heads {
		o.heads[topic] = head
	}
	o.recorded = g.last
	if n := len(g.events); n > 0 {
		o.noted.take(g.events[n-1]) // the others have no note, and the same epoch
	}
}

func (o *owner) observe(inputs []*input, events int, took time.Duration) {
	o.cfg.Metrics.Committed(o.part, len(inputs), events, took)
	now := o.cfg.Clock.Now()
	for _, in := range inputs {
		if in.cmd != nil && in.cmd.Type != beatCommand {
			o.cfg.Metrics.Decided(now.Sub(in.cmd.Time))
		}
	}
}

// dueTimers returns the timers that may fire now. A timer due at T fires only
// after inbox.urgent has been decided up to an end that was asked for after T:
// an owner that was down must not fall back messages whose delivery report lies
// unread in its inbox.
func (o *owner) dueTimers() ([]dueTimer, error) {
	now := o.cfg.Clock.Now()
	o.behind = 0
	if o.timers.low.After(now) {
		return nil, nil
	}
	first, err := o.scanTimers(now, 1)
	if err != nil {
		return nil, err
	}
	if len(first) == 0 {
		return nil, nil
	}
	o.behind = now.Sub(first[0].due)
	if ok, why := o.timers.open(o.cfg.Now()); !ok {
		o.cfg.Metrics.TimersWaiting(o.part, why)
		return nil, nil
	}
	if err := o.moveSafe(now, first[0].due); err != nil {
		return nil, nil //nolint:nilerr // the broker does not answer: timers wait, as they must
	}
	if o.timers.safe.Before(first[0].due) {
		return nil, nil
	}
	return o.scanTimers(earlier(now, o.timers.safe), timersInGroup)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// moveSafe asks for the inbox's end when a due timer needs it, and raises the
// safe time once that end is decided.
func (o *owner) moveSafe(now, due time.Time) error {
	t := &o.timers
	if t.end >= 0 && o.lanes[urgent].pos >= t.end {
		t.safe, t.end = t.asked, -1
	}
	if t.end >= 0 || !t.safe.Before(due) || o.cfg.Now().Sub(t.askedReal) < askEvery {
		return nil
	}
	end, err := o.cfg.Cluster.End(o.topics.Name(eventstore.InboxUrgent), o.part)
	t.askedReal = o.cfg.Now()
	if err != nil {
		return err
	}
	t.asked, t.end = now, end
	if o.lanes[urgent].pos >= end {
		t.safe, t.end = now, -1
	}
	return nil
}

// scanTimers returns up to n timers due until then, and raises the lower bound.
// Those of parked streams wait, and must not stand in the way of the others.
func (o *owner) scanTimers(until time.Time, n int) ([]dueTimer, error) {
	var out []dueTimer
	low := never
	err := scan(o.store.db, o.keys.timer(o.timers.low, "", ""), after(o.keys.key('t')), func(k []byte) (bool, error) {
		t, err := o.keys.parseTimer(k)
		if err != nil {
			return false, err
		}
		if held, err := o.isParked(t.stream); err != nil || held {
			return true, err
		}
		if low.Equal(never) {
			low = t.due
		}
		if t.due.After(until) || len(out) == n {
			return false, nil
		}
		out = append(out, t)
		return true, nil
	})
	o.timers.low = low
	return out, err
}

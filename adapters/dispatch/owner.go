package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"goniec/eventstore"
	"goniec/internal/pause"
)

const (
	urgent = 0
	bulk   = 1

	idleCommit  = time.Hour            // brokers expire offsets of topics that a group does not subscribe to
	commitFloor = 2 * time.Millisecond // between two commits, so that claims gather
	retryMin    = 20 * time.Millisecond
	retryMax    = 500 * time.Millisecond
	grace       = time.Second // on top of CallTimeout, for the answers of the last calls
)

var laneTopics = [2]string{eventstore.OutboxUrgent, eventstore.OutboxBulk}

// owner is one ownership of a partition.
type owner struct {
	d       *Dispatcher
	part    eventstore.Partition
	claim   *eventstore.Ownership
	group   string
	log     *slog.Logger
	offsets OffsetWriter
	lease   *lease
	revoked *revoked
	soft    context.Context // ends when the partition is taken away: no call begins after
	hard    context.Context // ends when calls under way have had their time

	lanes   [2]*lane       // pending parts are the loop's
	wake    chan struct{}  // something finished or left a queue
	work    sync.WaitGroup // jobs, from claim to answer
	side    sync.WaitGroup // what runs beside the loop
	waiting atomic.Int64   // bulk jobs claimed whose call has not begun

	committed time.Time // real time of the last commit; the loop's

	mu    sync.Mutex // guards the trackers and dirty
	dirty bool       // something finished or was passed since the last commit
}

// own runs one ownership until the partition is taken away.
func (d *Dispatcher) own(ctx context.Context, claim *eventstore.Ownership) error {
	soft, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	o := &owner{
		d: d, part: claim.Partition, claim: claim, group: claim.Group, log: d.cfg.Log.With("partition", claim.Partition),
		offsets: d.cfg.Offsets(claim), lease: newLease(d.cfg.lease()), revoked: newRevoked(time.Now()),
		soft: soft, hard: hard, wake: make(chan struct{}, 1),
	}
	defer o.offsets.Close()
	stop := context.AfterFunc(soft, func() { // calls under way get their time
		t := time.AfterFunc(d.cfg.CallTimeout+grace, cancel)
		context.AfterFunc(hard, func() { t.Stop() })
	})
	defer stop()
	d.share(1)
	defer d.share(-1)
	err := o.run(giveUp)
	cancel()
	o.side.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// run takes over, claims and sends, and lets the last calls finish.
func (o *owner) run(giveUp context.CancelCauseFunc) error {
	o.side.Go(func() {
		if err := o.d.cfg.Contents.Follow(o.hard, o.part); err != nil && o.hard.Err() == nil {
			giveUp(fmt.Errorf("follow contents: %w", err))
		}
	})
	o.side.Go(o.sweep)
	err := o.takeOver()
	if err == nil {
		err = o.loop()
	}
	if o.soft.Err() != nil {
		err = context.Cause(o.soft)
	}
	giveUp(err)
	o.drain()
	return err
}

// drain lets the calls under way finish and writes the last commit.
func (o *owner) drain() {
	for _, r := range o.d.routes {
		r.sweep()
	}
	o.work.Wait()
	if o.committed.IsZero() {
		return // it never began
	}
	if err := o.tryCommit(); err != nil {
		o.log.Info("last commit of the partition was not taken; its successor answers what is open", "error", err)
	}
}

func (o *owner) poke() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// finish takes note that a job's answer is acknowledged.
func (o *owner) finish(jobs ...*job) {
	o.mu.Lock()
	for _, j := range jobs {
		if o.lanes[j.lane].claims.finish(j.offset) {
			o.dirty = true
		}
	}
	o.mu.Unlock()
	o.poke()
}

// loop claims and starts what is ready, group after group. A commit claims all
// that is ready and publishes all that has finished since the last one.
func (o *owner) loop() error {
	for _, l := range o.lanes {
		o.side.Go(func() { l.read(o.soft) })
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for o.soft.Err() == nil {
		var jobs []*job
		if time.Since(o.committed) >= commitFloor {
			jobs = o.pick()
		}
		next := o.nextCommit()
		if len(jobs) > 0 || !time.Now().Before(next) {
			if err := o.commit(jobs); err != nil {
				return err
			}
		}
		timer.Reset(o.sleep(next))
		if err := o.receive(timer.C); err != nil {
			return err
		}
	}
	return context.Cause(o.soft)
}

// receive waits until something happens and takes over what has been read, the
// urgent lane first: revokes stand there.
func (o *owner) receive(timer <-chan time.Time) error {
	select {
	case b := <-o.lanes[urgent].input():
		return o.lanes[urgent].take(b)
	default:
	}
	select {
	case <-o.soft.Done():
		return context.Cause(o.soft)
	case <-o.wake:
		return nil
	case <-timer:
		return nil
	case b := <-o.lanes[urgent].input():
		return o.lanes[urgent].take(b)
	case b := <-o.lanes[bulk].input():
		return o.lanes[bulk].take(b)
	}
}

// nextCommit is when a commit is due even if nothing new is claimed: often while
// there is work, since calls need a fresh one.
func (o *owner) nextCommit() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dirty || o.open() > 0 {
		return o.committed.Add(min(time.Second, o.lease.lasts/3))
	}
	return o.committed.Add(idleCommit)
}

// sleep is how long to wait if nothing happens; something that is ready but
// was held back by the floor between commits ends it soon.
func (o *owner) sleep(next time.Time) time.Duration {
	d := time.Until(next)
	if len(o.lanes[urgent].pending)+len(o.lanes[bulk].pending) > 0 {
		if floor := commitFloor - time.Since(o.committed); floor > 0 {
			d = min(d, floor)
		}
	}
	return max(d, 0)
}

// open is the number of claimed and unfinished instructions; the caller holds mu.
func (o *owner) open() int { return o.lanes[urgent].claims.open + o.lanes[bulk].claims.open }

// pick claims what is ready, urgent ones first, within the window and the room
// for jobs. The claims count when they are committed.
func (o *owner) pick() []*job {
	o.mu.Lock()
	defer o.mu.Unlock()
	room := o.d.cfg.MaxInFlight - o.open()
	jobs, passed := o.lanes[urgent].pick(nil, room)
	most := min(room-len(jobs), o.d.cfg.MaxWaiting-int(o.waiting.Load()))
	jobs, more := o.lanes[bulk].pick(jobs, len(jobs)+most)
	o.dirty = o.dirty || passed || more
	return jobs
}

// commit makes the claims durable and starts their jobs. Claims of which nobody
// knows whether they count are taken back: none of them was called.
func (o *owner) commit(jobs []*job) error {
	if err := o.commitUntilTaken(); err != nil {
		o.unclaim(jobs)
		return err
	}
	if len(jobs) > 0 {
		o.d.cfg.Metrics.Claimed(o.part, len(jobs))
		o.start(jobs)
	}
	return nil
}

func (o *owner) unclaim(jobs []*job) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := len(jobs) - 1; i >= 0; i-- {
		o.lanes[jobs[i].lane].claims.cut(jobs[i].offset)
	}
}

// commitUntilTaken repeats the commit, each time with the state and the
// generation of then, until it is taken or the partition is lost.
func (o *owner) commitUntilTaken() error {
	began := time.Now()
	for wait := retryMin; ; wait = min(2*wait, retryMax) {
		err := o.tryCommit()
		switch {
		case err == nil:
			return nil
		case o.soft.Err() != nil:
			return context.Cause(o.soft)
		case errors.Is(err, ErrLost) || time.Since(began) > 3*o.d.cfg.Kafka.SessionTimeout:
			return fmt.Errorf("partition %d: %w", o.part, err)
		}
		o.log.Warn("commit of claims was not taken; it is repeated", "error", err)
		_ = pause.For(o.soft, wait)
	}
}

// tryCommit commits what both lanes' claims are now.
func (o *owner) tryCommit() error {
	o.mu.Lock()
	var state [2]LaneOffset
	for i, l := range o.lanes {
		state[i] = LaneOffset{l.topic, l.claims.base, encodeClaim(l.claims.done)}
	}
	open := o.open()
	o.dirty = false
	o.mu.Unlock()
	began := time.Now()
	err := o.offsets.Write(state)
	o.d.cfg.Metrics.Committed(o.part, time.Since(began), err)
	o.d.cfg.Metrics.InFlight(o.part, open)
	if err != nil {
		o.mu.Lock()
		o.dirty = true
		o.mu.Unlock()
		return err
	}
	o.committed = time.Now()
	o.lease.renew(began)
	return nil
}

// start hands jobs to their routes.
func (o *owner) start(jobs []*job) {
	o.work.Add(len(jobs))
	byRoute := map[string][]*job{}
	for _, j := range jobs {
		if !j.urgent() {
			o.waiting.Add(1)
		}
		byRoute[j.ins.Route] = append(byRoute[j.ins.Route], j)
	}
	for name, jobs := range byRoute {
		if r, ok := o.d.routes[name]; ok {
			r.add(jobs...)
			continue
		}
		o.noRoute(name, jobs)
	}
}

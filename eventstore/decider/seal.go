package decider

import (
	"goniec/domain/partition"
	"goniec/eventstore"
)

// A billing month is closed by its seals (rules.md F4): some days after its end
// each owner writes into its partition's journal that it is over, also when nothing
// else happens there. Whatever stands before the seal was decided while the month
// was open; a charge behind it that is dated into the month counts in the next one.
// So the sum of a month is final as soon as every partition has its seal.

// sealCommand begins the ids of the commands that seal.
const sealCommand = "seal"

// partition is the state of the partition itself.
func (g *group) partition() (partition.State, error) {
	e, err := g.load(partitionStream(g.o.part))
	if err != nil {
		return partition.State{}, err
	}
	return e.agg.(partitionState).State, nil
}

// sealDue says whether a month can be sealed now. As with timers, what lies unread
// in the inbox since before it was due is decided first.
func (o *owner) sealDue() (bool, error) {
	now := o.cfg.Clock.Now()
	o.unsealed = 0
	if o.cfg.SealGrace == 0 || now.Before(o.sealAt) {
		return false, nil
	}
	e, err := o.load(partitionStream(o.part))
	if err != nil {
		return false, err
	}
	_, o.sealAt = e.agg.(partitionState).NextSeal(now, o.cfg.SealGrace, o.cfg.Zone)
	if now.Before(o.sealAt) {
		return false, nil
	}
	o.unsealed = now.Sub(o.sealAt) // until the look behind the seal
	if ok, why := o.timers.open(o.cfg.Now()); !ok {
		o.cfg.Metrics.TimersWaiting(o.part, why)
		return false, nil
	}
	if err := o.moveSafe(now, o.sealAt); err != nil {
		return false, nil //nolint:nilerr // the broker does not answer: the seal waits, as timers do
	}
	return !o.timers.safe.Before(o.sealAt), nil
}

// allFire says whether the timers that are about to fire are all that were due before the month's seal: they stand before
// it. Others may be due by now, since more were than one group takes, or the inbox was read on, or the clock was moved.
func (o *owner) allFire(timers []dueTimer) (bool, error) {
	before := 0
	for _, t := range timers {
		if !t.due.After(o.sealAt) {
			before++
		}
	}
	left, err := o.scanTimers(o.sealAt, before+1)
	return len(left) == before, err
}

// sealMonth seals one month behind all that the group has decided; who was away
// for several seals them one after the other. The command's id is the month's,
// whoever writes it.
func (g *group) sealMonth(sealing bool) error {
	if !sealing {
		return nil
	}
	s, err := g.partition()
	if err != nil {
		return err
	}
	cfg, stream := g.o.cfg, partitionStream(g.o.part)
	month, due := s.NextSeal(g.now, cfg.SealGrace, cfg.Zone)
	if due.After(earlier(g.now, g.o.timers.safe)) {
		return nil // the clock went back since the look, or passed another month's end
	}
	g.begin(&eventstore.Command{ID: g.o.derive(stream, sealCommand, month.String()), Type: timerCommand, Stream: stream, Actor: "timer/" + sealCommand, Time: due})
	return g.emit(stream, "", fact{partition.PeriodSealed{Month: month.String(), GraceMS: cfg.SealGrace.Milliseconds()}, g.now})
}

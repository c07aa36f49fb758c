package decider

import "time"

const measureEvery = time.Second

// measure tells how the partition stands, now and then.
func (o *owner) measure(now time.Time) {
	if now.Sub(o.measured) < measureEvery {
		return
	}
	o.measured = now
	m := Measurement{Urgent: o.lanes[urgent].lag(), Bulk: o.lanes[bulk].lag(), TimersBehind: o.behind, SealBehind: o.unsealed, LastBeat: o.timers.lastBeat}
	o.cfg.Metrics.Measured(o.part, m)
}

func (l *lane) lag() Lag {
	lag := Lag{Records: max(0, max(l.stable, l.end)-l.pos)}
	if len(l.pending) > 0 {
		lag.Oldest = l.pending[0].record.Timestamp
	}
	return lag
}

// told tells what the group wrote, once it is committed.
func (g *group) told() {
	for _, e := range g.wrote {
		g.o.cfg.Metrics.Fact(g.o.part, e)
	}
	for _, s := range g.spans {
		s.End()
	}
}

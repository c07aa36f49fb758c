package decider

import (
	"maps"
	"sync"
	"time"

	"goniec/eventstore"
)

// Progress is how far an owned partition has come.
type Progress struct {
	Urgent, Bulk int64     // the inbox lanes are decided, and that is committed, below these offsets
	Clear        time.Time // domain time: all timers and seals that were due then have fired
	Next         time.Time // domain time: no timer and no seal is due before it, unless something else happens first
}

// progress is what the owners tell. Safe for concurrent use.
type progress struct {
	mu   sync.Mutex
	told map[eventstore.Partition]Progress
}

func (p *progress) tell(part eventstore.Partition, at Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told[part] = at
}

func (p *progress) forget(part eventstore.Partition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.told, part)
}

// Progress tells how the partitions stand that this process decides. Safe for
// concurrent use.
func (d *Decider) Progress() map[eventstore.Partition]Progress {
	d.progress.mu.Lock()
	defer d.progress.mu.Unlock()
	return maps.Clone(d.progress.told)
}

// tellProgress says how the partition stands after a round that has looked for what
// is due at now or later. What has just fired is still known as the next that is due.
func (o *owner) tellProgress(now time.Time) {
	next := o.timers.low
	if o.cfg.SealGrace != 0 {
		next = earlier(next, o.sealAt)
	}
	if next.After(now) {
		o.clear = now
	}
	o.progress.tell(o.part, Progress{Urgent: o.lanes[urgent].pos, Bulk: o.lanes[bulk].pos, Clear: o.clear, Next: next})
}

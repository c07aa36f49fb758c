package dispatch

import (
	"context"
	"time"

	"goniec/eventstore"
)

const (
	maxPendingBulk   = 2000
	maxPendingUrgent = Window // read far ahead: revokes stand there
)

// lane is one outbox partition: what was read of it, and what is claimed.
type lane struct {
	owner   *owner
	index   int
	topic   string
	ch      chan laneBatch
	pending []entry
	next    int64 // position after pending
	claims  tracker
}

type laneBatch struct {
	records []*eventstore.Record
	next    int64
	err     error
}

// read reads ahead of the claims, until ctx ends.
func (l *lane) read(ctx context.Context) {
	r := l.owner.d.cfg.Cluster.Read(l.topic, l.owner.part, l.next, 0)
	defer r.Close()
	for last := l.next; ; {
		b, err := r.Next(ctx)
		if err == nil && b.Next == last {
			continue // nothing new
		}
		last = b.Next
		select {
		case l.ch <- laneBatch{b.Records, b.Next, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// full says whether enough has been read for now.
func (l *lane) full() bool {
	if l.index == urgent {
		return len(l.pending) >= maxPendingUrgent
	}
	return len(l.pending) >= maxPendingBulk
}

// input is the channel to receive from, nil when enough has been read.
func (l *lane) input() <-chan laneBatch {
	if l.full() {
		return nil
	}
	return l.ch
}

// take parses a batch. Revokes count from here on, whatever stands before them.
func (l *lane) take(b laneBatch) error {
	if b.err != nil {
		return b.err
	}
	now := time.Now()
	for _, r := range b.records {
		e, unreadable, err := parseEntry(l.owner, l.index, r)
		if err != nil {
			return err
		}
		if unreadable != nil {
			l.owner.skipped(l.topic, r.Offset, unreadable)
		}
		if e.job != nil {
			e.job.read = now
		}
		if e.revoke != "" {
			l.owner.revoked.add(e.revoke, now)
		}
		l.pending = append(l.pending, e)
	}
	l.next = b.next
	return nil
}

// pick claims entries from the front until jobs has most elements; passed says
// whether entries that need no call were claimed.
func (l *lane) pick(jobs []*job, most int) (picked []*job, passed bool) {
	n := 0
	for ; n < len(l.pending); n++ {
		e := l.pending[n]
		if e.job == nil {
			l.claims.pass(e.offset + 1)
			passed = true
			continue
		}
		if len(jobs) >= most || !l.claims.room(e.offset) {
			break
		}
		l.claims.claim(e.offset)
		jobs = append(jobs, e.job)
	}
	if l.pending = l.pending[n:]; len(l.pending) == 0 {
		passed = passed || l.next > l.claims.to()
		l.claims.pass(l.next)
		l.pending = nil
	}
	return jobs, passed
}

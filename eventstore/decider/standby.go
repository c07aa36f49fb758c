package decider

import (
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"goniec/eventstore"
)

// standbyCache is how many decoded states a standby keeps: it needs them but once.
const standbyCache = 500

// standbys keep copies of partitions that other processes own, by replaying the
// journals as they grow, so that little is left to do when one of them comes
// here. They have no producer: nothing can be written to Kafka by them.
type standbys struct {
	d *Decider

	mu        sync.Mutex
	following map[eventstore.Partition]following
}

type following struct {
	stop  func() // ends it, and waits for that
	again func() // begins it again, unless Run has ended
}

// startStandbys follows the configured number of partitions, beginning at one
// that differs from process to process, until ctx ends and wait returns.
func (d *Decider) startStandbys(ctx context.Context) *standbys {
	s := &standbys{d: d, following: map[eventstore.Partition]following{}}
	h := fnv.New32a()
	h.Write([]byte(d.cfg.Process))
	first := int32(h.Sum32() % uint32(d.cfg.Partitions)) // partitions are < 65,536
	for i := range min(max(int32(d.cfg.Standby), 0), d.cfg.Partitions) {
		s.follow(ctx, (first+i)%d.cfg.Partitions)
	}
	return s
}

// follow begins to follow a partition until run ends or the partition is owned.
func (s *standbys) follow(run context.Context, p eventstore.Partition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithCancel(run)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.d.followPartition(ctx, p)
	}()
	s.following[p] = following{
		stop: func() {
			cancel()
			<-done
		},
		again: func() {
			if run.Err() == nil {
				s.follow(run, p)
			}
		},
	}
}

// yield ends the following of a partition that is owned from now on; the store's
// keys of it are the owner's. The returned function begins it again, if it was one.
func (s *standbys) yield(p eventstore.Partition) (resume func()) {
	s.mu.Lock()
	f, ok := s.following[p]
	delete(s.following, p)
	s.mu.Unlock()
	if !ok {
		return func() {}
	}
	f.stop()
	return f.again
}

// wait returns when every follower has ended; their context must have.
func (s *standbys) wait() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.following {
		f.stop()
	}
}

// followPartition keeps the partition's copy up to date until ctx ends.
func (d *Decider) followPartition(ctx context.Context, p eventstore.Partition) {
	log := d.cfg.Log.With("partition", p)
	for wait := d.cfg.FollowEvery; sleep(ctx, wait); {
		o := d.newOwner(p, log)
		o.cached = func() int { return standbyCache }
		began := d.cfg.Now()
		err := errors.Join(o.standBy(ctx), o.find.forget())
		if ctx.Err() != nil {
			return
		}
		if d.cfg.Now().Sub(began) > time.Minute {
			wait = d.cfg.FollowEvery
		}
		if wait = min(2*wait, time.Minute); errors.As(err, new(*fatalError)) {
			wait = time.Minute // its owner must look at it
		}
		log.Warn("standby starts over", "error", err)
	}
}

// standBy brings the copy up to date, again and again.
func (o *owner) standBy(ctx context.Context) error {
	began := o.cfg.Now()
	replayed, err := o.recover(ctx)
	if err != nil {
		return err
	}
	o.log.Info("standing by", "replayed", replayed, "next", o.marks[messagesJournal].Next, "took", o.cfg.Now().Sub(began).Round(time.Millisecond))
	for sleep(ctx, o.cfg.FollowEvery) {
		for _, topic := range journals {
			if err := o.followJournal(ctx, topic); err != nil {
				return err
			}
		}
	}
	return context.Cause(ctx)
}

// followJournal replays what a journal holds by now.
func (o *owner) followJournal(ctx context.Context, topic string) error {
	end, err := o.cfg.Cluster.End(o.topics.Name(topic), o.part)
	if err != nil || end <= o.marks[topic].Next {
		return err
	}
	n, err := o.replay(ctx, topic)
	if err == nil {
		o.log.Debug("followed", "topic", topic, "events", n, "next", o.marks[topic].Next)
	}
	return err
}

func (d *Decider) newOwner(p eventstore.Partition, log *slog.Logger) *owner {
	return &owner{
		cfg: &d.cfg, store: d.cfg.Store, part: p, keys: newKeyspace(p), topics: d.cfg.Kafka.Topics(),
		source: "goniec/" + d.cfg.Installation, log: log, started: d.cfg.Now(),
		cached: func() int { return d.cfg.CacheEntries / max(1, int(d.owned.Load())) }, find: &finder{db: d.cfg.Store.db},
		progress: d.progress, writing: &d.writing,
	}
}

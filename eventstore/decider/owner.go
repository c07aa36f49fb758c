package decider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"goniec/eventstore"
	"goniec/internal/pause"
)

// GroupName is the consumer group that shares the partitions out.
const GroupName = "decider"

// Decider owns partitions and decides their commands.
type Decider struct {
	cfg      Config
	standbys *standbys    // while Run runs
	owned    atomic.Int32 // partitions
	progress *progress
	writing  sync.RWMutex // held for reading while a transaction is open
}

// New checks the configuration.
func New(cfg Config) (*Decider, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Decider{cfg: cfg, progress: &progress{told: map[eventstore.Partition]Progress{}}}, nil
}

// Run takes part in the group until ctx ends; when it returns no partition is
// owned and no transaction is open. Run it once at a time.
func (d *Decider) Run(ctx context.Context) error {
	d.standbys = d.startStandbys(ctx)
	defer d.standbys.wait()
	return d.cfg.Hand(ctx, d.own)
}

// Paused calls fn while no transaction of this process is open; what is decided meanwhile
// waits. The embedded broker compacts without regard to open ones.
func (d *Decider) Paused(fn func() error) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	return fn()
}

// own runs one ownership. A commit whose outcome is not known, or that the
// broker refuses as stale, starts it over: a new producer settles the old
// transaction, and everything is read back from what is committed.
func (d *Decider) own(ctx context.Context, o *eventstore.Ownership) error {
	log := d.cfg.Log.With("partition", o.Partition)
	defer d.standbys.yield(o.Partition)()
	d.owned.Add(1)
	defer d.owned.Add(-1)
	for wait := 50 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 2*time.Second) {
		began := d.cfg.Now()
		err := d.once(ctx, o, log)
		d.tellRefused(o, log, err)
		switch {
		case ctx.Err() != nil:
			return nil // the partition was taken away, or the process stops
		case errors.Is(err, sarama.ErrProducerFenced):
			return err
		case errors.As(err, new(*fatalError)), errors.Is(err, eventstore.ErrNotMember):
			return err
		}
		if d.cfg.Now().Sub(began) > time.Minute {
			wait = 50 * time.Millisecond
		}
		log.Warn("ownership starts over", "error", err)
		d.cfg.Metrics.Restarted(o.Partition, "commit")
		o.Restarting()
		if !sleep(ctx, wait) {
			return nil
		}
		if err := d.confirm(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// tellRefused tells of a write that a broker refused since the producer is not the
// partition's last one. A broker says so by two codes: that another producer has
// begun, which ends the ownership, and, to what was on its way, that the epoch is
// over, which a broker also says after it has ended a transaction that took too long.
func (d *Decider) tellRefused(o *eventstore.Ownership, log *slog.Logger, err error) {
	switch {
	case errors.Is(err, sarama.ErrProducerFenced):
		log.Warn("a write was refused: another process owns the partition", "error", err)
	case errors.Is(err, sarama.ErrInvalidProducerEpoch):
		log.Warn("a write was refused: its producer's epoch is over", "error", err)
	default:
		return
	}
	d.cfg.Metrics.Fenced(o.Partition)
}

// confirm waits until the group says that this process is still a member. A new
// producer fences whoever owns the partition: after a failure only a member may
// open one, else a zombie would throw its successor out.
func (d *Decider) confirm(ctx context.Context, o *eventstore.Ownership) error {
	for {
		err := d.cfg.Cluster.StillMember(o)
		if err == nil || errors.Is(err, eventstore.ErrNotMember) {
			return err
		}
		if !sleep(ctx, time.Second) {
			return nil
		}
	}
}

// fatalError gives the partition up: trying again here cannot help (an unknown
// event type, a broken chain, a missing offset).
type fatalError struct{ err error }

func (e *fatalError) Error() string { return e.err.Error() }
func (e *fatalError) Unwrap() error { return e.err }

func fatalf(format string, args ...any) error { return &fatalError{fmt.Errorf(format, args...)} }

// sleep waits for d; false means that ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool { return pause.For(ctx, d) == nil }

// owner is one ownership between two starts.
type owner struct {
	cfg      *Config
	store    *Store
	claim    *eventstore.Ownership
	part     eventstore.Partition
	keys     keyspace
	topics   eventstore.Topics
	source   string
	log      *slog.Logger
	producer eventstore.Transactions
	cache    *cache
	cached   func() int // how many entries cache may hold
	find     *finder
	life     context.Context // of this ownership
	pass     pass
	loading  bool // the state was loaded from the state topic, and streams may be ahead of marks

	epoch    int64
	heads    map[string][32]byte // of the journal topics, committed
	marks    map[string]journalMark
	noted    noted
	recorded time.Time
	started  time.Time // real time

	lanes   [2]*lane // urgent, bulk
	timers  timerGate
	commits time.Time // real time of the last group
	parked  parkedCount
	saved   [2]int64  // lane offsets of the last transaction
	savedAt time.Time // real time of it
	heldAt  time.Time // real time of the last look at what waits for a switch
	evicted time.Time // real time of the last look for what can be forgotten
	sealAt  time.Time // domain time: no month is sealed before; zero = not known
	clear   time.Time // domain time: all that was due then has fired
	keysAt  time.Time // domain time: no day key is destroyed before
	filled  time.Time // real time of the last fillers

	progress *progress
	writing  *sync.RWMutex
	measured time.Time     // real time of the last measurement
	behind   time.Duration // of the timers
	unsealed time.Duration // of the month's seal that waits
	traces   traceMemory
}

// once is one start and run of an ownership, in the order that makes it safe:
// (1) a new producer, whose init fences the predecessor and settles its last
// transaction; (2) only then the committed offsets; (3) the state, brought up to
// the journal's end; (4) the reference view; (5) decide.
func (d *Decider) once(ctx context.Context, claim *eventstore.Ownership, log *slog.Logger) error {
	p := claim.Partition
	producer, err := d.cfg.Cluster.Begin(ctx, fmt.Sprintf("%s%s-%d", d.cfg.Kafka.Prefix, GroupName, p))
	if err != nil {
		return fmt.Errorf("open producer: %w", err)
	}
	// Opening it may have taken long: who was counted out meanwhile must not begin a
	// transaction, which would keep its successor from reading until it times out.
	if err := d.confirm(ctx, claim); err != nil {
		return errors.Join(err, producer.Close())
	}
	o := d.newOwner(p, log)
	o.claim, o.producer, o.life = claim, producer, ctx
	return errors.Join(o.run(ctx), o.find.forget(), producer.Close())
}

func (o *owner) run(ctx context.Context) error {
	from, err := o.committed(ctx)
	if err != nil {
		return err
	}
	began := o.cfg.Now()
	replayed, err := o.recover(ctx)
	if err != nil {
		return err
	}
	o.epoch++
	offsets, err := o.startAt(from)
	if err != nil {
		return err
	}
	for !o.cfg.ViewReady() {
		if !sleep(ctx, 20*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
	o.log.Info("partition owned", "epoch", o.epoch, "replayed", replayed, "took", o.cfg.Now().Sub(began).Round(time.Millisecond))
	o.claim.Working()
	return o.loop(ctx, offsets)
}

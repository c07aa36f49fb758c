package sim

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"goniec/adapters/dispatch"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/eventstore"
	"goniec/eventstore/decider"
)

const (
	session     = 2 * time.Second // of both groups
	callTimeout = time.Second
)

// node is one process, from its start to its end.
type node struct {
	name  string
	role  *role
	slot  *slot
	dead  atomic.Bool
	end   context.CancelFunc
	ended chan struct{}
	turns chan context.Context
	late  func(attempt string, carrierID string) // of a dispatcher
	view  *account.View

	// The scheduler's:
	frozen time.Time // nothing of it goes on before
	cut    time.Time // nothing reaches Kafka before
	heard  time.Time // by the group's coordinator
	revoke context.CancelFunc
	told   time.Time    // when it learns that it was counted out; zero = it was not
	knows  atomic.Int64 // of so many turns of switches
	keys   *eventstore.Keyring
	keysTo int64 // it has read the day keys so far

	mu     sync.Mutex
	member sarama.ConsumerGroupMetadata
	owning bool
}

// slot is a machine: processes on it follow one another and share its disk.
type slot struct {
	name    string
	starts  int
	node    *node // nil = down
	startAt time.Time
	disk    *vfs.MemFS
	older   *vfs.MemFS // as it once was
}

// role is a kind of process and the group that shares its partition out.
type role struct {
	name   string
	group  *group
	slots  []*slot
	start  func(ctx context.Context, n *node)
	owner  *node
	giveAt time.Time // when the partition is given to somebody; zero = it is owned
}

const (
	deciderGroup    = decider.GroupName
	dispatcherGroup = dispatch.GroupName
)

// hand gives the partition to the process whenever its turn comes.
func (n *node) hand(ctx context.Context, own func(context.Context, *eventstore.Ownership) error) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case turn := <-n.turns:
			n.take(ctx, turn, own)
			n.mu.Lock()
			n.owning = false
			n.mu.Unlock()
		}
	}
}

// take owns the partition until it is taken away or the process ends.
func (n *node) take(ctx, turn context.Context, own func(context.Context, *eventstore.Ownership) error) {
	turn, cancel := context.WithCancel(turn)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	_ = own(turn, eventstore.NewOwnership(0, n.role.group.name, n.metadata)) // it is given to somebody else
}

func (n *node) metadata() *sarama.ConsumerGroupMetadata {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := n.member
	return &m
}

func (n *node) owns() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.owning
}

// learn tells the process the group's generation.
func (n *node) learn(g *group) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.member.GenerationID = g.generation
}

func (n *node) stuck(now time.Time) bool { return now.Before(n.frozen) }
func (n *node) away(now time.Time) bool  { return n.stuck(now) || now.Before(n.cut) }

var silent = slog.New(slog.DiscardHandler)

// boot starts a process on a slot.
func (w *world) boot(r *role, s *slot) {
	s.starts++
	n := &node{
		name: fmt.Sprintf("%s.%d", s.name, s.starts), role: r, slot: s, ended: make(chan struct{}), turns: make(chan context.Context, 1), heard: time.Now(),
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.end, s.node = cancel, n
	w.show(n)
	w.nodes = append(w.nodes, n)
	w.note(n.name, "starts")
	go func() {
		defer close(n.ended)
		r.start(ctx, n)
	}()
}

// crash ends a process at once: whatever it still does has no effect.
func (w *world) crash(n *node) {
	n.dead.Store(true)
	n.slot.node = nil
	if n.slot.disk != nil {
		w.survive(n.slot)
	}
	n.end()
	w.bury(n)
	n.slot.startAt = time.Now().Add(w.between(0, session))
}

// survive decides what the disk holds after a crash.
func (w *world) survive(s *slot) {
	old := s.disk
	switch w.rng.IntN(8) {
	case 0:
		s.disk = vfs.NewCrashableMem()
		w.note(s.name, "its disk is lost")
	case 1:
		if s.older != nil {
			s.disk = s.older.CrashClone(cloneAll(w.diskRNG()))
			w.note(s.name, "its disk is an older copy")
			break
		}
		fallthrough
	case 2:
		disk, err := halfLost(old, w.diskRNG())
		if err != nil {
			w.fail("disk of %s: %v", s.name, err)
		}
		s.disk = disk
		w.note(s.name, "half of what was not synced is lost")
	case 3:
		s.disk = old.CrashClone(vfs.CrashCloneCfg{})
		w.note(s.name, "what was not synced is lost")
	default:
		s.disk = old.CrashClone(cloneAll(w.diskRNG()))
	}
}

func (w *world) diskRNG() *rand.Rand { return rand.New(rand.NewPCG(w.rng.Uint64(), 1)) }

// smaller makes a store that is opened often and holds little.
func smaller(fs vfs.FS) func(*pebble.Options) {
	return func(o *pebble.Options) { o.FS, o.MemTableSize = fs, 512<<10 }
}

func (w *world) runDecider(ctx context.Context, n *node) {
	store, err := decider.OpenStore(context.WithoutCancel(ctx), "state", silent, smaller(n.slot.disk)) // opening takes no time here
	if err != nil {
		w.fail("store of %s does not open: %v", n.name, err)
		return
	}
	defer store.Close()
	d, err := decider.New(w.deciderConfig(n, store))
	if err != nil {
		w.fail("decider: %v", err)
		return
	}
	_ = d.Run(ctx) // always the end of ctx
}

func (w *world) deciderConfig(n *node, store *decider.Store) decider.Config {
	return decider.Config{
		Cluster: &cluster{w, n}, Hand: n.hand, Partitions: 1, Installation: installation, Process: n.name,
		Clock: w, Zone: time.UTC, Store: store, View: n.view, ViewSeen: func() int64 { return viewSeen + n.knows.Load() },
		Keyring: n.keys, Log: silent, BeatGap: beatGap, Grace: grace, GroupLimit: w.plan.group, CacheEntries: w.plan.cache,
		StatePass: w.plan.statePass, Standby: w.plan.standby, SealGrace: w.plan.sealGrace,
	}
}

var seal = eventstore.InstallationKeys{Primary: "k", Keys: map[string][]byte{"k": make([]byte, 32)}}

const (
	beatEvery = 500 * time.Millisecond
	beatGap   = 1500 * time.Millisecond
	grace     = time.Second
)

func (w *world) runDispatcher(ctx context.Context, n *node) {
	c := &cluster{w, n}
	d, err := dispatch.New(dispatch.Config{
		Kafka: eventstore.KafkaConfig{SessionTimeout: session}, Cluster: c, Hand: n.hand, Offsets: c.claims, Producer: c, Partitions: 1,
		Contents: &contents{w: w, n: n}, Open: func(string, []byte) (eventstore.Content, error) {
			return eventstore.Content{To: "+48500100200", Text: "x"}, nil
		},
		Routes: []dispatch.Route{
			{Name: viberRoute, Carrier: &carrier{w, n, domain.Viber}, Concurrency: w.plan.slots},
			{Name: smsRoute, Carrier: &carrier{w, n, domain.SMS}, Concurrency: w.plan.slots},
		},
		Clock: w, Log: silent, CallTimeout: callTimeout, Paused: n.view.Holds,
	})
	if err != nil {
		w.fail("dispatcher: %v", err)
		return
	}
	n.late = func(attempt, id string) { d.Late(lateAnswer(attempt, id)) }
	_ = d.Run(ctx) // always the end of ctx
}

// manage is what the groups' coordinators do.
func (w *world) manage() {
	now := time.Now()
	for _, r := range w.roles {
		for _, s := range r.slots {
			if s.node == nil && !s.startAt.IsZero() && !now.Before(s.startAt) {
				s.startAt = time.Time{}
				w.boot(r, s)
			}
			if n := s.node; n != nil && !n.away(now) {
				w.meet(r, n, now)
				w.inform(n, now)
			}
		}
		w.share(r, now)
	}
}

// meet is what a process and its coordinator say to each other while they can.
func (w *world) meet(r *role, n *node, now time.Time) {
	id := n.metadata().MemberID
	if !w.brokerAway(now) {
		n.heard = now
	}
	if id != "" && r.group.members[id] {
		n.learn(r.group)
		return
	}
	if id != "" && n.revoke != nil && n.told.IsZero() {
		n.told = now.Add(w.between(0, time.Second))
	}
	if !n.told.IsZero() && !now.Before(n.told) && n.revoke != nil {
		w.note(n.name, "learns that it was counted out")
		n.revoke()
		n.revoke = nil
	}
}

// share gives the partition away when its owner is gone.
func (w *world) share(r *role, now time.Time) {
	if n := r.owner; n != nil {
		switch {
		case n.dead.Load() && now.Sub(n.heard) >= session, n.away(now) && now.Sub(n.heard) >= session:
			w.note(r.name, "%s is counted out", n.name)
			delete(r.group.members, n.metadata().MemberID)
			r.owner, r.giveAt = nil, now
			r.group.generation++
		case !n.dead.Load() && !n.owns():
			delete(r.group.members, n.metadata().MemberID)
			r.owner, r.giveAt = nil, now.Add(w.between(0, session/2))
			r.group.generation++
		}
	}
	if r.owner == nil && !now.Before(r.giveAt) {
		w.give(r)
	}
}

func (w *world) give(r *role) {
	var able []*node
	for _, s := range r.slots {
		if s.node != nil && !s.node.away(time.Now()) && !s.node.owns() {
			able = append(able, s.node)
		}
	}
	if len(able) == 0 {
		return
	}
	n := pickOf(w.scheduler, able...)
	r.group.generation++
	turn, cancel := context.WithCancel(context.Background())
	n.mu.Lock()
	n.member = sarama.ConsumerGroupMetadata{GroupID: r.group.name, GenerationID: r.group.generation, MemberID: fmt.Sprintf("%s@%d", n.name, r.group.generation)}
	n.owning = true
	n.mu.Unlock()
	r.group.members[n.member.MemberID] = true
	n.heard, n.told, r.owner = time.Now(), time.Time{}, n
	n.revoke = cancel
	w.check.turn(n)
	w.note(r.name, "the partition goes to %s, generation %d", n.name, r.group.generation)
	n.turns <- turn
}

func cloneAll(rng *rand.Rand) vfs.CrashCloneCfg {
	return vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rng}
}

package sim

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"goniec/domain"
	"goniec/domain/account"
)

const (
	installation = "simulation"
	accountID    = "11111111-1111-4111-8111-111111111111"
	viberRoute   = "viber"
	smsRoute     = "sms"
	serviceID    = 4711
)

// world is everything: the processes, and what they live in.
type world struct {
	*scheduler
	plan     plan
	kafka    *kafka
	postgres *postgres
	check    *checker
	roles    []*role
	nodes    []*node // that ever were

	ahead     atomic.Int64 // of domain time before virtual time
	latest    time.Time    // the latest that domain time has been
	brokers   time.Time    // away until then
	edges     time.Time    // no report, no beat before
	nextBeat  time.Time
	busy      time.Time // when a process last asked for anything but records
	healthy   bool      // the bad days are over
	last      bool      // the last command has been written
	messages  []*msg
	reports   []*due
	calls     []*call
	shots     []func()
	failures  []string
	faultsHad int
	garbage   int     // records in the inbox that are no commands
	office    *office // nil = no month ends
	erasures  int     // so far
	unparked  int     // at how many changes of what is parked the operator looked last
	turned    int     // how often the operator has turned a switch
	mended    int     // at how many turns something was resumed last
}

// plan is what a seed chooses at its beginning.
type plan struct {
	batch, group int // records in a read, commands in a group
	messages     int
	faults       int           // how many
	faultIn      int           // one in so many steps
	fateIn       int           // an operation in so many goes wrong; 0 = none
	slowIn       int           // one in so many steps something waits although it could go on
	split        int           // one in so many answers comes later than what it answers
	jumpIn       int           // one in so many steps domain time jumps
	beats        bool          // reports' takers beat
	lasts        time.Duration // of the bad days
	projects     bool
	slots        int // calls at a time, per route
	cache        int // decoded states that an owner keeps
	statePass    time.Duration
	standby      int // copies of others' partitions that a decider keeps
	sealGrace    time.Duration
	switches     int  // how often an operator turns a switch
	viberOff     bool // the route to Viber may stay paused
	erasures     int  // how often somebody is erased
	spoils       bool // … and some commands of messages cannot be read
}

func (s *scheduler) choose() plan {
	p := plan{
		batch: 1 + s.rng.IntN(8), group: pickOf(s, 1, 2, 5, 1000), messages: 1 + s.rng.IntN(4),
		faults: s.rng.IntN(7), faultIn: 20 + s.rng.IntN(100), fateIn: pickOf(s, 0, 10, 30, 100),
		slowIn: pickOf(s, 3, 10, 30), split: pickOf(s, 2, 4, 16), jumpIn: pickOf(s, 8, 20, 60),
		beats: s.chance(3), lasts: s.between(2*time.Second, 8*time.Second), projects: s.chance(2), slots: pickOf(s, 1, 2, 512), cache: pickOf(s, 2, 6, 20000), statePass: pickOf(s, 300*time.Millisecond, time.Second, -1), standby: s.rng.IntN(2),
		switches: pickOf(s, 0, 0, 0, 0, 0, 1, 2, 4), viberOff: s.chance(2), erasures: pickOf(s, 0, 0, 0, 0, 1, 2),
	}
	p.spoils = p.erasures > 0 && s.chance(2)
	return p
}

// theView is the reference view, the same for all where nothing of it changes.
var theView = newView()

// newView is a reference view: one account, one active sender.
func newView() *account.View {
	v := account.NewView()
	at := time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	settings := account.DefaultSettings()
	settings.SMSValidity, settings.ReportWait = 60_000, 30_000
	v.Apply(account.AccountStream(accountID), 1, account.AccountCreated{Name: "Test", Currency: "PLN", Settings: settings}, at)
	stream := account.SenderStream(account.SenderID(accountID, "GONIEC", "PL"))
	for i, e := range []account.Event{
		account.SenderCreated{Account: accountID, Name: "GONIEC", Company: "GONIEC", Country: "PL"},
		account.SenderSubmitted{At: at},
		account.SenderApproved{ServiceID: serviceID, ActiveOn: at},
	} {
		v.Apply(stream, int64(i+1), e, at)
	}
	v.Apply(account.PricesStream(account.DefaultPrices), 1, account.PricesPublished{Currency: "PLN", ValidFrom: at, Prices: []account.Price{
		{Country: "PL", Channel: domain.Viber, Amount: "0.05"}, {Country: "PL", Channel: domain.SMS, Amount: "0.09"},
	}}, at)
	return v
}

func newWorld(seed uint64, trace func(string)) *world {
	w := &world{scheduler: newScheduler(seed), kafka: newKafka(), postgres: newPostgres()}
	w.trace = trace
	w.plan = w.choose()
	w.plan.sealGrace = w.nearMonthEnd(seed)
	w.check = newChecker(w)
	w.kafka.settled, w.kafka.written = w.check.settled, w.check.written
	kinds := []*role{
		{name: "d", group: &group{name: deciderGroup}, start: w.runDecider},
		{name: "s", group: &group{name: dispatcherGroup}, start: w.runDispatcher},
	}
	if w.plan.projects {
		kinds = append(kinds, &role{name: "p", group: &group{name: "projector"}, start: w.runProjector})
	}
	for _, r := range kinds {
		r.group.members = map[string]bool{}
		w.kafka.groups[r.group.name] = r.group
		for i := range 2 {
			s := &slot{name: fmt.Sprint(r.name, i+1)}
			if r.name == "d" {
				s.disk = vfs.NewCrashableMem()
			}
			r.slots = append(r.slots, s)
		}
		w.roles = append(w.roles, r)
	}
	return w
}

// Now is domain time, the same for all.
func (w *world) Now() time.Time {
	return time.Now().Add(time.Duration(w.ahead.Load())).UTC().Truncate(time.Microsecond)
}

func (w *world) jump(d time.Duration) {
	w.ahead.Add(int64(d))
	w.tick()
	w.note("clock", "domain time jumps by %s", d)
}

// tick keeps the latest domain time that there was.
func (w *world) tick() {
	if now := w.Now(); now.After(w.latest) {
		w.latest = now
	}
}

func (w *world) brokerAway(now time.Time) bool { return now.Before(w.brokers) }

func (w *world) fail(format string, args ...any) {
	w.mu.Lock()
	w.failures = append(w.failures, fmt.Sprintf(format, args...))
	w.mu.Unlock()
	w.note("CHECK", format, args...)
}

func (w *world) failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.failures) > 0
}

// run lives through the bad days and then waits until all is done.
func (w *world) run() {
	for _, r := range w.roles {
		for _, s := range r.slots {
			w.boot(r, s)
		}
	}
	w.badDays(w.plan.lasts)
	if w.office != nil { // a month has to end in them
		w.badDays(w.plan.lasts)
	}
	w.heal()
	w.drain()
	if w.chance(3) && !w.failed() {
		w.weeks()
	}
	w.closeDown()
	if !w.failed() {
		w.check.atEnd()
	}
}

func (w *world) badDays(last time.Duration) {
	end := time.Now().Add(last)
	for time.Now().Before(end) && !w.failed() {
		w.step()
	}
}

// step lets one thing happen.
func (w *world) step() {
	w.steps++
	pending := w.settle()
	w.tick()
	w.manage()
	if w.surroundings() {
		return
	}
	w.operations(pending)
}

// operations lets one operation happen, or its answer through, or time pass.
func (w *world) operations(pending []*op) {
	now := time.Now()
	if !w.healthy && w.chance(w.plan.slowIn) {
		w.pass(w.between(time.Millisecond, 300*time.Millisecond))
		return
	}
	var able []*op
	for _, o := range pending {
		if w.able(o, now) {
			able = append(able, o)
		}
	}
	if len(able) == 0 {
		w.pass(100 * time.Millisecond)
		return
	}
	w.happen(pickOf(w.scheduler, able...))
}

func (w *world) able(o *op, now time.Time) bool {
	switch {
	case o.node.stuck(now), o.needs != needsCarrier && o.node.away(now):
		return false
	case o.needs == needsKafka && w.brokerAway(now):
		return false
	}
	if o.done {
		return !now.Before(o.until) || o.limit > 0 && now.Sub(o.since) >= o.limit
	}
	return o.ready == nil || o.ready()
}

func (w *world) happen(o *op) {
	if o.limit > 0 && time.Since(o.since) >= o.limit {
		w.note(o.node.name, "%s: waited for long enough", o.name)
		w.answer(o, errBroker)
		return
	}
	if o.done {
		w.note(o.node.name, "… %s is answered: %v", o.name, o.err)
		w.answer(o, o.err)
		return
	}
	if o.idle == nil || o.done || !o.idle() {
		w.busy = time.Now()
	}
	what := well
	if !w.healthy && len(o.fates) > 0 && w.chance(w.plan.fateIn) {
		what = pickOf(w.scheduler, o.fates...)
	}
	if what == refused {
		if strings.HasPrefix(o.name, "write ") || strings.HasPrefix(o.name, "commit ") {
			w.check.turn(o.node)
		}
		w.note(o.node.name, "%s: refused", o.name)
		w.answer(o, errBroker)
		return
	}
	if what == late || what == lateAnd {
		o.delay()
	}
	if what == torn {
		o.tear()
	}
	o.err = o.apply()
	if (what == lost || what == lateAnd || what == torn) && o.err == nil {
		o.err = errBroker
	}
	w.note(o.node.name, "%s%s", o.name, outcome(what, o.err))
	o.done = true
	if o.err != nil && (strings.HasPrefix(o.name, "write ") || strings.HasPrefix(o.name, "commit ")) {
		w.check.turn(o.node) // it begins again, and reads again
	}
	if o.slow > 0 && !w.healthy && w.chance(2) {
		o.until = time.Now().Add(w.between(0, o.slow))
	}
	if w.healthy || o.until.IsZero() && !w.chance(w.plan.split) {
		w.answer(o, o.err)
	}
}

func outcome(f fate, err error) string {
	switch {
	case f == lost:
		return ": done, but the answer is lost"
	case f == torn:
		return ": half of it is done, and the answer is lost"
	case f == late:
		return ": decided, takes effect later"
	case f == lateAnd:
		return ": decided, takes effect later, and the answer is lost"
	case err != nil:
		return ": " + err.Error()
	}
	return ""
}

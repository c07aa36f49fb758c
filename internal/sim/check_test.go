package sim

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"goniec/adapters/dispatch"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/catalog"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

// checker judges what happens, while it happens and at the end. It knows what is
// visible in the topics, and what each process has been told.
type checker struct {
	w      *world
	byID   map[string]*msg
	chains map[string]*eventstore.Chain

	versions map[string]int64
	states   map[string]message.State // by stream
	events   []*eventstore.Event
	facts    []domain.Event
	epoch    int64
	count    map[string]int // of facts that may happen once

	attempts map[string]*attempt
	lanes    map[string][]*attempt // by outbox topic
	revoked  map[string]int64      // attempt → offset in outbox.urgent
	answered map[string]bool       // attempts whose answer stands in the inbox
	reports  []reported
	claims   map[string]claim
	noted    *eventstore.Inbox // by the last transaction with events
	inbox    map[string]int64  // how far it was decided
	floor    map[string]int64  // no offset goes back below
	runners  map[uuid.UUID]*node
	optOuts  map[string][]recipient.Scope // by stream
	gone     map[string]bool              // streams that were evicted
	sealed   string                       // the last month that is
	closed   calendar.Month               // the last month that is
	sender   sender                       // the office's
	bills    *billing.View
	credits  []string // that were asked for
	parked   int
	switches []turned // in the journal's order

	erased    map[string]bool // contents that were destroyed: whether they are gone
	destroyed []string        // by the transaction that is judged
	told      int             // how many its events say

	asides []aside // in their lines' order
	lines  int     // how often that changed
	calls  []*call
	knows  map[*node]*knowledge
}

// attempt is a send instruction that counts.
type attempt struct {
	message.SendInstruction
	offset int64
	erased bool // when it began
}

// reported is a report in the inbox.
type reported struct {
	recipient.Report
	offset int64
	latest time.Time // the latest that domain time had been
}

// claim is what a dispatcher has committed for one lane.
type claim struct {
	by   *node
	base int64
	done []bool
}

// knowledge is what a process has been told since its turn came.
type knowledge struct {
	read    map[string]int64
	ends    map[string]int64 // the first end of a topic that it asked for
	revokes [4]int64         // read of outbox.urgent at the last claims
}

func newChecker(w *world) *checker {
	c := &checker{
		w: w, byID: map[string]*msg{}, chains: map[string]*eventstore.Chain{}, versions: map[string]int64{}, gone: map[string]bool{}, states: map[string]message.State{},
		count: map[string]int{}, attempts: map[string]*attempt{}, lanes: map[string][]*attempt{}, revoked: map[string]int64{}, bills: billing.NewView(),
		answered: map[string]bool{}, claims: map[string]claim{}, inbox: map[string]int64{}, floor: map[string]int64{}, runners: map[uuid.UUID]*node{}, optOuts: map[string][]recipient.Scope{}, knows: map[*node]*knowledge{}, erased: map[string]bool{},
	}
	for _, topic := range []string{eventstore.Messages, eventstore.Accounts} {
		c.chains[topic] = eventstore.NewChain(installation, topic, 0)
	}
	return c
}

// turn forgets what the process knew: the partition is given to it anew.
func (c *checker) turn(n *node) {
	c.knows[n] = &knowledge{read: map[string]int64{}, ends: map[string]int64{}}
}

func (c *checker) asked(n *node, topic string) {
	k := c.knows[n]
	if k == nil {
		return // it keeps a copy, and has not had its turn
	}
	if _, ok := k.ends[topic]; !ok {
		k.ends[topic] = c.w.kafka.stable(topic)
	}
}

func (c *checker) delivered(n *node, topic string, next int64) {
	if k := c.knows[n]; k != nil {
		k.read[topic] = max(k.read[topic], next)
	}
}

// committing: no offset passes what the process has read, or what was decided before it.
func (c *checker) committing(n *node, offsets []eventstore.Offset) {
	for _, o := range offsets {
		if o.Next > max(c.knows[n].read[o.Topic], c.inbox[o.Topic]) {
			c.w.fail("%s commits offset %d of %s, and has read to %d", n.name, o.Next, o.Topic, c.knows[n].read[o.Topic])
		}
	}
}

// accepted: only the owner's transactions count, and no offset goes back.
func (c *checker) accepted(n *node, offsets []eventstore.Offset) {
	if owner := c.w.roles[0].owner; owner != n {
		c.w.fail("%s commits, and does not own the partition", n.name)
	}
	for _, o := range offsets {
		if at := c.floor[o.Topic]; o.Next < at {
			c.w.fail("%s takes the offset of %s back from %d to %d", n.name, o.Topic, at, o.Next)
		}
		c.floor[o.Topic], c.inbox[o.Topic] = o.Next, max(c.inbox[o.Topic], o.Next)
	}
}

// halved: half of a transaction was lost. From here on the journal's last note
// counts; commands without events that came after it may be decided once more.
func (c *checker) halved() {
	if c.noted != nil {
		c.floor[eventstore.InboxUrgent], c.floor[eventstore.InboxBulk] = c.noted.Urgent, c.noted.Bulk
	}
}

// claimed: what a dispatcher commits as finished has its answer in the inbox.
func (c *checker) claimed(n *node, lanes [2]dispatch.LaneOffset) {
	for _, l := range lanes {
		done, err := dispatch.DecodeClaim(l.Meta)
		if err != nil {
			c.w.fail("%s commits a claim that is not readable: %v", n.name, err)
		}
		if before := c.claims[l.Topic]; l.Offset < before.base {
			c.w.fail("%s takes the offset of %s back from %d to %d", n.name, l.Topic, before.base, l.Offset)
		}
		c.claims[l.Topic] = claim{n, l.Offset, done}
		for _, a := range c.lanes[l.Topic] {
			i := a.offset - l.Offset
			if finished := i < 0 || i < int64(len(done)) && done[i]; finished && !c.answered[a.Attempt] {
				c.w.fail("%s commits attempt %s as finished, and its answer is nowhere", n.name, a.Attempt)
			}
		}
	}
	k := c.knows[n]
	copy(k.revokes[:], k.revokes[1:])
	k.revokes[3] = k.read[eventstore.OutboxUrgent]
}

// calling: a process is about to call a carrier.
func (c *checker) calling(n *node, id string, ch domain.Channel) {
	if n.dead.Load() {
		return
	}
	a := c.attempts[id]
	if a == nil {
		c.w.fail("%s calls for attempt %s, which no event has started", n.name, id)
		return
	}
	if c.w.Now().After(a.NotAfter) {
		c.w.fail("%s calls for attempt %s %s after its not_after", n.name, id, c.w.Now().Sub(a.NotAfter))
	}
	if a.erased {
		c.w.fail("%s calls for attempt %s, which began when the content was erased", n.name, id)
	}
	if sw := c.held(int(n.knows.Load()), a.Channel); sw != "" {
		c.w.fail("%s calls for attempt %s, and knows that %s is paused", n.name, id, sw)
	}
	k := c.knows[n]
	if off, ok := c.revoked[id]; ok && off < max(k.ends[eventstore.OutboxUrgent], k.revokes[0]) {
		c.w.fail("%s calls for attempt %s, and knows that it was revoked", n.name, id)
	}
	if owner := c.w.roles[1].owner; owner != n {
		c.w.fail("%s calls for attempt %s, and does not own the partition", n.name, id)
	}
	topic := eventstore.OutboxBulk
	if a.Urgent {
		topic = eventstore.OutboxUrgent
	}
	if at := c.claims[topic]; at.by != n || a.offset < at.base || a.offset >= at.base+int64(len(at.done)) {
		c.w.fail("%s calls for attempt %s, which it has not claimed", n.name, id)
	}
	c.again(n, a, ch)
}

// again: nobody is called a second time unless the first time was a certain no.
func (c *checker) again(n *node, a *attempt, ch domain.Channel) {
	for _, old := range c.calls {
		if old.message == a.Message && old.channel == ch && !old.certain {
			c.w.fail("%s calls %s for attempt %s, after attempt %s, which was taken or may have been", n.name, ch, a.Attempt, old.attempt)
		}
	}
	c.calls = append(c.calls, &call{node: n, attempt: a.Attempt, message: a.Message, channel: ch})
}

// served notes what became of a call.
func (c *checker) served(made *call) {
	for i, old := range c.calls {
		if old.attempt == made.attempt && old.node == made.node {
			c.calls[i] = made
		}
	}
}

func (c *checker) messageOf(attempt string) string {
	if a := c.attempts[attempt]; a != nil {
		return a.Message
	}
	return ""
}

// written: a plain record is in a topic.
func (c *checker) written(topic string, r *record) {
	if topic == eventstore.Contents {
		c.kept(string(r.Key))
	}
	cmd, err := eventstore.ParseCommand(r.Record)
	if err != nil || topic != eventstore.InboxUrgent {
		return
	}
	switch cmd.Type {
	case message.CommandAnswer:
		var a message.Answer
		_ = json.Unmarshal(cmd.Data, &a) // ours
		c.answered[a.Attempt] = true
	case recipient.CommandReport:
		rep := reported{offset: r.Offset, latest: c.w.latest}
		_ = json.Unmarshal(cmd.Data, &rep.Report) // ours
		c.reports = append(c.reports, rep)
	}
}

// settled: a transaction counts.
func (c *checker) settled(x *txn) {
	c.told = 0
	c.tombstones(x)
	for _, r := range x.records {
		switch r.Topic {
		case eventstore.Messages, eventstore.Accounts:
			c.event(x, r)
		case eventstore.OutboxUrgent, eventstore.OutboxBulk:
			c.instruction(r)
		}
	}
	if c.told != len(c.destroyed) {
		c.w.fail("a transaction destroys %d contents, and its events say %d", len(c.destroyed), c.told)
	}
}

func (c *checker) instruction(r *record) {
	switch kind, _ := eventstore.InstructionKind(r.Record); kind {
	case eventstore.InstructionSend:
		a := &attempt{offset: r.Offset}
		_ = json.Unmarshal(r.Value, &a.SendInstruction) // ours
		if c.attempts[a.Attempt] != nil {
			c.w.fail("attempt %s has two instructions", a.Attempt)
		}
		if c.count["started "+a.Attempt] != 1 {
			c.w.fail("attempt %s has an instruction and no event", a.Attempt)
		}
		a.erased = c.erased[a.Content]
		c.attempts[a.Attempt] = a
		c.lanes[r.Topic] = append(c.lanes[r.Topic], a)
	case eventstore.InstructionRevoke:
		var ins message.RevokeInstruction
		_ = json.Unmarshal(r.Value, &ins) // ours
		if _, ok := c.revoked[ins.Attempt]; !ok {
			c.revoked[ins.Attempt] = r.Offset
		}
	}
}

// event judges one event of the journal.
func (c *checker) event(x *txn, r *record) {
	ev, err := eventstore.ParseEvent(r.Record)
	if err == nil {
		err = c.chains[r.Topic].Next(ev)
	}
	if err != nil {
		c.w.fail("journal: %v", err)
		return
	}
	if c.versions[ev.Stream]++; ev.Version != c.versions[ev.Stream] {
		c.w.fail("%s: version %d stands where %d belongs", ev.Stream, ev.Version, c.versions[ev.Stream])
	}
	c.once("event id", ev.ID)
	fact, err := catalog.Decode(ev.Type, ev.Data)
	if err != nil {
		c.w.fail("journal: %v", err)
		return
	}
	if owned, ok := fact.(partition.Owned); ok {
		if owned.Epoch <= c.epoch {
			c.w.fail("epoch %d follows epoch %d", owned.Epoch, c.epoch)
		}
		c.epoch = owned.Epoch
	}
	if ev.Epoch != c.epoch {
		c.w.fail("%s of epoch %d stands among those of epoch %d", ev.Type, ev.Epoch, c.epoch)
	}
	if c.tell(ev); ev.Inbox != nil {
		c.noted = ev.Inbox
	}
	c.hold(ev, fact)
	if e, ok := fact.(recipient.Erased); ok {
		defer c.wiped(ev, e)
	}
	if out, ok := fact.(recipient.OptOutRecorded); ok {
		c.optOuts[ev.Stream] = append(c.optOuts[ev.Stream], out.Stops...)
	}
	if seal, ok := fact.(partition.PeriodSealed); ok {
		c.seal(x, seal, ev.Time)
	}
	if gone, ok := fact.(partition.Evicted); ok {
		c.forgotten(gone)
	}
	c.events, c.facts = append(c.events, ev), append(c.facts, fact)
	switch f := fact.(type) {
	case account.PauseBegun:
		c.switched(turned{ev, f, f.Switch, true})
	case account.PauseEnded:
		c.switched(turned{ev, f, f.Switch, false})
	case account.Event:
		c.configured(ev, f)
	case billing.Event:
		c.billed(ev, f)
	case message.Event:
		if strings.HasPrefix(ev.Stream, "message/") {
			c.fact(x, ev, f)
		}
	}
}

func (c *checker) tell(ev *eventstore.Event) {
	data := ev.Data
	if strings.Contains(ev.Type, "parked") {
		data = nil // sealed: other bytes each time
	}
	if c.w.trace != nil {
		c.w.note("journal", "%s %s %s", strings.TrimPrefix(ev.Type, "goniec."), ev.Stream, data)
	}
}

// mayStart: nothing is tried on a channel that the recipient has closed, or once
// the message was cancelled.
func (c *checker) mayStart(s message.State, ch domain.Channel) {
	stopped := slices.Contains(c.optOuts["recipient/"+s.Accepted.Recipient], recipient.Scope{Channel: ch, Category: s.Accepted.Category})
	if stopped || s.CancelAsked {
		c.w.fail("message %s is tried on %s after an opt-out or a cancel", s.ID, ch)
	}
}

// once fails at what happens a second time.
func (c *checker) once(what, whose string) {
	if c.count[what+" "+whose]++; c.count[what+" "+whose] > 1 {
		c.w.fail("%s of %s comes twice", what, whose)
	}
}

func (c *checker) fact(x *txn, ev *eventstore.Event, f message.Event) {
	s, ok := c.states[ev.Stream]
	if !ok {
		s = message.New(strings.TrimPrefix(ev.Stream, "message/"))
	}
	switch e := f.(type) {
	case message.Accepted, message.Refused:
		c.once("beginning", ev.Stream)
	case message.AttemptStarted:
		c.once("started", e.Attempt)
		c.mayStart(s, e.Channel)
		c.mayGoOn(s, e.Channel, e.Facts)
	case message.Paused:
		c.mayWait(s, e)
	case message.Resumed:
		c.mayGoOn(s, e.Channel, e.Facts)
	case message.FellBack:
		c.once("fallback", ev.Stream)
		if e.Reason == message.ReasonDeadline {
			c.barrier(x, s)
		}
	case message.AttemptNotSent:
		c.mayBeErased(s, e.Reason)
	case message.Failed:
		c.mayBeErased(s, e.Reason)
	case message.Delivered:
		c.once("delivered "+string(e.Channel), ev.Stream)
	case message.Charged:
		c.once("charged "+string(e.Channel), ev.Stream)
		c.period(e)
	}
	c.states[ev.Stream] = message.Evolve(s, f, ev.Time)
}

// barrier: no message falls back at its deadline while the report that it was
// delivered, come before the deadline, lies unread in the inbox.
func (c *checker) barrier(x *txn, s message.State) {
	i := slices.IndexFunc(x.offsets, func(o eventstore.Offset) bool { return o.Topic == eventstore.InboxUrgent })
	if i < 0 {
		return
	}
	for _, r := range c.reports {
		arrived := r.Status == string(message.ReportDelivered) || r.Status == string(message.ReportRead)
		if arrived && r.Channel == domain.Viber && r.offset >= x.offsets[i].Next && r.latest.Before(s.Deadline) && c.messageOfCall(r.CarrierID) == s.ID {
			c.w.fail("message %s falls back, and the report that it was delivered lay in the inbox at %d before the deadline", s.ID, r.offset)
		}
	}
}

func (c *checker) messageOfCall(carrierID string) string {
	for _, made := range c.w.calls {
		if made.id == carrierID {
			return made.message
		}
	}
	return ""
}

// nextTimer is when the next timer of a message is due; zero = none is.
func (c *checker) nextTimer() (next time.Time) {
	for _, s := range c.states {
		for _, t := range message.Timers(s) {
			if next.IsZero() || t.Due.Before(next) {
				next = t.Due
			}
		}
	}
	return next
}

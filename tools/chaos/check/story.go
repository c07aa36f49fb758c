package check

import (
	"slices"
	"strings"
	"time"
)

// attempt is one call to a carrier, as the journal tells of it.
type attempt struct {
	of          *story
	id, channel string
	started     time.Time // Kafka's time of the event before the call
	answered    bool
	unknown     bool
	crashed     bool // … since a dispatcher ended between claim and answer
	taken       []string
	delivered   bool
	undelivered bool
}

// story is what the journal tells of one message.
type story struct {
	id        string
	begun     int // accepted or refused
	number    string
	state     string
	version   int64
	fallbacks int
	attempts  []*attempt
	delivered map[string]int // by channel
	charged   map[string]int
	read      int
}

// charge is the data of a charged event.
type charge struct {
	Account  string `json:"account"`
	Sender   string `json:"sender"`
	Country  string `json:"country"`
	Channel  string `json:"channel"`
	Category string `json:"priced_category"`
	Content  string `json:"content"`
	Month    string `json:"month"`
	Currency string `json:"currency"`
	Version  string `json:"price_version"`
	Parts    int64  `json:"parts"`
	Amount   string `json:"amount"`
}

// known is what is looked up besides the stories.
type known struct {
	attempts map[string]*attempt // by id
	carriers map[string]*attempt // by channel and the carrier's id
	stored   map[string]bool     // reports kept, by channel, carrier's id and status
	replies  map[string]bool
	optOuts  map[string]bool // by number and origin
	commands map[string]bool // that events name
	parked   map[string]bool // by lane, partition and offset, or by command
	charges  []charge
}

// checkStories puts the stories together and checks each.
func (b *books) checkStories() {
	b.known = known{
		attempts: map[string]*attempt{}, carriers: map[string]*attempt{}, stored: map[string]bool{}, replies: map[string]bool{},
		optOuts: map[string]bool{}, commands: map[string]bool{}, parked: map[string]bool{},
	}
	for _, topic := range journals {
		for _, events := range b.events[topic] {
			for _, e := range events {
				b.known.commands[e.command] = true
				b.enter(e)
			}
		}
	}
	asked := map[string]bool{}
	for _, s := range b.cfg.Sent {
		if s.ID == "" {
			continue
		}
		if asked[s.ID] {
			b.r.find(Doubled, "two requests were answered with message %s", s.ID)
		}
		asked[s.ID] = true
		if st := b.stories[s.ID]; st == nil || st.begun == 0 {
			b.r.find(Lost, "message %s was answered 202, and the journal has no story of it", s.ID)
		}
	}
	unanswered := slices.ContainsFunc(b.cfg.Sent, func(s Sent) bool { return s.ID == "" })
	for _, st := range b.stories {
		if !asked[st.id] && !unanswered {
			b.r.find(Unexpected, "nobody asked for message %s", st.id)
		}
		b.checkStory(st)
	}
}

func (b *books) enter(e *event) {
	kind, id, _ := strings.Cut(e.stream, "/")
	switch kind {
	case "message":
		st := b.stories[id]
		if st == nil {
			st = &story{id: id, delivered: map[string]int{}, charged: map[string]int{}}
			b.stories[id] = st
		}
		st.version = e.version
		st.state = next(st.state, strings.TrimSuffix(strings.TrimPrefix(e.kind, "goniec.message."), ".v1"))
		b.tell(st, e)
	case "number", "recipient":
		b.tellOthers(e)
	case "partition":
		if e.kind == "goniec.partition.parked.v1" {
			b.park(e)
		}
	}
}

// next is the state after an event, as docs/states.md draws it.
func next(state, event string) string {
	live := state == "sending" || state == "sent"
	waits := state == "accepted" || state == "waiting"
	switch {
	case event == "accepted" && state == "":
		return "accepted"
	case event == "refused" && state == "":
		return "failed"
	case event == "waiting" && state == "accepted":
		return "waiting"
	case event == "released" && waits, (event == "attempt_started" || event == "fell_back") && live:
		return "sending"
	case (event == "attempt_accepted" || event == "attempt_resolved") && live:
		return "sent"
	case event == "delivered" && (live || state == "unknown" || state == "failed" || state == "cancelled"):
		return "delivered"
	case event == "read" && state == "delivered":
		return "read"
	case event == "failed" && (live || waits || state == "unknown"):
		return "failed"
	case event == "unknown" && live:
		return "unknown"
	case event == "cancelled" && (live || waits):
		return "cancelled"
	}
	return state
}

// tell takes an event of the message's own stream.
func (b *books) tell(st *story, e *event) {
	var d struct {
		Number  string   `json:"number"`
		Attempt string   `json:"attempt"`
		Channel string   `json:"channel"`
		Reason  string   `json:"reason"`
		IDs     []string `json:"carrier_ids"`
	}
	e.into(&d)
	switch e.kind {
	case "goniec.message.accepted.v1", "goniec.message.refused.v1":
		st.begun++
		st.number = d.Number
		return
	case "goniec.message.attempt_started.v1":
		var s struct {
			Channel string `json:"channel"`
		}
		e.into(&s)
		a := &attempt{of: st, id: d.Attempt, channel: s.Channel, started: e.written}
		if b.known.attempts[a.id] != nil {
			b.r.find(Doubled, "%s starts attempt %s again", e.at(), a.id)
		}
		st.attempts, b.known.attempts[a.id] = append(st.attempts, a), a
		return
	case "goniec.message.fell_back.v1":
		st.fallbacks++
		return
	case "goniec.message.charged.v1":
		var c charge
		e.into(&c)
		st.charged[c.Channel]++
		b.known.charges = append(b.known.charges, c)
		return
	case "goniec.message.delivered.v1":
		st.delivered[d.Channel]++
	case "goniec.message.read.v1":
		st.read++
	}
	if a := b.known.attempts[d.Attempt]; a != nil {
		b.answer(a, e.kind, d.Reason, d.IDs)
	} else if d.Attempt != "" {
		b.r.find(Unexpected, "%s speaks of an attempt that never started", e.at())
	}
}

func (b *books) answer(a *attempt, kind, reason string, ids []string) {
	switch kind {
	case "goniec.message.attempt_accepted.v1", "goniec.message.attempt_resolved.v1":
		a.answered, a.taken = true, ids
		for _, id := range ids {
			b.known.carriers[carrierKey(a.channel, id)] = a
		}
	case "goniec.message.attempt_refused.v1", "goniec.message.attempt_not_sent.v1":
		a.answered = true
	case "goniec.message.attempt_unknown.v1":
		a.answered, a.unknown = true, true
		a.crashed = a.crashed || reason == "claimed_before_crash"
	case "goniec.message.delivered.v1":
		a.delivered = true
	case "goniec.message.undelivered.v1":
		a.undelivered = true
	}
}

// carrierKey: a carrier's id is the same whatever its case and leading zeros.
func carrierKey(channel, id string) string {
	return channel + "/" + strings.TrimLeft(strings.ToLower(id), "0")
}

// tellOthers takes an event of a recipient or number.
func (b *books) tellOthers(e *event) {
	var d struct {
		ID      string `json:"id"`
		Number  string `json:"number"`
		Origin  string `json:"origin"`
		Channel string `json:"channel"`
		Carrier string `json:"carrier_id"`
		Status  string `json:"status"`
	}
	e.into(&d)
	switch e.kind {
	case "goniec.number.report_stored.v1":
		b.known.stored[carrierKey(d.Channel, d.Carrier)+"/"+d.Status] = true
	case "goniec.recipient.replied.v1":
		b.known.replies[d.ID] = true
	case "goniec.recipient.opted_out.v1":
		b.known.optOuts[d.Number+"/"+d.Origin] = true
	}
}

// checkStory: one beginning, one end, at most one of what there may be one of.
func (b *books) checkStory(st *story) {
	s := &b.r.Stats
	s.Messages++
	s.States[st.state]++
	s.Fallbacks += st.fallbacks
	once := map[string]int{"beginnings": st.begun, "fallbacks": st.fallbacks, "reads": st.read}
	for ch, n := range st.delivered {
		once["deliveries on "+ch] = n
	}
	for ch, n := range st.charged {
		once["charges on "+ch] = n
		s.Charges += n
	}
	for what, n := range once {
		if n > 1 {
			b.r.find(Doubled, "message %s has %d %s", st.id, n, what)
		}
	}
	if st.delivered["sms"]+st.charged["sms"] > 0 && st.fallbacks == 0 {
		b.r.find(Unexpected, "message %s went as SMS without having fallen back", st.id)
	}
	b.checkEnd(st)
}

func (b *books) checkEnd(st *story) {
	ended := slices.Contains([]string{"delivered", "read", "failed", "unknown", "cancelled"}, st.state)
	if !ended {
		b.r.find(Unfinished, "message %s is %q", st.id, st.state)
	}
	for _, a := range st.attempts {
		if !a.answered {
			ended = false
			b.r.find(Unfinished, "message %s: nobody answered its attempt %s on %s", st.id, a.id, a.channel)
		}
		if a.unknown {
			b.r.Stats.Unknown++
		}
		if a.crashed {
			b.r.Stats.Crashed++
		}
	}
	if ended {
		b.r.Stats.Ended++
	}
}

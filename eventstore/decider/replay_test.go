package decider_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/decider"
	"goniec/eventstore/storetest"
)

// storm sends whatever may come, in any order, to partition 0.
type storm struct {
	*bench
	rnd      *rand.Rand
	ids      []string
	whos     []string
	numbers  []string
	answered map[string]bool
	token    int
}

func newStorm(b *bench, seed uint64) *storm {
	s := &storm{bench: b, rnd: rand.New(rand.NewPCG(seed, 0)), answered: map[string]bool{}}
	for i := range 4 {
		s.whos = append(s.whos, eventstore.NewID(0).String())
		s.numbers = append(s.numbers, fmt.Sprintf("%032x", i))
	}
	return s
}

func pick[T any](s *storm, list ...T) T { return list[s.rnd.IntN(len(list))] }

func (s *storm) step() {
	for range 1 + s.rnd.IntN(4) {
		s.ask()
	}
	s.decided(s.ids[len(s.ids)-1])
	for _, r := range append(s.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend), s.outbox(eventstore.OutboxBulk, 0, eventstore.InstructionSend)...) {
		var in message.SendInstruction
		require.NoError(s.t, json.Unmarshal(r.Value, &in))
		if s.rnd.IntN(3) > 0 {
			s.carrier(in)
		}
	}
	s.people()
	s.operator()
	s.clock.Advance(time.Duration(s.rnd.IntN(8000))*time.Millisecond + time.Duration(s.rnd.IntN(1000)))
}

// decided waits until something was said on the message: a storm that nobody keeps up with is none.
func (s *storm) decided(id string) {
	require.Eventually(s.t, func() bool {
		for _, ev := range s.journal(eventstore.Messages, 0) {
			if ev.Stream == "message/"+id || strings.Contains(string(ev.Data), id) {
				return true
			}
		}
		return false
	}, time.Minute, 10*time.Millisecond)
}

// ask sends a request, and at times a cancel, a repeat, or what cannot be read.
func (s *storm) ask() {
	who := s.rnd.IntN(len(s.whos))
	id := eventstore.NewID(0).String()
	r := message.Request{
		Recipient: s.whos[who], Number: s.numbers[who], Country: "PL", Sender: pick(s, "GONIEC", "GONIEC", "GONIEC", "NOBODY"),
		Category: pick(s, domain.Transactional, domain.Promotional), Content: domain.PlainText, Digest: "d", BodyDigest: "b",
		SMSParts: 1 + s.rnd.IntN(2), SMSEncoding: "gsm7", Fallback: s.rnd.IntN(4) > 0, ValidityMS: 15000,
	}
	if s.rnd.IntN(5) == 0 {
		at := s.clock.Now().Add(time.Duration(s.rnd.IntN(20)) * time.Second)
		r.SendAt = &at
	}
	if len(s.ids) > 0 && s.rnd.IntN(8) == 0 {
		id = pick(s, s.ids...) // asked for again, perhaps long after its end
	}
	lane := pick(s, eventstore.InboxUrgent, eventstore.InboxBulk)
	command := eventstore.Command{ID: id, Time: s.clock.Now(), Type: message.CommandRequest, Stream: "message/" + id, Account: testAccount, Actor: "key/1"}
	if s.rnd.IntN(8) == 0 {
		s.bad(0, command.Stream, "")
	}
	for range 1 + s.rnd.IntN(2) {
		s.send(lane, 0, command, r)
	}
	s.ids = append(s.ids, id)
	if s.rnd.IntN(4) == 0 {
		s.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandCancel, Stream: "message/" + pick(s, s.ids...), Account: testAccount, Actor: "key/1"}, message.Cancel{})
	}
}

// carrier answers and reports, in either order, and not always what is so.
func (s *storm) carrier(in message.SendInstruction) {
	token := fmt.Sprint(1000 + s.token)
	if s.rnd.IntN(10) > 0 {
		s.token++
	}
	at := s.clock.Now().Add(-time.Duration(s.rnd.IntN(3000)) * time.Millisecond)
	report := func() {
		s.report(0, in, pick(s, token, token, "nobody's"), pick(s, message.ReportDelivered, message.ReportRead, message.ReportUndelivered, message.ReportExpired), at)
	}
	if s.rnd.IntN(3) == 0 {
		report()
	}
	if !s.answered[in.Attempt] || s.rnd.IntN(5) == 0 {
		s.answered[in.Attempt] = true
		a := message.Answer{Attempt: in.Attempt, Outcome: pick(s, message.OutcomeAccepted, message.OutcomeAccepted, message.OutcomeRefused, message.OutcomeUnknown, message.OutcomeNotSent), At: at}
		switch a.Outcome {
		case message.OutcomeAccepted:
			a.CarrierIDs, a.Parts = []string{token}, 1
		case message.OutcomeRefused:
			a.Code, a.Verdict = "9", pick(s, message.Verdict{Retry: true}, message.Verdict{NotOnApp: true, AtOnce: true}, message.Verdict{OptOut: true}, message.Verdict{Final: true})
		case message.OutcomeUnknown, message.OutcomeNotSent:
			a.Reason = pick(s, message.ReasonThrottled, message.ReasonTooLate, message.ReasonRouteDown, "timeout")
		}
		s.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandAnswer, Stream: "message/" + in.Message, Account: testAccount, Actor: "dispatcher"}, a)
	}
	report()
}

// operator frees or drops something that was parked, or tries to.
func (s *storm) operator() {
	things := s.things(0)
	if len(things) == 0 {
		return
	}
	c := eventstore.Command{Type: partition.CommandRetry, Stream: pick(s, things...), Actor: "key/op"}
	switch s.rnd.IntN(4) {
	case 0:
		c.Type = partition.CommandDrop
		s.send(eventstore.InboxUrgent, 0, c, partition.Drop{Reason: "x"})
	case 1, 2:
		s.send(eventstore.InboxUrgent, 0, c, partition.Retry{})
	}
}

// people opt out and in, and write.
func (s *storm) people() {
	who := s.rnd.IntN(len(s.whos))
	c := eventstore.Command{Stream: "recipient/" + s.whos[who], Account: testAccount, Actor: "key/1"}
	o := recipient.OptOut{Number: s.numbers[who], Origin: recipient.OriginAPI, At: s.clock.Now()}
	switch s.rnd.IntN(6) {
	case 0:
		c.Type, o.Scopes = recipient.CommandOptOut, []recipient.Scope{{Channel: pick(s, domain.Viber, domain.SMS), Category: pick(s, domain.Transactional, domain.Promotional)}}
		s.send(eventstore.InboxUrgent, 0, c, o)
	case 1:
		c.Type = recipient.CommandLift
		s.send(eventstore.InboxUrgent, 0, c, recipient.Lift(o))
	case 2:
		c.Type, c.Stream = recipient.CommandReply, "number/"+s.numbers[who]
		s.send(eventstore.InboxUrgent, 0, c, recipient.Reply{
			ID: fmt.Sprint("r", s.rnd.IntN(20)), Number: s.numbers[who], Route: "viber", Channel: domain.Viber, ServiceID: pick(s, int64(4711), 1),
			Digest: "d", Length: 4, Keyword: pick(s, "", recipient.KeywordStop), At: s.clock.Now(),
		})
	case 3:
		c.Type, c.Stream = recipient.CommandSubscription, "number/"+s.numbers[who]
		s.send(eventstore.InboxUrgent, 0, c, recipient.Subscription{Number: s.numbers[who], Route: "viber", ServiceID: 4711, Subscribed: s.rnd.IntN(2) == 0, At: s.clock.Now()})
	}
}

// settled waits until the journal grows no more.
func (s *storm) settled() (events int) {
	last := time.Now()
	require.Eventually(s.t, func() bool {
		if n := len(s.journal(eventstore.Messages, 0)); n != events {
			events, last = n, time.Now()
		}
		return time.Since(last) > time.Second
	}, time.Minute, 50*time.Millisecond)
	return events
}

// weeks lets messages end and be forgotten, with something going on between.
func (s *storm) weeks() {
	for range 3 {
		s.clock.Advance(message.KeptFor / 2)
		s.settled()
		s.step()
	}
}

// Whatever came, in whatever order: the state that the journal rebuilds is the
// state that the owner had, with every timer and every index key.
func TestReplayedStateIsTheLiveState(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	b := newBench(t)
	live, rebuilt := t.TempDir(), t.TempDir()
	var asked atomic.Int64
	stop := b.start(live, func(c *decider.Config) {
		c.GroupLimit = 1 + int(seed%40)
		c.ViewSeen = func() int64 { // the rules fail now and then
			if asked.Add(1)%29 == 0 {
				panic("the rules have a fault")
			}
			return 7
		}
	})
	s := newStorm(b, seed)
	for range 25 {
		s.step()
	}
	s.weeks()
	for range 5 {
		s.step()
	}
	before := s.settled()
	stop()
	stop = b.start(rebuilt)
	require.Eventually(t, func() bool {
		return len(b.journal(eventstore.Messages, 0)) > before
	}, time.Minute, 20*time.Millisecond)
	require.Equal(t, before+1, s.settled(), "a successor decides nothing that was decided")
	stop()
	want := storetest.State(t, live)
	require.Greater(t, len(want), 20)
	require.Equal(t, want, storetest.State(t, rebuilt))
	kinds := map[string]int{}
	for _, ev := range b.journal(eventstore.Messages, 0) {
		kinds[ev.Type]++
	}
	t.Log(kinds)
	require.Greater(t, len(kinds), 12, "the storm was one")
	require.NotZero(t, kinds[partition.TypeParked])
	require.NotZero(t, kinds[partition.TypeEvicted])
}

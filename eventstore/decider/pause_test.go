package decider_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/eventstore/decider"
)

// turn turns a switch on or off in the reference view.
func (b *bench) turn(sw account.Switch, on bool) {
	var e account.Event = account.PauseEnded{Switch: sw, Reason: "mended", By: "key:1"}
	if on {
		e = account.PauseBegun{Switch: sw, Reason: "broken", By: "key:1"}
	}
	b.view.Apply(sw.Stream(), b.view.Version(sw.Stream())+1, e, b.clock.Now())
}

// started returns the messages whose attempts began in partition p, in order.
func (b *bench) started(p eventstore.Partition) []string {
	var out []string
	for _, ev := range b.journal(eventstore.Messages, p) {
		if ev.Type == message.TypeAttemptStarted {
			out = append(out, ev.Stream)
		}
	}
	return out
}

// What was taken in while its account is paused waits, over a restart too; after
// the resume it goes on by itself, urgent messages first.
func TestAPausedMessageWaitsForTheResume(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]bool{"empty directory": false, "old directory": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			dir := t.TempDir()
			stop := b.start(dir)
			sw := account.Switch{Scope: account.ScopeAccount, Account: testAccount}
			b.turn(sw, true)
			bulk := b.request(0, func(r *message.Request) { r.Category, r.ValidityMS = domain.Promotional, 600_000 })
			b.story(0, "message/"+bulk, message.TypePaused)
			b.clock.Advance(time.Second)
			urgent := b.request(0, func(r *message.Request) { r.ValidityMS = 600_000 })
			require.Equal(t, []string{message.TypeAccepted, message.TypeReleased, message.TypePaused}, b.story(0, "message/"+urgent, message.TypePaused))
			stop()
			if !keep {
				dir = t.TempDir()
			}
			b.start(dir)
			b.turn(account.Switch{Scope: account.ScopeRoute, Route: "sms"}, true) // not theirs
			b.clock.Advance(time.Second)
			other := b.request(0, func(r *message.Request) { r.ValidityMS = 600_000 })
			b.story(0, "message/"+other, message.TypePaused)
			require.Empty(t, b.started(0))

			b.turn(sw, false)
			require.Equal(t, []string{message.TypeAccepted, message.TypeReleased, message.TypePaused, message.TypeResumed, message.TypeAttemptStarted},
				b.story(0, "message/"+bulk, message.TypeAttemptStarted))
			require.Equal(t, []string{"message/" + urgent, "message/" + other, "message/" + bulk}, b.started(0))
			require.Len(t, b.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend), 2)
			require.Len(t, b.outbox(eventstore.OutboxBulk, 0, eventstore.InstructionSend), 1)
		})
	}
}

// A great backlog goes on group after group; nothing is left behind.
func TestABacklogIsResumed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir())
	b.turn(account.Switch{Scope: account.ScopeAll}, true)
	const n = 1200 // more than two groups
	var last string
	for range n {
		last = b.request(0, func(r *message.Request) { r.ValidityMS = 600_000 })
	}
	b.story(0, "message/"+last, message.TypePaused)
	b.turn(account.Switch{Scope: account.ScopeAll}, false)
	require.Eventually(t, func() bool { return len(b.started(0)) == n }, time.Minute, 50*time.Millisecond)
}

// The dispatcher's word that it held an attempt for a pause makes the message
// wait. The opt-out that comes meanwhile is decided, and closes its channels.
func TestAnAttemptHeldByTheDispatcherWaits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir())
	id := b.request(0, func(r *message.Request) { r.ValidityMS = 600_000 })
	b.story(0, "message/"+id, message.TypeAttemptStarted)
	var in message.SendInstruction
	require.NoError(t, json.Unmarshal(b.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend)[0].Value, &in))
	require.Equal(t, "GONIEC", in.Sender)
	require.Equal(t, "PL", in.Country)

	route := account.Switch{Scope: account.ScopeRoute, Route: "viber"}
	b.turn(route, true)
	b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: message.CommandAnswer, Stream: "message/" + id, Account: testAccount, Actor: "dispatcher"},
		message.Answer{Attempt: in.Attempt, Outcome: message.OutcomeNotSent, Reason: message.ReasonPaused, At: b.clock.Now()})
	b.story(0, "message/"+id, message.TypePaused)
	b.turn(route, false)
	b.story(0, "message/"+id, message.TypeResumed)
}

// Configuration is decided whatever is paused, the switch's own end above all.
func TestTheSwitchIsDecided(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir(), func(c *decider.Config) { c.GroupWait = time.Millisecond })
	all := account.Switch{Scope: account.ScopeAll}
	b.turn(all, true)
	for _, c := range []account.Command{
		account.Pause{Switch: all, Reason: "broken", By: "key:1"},
		account.Pause{Switch: all, Reason: "again", By: "key:2"},
		account.Resume{Switch: all, Reason: "mended", By: "key:1"},
	} {
		b.send(eventstore.InboxUrgent, 1, eventstore.Command{Type: c.CommandType(), Stream: all.Stream(), Account: account.Installation, Actor: "key/1"}, c)
	}
	require.Eventually(t, func() bool {
		var types []string
		for _, ev := range b.journal(eventstore.Accounts, 1) {
			types = append(types, ev.Type)
		}
		return len(types) == 2 && types[0] == account.TypePauseBegun && types[1] == account.TypePauseEnded
	}, time.Minute, 20*time.Millisecond)
}

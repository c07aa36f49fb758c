package message_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
)

// pause turns switches on and off for what is decided from now on.
func (b *bench) pause(p message.Pauses) { b.set = func(f *message.Facts) { f.Pauses = p } }

// resume is what the runtime says when the switch that is waited for is off.
func (b *bench) resume() []message.Event {
	b.t.Helper()
	require.NotEmpty(b.t, b.s.Hold)
	return b.do(message.Fire{Timer: message.TimerResume, Due: b.s.HeldAt})
}

// D17: what was taken in waits, whatever the edge would say to a new request.
func TestPausedWhileAccepted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pause(message.Pauses{All: "account/acc"})
	events := b.do(request())
	require.Equal(t, []string{"accepted", "released", "paused"}, types(events))
	p := find[message.Paused](t, events)
	require.Equal(t, message.Paused{Channel: domain.Viber, Switch: "account/acc", Facts: p.Facts}, p)
	require.Equal(t, message.StatusWaiting, b.s.Status)
	require.False(t, b.s.Ended())
	require.Contains(t, message.IndexKeys(b.s), "held/0/account/acc/00001795424400000000")
	require.Equal(t, []domain.Timer{{Name: "deadline", Due: start.Add(15 * time.Second)}}, message.Timers(b.s), "the validity goes on")

	b.after(5 * time.Second)
	require.Empty(t, b.resume(), "still paused")
	b.pause(message.Pauses{})
	events = b.resume()
	require.Equal(t, []string{"resumed", "attempt_started"}, types(events))
	require.Equal(t, 30, find[message.AttemptStarted](t, events).TTLSec)
	require.Equal(t, start.Add(15*time.Second), find[message.AttemptStarted](t, events).NotAfter)
	require.NotContains(t, message.IndexKeys(b.s), "held/0/account/acc/00001795424400000000")
}

// D17: a paused route to Viber is waited for until the deadline; then the SMS goes.
func TestPausedViberFallsBackAtTheDeadline(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pause(message.Pauses{Viber: "route/viber"})
	require.Equal(t, []string{"accepted", "released", "paused"}, types(b.do(request())))
	events := b.fire(message.TimerDeadline)
	require.Equal(t, []string{"fell_back", "attempt_started"}, types(events))
	require.Equal(t, domain.SMS, find[message.AttemptStarted](t, events).Channel)
	require.Empty(t, b.s.Hold)
}

// D17: without a fallback the validity's end is the end, paused or not.
func TestPausedWithoutFallbackExpires(t *testing.T) {
	t.Parallel()
	b, r := newBench(t), request()
	r.Fallback = false
	b.pause(message.Pauses{All: "all"})
	b.do(r)
	require.Equal(t, []message.Event{message.Failed{Reason: "expired"}}, b.fire(message.TimerDeadline))
	require.True(t, b.s.Ended())
}

// D17: while SMS is paused a fallback that is due waits; sms_validity counts
// from the resume. What Viber delivers meanwhile ends the wait.
func TestPausedSMSWaits(t *testing.T) {
	t.Parallel()
	held := func(t *testing.T) *bench {
		b := newBench(t)
		b.pause(message.Pauses{SMS: "route/sms"})
		require.Equal(t, []string{"accepted", "released", "attempt_started"}, types(b.do(request())))
		b.accept("1")
		require.Equal(t, []string{"fell_back", "paused"}, types(b.fire(message.TimerDeadline)))
		require.Equal(t, message.StatusWaiting, b.s.Status)
		require.Empty(t, message.Timers(b.s))
		require.False(t, b.s.Ended())
		return b
	}
	b := held(t)
	b.after(48 * time.Hour).pause(message.Pauses{})
	events := b.resume()
	require.Equal(t, []string{"resumed", "attempt_started"}, types(events))
	require.Equal(t, b.now.Add(time.Minute), find[message.AttemptStarted](t, events).NotAfter)

	b = held(t)
	viber := b.s.Attempts[0].ID
	require.Equal(t, []string{"delivered", "charged"}, types(b.reported(viber, "1", message.ReportDelivered)))
	require.True(t, b.s.Ended())
	require.Empty(t, b.s.Hold)

	b = held(t)
	require.Equal(t, []string{"cancel_requested", "cancelled"}, types(b.do(message.Cancel{By: "client"})))

	b = held(t)
	require.Equal(t, []string{"opted_out", "failed"}, types(b.do(message.OptOut{Channels: []domain.Channel{domain.SMS}, Origin: "api"})))
}

// An SMS that a carrier has had to do with keeps the time that it has.
func TestPausedRetryOfSMSKeepsItsTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(request())
	b.refuse("9", message.Verdict{AtOnce: true, NotOnApp: true})
	until := b.s.SMSUntil
	b.refuse("88", message.Verdict{Retry: true})
	b.pause(message.Pauses{All: "all"})
	require.Equal(t, []string{"paused"}, types(b.fire(message.TimerRetry)))
	b.pause(message.Pauses{})
	events := b.resume()
	require.Equal(t, []string{"resumed", "attempt_started"}, types(events))
	require.Equal(t, until, find[message.AttemptStarted](t, events).NotAfter)

	b.refuse("88", message.Verdict{Retry: true})
	b.pause(message.Pauses{All: "all"})
	b.fire(message.TimerRetry)
	b.now = until
	b.pause(message.Pauses{})
	require.Equal(t, []string{"resumed", "failed"}, types(b.resume()), "stale ones end by their own rules")
}

// A dispatcher that knows of the pause first makes no call: the step waits here too.
func TestNotSentForAPause(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(request())
	b.pause(message.Pauses{Viber: "route/viber"})
	require.Equal(t, []string{"attempt_not_sent", "paused"}, types(b.notSent("paused")))
	b.pause(message.Pauses{})
	require.Equal(t, []string{"resumed", "attempt_started"}, types(b.resume()))

	// Resumed here already: it is tried again soon, however often it was tried.
	events := b.notSent("paused")
	require.Equal(t, []string{"attempt_not_sent"}, types(events))
	at := b.now.Add(time.Second)
	require.Equal(t, &at, find[message.AttemptNotSent](t, events).RetryAt)
	require.Equal(t, []string{"attempt_started"}, types(b.fire(message.TimerRetry)))

	// Too late: the deadline decides.
	b.pause(message.Pauses{Viber: "route/viber"})
	b.now = b.s.Deadline
	require.Equal(t, []string{"attempt_not_sent"}, types(b.notSent("paused")))
	require.Equal(t, []string{"fell_back", "attempt_started"}, types(b.fire(message.TimerDeadline)))
}

// One switch ends and another is on: the message waits for that one.
func TestPausedByAnotherSwitch(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pause(message.Pauses{All: "all"})
	b.do(request())
	b.after(time.Second).pause(message.Pauses{Viber: "route/viber"})
	require.Equal(t, "route/viber", find[message.Paused](t, b.resume()).Switch)
	require.Equal(t, b.now, b.s.HeldAt)
}

// What would not go over Viber anyway does not wait for it.
func TestPausedViberHoldsNothingThatGoesAsSMS(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.set = func(f *message.Facts) { f.Pauses.Viber, f.NotOnApp = "route/viber", true }
	require.Equal(t, []string{"accepted", "released", "fell_back", "attempt_started"}, types(b.do(request())))
}

// D17: the edge refuses new requests, and says by which switch; a paused route
// refuses nothing.
func TestCheckPaused(t *testing.T) {
	t.Parallel()
	err := message.CheckPaused(message.Pauses{All: "sender/s"})
	require.Equal(t, "paused", domain.CodeOf(err))
	require.ErrorContains(t, err, "sender/s")
	require.NoError(t, message.CheckPaused(message.Pauses{Viber: "route/viber", SMS: "route/sms"}))
}

// What is heard of Viber while the SMS waits does not end the wait, unless it arrived.
func TestPausedSMSOutlivesWhatViberSays(t *testing.T) {
	t.Parallel()
	held := func(t *testing.T) (b *bench, viber string) {
		b = newBench(t)
		b.pause(message.Pauses{SMS: "route/sms"})
		b.do(request())
		require.Equal(t, []string{"fell_back", "paused"}, types(b.fire(message.TimerDeadline)), "its answer is still awaited")
		return b, b.attempt()
	}
	for outcome, want := range map[message.Outcome]string{
		message.OutcomeAccepted: "attempt_accepted", message.OutcomeRefused: "attempt_refused",
		message.OutcomeUnknown: "attempt_unknown", message.OutcomeNotSent: "attempt_not_sent",
	} {
		b, viber := held(t)
		require.Equal(t, []string{want}, types(b.do(message.Answer{Attempt: viber, Outcome: outcome, Reason: message.ReasonRevoked, At: b.now})))
		require.Equal(t, message.StatusWaiting, b.s.Status)
		b.pause(message.Pauses{})
		require.Equal(t, []string{"resumed", "attempt_started"}, types(b.resume()))
	}
	b, _ := held(t)
	require.Equal(t, []string{"opted_out"}, types(b.do(message.OptOut{Channels: []domain.Channel{domain.Viber}, Origin: "viber_stop"})))
	require.Equal(t, "route/sms", b.s.Hold)
}

// Only the pause that is waited for now can end: a stale word changes nothing.
func TestStaleResume(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pause(message.Pauses{All: "all"})
	b.do(request())
	b.pause(message.Pauses{})
	require.Empty(t, b.do(message.Fire{Timer: message.TimerResume, Due: b.s.HeldAt.Add(-time.Second)}))
	require.Equal(t, []string{"resumed", "attempt_started"}, types(b.resume()))
}

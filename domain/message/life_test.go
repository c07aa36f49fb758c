package message_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
)

// send_at: it waits, and the validity starts at the release (D10, D14).
func TestScheduled(t *testing.T) {
	t.Parallel()
	b, r := newBench(t), request()
	at := start.Add(time.Hour)
	r.SendAt = &at
	require.Equal(t, []string{"accepted", "waiting"}, types(b.do(r)))
	require.Equal(t, []domain.Timer{{Name: "release", Due: at}}, message.Timers(b.s))
	require.Empty(t, b.do(message.Fire{Timer: message.TimerRelease, Due: at}), "not yet")
	b.now = at.Add(time.Minute) // the owner was down
	require.Equal(t, []string{"released", "attempt_started"}, types(b.do(message.Fire{Timer: message.TimerRelease, Due: at})))
	require.Equal(t, at.Add(75*time.Second), b.s.Deadline)
}

// E2: opted out while waiting.
func TestOptOutWhileWaiting(t *testing.T) {
	t.Parallel()
	at := start.Add(time.Hour)
	r := request()
	r.SendAt = &at
	both := []domain.Channel{domain.Viber, domain.SMS}

	b := newBench(t)
	b.do(r)
	require.Equal(t, []message.Event{
		message.OptedOut{Channels: both, Origin: "api"}, message.Failed{Reason: "opted_out"},
	}, b.do(message.OptOut{Channels: both, Origin: "api"}))

	b = newBench(t)
	b.do(r)
	require.Equal(t, []string{"opted_out"}, types(b.do(message.OptOut{Channels: both[:1], Origin: "viber_stop"})))
	require.Equal(t, []string{"released", "fell_back", "attempt_started"}, types(b.fire(message.TimerRelease)))

	b = newBench(t)
	b.do(r)
	b.set = func(f *message.Facts) { f.Allowed = func(domain.Channel, domain.Category) bool { return false } }
	require.Equal(t, []string{"opted_out", "failed"}, types(b.fire(message.TimerRelease)))
}

// E2: an opt-out at any stage of a message that is being sent.
func TestOptOutStages(t *testing.T) {
	t.Parallel()
	viber, sms := []domain.Channel{domain.Viber}, []domain.Channel{domain.SMS}
	both := slices.Concat(viber, sms)
	retrying := func(t *testing.T) *bench {
		b := newBench(t)
		b.do(request())
		b.refuse("1", temporary)
		return b
	}
	inFlight := func(t *testing.T) *bench { b := newBench(t); b.do(request()); return b }
	taken := func(t *testing.T) *bench { b := inFlight(t); b.accept("1"); return b }
	lost := func(t *testing.T) *bench { b := inFlight(t); b.lose(); return b }
	smsFlying := func(t *testing.T) *bench { return smsBench(t, nil) }
	smsRetrying := func(t *testing.T) *bench { b := smsBench(t, nil); b.refuse("0x58", temporary); return b }
	revoked := func(b *bench) []message.Event { return b.notSent("revoked") }
	deadline := func(b *bench) []message.Event { return b.fire(message.TimerDeadline) }
	for name, tc := range map[string]struct {
		in     func(*testing.T) *bench
		closed []domain.Channel
		then   func(*bench) []message.Event // after the opt-out, if its events are not the end
		now    []string
		after  []string
		last   message.Event
	}{
		"retrying, Viber closed":            {in: retrying, closed: viber, now: []string{"opted_out", "fell_back", "attempt_started"}},
		"retrying, both closed":             {in: retrying, closed: both, now: []string{"opted_out", "failed"}, last: message.Failed{Reason: "opted_out"}},
		"retrying, SMS closed":              {in: retrying, closed: sms, now: []string{"opted_out"}, then: deadline, after: []string{"failed"}, last: message.Failed{Reason: "opted_out"}},
		"in flight, Viber closed":           {in: inFlight, closed: viber, now: []string{"opted_out"}, then: revoked, after: []string{"attempt_not_sent", "fell_back", "attempt_started"}},
		"in flight, both closed":            {in: inFlight, closed: both, now: []string{"opted_out"}, then: revoked, after: []string{"attempt_not_sent", "failed"}, last: message.Failed{Reason: "opted_out"}},
		"taken, Viber closed":               {in: taken, closed: viber, now: []string{"opted_out"}, then: deadline, after: []string{"fell_back", "attempt_started"}},
		"taken, both closed":                {in: taken, closed: both, now: []string{"opted_out"}, then: deadline, after: []string{"failed"}, last: message.Failed{Reason: "opted_out"}},
		"unknown, both closed":              {in: lost, closed: both, now: []string{"opted_out"}, then: deadline, after: []string{"unknown"}, last: message.Unknown{Reason: "outcome_unknown"}},
		"SMS in flight, SMS closed":         {in: smsFlying, closed: sms, now: []string{"opted_out"}, then: revoked, after: []string{"attempt_not_sent", "failed"}, last: message.Failed{Reason: "opted_out"}},
		"SMS retrying, SMS closed":          {in: smsRetrying, closed: sms, now: []string{"opted_out", "failed"}, last: message.Failed{Reason: "opted_out"}},
		"SMS in flight, Viber closed":       {in: smsFlying, closed: viber, now: []string{"opted_out"}},
		"taken anyway: nothing more is due": {in: inFlight, closed: both, now: []string{"opted_out"}, then: func(b *bench) []message.Event { return b.accept("1") }, after: []string{"attempt_accepted"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := tc.in(t)
			flying, ch := flying(b.s), b.s.Channel()
			events := b.do(message.OptOut{Channels: tc.closed, Origin: "api"})
			require.Equal(t, tc.now, types(events))
			out := events[0].(message.OptedOut)
			require.Equal(t, flying && slices.Contains(tc.closed, ch), len(out.Revokes) == 1)
			_, revokes := message.Instructions(b.s, out)
			require.Len(t, revokes, len(out.Revokes))
			if tc.then != nil {
				require.Equal(t, tc.after, types(tc.then(b)))
			}
			if tc.last != nil {
				require.Equal(t, tc.last, b.all[len(b.all)-1].Event)
				require.True(t, b.s.Ended())
			}
		})
	}
}

// E2: an opt-out that the message has not been told of is seen before the
// fallback; its category counts, not the priced one (D2).
func TestOptOutSeenInTheFacts(t *testing.T) {
	t.Parallel()
	noSMS := func(f *message.Facts) {
		f.Allowed = func(ch domain.Channel, _ domain.Category) bool { return ch == domain.Viber }
	}
	b := newBench(t)
	b.do(request())
	b.set = noSMS
	require.Equal(t, []string{"attempt_refused", "opted_out", "failed"}, types(b.refuse("9", message.Verdict{AtOnce: true})))
	require.Equal(t, message.Failed{Reason: "opted_out"}, b.all[len(b.all)-1].Event)

	b = newBench(t)
	b.do(request())
	b.set = noSMS
	require.Equal(t, []string{"opted_out"}, types(b.fire(message.TimerDeadline)), "the answer is still awaited")
	require.Equal(t, []string{"attempt_not_sent"}, types(b.notSent("too_late")))
	require.Equal(t, []string{"failed"}, types(b.fire(message.TimerDeadline)))

	b = newBench(t)
	b.set = func(f *message.Facts) {
		f.Allowed = func(_ domain.Channel, c domain.Category) bool { return c != domain.Promotional }
	}
	r := request()
	r.Content = domain.Rich
	require.Equal(t, []string{"accepted", "released", "attempt_started"}, types(b.do(r)))
}

// Cancelling: nothing new goes out, and what may have gone out is not denied.
func TestCancel(t *testing.T) {
	t.Parallel()
	inFlight := func(t *testing.T) *bench { b := newBench(t); b.do(request()); return b }
	deadline := func(b *bench) { b.fire(message.TimerDeadline) }
	for name, tc := range map[string]struct {
		in   func(*testing.T) *bench
		now  []string
		then func(*bench)
		want message.Status
	}{
		"waiting": {in: func(t *testing.T) *bench {
			b, r, at := newBench(t), request(), start.Add(time.Hour)
			r.SendAt = &at
			b.do(r)
			return b
		}, now: []string{"cancel_requested", "cancelled"}, want: "cancelled"},
		"retrying": {
			in:  func(t *testing.T) *bench { b := inFlight(t); b.refuse("1", temporary); return b },
			now: []string{"cancel_requested", "cancelled"}, want: "cancelled",
		},
		"in flight, then revoked": {in: inFlight, now: []string{"cancel_requested"}, then: func(b *bench) { b.notSent("revoked") }, want: "cancelled"},
		"in flight, then refused": {in: inFlight, now: []string{"cancel_requested"}, then: func(b *bench) { b.refuse("1", temporary) }, want: "cancelled"},
		"in flight, then refused for good": {
			in: inFlight, now: []string{"cancel_requested"},
			then: func(b *bench) { b.refuse("9", message.Verdict{AtOnce: true}) }, want: "cancelled",
		},
		"in flight, then taken: stays sent": {in: inFlight, now: []string{"cancel_requested"}, then: func(b *bench) { b.accept("1") }, want: "sent"},
		"taken, at the deadline":            {in: inFlight, now: []string{"cancel_requested"}, then: func(b *bench) { b.accept("1"); deadline(b) }, want: "cancelled"},
		"taken, then delivered": {
			in: inFlight, now: []string{"cancel_requested"},
			then: func(b *bench) { b.accept("1"); b.reported(b.attempt(), "1", message.ReportDelivered) }, want: "delivered",
		},
		"taken, expired": {
			in: inFlight, now: []string{"cancel_requested"},
			then: func(b *bench) { b.accept("1"); b.reported(b.attempt(), "1", message.ReportExpired) }, want: "cancelled",
		},
		"cancelled, then delivered after all": {
			in: inFlight, now: []string{"cancel_requested"},
			then: func(b *bench) {
				b.accept("1")
				deadline(b)
				b.reported(b.attempt(), "1", message.ReportDelivered)
			}, want: "delivered",
		},
		"unknown outcome, at the deadline": {in: inFlight, now: []string{"cancel_requested"}, then: func(b *bench) { b.lose(); deadline(b) }, want: "unknown"},
		"SMS in flight, then revoked": {
			in: func(t *testing.T) *bench { return smsBench(t, nil) }, now: []string{"cancel_requested"},
			then: func(b *bench) { b.notSent("revoked") }, want: "cancelled",
		},
		"SMS retrying": {
			in:  func(t *testing.T) *bench { b := smsBench(t, nil); b.refuse("0x58", temporary); return b },
			now: []string{"cancel_requested", "cancelled"}, want: "cancelled",
		},
		"SMS taken: its report counts": {
			in:  func(t *testing.T) *bench { b := smsBench(t, nil); b.accept("7"); return b },
			now: []string{"cancel_requested"}, then: func(b *bench) { b.reported(b.attempt(), "7", message.ReportUndelivered) }, want: "failed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := tc.in(t)
			was := flying(b.s)
			events, err := b.try(message.Cancel{By: "user-1"})
			require.NoError(t, err)
			require.Equal(t, tc.now, types(events))
			require.Equal(t, "user-1", events[0].(message.CancelRequested).By)
			_, revokes := message.Instructions(b.s, events[0])
			require.Equal(t, was, len(revokes) == 1)
			if tc.then != nil {
				tc.then(b)
			}
			require.Equal(t, tc.want, b.s.Status)
		})
	}
}

func TestCancelRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, err := b.try(message.Cancel{})
	require.Equal(t, "not_found", domain.CodeOf(err))
	b.do(request())
	b.accept("1")
	b.reported(b.attempt(), "1", message.ReportDelivered)
	events, err := b.try(message.Cancel{})
	require.Equal(t, "already_ended", domain.CodeOf(err))
	require.Empty(t, events)
}

// A cancel that came before its request wins.
func TestCancelledBefore(t *testing.T) {
	t.Parallel()
	b, by := newBench(t), "user-1"
	b.set = func(f *message.Facts) { f.CancelledBy = &by }
	events := b.do(request())
	require.Equal(t, []string{"accepted", "cancel_requested", "cancelled"}, types(events))
	require.Equal(t, message.CancelRequested{By: by}, events[1])
	require.True(t, b.s.Ended())

	b = newBench(t)
	b.step(message.Stamped{Event: message.CancelRequested{By: by}, At: start})
	require.False(t, b.s.Ended())
	require.Equal(t, []string{"accepted", "cancelled"}, types(b.do(request())))
	require.True(t, b.s.Ended())
}

// After a delivery an attempt of the other channel that is still in flight is revoked.
func TestDeliveryRevokes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(request())
	b.accept("1")
	viber := b.attempt()
	b.fire(message.TimerDeadline)
	sms := b.attempt()
	events := b.after(time.Second).reported(viber, "1", message.ReportDelivered)
	d := find[message.Delivered](t, events)
	require.Equal(t, []string{sms}, d.Revokes)
	_, revokes := message.Instructions(b.s, d)
	require.Equal(t, []message.RevokeInstruction{{Message: "m-1", Attempt: sms}}, revokes)
	require.False(t, b.s.Ended())
	require.Equal(t, []domain.Timer{{Name: "no_report", Due: b.s.SMSUntil.Add(5 * time.Second)}}, message.Timers(b.s))
	require.Equal(t, []string{"attempt_not_sent"}, types(b.notSent("revoked")))
	require.True(t, b.s.Ended())
}

// Viber's answer is still awaited at the deadline: it is revoked with the
// fallback, and the message ends only when it has been answered.
func TestDeadlineInFlight(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(request())
	viber := b.attempt()
	require.Equal(t, []string{viber}, find[message.FellBack](t, b.fire(message.TimerDeadline)).Revokes)
	b.refuse("0x0b", message.Verdict{AtOnce: true}) // the SMS
	require.Equal(t, message.StatusSending, b.s.Status)
	events := b.do(message.Answer{Attempt: viber, Outcome: message.OutcomeNotSent, Reason: "too_late"})
	require.Equal(t, []message.Event{
		message.AttemptNotSent{Attempt: viber, Reason: "too_late"}, message.Failed{Reason: "rejected", Code: "0x0b"},
	}, events)

	b = newBench(t)
	b.do(request())
	viber = b.attempt()
	b.fire(message.TimerDeadline)
	b.refuse("0x0b", message.Verdict{AtOnce: true})
	b.do(message.Answer{Attempt: viber, Outcome: message.OutcomeUnknown, Reason: "timeout"})
	require.Equal(t, message.StatusUnknown, b.s.Status, "failed would claim that it is certain")
}

// An answer that contradicts an earlier one proves that it was taken.
func TestTakenAfterAll(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(request())
	b.refuse("1", temporary)
	require.Equal(t, []string{"attempt_resolved"}, types(b.accept("1")))
	require.Equal(t, []domain.Timer{{Name: "deadline", Due: b.s.Deadline}}, message.Timers(b.s), "no retry of what was taken")
	require.Empty(t, b.lose())
	require.Empty(t, b.refuse("1", temporary))
}

// D3b: the SMS's report is awaited for sms_validity and report_wait.
func TestNoReport(t *testing.T) {
	t.Parallel()
	b := smsBench(t, nil)
	b.after(time.Second).accept("7")
	require.Equal(t, []domain.Timer{{Name: "no_report", Due: b.now.Add(65 * time.Second)}}, message.Timers(b.s))
	require.Equal(t, []message.Event{message.Unknown{Reason: "no_report"}}, b.fire(message.TimerNoReport))
	require.Equal(t, []string{"undelivered", "failed"}, types(b.reported(b.attempt(), "7", message.ReportRejected)))
	require.Equal(t, []string{"delivered"}, types(b.reported(b.attempt(), "7", message.ReportDelivered)))
	require.Equal(t, message.StatusDelivered, b.s.Status)
}

// A retried message's state keeps only what later facts can speak of.
func TestStateStaysSmall(t *testing.T) {
	t.Parallel()
	b, r := newBench(t), request()
	r.ValidityMS = (24 * time.Hour).Milliseconds()
	b.do(r)
	for range 200 {
		b.refuse("1", temporary)
		b.fire(message.TimerRetry)
	}
	require.Len(t, b.s.Attempts, 1)
	require.Equal(t, 201, b.s.Count)
	require.Equal(t, 201, b.s.Attempts[0].Try)
	require.Less(t, len(encode(t, b.s)), 650)
}

// What a dispatcher did not send.
func TestNotSent(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string][]string{
		"too_late":   {"attempt_not_sent"},
		"revoked":    {"attempt_not_sent"},
		"throttled":  {"attempt_not_sent"},
		"route_down": {"attempt_not_sent", "fell_back", "attempt_started"}, // B13
		"odd":        {"attempt_not_sent", "fell_back", "attempt_started"},
		"erased":     {"attempt_not_sent", "failed"},
	} {
		b := newBench(t)
		b.do(request())
		require.Equal(t, want, types(b.notSent(reason)), reason)
		require.Equal(t, reason == "throttled", !b.s.RetryAt.IsZero(), reason)
	}
	for reason, want := range map[string][]string{
		"too_late": {"attempt_not_sent", "failed"}, "revoked": {"attempt_not_sent", "failed"}, "throttled": {"attempt_not_sent"},
		"route_down": {"attempt_not_sent"}, "odd": {"attempt_not_sent", "failed"}, "erased": {"attempt_not_sent", "failed"},
	} {
		b := smsBench(t, nil)
		require.Equal(t, want, types(b.notSent(reason)), reason)
		require.Equal(t, reason == "throttled" || reason == "route_down", !b.s.RetryAt.IsZero(), reason)
	}
}

package message_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/recipient"
)

func resolve(attempt string, as message.Resolution) message.Resolve {
	return message.Resolve{Attempt: attempt, As: as, Reason: "asked the carrier", By: "key:1"}
}

// lostBoth is a message of which nobody knows anything: Viber and SMS gave no answer.
func lostBoth(t *testing.T) (b *bench, viber, sms string) {
	b = newBench(t)
	b.do(request())
	b.lose()
	viber = b.attempt()
	b.fire(message.TimerDeadline)
	b.lose()
	require.Equal(t, message.StatusUnknown, b.s.Status)
	require.Equal(t, []string{viber, b.attempt()}, b.s.Unresolved())
	return b, viber, b.attempt()
}

func refusedWith(t *testing.T, b *bench, code string, c message.Resolve) {
	t.Helper()
	events, err := b.try(c)
	require.Equal(t, code, domain.CodeOf(err))
	require.Empty(t, events)
}

// D18: an SMS that was sent is charged by the time of its attempt; the message
// stays unknown until a report says more, which is inferred as before.
func TestResolvedAsSent(t *testing.T) {
	t.Parallel()
	b, _, sms := lostBoth(t)
	a, _ := b.s.Attempt(sms)
	b.after(time.Hour)
	events := b.do(resolve(sms, message.AsSent))
	require.Equal(t, []string{"outcome_decided", "attempt_resolved", "charged"}, types(events))
	require.Equal(t, message.OutcomeDecided{Attempt: sms, Channel: domain.SMS, As: "sent", Reason: "asked the carrier", By: "key:1"}, events[0])
	require.Equal(t, a.Started, find[message.Charged](t, events).At)
	require.Equal(t, message.StatusUnknown, b.s.Status)
	require.Empty(t, b.do(resolve(sms, message.AsSent)), "idempotent")
	refusedWith(t, b, "nothing_open", resolve(sms, message.AsNotSent))

	r := recipient.StoredReport{Route: "sms-1", Channel: domain.SMS, CarrierID: "77", Status: "delivered", At: b.now, Received: b.now}
	m := message.MatchReport(r, []message.State{b.s})
	require.Equal(t, message.Match{Kind: message.Inferred, Message: "m-1", Attempt: sms}, m)
	require.Contains(t, message.IndexKeys(b.s), message.NumberKey("num"))
	require.Equal(t, []string{"attempt_resolved", "delivered"}, types(b.do(m.Report(r))))
	require.Equal(t, message.StatusDelivered, b.s.Status)
	require.Equal(t, message.Matched, message.MatchReport(r, []message.State{b.s}).Kind, "its id is known from here on")
	require.Empty(t, b.s.Unresolved(), "what is unknown of Viber does not matter any more")
}

// D18: what was not sent is not charged; when nothing is unknown any more the
// message has failed. A report still raises it.
func TestResolvedAsNotSent(t *testing.T) {
	t.Parallel()
	b, viber, sms := lostBoth(t)
	refusedWith(t, b, "several_open", resolve("", message.AsNotSent))
	require.Equal(t, []string{"outcome_decided", "attempt_not_sent"}, types(b.do(resolve(viber, message.AsNotSent))))
	require.Equal(t, message.StatusUnknown, b.s.Status)
	events := b.do(resolve("", message.AsNotSent)) // the only one that is left
	require.Equal(t, []string{"outcome_decided", "attempt_not_sent", "failed"}, types(events))
	require.Equal(t, message.Failed{Reason: "not_sent"}, events[2])
	require.Empty(t, b.s.Charged)
	require.Empty(t, b.s.Unresolved())
	require.Empty(t, b.do(resolve("", message.AsNotSent)), "idempotent")
	refusedWith(t, b, "nothing_open", resolve("", message.AsSent))

	require.Equal(t, []string{"attempt_resolved", "charged", "delivered"}, types(b.reported(sms, "77", message.ReportDelivered)))
	require.Equal(t, message.StatusDelivered, b.s.Status)
}

// D18: Viber is charged when it delivers, whatever an operator says.
func TestViberResolvedBeforeItsDeadline(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(request())
	b.lose()
	require.Equal(t, []string{"outcome_decided", "attempt_resolved"}, types(b.do(resolve("", message.AsSent))))
	require.Equal(t, message.StatusSent, b.s.Status)
	require.Equal(t, []string{"fell_back", "attempt_started"}, types(b.fire(message.TimerDeadline)))

	b = newBench(t)
	b.do(request())
	b.lose()
	require.Equal(t, []string{"outcome_decided", "attempt_not_sent"}, types(b.do(resolve("", message.AsNotSent))))
	require.Equal(t, []string{"fell_back", "attempt_started"}, types(b.fire(message.TimerDeadline)))
}

// D18: the SMS goes at once instead of at the deadline; there is no second one.
func TestResolvedBySendingTheSMS(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(request())
	b.lose()
	viber := b.attempt()
	events := b.do(resolve("", message.AsSMS))
	require.Equal(t, []string{"outcome_decided", "fell_back", "attempt_started"}, types(events))
	fell := find[message.FellBack](t, events)
	require.Equal(t, "outcome_unknown", fell.Reason)
	require.Equal(t, "D18", fell.Rule)
	require.Empty(t, b.s.Unresolved())
	require.Empty(t, b.do(resolve("", message.AsSMS)), "idempotent")
	b.accept("1")
	require.Empty(t, b.do(resolve(viber, message.AsSMS)))
	require.Equal(t, []string{"outcome_decided", "attempt_resolved"}, types(b.do(resolve(viber, message.AsSent))), "it may still be found out")
}

func TestNoSMSCanFollow(t *testing.T) {
	t.Parallel()
	lost := func(adjust func(*message.Request)) *bench {
		b, r := newBench(t), request()
		adjust(&r)
		b.do(r)
		b.lose()
		return b
	}
	same := func(*message.Request) {}
	b := lost(func(r *message.Request) { r.Fallback = false })
	refusedWith(t, b, "no_sms_possible", resolve("", message.AsSMS))
	b = lost(same)
	b.do(message.Cancel{By: "client"})
	refusedWith(t, b, "no_sms_possible", resolve("", message.AsSMS))
	b = lost(same)
	b.set = func(f *message.Facts) {
		f.Allowed = func(ch domain.Channel, _ domain.Category) bool { return ch == domain.Viber }
	}
	refusedWith(t, b, "no_sms_possible", resolve("", message.AsSMS))
	b, viber, sms := lostBoth(t)
	refusedWith(t, b, "no_sms_possible", resolve(viber, message.AsSMS))
	refusedWith(t, b, "no_sms_possible", resolve(sms, message.AsSMS))
}

// While SMS is paused the SMS that an operator asks for waits like any other.
func TestResolvedBySendingAnSMSThatIsPaused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(request())
	b.lose()
	b.pause(message.Pauses{SMS: "route/sms"})
	require.Equal(t, []string{"outcome_decided", "fell_back", "paused"}, types(b.do(resolve("", message.AsSMS))))
}

func TestResolveIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	refusedWith(t, b, "not_found", resolve("", message.AsSent))
	b.do(request())
	refusedWith(t, b, "nothing_open", resolve("", message.AsSent))
	refusedWith(t, b, "nothing_open", resolve(b.attempt(), message.AsSent))
	b.lose()
	refusedWith(t, b, "nothing_open", resolve("another", message.AsSent))
	refusedWith(t, b, "required", message.Resolve{Reason: "r"})
	refusedWith(t, b, "required", message.Resolve{As: message.AsSent, Reason: " "})
	refusedWith(t, b, "invalid_value", message.Resolve{As: "maybe", Reason: "r"})
	refusedWith(t, b, "invalid_value", message.Resolve{As: message.AsSent, Reason: "a\nb"})
}

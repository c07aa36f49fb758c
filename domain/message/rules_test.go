package message_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
)

var temporary = message.Verdict{Retry: true}

// D2, D3, D12, D13: what a request becomes, exactly.
func TestAccepted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := request()
	r.Content = domain.Rich
	events := b.do(r)
	used := message.UsedFacts{SenderID: "sender", SenderVersion: 2, PolicyVersion: 3, ViewOffset: 99}
	require.Equal(t, []message.Event{
		message.Accepted{
			Account: "acc", Recipient: "rcp", Number: "num", Country: "PL", Sender: "GONIEC", Category: domain.Transactional,
			PricedCategory: domain.Promotional, Content: domain.Rich, Digest: "d", BodyDigest: "b", TextLength: 5, SMSParts: 1,
			SMSEncoding: "gsm7", ServiceID: 4711, SMSFrom: "Goniec", Fallback: true, FallbackAtOnce: true, LatePolicy: "bill_both",
			ValidityMS: 15_000, SMSValidityMS: 60_000, ReportWaitMS: 5_000, ClientRef: "ref", Tags: []string{"tag"},
			Basis: "declaration", Facts: used,
		},
		message.Released{Deadline: start.Add(15 * time.Second)},
		message.AttemptStarted{
			Attempt: "a-0-0", Number: 1, Channel: domain.Viber, Route: "viber-1", ServiceID: 4711,
			NotAfter: start.Add(15 * time.Second), TTLSec: 30, Facts: used,
		},
	}, events)
	sends, _ := message.Instructions(b.s, events[2])
	require.Equal(t, []message.SendInstruction{{
		Message: "m-1", Content: "m-1/b", Attempt: "a-0-0", Channel: domain.Viber, Route: "viber-1", ServiceID: 4711, Label: domain.Promotional,
		NotAfter: start.Add(15 * time.Second), TTLSec: 30, Urgent: true, Account: "acc", Sender: "GONIEC", Country: "PL", Started: start,
	}}, sends)
	require.Equal(t, []domain.Timer{
		{Name: "no_report", Due: start.Add(20 * time.Second)}, {Name: "deadline", Due: start.Add(15 * time.Second)},
	}, message.Timers(b.s))
}

// D3: TTL given to Viber = max(30 s, time left), rounded up.
func TestTTL(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := request()
	r.ValidityMS = 65_001
	require.Equal(t, 66, find[message.AttemptStarted](t, b.do(r)).TTLSec)
	b.after(40*time.Second).refuse("1", temporary)
	require.Equal(t, 30, find[message.AttemptStarted](t, b.fire(message.TimerRetry)).TTLSec)
}

// What the rules refuse is an event with the reason, and the end.
func TestRefused(t *testing.T) {
	t.Parallel()
	never := func(domain.Channel, domain.Category) bool { return false }
	noSMSPrice := func(_ time.Time, _ string, ch domain.Channel, _ domain.Category, _ domain.Content) (string, string, bool) {
		return "0.12", "v", ch == domain.Viber
	}
	later := start.Add(90*24*time.Hour + time.Second)
	for code, tc := range map[string]struct {
		facts   func(*message.Facts)
		request func(*message.Request)
	}{
		"account_unknown":          {facts: func(f *message.Facts) { f.Account = message.AccountFacts{} }},
		"account_not_active":       {facts: func(f *message.Facts) { f.Account.Active = false }},
		"regulations_not_accepted": {facts: func(f *message.Facts) { f.Account.Unaccepted = 2 }}, // B12
		"sender_unknown":           {facts: func(f *message.Facts) { f.Sender = message.SenderFacts{} }},
		"sender_not_in_country":    {facts: func(f *message.Facts) { f.Sender.InCountry = false }}, // D13
		"sender_not_active":        {facts: func(f *message.Facts) { f.Sender.Active = false }},    // D12
		"opted_out":                {facts: func(f *message.Facts) { f.Allowed = never }},          // E2
		"no_price":                 {facts: func(f *message.Facts) { f.Prices = noSMSPrice }},      // F8
		"invalid_category":         {request: func(r *message.Request) { r.Category = "spam" }},    // D2
		"invalid_content":          {request: func(r *message.Request) { r.Content = "" }},
		"invalid_validity":         {request: func(r *message.Request) { r.ValidityMS = 14_999 }}, // D3
		"invalid_send_at":          {request: func(r *message.Request) { r.SendAt = &later }},     // D3b
		"invalid_sms":              {request: func(r *message.Request) { r.SMSParts = 0 }},        // D8
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			b, r := newBench(t), request()
			b.set = tc.facts
			if tc.request != nil {
				tc.request(&r)
			}
			events := b.do(r)
			require.Equal(t, []message.Event{message.Refused{
				Account: "acc", Recipient: "rcp", Number: "num", Country: "PL", Sender: "GONIEC", Category: string(r.Category), ClientRef: "ref",
				Tags: []string{"tag"}, Reason: code, Facts: find[message.Refused](t, events).Facts,
			}}, events)
			require.Equal(t, message.StatusFailed, b.s.Status)
			require.True(t, b.s.Ended())
		})
	}
}

// D3: validity from 15 s to 24 h, bounds inclusive; also where numbers overflow.
func TestValidityBounds(t *testing.T) {
	t.Parallel()
	for ms, ok := range map[int64]bool{
		15_000: true, 86_400_000: true, 14_999: false, 86_400_001: false, 0: false, -1: false,
		-9_223_372_036_854_775_808: false, 9_223_372_036_854_775_807: false, -9_223_372_036_854_000: false,
	} {
		r := request()
		r.ValidityMS = ms
		require.Equal(t, ok, r.Validate(start) == nil, ms)
	}
}

func TestTestMessage(t *testing.T) {
	t.Parallel()
	b, r := newBench(t), request()
	r.Test = true
	require.Equal(t, []string{"accepted"}, types(b.do(r)))
	require.True(t, b.s.Ended())
	require.Equal(t, message.StatusAccepted, b.s.Status)
	_, err := b.try(message.Cancel{})
	require.Equal(t, "already_ended", domain.CodeOf(err))
}

// Without a fallback an SMS needs neither price nor parts.
func TestViberOnly(t *testing.T) {
	t.Parallel()
	b, r := newBench(t), request()
	r.Fallback, r.SMSParts = false, 0
	b.set = func(f *message.Facts) {
		f.Prices = func(_ time.Time, _ string, ch domain.Channel, _ domain.Category, _ domain.Content) (string, string, bool) {
			return "0.12", "v", ch == domain.Viber
		}
		f.NotOnApp = true // remembered, but there is nowhere else to go: it is tried (E6)
	}
	require.Equal(t, []string{"accepted", "released", "attempt_started"}, types(b.do(r)))
}

// D3a: after 1, 5, 15, 60 s, then every 5 min, ±20 %, never past the deadline.
func TestRetries(t *testing.T) {
	t.Parallel()
	for _, jitter := range []float64{0, 0.2, -0.2} {
		b, r := newBench(t), request()
		r.ValidityMS = 1_000_000
		b.set = func(f *message.Facts) { f.Jitter = func(int) float64 { return jitter } }
		b.do(r)
		for _, s := range []int{1, 5, 15, 60, 300, 300} {
			want := b.now.Add(time.Duration(float64(s) * (1 + jitter) * float64(time.Second)))
			require.Equal(t, want, *find[message.AttemptRefused](t, b.refuse("1", temporary)).RetryAt)
			require.Equal(t, []string{"attempt_started"}, types(b.fire(message.TimerRetry)))
		}
		b.now = later(b.now, start.Add(760*time.Second))
		require.Nil(t, find[message.AttemptRefused](t, b.refuse("1", temporary)).RetryAt)
		fell := find[message.FellBack](t, b.fire(message.TimerDeadline))
		require.Equal(t, []string{"deadline", "D3", "1"}, []string{fell.Reason, fell.Rule, fell.Code})
		require.Equal(t, start.Add(1_000*time.Second), b.now)
	}
}

// D3a: the owner was down until the SMS's time was over, and the answer to the attempt on
// Viber has not come either: the retry that is due first ends the wait for both.
func TestARetryThatIsTooLateAwaitsNoAnswer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(request())
	viber := b.s.Attempts[0].ID
	b.now = b.s.Deadline
	require.Equal(t, []string{"fell_back", "attempt_started"}, types(b.do(message.Fire{Timer: message.TimerDeadline, Due: b.now})))
	b.do(message.Answer{Attempt: b.s.Attempts[1].ID, Outcome: message.OutcomeNotSent, Reason: message.ReasonThrottled})
	due := b.s.RetryAt
	require.Equal(t, due, message.Timers(b.s)[1].Due)
	b.now = b.s.SMSUntil
	require.Equal(t, []message.Event{
		message.AttemptUnknown{Attempt: viber, Reason: "no_answer"}, message.Unknown{Reason: "outcome_unknown"},
	}, b.do(message.Fire{Timer: message.TimerRetry, Due: due}))
	require.Empty(t, message.Timers(b.s))
	require.Equal(t, []string{"attempt_not_sent", "failed"}, types(b.do(message.Answer{Attempt: viber, Outcome: message.OutcomeNotSent, Reason: message.ReasonTooLate})), "its word still counts")
}

// … and so does its word that it was taken; a resume that is too late ends no wait: the
// answer's own timer does.
func TestALateWordAfterTheEndCounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(request())
	viber := b.attempt()
	b.fire(message.TimerDeadline)
	retry := *find[message.AttemptRefused](t, b.refuse("0x58", temporary)).RetryAt
	b.after(time.Hour).do(message.Fire{Timer: message.TimerRetry, Due: retry})
	require.Equal(t, []string{"attempt_resolved"}, types(b.do(message.Answer{Attempt: viber, Outcome: message.OutcomeAccepted, CarrierIDs: []string{"1"}})))
	require.Equal(t, []string{"delivered", "charged"}, types(b.reported(viber, "1", message.ReportDelivered)))

	b = newBench(t)
	b.do(request())
	b.fire(message.TimerDeadline)
	b.refuse("0x58", temporary)
	b.set = func(f *message.Facts) { f.Pauses.SMS = "all" }
	b.fire(message.TimerRetry)
	require.NotEmpty(t, b.s.Hold)
	b.set = nil
	b.after(time.Hour)
	require.Equal(t, []string{"resumed"}, types(b.do(message.Fire{Timer: message.TimerResume, Due: b.s.HeldAt})))
	require.Equal(t, []string{"attempt_unknown", "unknown"}, types(b.fire(message.TimerNoReport)))
}

// D3a: "never past the deadline" is strict, and an owner that was down does not
// retry past it either: the step ends.
func TestRetryAtTheDeadline(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(request())
	b.after(14 * time.Second)
	require.Nil(t, find[message.AttemptRefused](t, b.refuse("1", temporary)).RetryAt)

	b = newBench(t)
	b.do(request())
	retry := *find[message.AttemptRefused](t, b.refuse("1", temporary)).RetryAt
	b.after(time.Minute)
	events := b.do(message.Fire{Timer: message.TimerRetry, Due: retry})
	require.Equal(t, []string{"fell_back", "attempt_started"}, types(events))
	require.Equal(t, "deadline", find[message.FellBack](t, events).Reason)
}

// D3b: the SMS is retried by D3a for sms_validity, then failed, expired.
func TestSMSRetries(t *testing.T) {
	t.Parallel()
	b := smsBench(t, nil)
	require.Equal(t, start.Add(100*time.Millisecond).Add(time.Minute), b.s.SMSUntil)
	for range 3 {
		require.NotNil(t, find[message.AttemptRefused](t, b.refuse("0x58", temporary)).RetryAt)
		b.fire(message.TimerRetry)
	}
	require.Equal(t, []string{"attempt_refused", "failed"}, types(b.refuse("0x58", temporary))) // 60 s more are too much
	require.Equal(t, message.Failed{Reason: "expired", Code: "0x58"}, b.all[len(b.all)-1].Event)
	require.True(t, b.s.Ended())
}

// D3b: an SMS retry that comes too late ends the message.
func TestSMSRetryTooLate(t *testing.T) {
	t.Parallel()
	b := smsBench(t, nil)
	retry := *find[message.AttemptRefused](t, b.refuse("0x58", temporary)).RetryAt
	b.after(time.Hour)
	require.Equal(t, []message.Event{message.Failed{Reason: "expired", Code: "0x58"}}, b.do(message.Fire{Timer: message.TimerRetry, Due: retry}))
}

// smsBench is a message whose Viber attempt was refused for good: an SMS attempt is in flight.
func smsBench(t *testing.T, change func(*message.Request)) *bench {
	b, r := newBench(t), request()
	if change != nil {
		change(&r)
	}
	b.do(r)
	b.after(100*time.Millisecond).refuse("4", message.Verdict{AtOnce: true})
	require.Equal(t, 1, b.s.Step)
	return b
}

// D3b: an SMS of unknown outcome is not retried and not charged until a report resolves it.
func TestUnknownSMS(t *testing.T) {
	t.Parallel()
	b := smsBench(t, nil)
	require.Equal(t, []message.Event{
		message.AttemptUnknown{Attempt: b.attempt(), Reason: "timeout"}, message.Unknown{Reason: "outcome_unknown"},
	}, b.lose())
	require.True(t, b.s.Ended())
	events := b.after(time.Hour).do(message.Report{Attempt: b.attempt(), CarrierID: "7", Status: message.ReportDelivered, At: b.now, Received: b.now, Inferred: true})
	require.Equal(t, []string{"attempt_resolved", "charged", "delivered"}, types(events))
	require.True(t, find[message.Delivered](t, events).Inferred)
	require.Equal(t, message.StatusDelivered, b.s.Status)
	require.True(t, b.s.Ended())
}

// A late word that an SMS of unknown outcome did not arrive raises unknown to failed, never lower.
func TestUnknownSMSResolvedToNo(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		say  func(*bench) []message.Event
		want []string
	}{
		"undelivered": {
			func(b *bench) []message.Event { return b.reported(b.attempt(), "7", message.ReportUndelivered) },
			[]string{"attempt_resolved", "charged", "undelivered", "failed"},
		},
		"refused":    {func(b *bench) []message.Event { return b.refuse("0x58", temporary) }, []string{"attempt_refused", "failed"}},
		"not sent":   {func(b *bench) []message.Event { return b.notSent("too_late") }, []string{"attempt_not_sent", "failed"}},
		"taken":      {func(b *bench) []message.Event { return b.accept("7") }, []string{"attempt_resolved", "charged"}},
		"on its way": {func(b *bench) []message.Event { return b.reported(b.attempt(), "7", message.ReportAccepted) }, []string{"attempt_resolved", "charged"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := smsBench(t, nil)
			b.lose()
			require.Equal(t, tc.want, types(tc.say(b)))
			require.Empty(t, message.Timers(b.s))
		})
	}
}

// D3b, `fallback: false`: at the deadline failed, expired; unknown, if an attempt's outcome is.
func TestNoFallback(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		say  func(*bench)
		want message.Event
	}{
		"taken, no report":      {func(b *bench) { b.accept("1") }, message.Failed{Reason: "expired"}},
		"temporarily refused":   {func(b *bench) { b.after(14*time.Second).refuse("1", temporary) }, message.Failed{Reason: "expired", Code: "1"}},
		"unknown":               {func(b *bench) { b.lose() }, message.Unknown{Reason: "outcome_unknown"}},
		"too late in the queue": {func(b *bench) { b.after(15 * time.Second).notSent("too_late") }, message.Failed{Reason: "expired"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, r := newBench(t), request()
			r.Fallback = false
			b.do(r)
			tc.say(b)
			require.Equal(t, []message.Event{tc.want}, b.fire(message.TimerDeadline))
			require.True(t, b.s.Ended())
		})
	}
}

// Without a fallback a permanent word is the end at once, with the carrier's reason (D5).
func TestNoFallbackPermanent(t *testing.T) {
	t.Parallel()
	b, r := newBench(t), request()
	r.Fallback = false
	b.do(r)
	require.Equal(t, []string{"attempt_refused", "failed"}, types(b.refuse("9", message.Verdict{AtOnce: true})))
	require.Equal(t, message.Failed{Reason: "r9", Code: "9"}, b.all[len(b.all)-1].Event)

	b = newBench(t)
	b.do(r)
	b.accept("1")
	require.Equal(t, []string{"undelivered", "failed"}, types(b.reported(b.attempt(), "1", message.ReportExpired)))
}

// While the answer is awaited nothing is decided at the deadline of a message
// without a fallback; an answer that never comes is given up.
func TestNoFallbackInFlight(t *testing.T) {
	t.Parallel()
	b, r := newBench(t), request()
	r.Fallback = false
	b.do(r)
	require.Equal(t, []domain.Timer{{Name: "no_report", Due: start.Add(20 * time.Second)}}, message.Timers(b.s))
	require.Equal(t, []string{"attempt_unknown"}, types(b.fire(message.TimerNoReport)))
	require.Equal(t, []string{"unknown"}, types(b.fire(message.TimerDeadline)))
}

// D4: with fallback_at_once off, nothing but the deadline leads to the SMS.
func TestFallbackAtTheDeadlineOnly(t *testing.T) {
	t.Parallel()
	for name, say := range map[string]func(*bench){
		"permanently refused": func(b *bench) { b.refuse("9", message.Verdict{AtOnce: true}) },
		"expired":             func(b *bench) { b.accept("1"); b.reported(b.attempt(), "1", message.ReportExpired) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.set = func(f *message.Facts) { f.Account.FallbackAtOnce = false }
			b.do(request())
			say(b)
			require.Zero(t, b.s.Step)
			require.Equal(t, []domain.Timer{{Name: "deadline", Due: start.Add(15 * time.Second)}}, message.Timers(b.s))
			require.Equal(t, "deadline", find[message.FellBack](t, b.fire(message.TimerDeadline)).Reason)
		})
	}
}

// D12, E6, B13: what closes Viber between acceptance and an attempt leads to the SMS at once.
func TestFallbackAtOnceReasons(t *testing.T) {
	t.Parallel()
	disabled := func(f *message.Facts) { f.Sender.Active = false }
	remembered := func(f *message.Facts) { f.NotOnApp = true }
	blocked := func(f *message.Facts) {
		f.Allowed = func(ch domain.Channel, _ domain.Category) bool { return ch == domain.SMS }
	}
	for name, tc := range map[string]struct {
		set    func(*message.Facts)
		reason string
		rule   string
		types  []string
	}{
		"sender disabled": {disabled, "sender_disabled", "D12", []string{"fell_back", "attempt_started"}},
		"not on Viber":    {remembered, "not_on_viber", "E6", []string{"fell_back", "attempt_started"}},
		"opted out":       {blocked, "opted_out", "E2", []string{"opted_out", "fell_back", "attempt_started"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.do(request())
			b.refuse("1", temporary)
			b.set = func(f *message.Facts) { tc.set(f); f.Account.FallbackAtOnce = false }
			events := b.fire(message.TimerRetry)
			require.Equal(t, tc.types, types(events))
			fell := find[message.FellBack](t, events)
			require.Equal(t, []string{tc.reason, tc.rule}, []string{fell.Reason, fell.Rule})
			require.Equal(t, domain.SMS, b.s.Channel())
		})
	}
}

// E2, E6: known at acceptance, it goes straight to SMS, with its reason.
func TestStraightToSMS(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.set = func(f *message.Facts) { f.NotOnApp = true }
	events := b.do(request())
	require.Equal(t, []string{"accepted", "released", "fell_back", "attempt_started"}, types(events))
	require.Equal(t, message.AttemptStarted{
		Attempt: "a-0-0", Number: 1, Channel: domain.SMS, Route: "sms-1", From: "Goniec", NotAfter: start.Add(time.Minute), TTLSec: 60,
		Facts: find[message.Accepted](t, events).Facts,
	}, events[3])

	b = newBench(t)
	b.set = func(f *message.Facts) {
		f.Allowed = func(ch domain.Channel, _ domain.Category) bool { return ch == domain.SMS }
	}
	events = b.do(request())
	require.Equal(t, []string{"accepted", "opted_out", "released", "fell_back", "attempt_started"}, types(events))
	require.Equal(t, "E2", find[message.FellBack](t, events).Rule)
}

// rules.md B13, D16: a refusal of the sender names it and the recipient; no other does.
func TestRefusalOfTheSender(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(request())
	got := find[message.AttemptRefused](t, b.refuse("43", message.MeaningOfViber(43).Verdict))
	require.Equal(t, &message.AgainstSender{SenderID: "sender", Recipient: "rcp"}, got.AgainstSender)
	b = newBench(t)
	b.do(request())
	require.Nil(t, find[message.AttemptRefused](t, b.refuse("3", message.MeaningOfViber(3).Verdict)).AgainstSender)
}

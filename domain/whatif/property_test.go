package whatif_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/whatif"
)

// Whatever happened to a message, in whatever order: decided again under the settings
// that were in force it comes to what it really came to, and nothing is assumed; and
// under any others every message still is counted once.
func TestTheSettingsInForceChangeNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		b := wild(r)
		same := tryWith(r, whatif.Settings{}, b)
		require.NotContains(r, assumed(same), whatif.AssumeAsItWas, "%s", b.compared())
		require.Equal(r, same.Real, same.WhatIf)
		require.Empty(r, assumed(same), "%s", b.compared())

		other := tryWith(r, anySettings(r), b)
		require.Equal(r, same.Real, other.Real)
		f := other.WhatIf
		require.Equal(r, f.Messages, f.Refused+f.ByViber+f.BySMS+f.Undelivered+f.Unknown)
		require.Equal(r, other.Real.Messages, f.Messages)
		require.LessOrEqual(r, f.FellBack, f.Messages)
	})
}

// compared tells what happened beside what is decided again.
func (b *story) compared() string {
	out := "really:\n"
	for _, f := range b.facts {
		out += fmt.Sprintf("%s %T %+v\n", f.Recorded.Format("15:04:05.000"), f.Event, f.Event)
	}
	out += "again:\n"
	for _, e := range whatif.Same(world(), b.s.ID, b.facts) {
		out += fmt.Sprintf("%s %T %+v\n", e.At.Format("15:04:05.000"), e.Event, e.Event)
	}
	return out
}

func anySettings(r *rapid.T) whatif.Settings {
	var s whatif.Settings
	require.NoError(r, s.SetValidity(rapid.SampledFrom([]string{"15s", "30s", "60s", "10m", "24h"}).Draw(r, "validity")))
	for name, values := range map[string][]string{
		"fallback": {"true", "false"}, "fallback_at_once": {"true", "false"}, "late_policy": {"bill_both", "waive_viber"},
		"sms_validity": {"1m", "1h"}, "report_wait": {"1s", "1h"},
	} {
		if rapid.Bool().Draw(r, "sets "+name) {
			require.NoError(r, s.Set(name, rapid.SampledFrom(values).Draw(r, name)))
		}
	}
	return s
}

// wild lives a life of whatever may happen.
func wild(r *rapid.T) *story {
	b := newStory(r)
	var f message.Facts
	f.Allowed = func(domain.Channel, domain.Category) bool { return true }
	f.Sender.Active = true
	b.set = func(to *message.Facts) {
		to.Allowed, to.NotOnApp, to.Pauses = f.Allowed, f.NotOnApp, f.Pauses
		to.Sender.Active, to.Sender.Suspended = f.Sender.Active, f.Sender.Suspended
	}
	if rapid.IntRange(0, 9).Draw(r, "cancelled before") == 0 {
		b.facts = append(b.facts, whatif.Fact{Event: message.CancelRequested{By: "key/k"}, At: b.now, Recorded: b.now, Actor: "key/k"})
		b.s = message.Evolve(b.s, b.facts[0].Event, b.now)
		b.now = b.now.Add(time.Second)
	}
	f.NotOnApp = rapid.IntRange(0, 9).Draw(r, "not on Viber") == 0
	b.ask(func(q *message.Request) {
		q.Fallback = rapid.Bool().Draw(r, "fallback")
		q.SMSParts = rapid.IntRange(1, 2).Draw(r, "parts")
		if rapid.IntRange(0, 4).Draw(r, "scheduled") == 0 {
			at := b.now.Add(20 * time.Second)
			q.SendAt = &at
		}
	})
	for range rapid.IntRange(0, 25).Draw(r, "steps") {
		b.step(r, &f)
	}
	f.Pauses = message.Pauses{}
	b.unpause()
	return b.over()
}

func (b *story) unpause() {
	for range 3 {
		if b.s.Hold != "" {
			b.resume()
		}
	}
}

func (b *story) step(r *rapid.T, f *message.Facts) {
	b.after(time.Duration(rapid.Int64Range(1, 20_000).Draw(r, "ms")) * time.Millisecond)
	switch what := rapid.IntRange(0, 15).Draw(r, "what"); what {
	case 0, 1, 2, 3, 4:
		if len(b.s.Attempts) > 0 {
			b.anyAnswer(r)
		}
	case 5, 6, 7, 8, 9:
		if len(b.s.Attempts) > 0 {
			b.anyReport(r)
		}
	case 10:
		b.say("key/k", message.Cancel{By: "key/k"})
	case 11:
		b.say("recipient", message.OptOut{Channels: []domain.Channel{rapid.SampledFrom([]domain.Channel{domain.Viber, domain.SMS}).Draw(r, "channel")}, Origin: "api"})
	case 12:
		f.Sender.Active, f.Sender.Suspended = false, rapid.Bool().Draw(r, "suspended")
	case 13:
		f.Pauses = rapid.SampledFrom([]message.Pauses{{}, {All: "all"}, {Viber: "route/viber-1"}, {SMS: "route/sms-1"}, {All: "all", SMS: "route/sms-1"}}).Draw(r, "pauses")
	case 14:
		if b.s.Hold != "" {
			b.resume()
		}
	case 15:
		if len(b.s.Attempts) > 0 {
			as := rapid.SampledFrom([]message.Resolution{message.AsSent, message.AsNotSent, message.AsSMS}).Draw(r, "as")
			b.say("operator", message.Resolve{As: as, Reason: "looked", By: "operator"})
		}
	}
	if rapid.IntRange(0, 30).Draw(r, "shut") == 0 {
		shut := rapid.SampledFrom([]domain.Channel{domain.Viber, domain.SMS}).Draw(r, "shut channel")
		f.Allowed = func(ch domain.Channel, _ domain.Category) bool { return ch != shut }
	}
}

func (b *story) anyAnswer(r *rapid.T) {
	a := rapid.SampledFrom(b.s.Attempts).Draw(r, "answered")
	word := message.Answer{Attempt: a.ID, At: b.now}
	switch rapid.IntRange(0, 5).Draw(r, "answer") {
	case 0, 1:
		word.Outcome, word.CarrierIDs = message.OutcomeAccepted, []string{"c-" + a.ID, "d-" + a.ID}[:rapid.IntRange(1, 2).Draw(r, "ids")]
		if a.Channel == domain.Viber {
			word.CarrierIDs = word.CarrierIDs[:1]
		}
	case 2:
		word.Outcome, word.Reason = message.OutcomeUnknown, message.ReasonTimeout
	case 3:
		word.Outcome = message.OutcomeNotSent
		word.Reason = rapid.SampledFrom([]string{message.ReasonTooLate, message.ReasonRevoked, message.ReasonThrottled, message.ReasonRouteDown, message.ReasonPaused, message.ReasonErased}).Draw(r, "unsent")
		b.feasible(a, &word)
	default:
		status := rapid.SampledFrom([]int{1, 1, 2, 8, 9, 27, 4}).Draw(r, "status")
		m := message.MeaningOfViber(status)
		word.Outcome, word.Code, word.Reason, word.Verdict = m.Outcome, "", m.Reason, m.Verdict
		if a.Channel == domain.Viber {
			word.Code = map[int]string{1: "1", 2: "2", 8: "8", 9: "9", 27: "27", 4: "4"}[status]
		} else {
			word.Verdict = message.Verdict{Retry: status == 1, AtOnce: status != 1}
		}
	}
	b.say("dispatcher", word)
}

// feasible leaves out what no dispatcher says: it calls an attempt too late or revoked only if it is.
func (b *story) feasible(a message.Attempt, word *message.Answer) {
	until := b.s.Deadline
	if a.Channel == domain.SMS {
		until = b.s.SMSUntil
	}
	if word.Reason == message.ReasonTooLate && b.now.Before(until) || word.Reason == message.ReasonRevoked && !b.revoked(a.ID) {
		word.Reason = message.ReasonThrottled
	}
}

func (b *story) revoked(id string) bool {
	s := message.New("m-1")
	for _, f := range b.facts {
		s = message.Evolve(s, f.Event, f.At)
		_, revokes := message.Instructions(s, f.Event)
		for _, x := range revokes {
			if x.Attempt == id {
				return true
			}
		}
	}
	return false
}

func (b *story) anyReport(r *rapid.T) {
	a := rapid.SampledFrom(b.s.Attempts).Draw(r, "reported")
	word := message.Report{Attempt: a.ID, At: b.now.Truncate(time.Second), Received: b.now}
	word.Status = rapid.SampledFrom([]message.ReportStatus{
		message.ReportDelivered, message.ReportDelivered, message.ReportRead, message.ReportExpired, message.ReportUndelivered, message.ReportAccepted,
	}).Draw(r, "report")
	switch {
	case a.Status == message.AttemptInFlight: // its report waits for its answer
		return
	case len(a.CarrierIDs) > 0:
		word.CarrierID = rapid.SampledFrom(a.CarrierIDs).Draw(r, "id")
	case a.Status == message.AttemptLost || a.Settled != "":
		word.CarrierID, word.Inferred = "i-"+a.ID, true
	default:
		return
	}
	b.say("carrier", word)
}

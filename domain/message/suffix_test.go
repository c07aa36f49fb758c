package message_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/recipient"
)

const call = 100 * time.Millisecond // between a call and its answer

func id(i message.SendInstruction, try int) string { return fmt.Sprintf("%s-%d", i.Channel, try) }

// answer schedules an answer to the call.
func (w *world) answer(i message.SendInstruction, after time.Duration, a message.Answer) {
	w.in(after, func() {
		a.Attempt, a.At = i.Attempt, w.now
		w.command(a)
	})
}

// tell schedules a report of the carrier's id; at is what it says, after when it comes.
func (w *world) tell(i message.SendInstruction, try int, status message.ReportStatus, at, after time.Duration) {
	said := w.now.Add(at)
	w.in(after, func() {
		w.carrierReport(recipient.StoredReport{
			Route: i.Route, Channel: i.Channel, ServiceID: i.ServiceID, CarrierID: id(i, try), Status: string(status), At: said,
		})
	})
}

// takes accepts, then tells the statuses a second after one another.
func takes(statuses ...message.ReportStatus) carrier {
	return func(w *world, i message.SendInstruction, try int) {
		w.answer(i, call, message.Answer{Outcome: message.OutcomeAccepted, CarrierIDs: []string{id(i, try)}, Parts: 1})
		for n, s := range statuses {
			after := time.Duration(n+1) * time.Second
			w.tell(i, try, s, after, after)
		}
	}
}

// expires accepts and reports expired at a third of the validity (suffix 03).
func expires(w *world, i message.SendInstruction, try int) {
	takes()(w, i, try)
	w.tell(i, try, message.ReportExpired, 5*time.Second, 5*time.Second)
}

// says answers with a submit status of Viber.
func says(status int) carrier {
	return func(w *world, i message.SendInstruction, _ int) {
		m := message.MeaningOfViber(status)
		w.answer(i, call, message.Answer{Outcome: m.Outcome, Code: fmt.Sprint(status), Reason: m.Reason, Verdict: m.Verdict})
	}
}

// silent gives no answer within the call's time-out; in truth it delivers statuses.
func silent(reason string, statuses ...message.ReportStatus) carrier {
	return func(w *world, i message.SendInstruction, try int) {
		m := message.MeaningOfViberSilence(reason)
		w.answer(i, 5*time.Second, message.Answer{Outcome: m.Outcome, Reason: m.Reason})
		for n, s := range statuses {
			w.tell(i, try, s, time.Second, time.Duration(n+1)*time.Second)
		}
	}
}

func refuses(v message.Verdict) carrier {
	return func(w *world, i message.SendInstruction, _ int) {
		w.answer(i, call, message.Answer{Outcome: message.OutcomeRefused, Code: "0x58", Reason: "refused", Verdict: v})
	}
}

// twiceThen fails temporarily twice (suffix 20).
func twiceThen(c carrier) carrier {
	return func(w *world, i message.SendInstruction, try int) {
		if try <= 2 {
			refuses(message.Verdict{Retry: true})(w, i, try)
			return
		}
		c(w, i, try)
	}
}

// then adds something that the recipient says after the delivery.
func then(c carrier, said recipient.Command) carrier {
	return func(w *world, i message.SendInstruction, try int) {
		c(w, i, try)
		w.in(2*time.Second, func() { w.said(said) })
	}
}

// firstSent is the number of the Viber call that a later report belongs to.
const firstSent = 1

// afterSMS delivers the SMS, and a second later Viber speaks of its own attempt.
func afterSMS(status message.ReportStatus, floor time.Duration) carrier {
	return func(w *world, i message.SendInstruction, try int) {
		takes(message.ReportDelivered)(w, i, try)
		at := 2 * time.Second
		if due := start.Add(floor).Sub(w.now); due > at {
			at = due
		}
		viber := message.SendInstruction{Route: "viber-1", Channel: domain.Viber, ServiceID: 4711}
		w.tell(viber, firstSent, status, at, at)
	}
}

const (
	dlv  = message.ReportDelivered
	seen = message.ReportRead
	exp  = message.ReportExpired
)

// expectation is a row of the table of simulated carriers. Besides is what the
// last column says, as words of observed().
type expectation struct {
	suffix   string
	viber    carrier
	sms      carrier
	state    message.Status
	channel  domain.Channel
	charges  string // on Viber / SMS
	besides  string
	category domain.Category
}

func outOfOrder(w *world, i message.SendInstruction, try int) {
	takes()(w, i, try)
	for n, s := range []message.ReportStatus{seen, dlv, dlv, seen, dlv, seen} {
		w.tell(i, try, s, time.Second, time.Duration(n+1)*200*time.Millisecond)
	}
}

func reportFirst(status message.ReportStatus) carrier {
	return func(w *world, i message.SendInstruction, try int) {
		w.tell(i, try, status, 50*time.Millisecond, 50*time.Millisecond)
		takes()(w, i, try)
	}
}

// aroundDeadline delivers a second before the deadline and reports it a second after.
func aroundDeadline(w *world, i message.SendInstruction, try int) {
	takes()(w, i, try)
	deadline := i.NotAfter.Sub(w.now)
	w.tell(i, try, dlv, deadline-time.Second, deadline+time.Second)
}

// slowly leaves the SMS in the outbox for two seconds.
func slowly(c carrier) carrier {
	return func(w *world, i message.SendInstruction, try int) {
		w.in(2*time.Second, func() {
			if w.revoked[i.Attempt] {
				w.command(message.Answer{Attempt: i.Attempt, Outcome: message.OutcomeNotSent, Reason: message.ReasonRevoked, At: w.now})
				return
			}
			c(w, i, try)
		})
	}
}

func suffixes() []expectation {
	plain := takes(dlv)
	table := []expectation{
		{suffix: "01", viber: takes(dlv, seen), sms: plain, state: "read", channel: "viber", charges: "1/0"},
		{suffix: "02", viber: takes(seen), sms: plain, state: "read", channel: "viber", charges: "1/0", besides: "by_read"},
		{suffix: "03", viber: expires, sms: plain, state: "delivered", channel: "sms", charges: "0/1", besides: "fallback=expired"},
		{suffix: "04", viber: takes(), sms: afterSMS(dlv, 0), state: "delivered", channel: "sms", charges: "1/1", besides: "fallback=deadline late double"},
		{suffix: "05", viber: expires, sms: afterSMS(seen, 16*time.Second), state: "read", channel: "sms", charges: "1/1", besides: "by_read fallback=expired late double"},
		{suffix: "06", viber: takes(), sms: plain, state: "delivered", channel: "sms", charges: "0/1", besides: "fallback=deadline"},
		{suffix: "07", viber: takes(dlv, exp), sms: plain, state: "delivered", channel: "viber", charges: "1/0"},
		{suffix: "08", viber: then(plain, recipient.Subscription{Subscribed: true}), sms: plain, state: "delivered", channel: "viber", charges: "1/0"},
		{suffix: "09", viber: then(plain, recipient.Subscription{}), sms: plain, state: "delivered", channel: "viber", charges: "1/0", besides: "opt-out"},
		{suffix: "10", viber: outOfOrder, sms: takes(dlv, dlv), state: "read", channel: "viber", charges: "1/0", besides: "by_read"},
		{suffix: "11", viber: then(plain, recipient.Reply{ID: "r", Channel: domain.Viber}), sms: plain, state: "delivered", channel: "viber", charges: "1/0", besides: "reply"},
		{suffix: "12", viber: then(plain, recipient.Reply{ID: "r", Channel: domain.Viber, Keyword: "stop"}), sms: plain, state: "delivered", channel: "viber", charges: "1/0", besides: "opt-out reply"},
		{suffix: "13", viber: reportFirst(dlv), sms: reportFirst(dlv), state: "delivered", channel: "viber", charges: "1/0"},
		{suffix: "14", viber: aroundDeadline, sms: plain, state: "delivered", channel: "viber", charges: "1/1", besides: "fallback=deadline double"},
		{suffix: "14 in the outbox", viber: aroundDeadline, sms: slowly(plain), state: "delivered", channel: "viber", charges: "1/0", besides: "fallback=deadline revoked"},
		{suffix: "20", viber: twiceThen(takes(dlv, seen)), sms: twiceThen(plain), state: "read", channel: "viber", charges: "1/0", besides: "retries=2"},
		{suffix: "21", viber: silent("timeout", dlv), sms: silent("timeout", dlv), state: "delivered", channel: "viber", charges: "1/0", besides: "inferred unknown=1"},
		{suffix: "22", viber: silent("timeout"), sms: silent("timeout"), state: "unknown", charges: "0/0", besides: "fallback=deadline unknown=2"},
		{suffix: "23", viber: silent("connection_cut", dlv), sms: silent("connection_cut", dlv), state: "delivered", channel: "viber", charges: "1/0", besides: "inferred unknown=1"},
		{suffix: "24", viber: silent("unreadable_answer"), sms: silent("unreadable_answer"), state: "unknown", charges: "0/0", besides: "fallback=deadline unknown=2"},
		{suffix: "30", viber: says(1), sms: plain, state: "delivered", channel: "sms", charges: "0/1", besides: "fallback=deadline retries=2"},
		{suffix: "36", viber: says(8), sms: plain, state: "delivered", channel: "sms", charges: "0/1", besides: "fallback=opted_out opt-out"},
		{suffix: "36 one-time code", viber: says(8), sms: plain, state: "delivered", channel: "sms", charges: "0/1", besides: "fallback=opted_out opt-out", category: domain.OneTimeCode},
		{suffix: "36 promotional", viber: says(8), sms: plain, state: "failed", charges: "0/0", besides: "failed=opted_out opt-out", category: domain.Promotional},
		{suffix: "37", viber: says(9), sms: plain, state: "delivered", channel: "sms", charges: "0/1", besides: "fallback=not_on_viber remembered"},
		{suffix: "48", viber: says(27), sms: plain, state: "failed", charges: "0/0", besides: "failed=invalid_number"},
		{suffix: "60", viber: expires, sms: takes(message.ReportUndelivered), state: "failed", charges: "0/1", besides: "failed=undelivered fallback=expired"},
		{suffix: "61", viber: expires, sms: takes(exp), state: "failed", charges: "0/1", besides: "failed=expired fallback=expired"},
		{suffix: "62", viber: expires, sms: refuses(message.Verdict{AtOnce: true}), state: "failed", charges: "0/0", besides: "failed=rejected fallback=expired"},
		{suffix: "63", viber: expires, sms: takes(), state: "unknown", charges: "0/1", besides: "fallback=expired unknown=no_report"},
		{suffix: "70 other, even", viber: takes(dlv, seen), sms: plain, state: "read", channel: "viber", charges: "1/0"},
		{suffix: "70 other, odd", viber: plain, sms: plain, state: "delivered", channel: "viber", charges: "1/0"},
	}
	atOnce := map[string]int{"31": 2, "32": 4, "33": 5, "34": 6, "38": 10, "39": 11, "40": 13, "41": 14, "42": 18, "43": 20, "44": 21, "45": 3, "47": 17, "49": 43}
	for suffix, status := range atOnce {
		table = append(table, expectation{
			suffix: suffix, viber: says(status), sms: plain, state: "delivered", channel: "sms", charges: "0/1",
			besides: "fallback=" + message.MeaningOfViber(status).Reason,
		})
	}
	for suffix, status := range map[string]int{"35": 7, "46": 12} {
		table = append(table, expectation{suffix: suffix, viber: says(status), sms: plain, state: "delivered", channel: "sms", charges: "0/1", besides: "fallback=deadline unknown=1"})
	}
	return table
}

// rules.md, "Simulated carriers": every suffix ends as its row says.
func TestSuffixes(t *testing.T) {
	t.Parallel()
	for _, row := range suffixes() {
		t.Run(row.suffix, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, row.viber, row.sms)
			r := request()
			if row.category != "" {
				r.Category = row.category
			}
			w.command(r)
			w.run()
			require.True(t, w.s.Ended())
			require.Equal(t, row.state, w.s.Status)
			require.Equal(t, row.channel, w.s.FirstChannel)
			charges, besides := observed(w)
			require.Equal(t, row.charges, charges)
			require.Equal(t, row.besides, besides)
			require.Empty(t, w.number.Reports, "no report is left unmatched")
		})
	}
}

// observed counts the charges and names, in a fixed order, what else happened.
func observed(w *world) (charges, besides string) {
	seen := map[string]int{}
	say := map[string]string{}
	for _, e := range w.all {
		switch ev := e.Event.(type) {
		case message.Charged:
			seen[string(ev.Channel)]++
		case message.Delivered:
			note(say, "late", ev.Late)
			note(say, "double", ev.Double)
			note(say, "inferred", ev.Inferred)
			note(say, "by_read", ev.ByRead)
		case message.FellBack:
			say["fallback"] = "fallback=" + ev.Reason
			seen["fallbacks"]++
		case message.Failed:
			say["failed"] = "failed=" + ev.Reason
		case message.AttemptUnknown:
			seen["unknown"]++
			say["unknown"] = fmt.Sprintf("unknown=%d", seen["unknown"])
		case message.Unknown:
			if ev.Reason != message.ReasonOutcomeUnknown {
				say["unknown"] = "unknown=" + ev.Reason
			}
		case message.AttemptRefused:
			if ev.RetryAt != nil {
				seen["retries"]++
				say["retries"] = fmt.Sprintf("retries=%d", seen["retries"])
			}
		case message.AttemptNotSent:
			note(say, ev.Reason, true)
		}
	}
	note(say, "opt-out", len(w.recipient.Stops) > 0)
	note(say, "remembered", w.number.NotOnViber(w.now))
	note(say, "reply", w.replies > 0)
	var words []string
	for _, key := range []string{"failed", "by_read", "fallback", "late", "double", "inferred", "opt-out", "remembered", "reply", "retries", "revoked", "unknown"} {
		if word, ok := say[key]; ok {
			words = append(words, word)
		}
	}
	return fmt.Sprintf("%d/%d", seen["viber"], seen["sms"]), strings.Join(words, " ")
}

func note(say map[string]string, word string, is bool) {
	if is {
		say[word] = word
	}
}

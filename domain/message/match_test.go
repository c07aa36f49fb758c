package message_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/recipient"
)

func attempt(id string, status message.AttemptStatus, ids ...string) message.Attempt {
	return message.Attempt{ID: id, Channel: domain.Viber, Route: "viber-1", ServiceID: 4711, Status: status, Started: start, CarrierIDs: ids}
}

func said(id string, status message.AttemptStatus, as message.Resolution) message.Attempt {
	a := attempt(id, status)
	a.Settled = as
	return a
}

// Design, section 5, "Reports": by id, else by exclusion, else later.
func TestMatchReport(t *testing.T) {
	t.Parallel()
	other := func(change func(*message.Attempt)) message.Attempt {
		a := attempt("other", message.AttemptLost)
		change(&a)
		return a
	}
	for name, tc := range map[string]struct {
		attempts []message.Attempt
		want     message.Match
	}{
		"by id":                        {[]message.Attempt{attempt("a", message.AttemptTaken, "00aB7")}, message.Match{Kind: "matched", Message: "m", Attempt: "a"}},
		"by id, though one is unknown": {[]message.Attempt{attempt("x", message.AttemptLost), attempt("a", message.AttemptTaken, "ab7")}, message.Match{Kind: "matched", Message: "m", Attempt: "a"}},
		"the only unknown one":         {[]message.Attempt{attempt("a", message.AttemptLost), attempt("b", message.AttemptTaken, "9")}, message.Match{Kind: "inferred", Message: "m", Attempt: "a"}},
		"two unknown ones":             {[]message.Attempt{attempt("a", message.AttemptLost), attempt("b", message.AttemptLost)}, message.Match{Kind: "unmatched", Why: "several_unknown"}},
		"two, one said to be not sent": {[]message.Attempt{attempt("a", message.AttemptLost), said("b", message.AttemptUnsent, message.AsNotSent)}, message.Match{Kind: "inferred", Message: "m", Attempt: "a"}},
		"two, one said to be sent":     {[]message.Attempt{attempt("a", message.AttemptLost), said("b", message.AttemptTaken, message.AsSent)}, message.Match{Kind: "unmatched", Why: "several_unknown"}},
		"only one said to be not sent": {[]message.Attempt{said("b", message.AttemptUnsent, message.AsNotSent)}, message.Match{Kind: "inferred", Message: "m", Attempt: "b"}},
		"one in flight":                {[]message.Attempt{attempt("a", message.AttemptInFlight)}, message.Match{Kind: "pending", Why: "in_flight"}},
		"one in flight, one unknown":   {[]message.Attempt{attempt("a", message.AttemptInFlight), attempt("b", message.AttemptLost)}, message.Match{Kind: "pending", Why: "in_flight"}},
		"nothing open":                 {[]message.Attempt{attempt("a", message.AttemptTaken, "9"), attempt("b", message.AttemptRejected)}, message.Match{Kind: "unmatched", Why: "no_attempt"}},
		"none":                         {nil, message.Match{Kind: "unmatched", Why: "no_attempt"}},
		"another route":                {[]message.Attempt{other(func(a *message.Attempt) { a.Route = "viber-2" })}, message.Match{Kind: "unmatched", Why: "no_attempt"}},
		"another service":              {[]message.Attempt{other(func(a *message.Attempt) { a.ServiceID = 1 })}, message.Match{Kind: "unmatched", Why: "no_attempt"}},
		"another channel":              {[]message.Attempt{other(func(a *message.Attempt) { a.Channel = domain.SMS })}, message.Match{Kind: "unmatched", Why: "no_attempt"}},
		"begun after the receipt":      {[]message.Attempt{other(func(a *message.Attempt) { a.Started = start.Add(time.Minute) })}, message.Match{Kind: "unmatched", Why: "no_attempt"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := recipient.StoredReport{Route: "viber-1", Channel: domain.Viber, ServiceID: 4711, CarrierID: "AB7", Status: "read", Code: "c", At: start, Received: start.Add(time.Second)}
			s := message.State{ID: "m", Attempts: tc.attempts}
			m := message.MatchReport(r, []message.State{s, s}) // found under two keys
			require.Equal(t, tc.want, m)
			if m.Attempt != "" {
				require.Equal(t, message.Report{Attempt: m.Attempt, CarrierID: "AB7", Status: "read", Code: "c", At: start, Received: start.Add(time.Second), Inferred: m.Kind == "inferred"}, m.Report(r))
			}
		})
	}
}

func TestIndexKeys(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.Empty(t, message.IndexKeys(b.s))
	b.do(request())
	require.Equal(t, []string{"num/num", "rcp/rcp"}, message.IndexKeys(b.s))
	b.accept("00Ab")
	lastViber := "last/num/viber/4711/00001795424400000000"
	require.Equal(t, []string{"cid/viber-1/ab", lastViber, "rcp/rcp"}, message.IndexKeys(b.s))
	b.fire(message.TimerDeadline)
	b.accept("7", "8")
	b.reported(b.attempt(), "7", message.ReportDelivered)
	b.reported(b.attempt(), "8", message.ReportDelivered)
	require.True(t, b.s.Ended())
	require.Equal(t, []string{"cid/sms-1/7", "cid/sms-1/8", "cid/viber-1/ab", "last/num/sms/Goniec/00001795424415000000", lastViber}, message.IndexKeys(b.s))
	require.True(t, strings.HasPrefix(lastViber, message.LastPrefix("num", domain.Viber, "4711")))
}

// An SMS of unknown outcome is still looked for after the end.
func TestIndexKeysOfUnknown(t *testing.T) {
	t.Parallel()
	b := smsBench(t, nil)
	b.lose()
	require.Equal(t, []string{"num/num"}, message.IndexKeys(b.s))
}

func TestNormaliseCarrierID(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"00AbC": "abc", "0": "0", "000": "0", "": "", " 7 ": "7", "a0": "a0", " 0 ": "0"} {
		require.Equal(t, want, message.NormaliseCarrierID(in), in)
	}
}

func FuzzNormaliseCarrierID(f *testing.F) {
	f.Add("00Ab")
	f.Fuzz(func(t *testing.T, id string) {
		n := message.NormaliseCarrierID(id)
		require.Equal(t, n, message.NormaliseCarrierID(n))
		if strings.TrimSpace(id) != "" {
			require.Equal(t, n, message.NormaliseCarrierID("0"+id), "leading zeros")
		}
	})
}

func TestNormaliseHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`[0-9a-fA-F]{1,20}`).Draw(t, "id")
		require.Equal(t, message.NormaliseCarrierID(id), message.NormaliseCarrierID("00"+strings.ToUpper(id)))
	})
}

func TestOptOutOf(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(request())
	c, ok := message.OptOutOf(b.s, recipient.OptOutRecorded{Origin: "sms_stop", Stops: recipient.Scopes("sms_stop", nil)})
	require.True(t, ok)
	require.Equal(t, message.OptOut{Channels: []domain.Channel{domain.SMS}, Origin: "sms_stop"}, c)
	_, ok = message.OptOutOf(b.s, recipient.OptOutRecorded{Stops: []recipient.Scope{{Channel: domain.SMS, Category: domain.Promotional}}})
	require.False(t, ok)
}

// rules.md D16, row by row: retry, at once, final, and what is besides.
func TestViberTable(t *testing.T) {
	t.Parallel()
	retry := message.Verdict{Retry: true}
	atOnce, alarm := message.Verdict{AtOnce: true}, message.Verdict{AtOnce: true, Alarm: true}
	want := map[int]message.Verdict{
		0: {}, 1: retry, 2: {AtOnce: true, BadSender: true}, 43: {AtOnce: true, BadSender: true}, 3: alarm,
		4: atOnce, 5: atOnce, 10: atOnce, 6: alarm, 18: alarm, 20: alarm, 38: alarm, 39: alarm, 40: alarm, 41: alarm,
		7: {}, 8: {AtOnce: true, OptOut: true}, 9: {AtOnce: true, NotOnApp: true}, 11: alarm, 401: alarm, 13: alarm, 14: alarm,
		12: {}, 17: alarm, 21: atOnce, 27: {Final: true}, 28: atOnce, 29: atOnce, 30: atOnce, 31: atOnce, 32: atOnce,
		15: alarm, 99: alarm, -1: alarm,
	}
	outcomes := map[int]message.Outcome{0: "accepted", 7: "unknown", 12: "unknown"}
	breaker := map[int]bool{11: true, 401: true, 13: true, 14: true}
	for status, verdict := range want {
		m := message.MeaningOfViber(status)
		require.Equal(t, verdict, m.Verdict, status)
		require.Equal(t, breaker[status], m.Breaker, status)
		outcome, reason, v := message.ViberStatus(status)
		if outcomes[status] == "" {
			outcomes[status] = message.OutcomeRefused
		}
		require.Equal(t, outcomes[status], outcome, status)
		require.Equal(t, status != 0, reason != "", status)
		require.Equal(t, verdict, v)
	}
	for status, m := range map[int]message.ViberMeaning{
		500: {Outcome: "refused", Reason: "route_fault", Verdict: retry, Breaker: true},
		503: {Outcome: "refused", Reason: "route_fault", Verdict: retry, Breaker: true},
		429: {Outcome: "refused", Reason: "throttled", Verdict: retry},
		401: {Outcome: "refused", Reason: "not_authorised", Verdict: alarm, Breaker: true},
		403: {Outcome: "refused", Reason: "not_authorised", Verdict: alarm, Breaker: true},
		404: {Outcome: "refused", Reason: "unknown_status", Verdict: alarm},
	} {
		require.Equal(t, m, message.MeaningOfViberHTTP(status), status)
	}
	require.Equal(t, message.ViberMeaning{Outcome: "unknown", Reason: "timeout", Breaker: true}, message.MeaningOfViberSilence("timeout"))
}

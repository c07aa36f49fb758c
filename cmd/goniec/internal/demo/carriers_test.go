package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/simulator"
	"goniec/domain"
	"goniec/domain/message"
)

const number = "+48500000106"

// seen is a carriers' log with the calls and reports of fellBack.
func seen() []simulator.Entry {
	return []simulator.Entry{
		{At: noon.Add(2500 * time.Millisecond), Kind: simulator.KindSubmit, Channel: domain.Viber, ID: "v1", Number: number, Submit: &simulator.Submit{Tag: onViber, Taken: true}},
		{Kind: simulator.KindAnswer, Channel: domain.Viber, ID: "v1", Number: number, Answer: "0"},
		{At: noon.Add(5500 * time.Millisecond), Kind: simulator.KindSubmit, Channel: domain.SMS, ID: "S1", Number: number, Submit: &simulator.Submit{Taken: true}},
		{Kind: simulator.KindAnswer, Channel: domain.SMS, ID: "S1", Number: number, Answer: "0x00000000"},
		{Kind: simulator.KindAcked, Channel: domain.SMS, ID: "S1", Number: number, Report: simulator.Delivered},
	}
}

func logOf(entries []simulator.Entry) *CarrierLog {
	l := &CarrierLog{calls: map[string][]simulator.Entry{}, answers: map[string]string{}, reports: map[string][]simulator.Entry{}}
	for _, e := range entries {
		l.enter(e)
	}
	return l
}

func TestTheCarriersLogAgrees(t *testing.T) {
	t.Parallel()
	var c Calls
	require.Empty(t, logOf(seen()).compare(number, newTale(t).fellBack().message(), &c))
	require.Equal(t, Calls{Viber: 1, SMS: 1, Both: 1}, c)
}

// Whatever the two tell differently is found.
func TestTheCarriersLogDisagrees(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil func([]simulator.Entry) []simulator.Entry
		want  string
	}{
		"a call that nobody recorded": {func(e []simulator.Entry) []simulator.Entry {
			other := e[0]
			other.Submit = &simulator.Submit{Tag: "another"}
			return append(e, other)
		}, "viber: the carrier got 2 calls; 1 of them have no attempt_started before them, or repeat one"},
		"the same attempt twice": {
			func(e []simulator.Entry) []simulator.Entry { return append(e, e[0]) },
			"viber: the carrier got 2 calls; 1 of them have no attempt_started before them, or repeat one",
		},
		"a second SMS": {
			func(e []simulator.Entry) []simulator.Entry { return append(e, e[2]) },
			"sms: the carrier got 2 calls; 1 of them have no attempt_started before them, or repeat one",
		},
		"a call before its event": {func(e []simulator.Entry) []simulator.Entry {
			e[2].At = noon
			return e
		}, "sms: attempt " + onSMS + " was accepted by the carrier, whose log has no such call"},
		"a call that the carrier never got": {
			func(e []simulator.Entry) []simulator.Entry { return e[1:] },
			"viber: attempt " + onViber + " was accepted by the carrier, whose log has no such call",
		},
		"another answer": {func(e []simulator.Entry) []simulator.Entry {
			e[0].Submit.Taken, e[1].Answer = false, "9"
			return e
		}, "viber: attempt " + onViber + " is accepted in the journal; the carrier answered 9"},
		"a delivery that is not in the journal": {func(e []simulator.Entry) []simulator.Entry {
			return append(e, simulator.Entry{Kind: simulator.KindAcked, Channel: domain.Viber, Number: number, Report: simulator.Seen})
		}, "viber: the carrier reported it delivered, and the journal does not know"},
		"a delivery that nobody reported": {
			func(e []simulator.Entry) []simulator.Entry { return e[:4] },
			"sms: it is delivered in the journal, and the carrier reported nothing",
		},
		"an opt-out that was lost": {func(e []simulator.Entry) []simulator.Entry {
			return append(e, simulator.Entry{Kind: simulator.KindAcked, Channel: domain.Viber, Number: number, Report: simulator.Unsubscribe})
		}, `viber: the carrier passed on that the recipient did "unsubscribe", and the journal does not know`},
		"a reply that was lost": {func(e []simulator.Entry) []simulator.Entry {
			return append(e, simulator.Entry{Kind: simulator.KindAcked, Channel: domain.SMS, Number: number, Report: simulator.Reply})
		}, `sms: the carrier passed on that the recipient did "reply", and the journal does not know`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c Calls
			require.Contains(t, logOf(tc.spoil(seen())).compare(number, newTale(t).fellBack().message(), &c), tc.want)
		})
	}
}

// Of a call claimed before a crash, or of one that no dispatcher answered, the journal does not know, and admits both.
func TestACallThatMayHaveBeenMade(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{message.ReasonClaimed, message.ReasonNoAnswer} {
		l := newTale(t).add(
			message.AttemptStarted{Attempt: onViber, Number: 1, Channel: domain.Viber},
			message.AttemptUnknown{Attempt: onViber, Reason: reason},
		)
		var made, unmade Calls
		require.Empty(t, logOf(seen()[:2]).compare(number, l.message(), &made))
		require.Equal(t, Calls{Viber: 1, Crashed: 1, Made: 1}, made)
		require.Empty(t, logOf(nil).compare(number, l.message(), &unmade))
		require.Equal(t, Calls{Crashed: 1}, unmade)
	}
}

func TestAnAttemptThatWasNotSentHasNoCall(t *testing.T) {
	t.Parallel()
	l := newTale(t).add(
		message.AttemptStarted{Attempt: onViber, Number: 1, Channel: domain.Viber}, message.AttemptNotSent{Attempt: onViber, Reason: "too_late"},
	)
	var c Calls
	require.Len(t, logOf(seen()[:1]).compare(number, l.message(), &c), 1)
}

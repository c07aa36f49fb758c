package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/internal/suffixes"
)

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for want, l := range map[string]*tale{
		"delivered, viber, 1/0":                    newTale(t).shown(),
		"delivered, sms, 0/1, fallback=deadline":   newTale(t).fellBack(),
		"sent, –, 0/0 (not ended)":                 newTale(t).add(message.AttemptStarted{Attempt: onViber, Channel: domain.Viber}, message.AttemptAccepted{Attempt: onViber}),
		"delivered, viber, 1/0, opt-out reply":     newTale(t).shown().add(recipient.ReplyReceived{}, recipient.OptOutRecorded{}),
		"delivered, viber, 1/0, unmatched=1":       newTale(t).shown().add(recipient.ReportStored{}),
		"delivered, viber, 1/0, pending":           newTale(t).shown().add(recipient.ReportStored{Pending: true}, recipient.ReportMatched{}),
		"failed, –, 0/0, remembered ends=rejected": newTale(t).add(recipient.NotOnViber{}, message.Failed{Reason: "rejected"}),
	} {
		require.Equal(t, want, l.message().outcome().String())
	}
}

func TestTheJudgeIsStrictWithoutKills(t *testing.T) {
	t.Parallel()
	v := judge(suffixes.Sending{Want: rowOf("odd")}, newTale(t).shown().message(), nil)
	require.Empty(t, v.Faults)
	require.False(t, v.Touched)
	v = judge(suffixes.Sending{Want: rowOf("06")}, newTale(t).shown().message(), nil)
	require.Equal(t, []string{"ended as delivered, viber, 1/0; required is delivered, sms, 0/1, fallback=deadline"}, v.Faults)
}

func TestThePaceOfReportsIsNoFault(t *testing.T) {
	t.Parallel()
	for have, want := range map[string]string{"": "", "pending": "", "by_read pending reply": "reply", "inferred pending": "inferred pending"} {
		require.True(t, same(have, want), have)
	}
	for have, want := range map[string]string{"": "pending", "by_read": "pending", "late": "", "reply": "late reply"} {
		require.False(t, same(have, want), have)
	}
}

func TestSuffix14MayBeRevoked(t *testing.T) {
	t.Parallel()
	l := newTale(t).add(
		message.AttemptStarted{Attempt: onViber, Number: 1, Channel: domain.Viber},
		message.AttemptAccepted{Attempt: onViber, CarrierIDs: []string{"v1"}},
		message.FellBack{From: domain.Viber, To: domain.SMS, Reason: "deadline"},
		message.AttemptStarted{Attempt: onSMS, Number: 2, Channel: domain.SMS},
		message.Delivered{Attempt: onViber, Channel: domain.Viber}, charged(domain.Viber, onViber, "0.05"),
		message.AttemptNotSent{Attempt: onSMS, Reason: "revoked"},
	)
	require.Empty(t, judge(suffixes.Sending{Want: rowOf("14")}, l.message(), nil).Faults)
	require.NotEmpty(t, judge(suffixes.Sending{Want: rowOf("04")}, l.message(), nil).Faults)
}

// A kill allows another end, and never more than the rules do.
func TestWhatAKillAllows(t *testing.T) {
	t.Parallel()
	outage := []Outage{{Killed: noon.Add(time.Second), Back: noon.Add(3 * time.Second)}}
	crashed := message.AttemptUnknown{Attempt: onViber, Reason: message.ReasonClaimed}
	start := message.AttemptStarted{Attempt: onViber, Number: 1, Channel: domain.Viber}
	for name, c := range map[string]struct {
		l      *tale
		faults []string
	}{
		"delivered instead of fallen back": {newTale(t).shown(), nil},
		"unknown since the dispatcher ended": {newTale(t).add(start, crashed, message.FellBack{From: domain.Viber, To: domain.SMS},
			message.AttemptStarted{Attempt: onSMS, Channel: domain.SMS}, message.AttemptUnknown{Attempt: onSMS, Reason: "claimed_before_crash"},
			message.Unknown{Reason: "outcome_unknown"}), nil},
		"unknown without a reason": {newTale(t).add(message.Unknown{Reason: "outcome_unknown"}), []string{"its state is unknown, and nothing of it is"}},
		"never ended":              {newTale(t).add(start), []string{"it has not ended", "its state is sending"}},
		"two fallbacks": {
			newTale(t).fellBack().add(message.FellBack{From: domain.Viber, To: domain.SMS}),
			[]string{"it fell back 2 times"},
		},
		"charged twice": {
			newTale(t).shown().add(charged(domain.Viber, onViber, "0.05")),
			[]string{"it was charged 2/0 times", "it is charged on Viber, or delivered there, but not both"},
		},
		"charged without a fallback": {
			newTale(t).shown().add(charged(domain.SMS, onSMS, "0.09")),
			[]string{"it is charged as SMS, or taken by the carrier, but not both", "it is charged as SMS without having fallen back"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := judge(suffixes.Sending{Want: rowOf("63")}, c.l.message(), outage)
			require.True(t, v.Touched)
			require.Equal(t, c.faults, v.Faults)
		})
	}
}

func TestAKillBeforeOrAfterAMessageTouchesItNot(t *testing.T) {
	t.Parallel()
	m := newTale(t).shown().message()
	for _, o := range []Outage{
		{Killed: noon.Add(-time.Minute), Back: noon.Add(-catchUp - time.Second)}, {Killed: noon.Add(time.Minute), Back: noon.Add(2 * time.Minute)},
	} {
		v := judge(suffixes.Sending{Want: rowOf("06")}, m, []Outage{o})
		require.False(t, v.Touched)
		require.NotEmpty(t, v.Faults)
	}
}

func TestEveryRunHasItsMoments(t *testing.T) {
	t.Parallel()
	for n := range MaxKills + 1 {
		require.Len(t, momentsOf(n), n)
	}
}

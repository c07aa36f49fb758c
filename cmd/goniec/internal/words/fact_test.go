package words_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/cmd/goniec/internal/words"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/catalog"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/domain/recipient"
)

// Whatever may stand in the journal is told in words.
func TestEveryEventHasWords(t *testing.T) {
	t.Parallel()
	for _, typ := range catalog.Types() {
		e, err := catalog.Zero(typ)
		require.NoError(t, err)
		var teller words.Teller
		got := teller.Tell(e)
		require.NotEmpty(t, got, typ)
		require.NotContains(t, got, "goniec.", typ)
		require.NotContains(t, got, "_", typ)
	}
	var teller words.Teller
	require.Empty(t, teller.Tell(nil))
}

func TestTellAStory(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 16, 9, 31, 15, 0, time.UTC)
	var teller words.Teller
	for _, step := range []struct {
		e    domain.Event
		want string
	}{
		{message.Accepted{Category: domain.Transactional, Country: "PL", SMSParts: 2}, "accepted: transactional for PL, 2 parts as SMS"},
		{message.Waiting{Until: at, Reason: "scheduled"}, "waits until 2026-11-16 09:31:15 UTC: scheduled for later"},
		{message.Released{Deadline: at}, "validity begins, until 09:31:15 UTC"},
		{message.AttemptStarted{Attempt: "a", Channel: domain.Viber}, "tries Viber"},
		{message.AttemptRefused{Attempt: "a", Code: "1", Reason: "carrier_failure", RetryAt: &at}, "Viber refused it (1): Viber has an internal failure; tried again at 09:31:15 UTC"},
		{message.AttemptStarted{Attempt: "b", Channel: domain.Viber}, "tries Viber"},
		{message.AttemptUnknown{Attempt: "b", Reason: "claimed_before_crash"}, "Viber may have it or not: the process that was sending it ended"},
		{message.FellBack{From: domain.Viber, To: domain.SMS, Reason: "deadline"}, "falls back to SMS: not delivered in time"},
		{message.AttemptStarted{Attempt: "c", Channel: domain.SMS}, "tries SMS"},
		{message.AttemptAccepted{Attempt: "c"}, "the SMS carrier took it"},
		{message.Charged{Channel: domain.SMS, Amount: "0.180000", Currency: "PLN", PriceVersion: "default@1"}, "charged as SMS: 0.18 PLN at default@1"},
		{message.AttemptResolved{Attempt: "b", Inferred: true}, "Viber has it after all (inferred: the report has no id that we know)"},
		{message.Delivered{Attempt: "b", Channel: domain.Viber, Late: true, Double: true}, "delivered on Viber, late, on both channels"},
		{recipient.ReplyReceived{Channel: domain.Viber, Length: 4, Keyword: "stop"}, "the recipient replied on Viber, 4 characters, the keyword stop"},
		{
			recipient.OptOutRecorded{Origin: "viber_stop", Stops: []recipient.Scope{{Channel: domain.Viber, Category: domain.OneTimeCode}}},
			"the recipient opted out (answered STOP on Viber) of one time code Viber",
		},
		{account.SenderApproved{ServiceID: 7, ActiveOn: at}, "approved: active from 2026-11-16 with service id 7"},
		{partition.Owned{Epoch: 3, Process: "host/1/ab"}, "owned by process host/1/ab, epoch 3"},
		{partition.PeriodSealed{Month: "2026-11"}, "the month 2026-11 is closed: what comes later for it counts in the next one"},
	} {
		require.Equal(t, step.want, teller.Tell(step.e))
	}
}

func TestActor(t *testing.T) {
	t.Parallel()
	require.Equal(t, "API key 1f", words.Actor("key/1f"))
	require.Equal(t, "API key 1f", words.Actor("key:1f"))
	require.Equal(t, "timer no report", words.Actor("timer/no_report"))
	require.Equal(t, "carrier viber", words.Actor("carrier/viber"))
	require.Equal(t, "dispatcher", words.Actor("dispatcher"))
}

// Every decision of a message has its rule; what a carrier says has none.
func TestDecisionsHaveRules(t *testing.T) {
	t.Parallel()
	learned := map[string]bool{
		message.TypeAttemptAccepted: true, message.TypePartReported: true, message.TypeDelivered: true, message.TypeRead: true, message.TypeUndelivered: true,
	}
	for _, typ := range catalog.Types() {
		e, err := catalog.Decode(typ, []byte(`{"rule":"D3","reason":"deadline"}`))
		require.NoError(t, err)
		if _, of := e.(message.Event); of {
			require.Equal(t, !learned[typ], words.Rule(e) != "", typ)
		}
		for _, fact := range words.Facts(e) {
			require.NotEmpty(t, fact, typ)
		}
	}
	require.Equal(t, "E2", words.Rule(message.Refused{Reason: "opted_out"}))
	require.Equal(t, "D12", words.Rule(message.Refused{Reason: "sender_not_active"}))
}

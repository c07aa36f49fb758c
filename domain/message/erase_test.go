package message_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
)

// A message whose content was destroyed ends at once, unless a carrier has it or may
// have it: then its next attempt finds no content.
func TestAnErasedMessageEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.Empty(t, b.do(message.Erase{}), "there is none")
	later := request()
	at := b.now.Add(time.Hour)
	later.SendAt = &at
	b.do(later)
	require.Equal(t, []message.Event{message.Failed{Reason: "erased"}}, b.do(message.Erase{}))
	require.True(t, b.s.Ended())
	require.Empty(t, b.do(message.Erase{}), "once is enough")

	b = newBench(t)
	b.do(request())
	require.Empty(t, b.do(message.Erase{}), "its answer is awaited")
	first := b.s.Attempts[0].ID
	b.do(message.Answer{Attempt: first, Outcome: message.OutcomeAccepted, CarrierIDs: []string{"1"}})
	require.Empty(t, b.do(message.Erase{}), "its report is awaited")
	b.now = b.s.Deadline
	require.Equal(t, []string{"fell_back", "attempt_started"}, types(b.do(message.Fire{Timer: message.TimerDeadline, Due: b.now})))
	second := b.s.Attempts[1]
	require.Equal(t, domain.SMS, second.Channel)
	require.Equal(t, []string{"attempt_not_sent", "failed"}, types(b.do(message.Answer{Attempt: second.ID, Outcome: message.OutcomeNotSent, Reason: message.ReasonErased})))
	require.True(t, b.s.Ended())

	b = newBench(t)
	b.do(request())
	b.do(message.Answer{Attempt: b.s.Attempts[0].ID, Outcome: message.OutcomeRefused, Verdict: message.Verdict{Retry: true}, Reason: "internal_failure"})
	require.False(t, b.s.RetryAt.IsZero())
	require.Equal(t, []message.Event{message.Failed{Reason: "erased"}}, b.do(message.Erase{}), "it waits for a retry")
	require.True(t, b.s.Ended())
}

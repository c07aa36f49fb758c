package query_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/message"
	"goniec/eventstore"
	pt "goniec/projections/internal/projtest"
	"goniec/projections/query"
)

// An attempt stands in the queue from its unknown outcome until somebody knows
// it, also when the projector that wrote it is another one than the one that
// takes it out.
func TestUnknownAttemptsWaitForAWord(t *testing.T) {
	t.Parallel()
	link, j := pt.Database(t, nil), pt.NewJournal()
	project := func() {
		p := pt.Projector(t, link, j, nil)
		stop := pt.Start(t, p)
		pt.CaughtUp(t, p, j)
		stop()
	}
	const first, second = 2, 7 // both end unknown
	for _, n := range []int{first, second} {
		for _, f := range pt.Story(n, pt.Epoch.Add(time.Duration(n)*time.Minute)) {
			j.Add(t, eventstore.Messages, 0, pt.Message(n), f.At, f.Fact)
		}
	}
	project()
	r, err := query.Open(link, 4)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	all, err := r.UnknownAttempts(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, all, 2)
	all[0].Since = all[0].Since.UTC()
	require.Equal(t, query.UnknownAttempt{
		Message: pt.ID("message", first), Account: pt.Account, State: message.StatusUnknown, Country: "PL", Sender: "GONIEC",
		Attempt: pt.ID("viber2", first), Channel: "viber", Route: "viber", Since: pt.Epoch.Add(2*time.Minute + 1300*time.Millisecond), Reason: message.ReasonTimeout,
	}, all[0])
	for _, id := range []string{pt.ID("message", second), pt.ID("viber2", second)} {
		one, err := r.UnknownAttempts(t.Context(), id, 10)
		require.NoError(t, err)
		require.Equal(t, []query.UnknownAttempt{all[1]}, one)
	}

	at := pt.Epoch.Add(time.Hour)
	j.Add(t, eventstore.Messages, 0, pt.Message(second), at, message.OutcomeDecided{Attempt: pt.ID("viber2", second), Channel: "viber", As: message.AsNotSent, Reason: "asked", By: "key:1"})
	j.Add(t, eventstore.Messages, 0, pt.Message(second), at, message.AttemptNotSent{Attempt: pt.ID("viber2", second), Reason: message.ReasonNotSent})
	project()
	left, err := r.UnknownAttempts(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, pt.ID("message", first), left[0].Message)
}

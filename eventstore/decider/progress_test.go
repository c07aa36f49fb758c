package decider_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/eventstore/decider"
)

// Progress says when a partition has done all that is due, and when the next thing
// is: whoever moves the clock by hand waits for the one and goes to the other.
func TestProgress(t *testing.T) {
	t.Parallel()
	b := newBenchOn(t, monthEnd)
	stop := b.start(t.TempDir(), sealAfter(time.Hour))
	of := func() decider.Progress { return b.decider.Progress()[0] }
	clear := func() {
		t.Helper()
		require.Eventually(t, func() bool { return of().Clear.Equal(b.clock.Now()) }, time.Minute, time.Millisecond)
	}
	require.Eventually(t, func() bool { return len(b.decider.Progress()) == testPartitions }, time.Minute, time.Millisecond)
	clear()
	require.Equal(t, monthEnd.Add(time.Hour), of().Next.UTC(), "the month's seal")

	stream := "message/" + b.request(0, func(r *message.Request) { r.Fallback, r.ValidityMS = false, 600_000 })
	b.story(0, stream, message.TypeAttemptStarted)
	end, err := eventstore.EndOffset(b.client, b.kafka.Topics().Name(eventstore.InboxUrgent), 0)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return of().Urgent >= end }, time.Minute, time.Millisecond)
	deadline := monthEnd.Add(10 * time.Minute)
	require.Equal(t, deadline, of().Next.UTC())

	b.clock.Advance(10*time.Minute - time.Microsecond)
	clear()
	require.Equal(t, deadline, of().Next.UTC())
	b.clock.Advance(time.Microsecond)
	clear()
	require.True(t, of().Next.After(deadline))
	b.clock.Advance(50 * time.Minute)
	clear()
	require.Equal(t, []string{"2026-10", "2026-11"}, b.seals(0))
	stop()
	require.Empty(t, b.decider.Progress(), "of what is not owned nothing is told")
}

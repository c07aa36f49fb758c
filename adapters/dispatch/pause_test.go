package dispatch

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/eventstore"
)

// What lies in the outbox when a pause begins is not called any more, neither
// what was read already nor what waits for a place; what is under way is let be.
// Others are not held up.
func TestAPauseHoldsTheOutbox(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	var paused atomic.Bool
	under, free := make(chan struct{}), make(chan struct{})
	b.carrier.answers(func(ctx context.Context, s Submission) Result {
		if s.From != "" { // SMS
			return taken()
		}
		close(under)
		select {
		case <-free:
		case <-ctx.Done():
		}
		return taken()
	})
	b.start(func(c *Config, _ *Dispatcher) {
		c.Routes[0].Concurrency = 1
		c.Paused = func(in message.SendInstruction) bool {
			return paused.Load() && in.Sender == "GONIEC" && in.Route == "viber"
		}
	})
	sender := func(i *message.SendInstruction) { i.Sender = "GONIEC" }
	first := b.send(eventstore.OutboxUrgent, 0, 1, sender)
	<-under
	waiting := b.send(eventstore.OutboxBulk, 0, 3, sender)
	paused.Store(true)
	late := b.send(eventstore.OutboxUrgent, 0, 2, sender)
	for _, a := range b.answered(0, append(waiting, late...)...) {
		require.Equal(t, message.OutcomeNotSent, a.Outcome)
		require.Equal(t, message.ReasonPaused, a.Reason)
	}
	other := b.send(eventstore.OutboxUrgent, 0, 1, sender, func(i *message.SendInstruction) {
		i.Channel, i.Route, i.ServiceID, i.From = domain.SMS, "sms", 0, "GONIEC"
	})
	require.Equal(t, message.OutcomeAccepted, b.answered(0, other...)[other[0]].Outcome)
	close(free)
	require.Equal(t, message.OutcomeAccepted, b.answered(0, first...)[first[0]].Outcome)
	require.Equal(t, 2, b.carrier.total())
}

package decider_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/catalog"
	"goniec/eventstore"
)

// bills returns the events of a month's stream.
func (b *bench) bills(p eventstore.Partition, stream string) []billing.Event {
	b.t.Helper()
	var out []billing.Event
	for _, ev := range b.journal(eventstore.Accounts, p) {
		e, err := catalog.Decode(ev.Type, ev.Data)
		require.NoError(b.t, err)
		if e, ok := e.(billing.Event); ok && ev.Stream == stream {
			out = append(out, e)
		}
	}
	return out
}

// A month's credits and its close, over a restart with an empty directory. Who
// asks is the actor of the command's envelope (rules.md F9).
func TestAMonthIsClosedOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	stop := b.start(t.TempDir())
	month := calendar.MonthOf(b.clock.Now(), time.UTC).Add(-1)
	stream, credit := billing.Stream(testAccount, month), uuid.NewString()
	ask := func(actor string, c billing.Command) {
		b.send(eventstore.InboxUrgent, 1, eventstore.Command{Type: c.CommandType(), Stream: stream, Account: testAccount, Actor: actor}, c)
	}
	closing := billing.CloseMonth{Inputs: billing.Inputs{Account: testAccount, Month: month, Currency: "PLN"}}
	ask("key:1", billing.RequestCredit{Credit: credit, Amount: "12.50", Reason: "an outage"})
	ask("key:1", billing.ApproveCredit{Credit: credit}) // refused: the same person
	ask("key:2", billing.ApproveCredit{Credit: credit})
	ask("process", closing)
	closed := func() bool { return len(b.bills(1, stream)) == 3 }
	require.Eventually(t, closed, time.Minute, 20*time.Millisecond)
	stop()
	b.start(t.TempDir())
	ask("process", closing)                                                                    // a repeat
	ask("key:3", billing.RequestCredit{Credit: uuid.NewString(), Amount: "1", Reason: "late"}) // refused: closed
	last := b.request(1)
	b.story(1, "message/"+last, "goniec.message.attempt_started.v1") // all before it is decided
	events := b.bills(1, stream)
	require.Len(t, events, 3)
	require.Equal(t, billing.CreditApproved{Credit: credit, By: "key:2"}, events[1])
	end, ok := events[2].(billing.MonthClosed)
	require.True(t, ok)
	require.Equal(t, "-12.50", end.Statement.Total.String())
}

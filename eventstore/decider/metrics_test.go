package decider_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/eventstore/decider"
	"goniec/eventstore/tracing"
)

// told keeps what a decider says of itself.
type told struct {
	counting
	mu    sync.Mutex
	facts []string
	stand map[eventstore.Partition]decider.Measurement
}

func (m *told) Fact(_ eventstore.Partition, e domain.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.facts = append(m.facts, e.EventType())
}

func (m *told) Measured(p eventstore.Partition, s decider.Measurement) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stand[p] = s
}

func (m *told) saw(ok func(facts []string, stand map[eventstore.Partition]decider.Measurement) bool) func() bool {
	return func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return ok(m.facts, m.stand)
	}
}

// An owner tells what it wrote, how far it is, what is parked, and that it works.
func TestAnOwnerTellsHowItFares(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	m := &told{stand: map[eventstore.Partition]decider.Measurement{}}
	states := eventstore.NewOwnerStates("decider")
	require.Equal(t, []eventstore.Waiting{{Part: "decider group", Why: "this process is not a member yet"}}, states.Waiting())
	stop := b.start(t.TempDir(), func(c *decider.Config) { c.Metrics, c.States = m, states })
	id := b.request(1)
	b.story(1, "message/"+id, message.TypeAttemptStarted)
	b.send(eventstore.InboxUrgent, 1, eventstore.Command{Type: message.CommandAnswer, Stream: "message/" + id, Account: testAccount, Actor: "dispatcher"}, "not an answer")
	require.Eventually(t, m.saw(func(_ []string, stand map[eventstore.Partition]decider.Measurement) bool {
		s := stand[1]
		return s.Urgent.Records == 0 && s.Urgent.Oldest.IsZero() && s.Bulk.Records == 0
	}), time.Minute, 50*time.Millisecond)
	require.Eventually(t, m.saw(func(facts []string, _ map[eventstore.Partition]decider.Measurement) bool {
		n := map[string]int{}
		for _, f := range facts {
			n[f]++
		}
		return n[message.TypeAccepted] == 1 && n[message.TypeAttemptStarted] == 1
	}), time.Minute, 50*time.Millisecond, "each fact is told once")
	require.Eventually(t, func() bool { return len(states.Waiting()) == 0 }, time.Minute, 20*time.Millisecond)
	require.Equal(t, map[eventstore.Partition]bool{0: true, 1: true}, states.Owned())
	require.Equal(t, map[eventstore.Partition]int64{0: 1, 1: 1}, states.Takeovers())
	stop()
	require.Empty(t, states.Owned())
}

// A partition that cannot be owned is named, with the others at work.
func TestAPartitionThatIsGivenUpIsNamed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	states := eventstore.NewOwnerStates("decider")
	b.send(eventstore.InboxUrgent, 1, eventstore.Command{Type: "message.of_the_future.v9", Stream: "message/x", Account: testAccount, Actor: "test"}, struct{}{})
	b.start(t.TempDir(), func(c *decider.Config) { c.States = states })
	require.Eventually(t, func() bool {
		w := states.Waiting()
		return len(w) == 1 && w[0].Part == "decider partition 1" && states.Owned()[0] && !states.Owned()[1]
	}, time.Minute, 10*time.Millisecond)
	require.Contains(t, states.Waiting()[0].Why, "no owner")
}

// What follows from a sampled request continues its trace; from another one nothing does.
func TestEventsContinueTheTraceOfTheirCommand(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rec := tracetest.NewSpanRecorder()
	tracer := tracing.New(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec)))
	b.start(t.TempDir(), func(c *decider.Config) { c.Tracer = tracer })
	stream := "message/" + b.request(0)
	b.story(0, stream, message.TypeAttemptStarted)
	require.Empty(t, rec.Ended())
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	cancel := eventstore.Command{Type: message.CommandCancel, Stream: stream, Account: testAccount, Actor: "test", TraceParent: parent}
	b.send(eventstore.InboxUrgent, 0, cancel, message.Cancel{})
	require.Eventually(t, func() bool { return len(rec.Ended()) == 1 }, time.Minute, 20*time.Millisecond)
	span := rec.Ended()[0]
	require.Equal(t, "decide message.cancel.v1", span.Name())
	require.Equal(t, "b7ad6b7169203331", span.Parent().SpanID().String())
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", span.SpanContext().TraceID().String())
	b.send(eventstore.InboxUrgent, 0, cancel, message.Cancel{}) // changes nothing, and ends all the same
	require.Eventually(t, func() bool { return len(rec.Ended()) == 2 }, time.Minute, 20*time.Millisecond)
}

package dispatch

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/eventstore"
)

func TestSends(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	at := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	urgentOnes := b.send(eventstore.OutboxUrgent, 0, 1)
	bulkOnes := b.send(eventstore.OutboxBulk, 0, 1, func(i *message.SendInstruction) {
		i.Channel, i.Route, i.ServiceID, i.From = domain.SMS, "sms", 0, "GONIEC"
	})
	b.start(func(c *Config, _ *Dispatcher) {
		c.Clock = domain.ClockFunc(func() time.Time { return at })
		c.TwoWay = func(account string, service int64) bool { return account == testAccount && service == 4711 }
	})
	got := b.answered(0, urgentOnes[0], bulkOnes[0])
	want := taken().Answer
	want.Attempt, want.At = urgentOnes[0], at
	require.Equal(t, want, got[urgentOnes[0]])
	require.Equal(t, Submission{
		Attempt: urgentOnes[0], ServiceID: 4711, To: testNumber, Label: domain.Transactional, TTLSec: 600, Urgent: true, TwoWay: true,
		Text: testText, SMSText: "SMS",
	}, b.carrier.subs[urgentOnes[0]])
	require.Equal(t, "GONIEC", b.carrier.subs[bulkOnes[0]].From)
	b.committed(eventstore.OutboxUrgent, 0)
	b.committed(eventstore.OutboxBulk, 0)

	c := b.inbox(0)[0]
	require.Equal(t, message.CommandAnswer, c.Type)
	require.Equal(t, "message/"+b.message[0], c.Stream)
	require.Equal(t, testAccount, c.Account)
	require.Equal(t, "dispatcher", c.Actor)
	require.Equal(t, "00-trace-01", c.TraceParent)
	require.Equal(t, at, c.Time)
	_, p, err := eventstore.Partitioner{N: 1}.ParseID(c.ID)
	require.NoError(t, err)
	require.Zero(t, p)
	require.NotContains(t, b.logs.String(), testNumber[1:])
	require.NotContains(t, b.logs.String(), testText)
}

func TestAnswerIDsAreDeterministic(t *testing.T) {
	t.Parallel()
	d := &Dispatcher{}
	id := func(attempt string, o message.Outcome) string {
		m, err := d.record(destination{part: 3, message: "m"}, message.Answer{Attempt: attempt, Outcome: o})
		require.NoError(t, err)
		return string(m.Headers[0].Value)
	}
	first := id("a", message.OutcomeAccepted)
	require.Equal(t, first, id("a", message.OutcomeAccepted))
	require.NotEqual(t, first, id("a", message.OutcomeUnknown))
	require.NotEqual(t, first, id("b", message.OutcomeAccepted))
}

// A slow call holds up nothing but itself.
func TestSlowCallHoldsNothingUp(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	slow := b.send(eventstore.OutboxUrgent, 0, 1)[0]
	free := make(chan struct{})
	b.carrier.answers(func(ctx context.Context, s Submission) Result {
		if s.Attempt == slow {
			select {
			case <-free:
			case <-ctx.Done():
			}
		}
		return taken()
	})
	b.start()
	quick := b.send(eventstore.OutboxUrgent, 0, 200)
	b.answered(0, quick...)
	require.Empty(t, b.answers(0)[slow])
	off, meta, err := eventstore.Committed(t.Context(), b.client, b.group(), b.topic(eventstore.OutboxUrgent), 0)
	require.NoError(t, err)
	require.Zero(t, off, "the slow one is the lowest unfinished")
	require.NotEmpty(t, meta)
	close(free)
	b.answered(0, slow)
	b.committed(eventstore.OutboxUrgent, 0)
}

func TestNotSent(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	late := b.send(eventstore.OutboxUrgent, 0, 1, func(i *message.SendInstruction) { i.NotAfter = time.Now().Add(-time.Second) })[0]
	erased := b.send(eventstore.OutboxUrgent, 0, 1, func(i *message.SendInstruction) { i.Content = contentKey(eventstore.NewID(0).String()) })[0]
	lostRoute := b.send(eventstore.OutboxUrgent, 0, 1, func(i *message.SendInstruction) { i.Route = "pigeon" })[0]
	revoked := b.send(eventstore.OutboxBulk, 0, 1)[0]
	b.revoke(0, revoked)
	hurried := b.send(eventstore.OutboxUrgent, 0, 1)[0]
	b.revoke(0, hurried)
	unopened := eventstore.NewID(0).String()
	b.write(eventstore.InstructionMessage(b.topic(eventstore.Contents), 0, "", unopened, []byte(`{"k":"gone/2026-01-01/x","w":"","s":""}`), ""))
	keyGone := b.send(eventstore.OutboxUrgent, 0, 1, func(i *message.SendInstruction) { i.Content = unopened })[0]
	asked := make(chan struct{}, 8)
	b.start(func(c *Config, _ *Dispatcher) {
		c.KeysCaughtUp = func(context.Context) error { asked <- struct{}{}; return nil }
	})
	got := b.answered(0, late, erased, lostRoute, revoked, hurried, keyGone)
	for attempt, reason := range map[string]string{
		late: message.ReasonTooLate, erased: message.ReasonErased, lostRoute: message.ReasonRouteDown,
		revoked: message.ReasonRevoked, hurried: message.ReasonRevoked, keyGone: message.ReasonErased,
	} {
		require.Equal(t, message.OutcomeNotSent, got[attempt].Outcome, reason)
		require.Equal(t, reason, got[attempt].Reason)
	}
	require.Len(t, asked, 1, "an unknown key is looked for before it counts as destroyed")
	require.Zero(t, b.carrier.total())
	b.committed(eventstore.OutboxUrgent, 0)
}

func TestRevokedWhileWaiting(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	b.start(func(c *Config, _ *Dispatcher) {
		if len(c.Routes) > 0 {
			c.Routes[0].PerSecond = 0.001 // the first call takes the only token
		}
	})
	first := b.send(eventstore.OutboxUrgent, 0, 1)[0]
	b.answered(0, first)
	waits := b.send(eventstore.OutboxUrgent, 0, 1)[0]
	b.revoke(0, waits)
	late := b.send(eventstore.OutboxBulk, 0, 1, func(i *message.SendInstruction) { i.NotAfter = time.Now().Add(300 * time.Millisecond) })[0]
	got := b.answered(0, waits, late)
	require.Equal(t, message.ReasonRevoked, got[waits].Reason)
	require.Equal(t, message.ReasonTooLate, got[late].Reason, "nothing waits past not_after")
	require.Equal(t, 1, b.carrier.total())
}

// The breaker of one service opens after five faults in a row; other services
// and good answers are not touched.
func TestBreaker(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	var mu sync.Mutex
	ill := true
	b.carrier.answers(func(_ context.Context, s Submission) Result {
		mu.Lock()
		defer mu.Unlock()
		if ill && s.ServiceID == 1 {
			return Result{Answer: message.Answer{Outcome: message.OutcomeRefused, Code: "http_500", Verdict: message.Verdict{Retry: true}}, RouteFault: true}
		}
		return taken()
	})
	b.start(func(c *Config, _ *Dispatcher) { c.BreakerOpen = 300 * time.Millisecond })
	service := func(id int64) func(*message.SendInstruction) {
		return func(i *message.SendInstruction) { i.ServiceID = id }
	}
	for range faultsToOpen {
		attempt := b.send(eventstore.OutboxUrgent, 0, 1, service(1))[0]
		require.Equal(t, message.OutcomeRefused, b.answered(0, attempt)[attempt].Outcome)
	}
	down, fine := b.send(eventstore.OutboxUrgent, 0, 1, service(1))[0], b.send(eventstore.OutboxUrgent, 0, 1, service(2))[0]
	got := b.answered(0, down, fine)
	require.Equal(t, message.OutcomeNotSent, got[down].Outcome)
	require.Equal(t, message.ReasonRouteDown, got[down].Reason)
	require.Equal(t, message.OutcomeAccepted, got[fine].Outcome)
	mu.Lock()
	ill = false
	mu.Unlock()
	require.Eventually(t, func() bool { // half open: one call tries it
		attempt := b.send(eventstore.OutboxUrgent, 0, 1, service(1))[0]
		return b.answered(0, attempt)[attempt].Outcome == message.OutcomeAccepted
	}, waitFor, 50*time.Millisecond)
}

// Urgent instructions overtake the bulk ones that wait for the rate.
func TestUrgentFirstWithinTheRate(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	bulkOnes := b.send(eventstore.OutboxBulk, 0, 200)
	b.start(func(c *Config, _ *Dispatcher) { c.Routes[0].PerSecond = 40 })
	require.Eventually(t, func() bool { return b.carrier.total() >= 3 }, waitFor, pollEvery)
	hurried := b.send(eventstore.OutboxUrgent, 0, 1)[0]
	b.answered(0, hurried)
	require.Less(t, b.carrier.total(), len(bulkOnes), "bulk was still waiting")
	var at []int
	for i, a := range b.carrier.sequence() {
		if a == hurried {
			at = append(at, i)
		}
	}
	require.Len(t, at, 1)
}

func TestRateIsShared(t *testing.T) {
	t.Parallel()
	r := newRoute(Route{Name: "viber", PerSecond: 120})
	r.share(3.0 / 12)
	require.InDelta(t, 30, float64(r.limiter.Limit()), 0.001)
	require.Equal(t, 1, r.limiter.Burst())
	free := newRoute(Route{Name: "sms"})
	free.share(0.5)
	require.True(t, free.limiter.AllowN(time.Now(), 1))
	require.True(t, free.limiter.AllowN(time.Now(), 1), "no limit, no share of it")
}

func TestUnknownInstructionGivesThePartitionUp(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	b.write(eventstore.InstructionMessage(b.topic(eventstore.OutboxUrgent), 0, "send.v2", "m", []byte("{}"), ""))
	after := b.send(eventstore.OutboxUrgent, 0, 1)[0]
	b.start()
	require.Eventually(t, func() bool { return containsLog(b, "a newer build must take the partition") }, waitFor, pollEvery)
	require.Zero(t, b.carrier.called(after))
}

func TestUnreadableInstructionIsSkipped(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	b.write(eventstore.InstructionMessage(b.topic(eventstore.OutboxUrgent), 0, eventstore.InstructionSend, "m", []byte("{"), ""))
	after := b.send(eventstore.OutboxUrgent, 0, 1)[0]
	b.start()
	b.answered(0, after)
	b.committed(eventstore.OutboxUrgent, 0)
	require.True(t, containsLog(b, "instruction is not readable"))
}

// An answer that comes after "unknown" is told, once.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	b.carrier.answers(func(context.Context, Submission) Result {
		return Result{Answer: message.Answer{Outcome: message.OutcomeUnknown, Reason: message.ReasonTimeout}, RouteFault: true}
	})
	var d *Dispatcher
	b.start(func(_ *Config, made *Dispatcher) { d = made })
	attempt := b.send(eventstore.OutboxUrgent, 0, 1)[0]
	b.answered(0, attempt)
	d.Late(message.Answer{Attempt: "another", Outcome: message.OutcomeAccepted})
	d.Late(message.Answer{Attempt: attempt, Outcome: message.OutcomeAccepted, CarrierIDs: []string{"7"}})
	d.Late(message.Answer{Attempt: attempt, Outcome: message.OutcomeAccepted, CarrierIDs: []string{"7"}})
	require.Eventually(t, func() bool { return len(b.answers(0)[attempt]) == 2 }, waitFor, pollEvery)
	got := b.answers(0)[attempt][1]
	require.Equal(t, message.OutcomeAccepted, got.Outcome)
	require.Equal(t, []string{"7"}, got.CarrierIDs)
	require.Len(t, b.inbox(0), 2)
}

func TestConfigNamesEveryFault(t *testing.T) {
	t.Parallel()
	c := Config{Kafka: eventstore.KafkaConfig{SessionTimeout: 5 * time.Second}, Routes: []Route{{}}}
	err := c.Validate()
	for _, part := range []string{"Client and Producer", "Contents and Open", "Clock and Log", "Partitions", "session time-out (5s) must exceed CallTimeout (5s)", "Routes[0]"} {
		require.ErrorContains(t, err, part)
	}
}

func containsLog(b *bench, part string) bool {
	return strings.Contains(b.logs.String(), part)
}

// The answer may come in the moment in which the call is given up, before its "unknown" is on its way.
func TestAnswerThatComesAsTheCallIsGivenUp(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	var d *Dispatcher
	b.carrier.answers(func(_ context.Context, s Submission) Result {
		d.Late(message.Answer{Attempt: s.Attempt, Outcome: message.OutcomeAccepted, CarrierIDs: []string{"7"}})
		return Result{Answer: message.Answer{Outcome: message.OutcomeUnknown, Reason: message.ReasonTimeout}, RouteFault: true}
	})
	b.start(func(_ *Config, made *Dispatcher) { d = made })
	attempt := b.send(eventstore.OutboxUrgent, 0, 1)[0]
	require.Eventually(t, func() bool { return len(b.answers(0)[attempt]) == 2 }, 10*time.Second, pollEvery)
}

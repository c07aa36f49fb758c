package dispatch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/internal/pause"
)

// claimed waits until the committed claim of p's urgent lane covers n offsets.
func (b *bench) claimed(short string, p eventstore.Partition, n int) {
	b.tb.Helper()
	require.Eventually(b.tb, func() bool {
		off, meta, err := eventstore.Committed(b.tb.Context(), b.client, b.group(), b.topic(short), p)
		if err != nil {
			return false
		}
		done, err := DecodeClaim(meta)
		return err == nil && int(off)+len(done) >= n
	}, waitFor, pollEvery, "claim")
}

// brief makes a killed dispatcher give up soon.
func brief(c *Config, _ *Dispatcher) { c.CallTimeout = 300 * time.Millisecond }

// stuckContents answers only when it is let go.
type stuckContents struct {
	Contents
	free <-chan struct{}
}

func (s stuckContents) Get(ctx context.Context, p eventstore.Partition, id string, since time.Time) ([]byte, bool, error) {
	select {
	case <-s.free:
		return s.Contents.Get(ctx, p, id, since)
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
}

func TestKilledBetweenClaimAndCall(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	first := b.send(eventstore.OutboxUrgent, 0, 3)
	var m mortal
	stop := b.start(brief, m.adjust, func(c *Config, _ *Dispatcher) { c.Contents = stuckContents{Contents: b.store} })
	b.claimed(eventstore.OutboxUrgent, 0, 3)
	m.dead.Store(true)
	above := b.send(eventstore.OutboxUrgent, 0, 2)
	stop()
	require.Zero(t, b.carrier.total())
	require.Empty(t, b.answers(0))

	b.start()
	for _, a := range b.answered(0, first...) {
		require.Equal(t, message.OutcomeUnknown, a.Outcome)
		require.Equal(t, message.ReasonClaimed, a.Reason)
	}
	for _, a := range b.answered(0, above...) {
		require.Equal(t, message.OutcomeAccepted, a.Outcome)
	}
	for _, a := range first {
		require.Zero(t, b.carrier.called(a), "what a predecessor claimed is never sent")
	}
	b.committed(eventstore.OutboxUrgent, 0)
}

func TestKilledBetweenCallAndAnswer(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	var m mortal
	b.carrier.answers(func(context.Context, Submission) Result {
		m.dead.Store(true)
		return taken()
	})
	stop := b.start(brief, m.adjust)
	attempts := b.send(eventstore.OutboxBulk, 0, 5)
	require.Eventually(t, func() bool { return b.carrier.total() == 5 }, waitFor, pollEvery)
	stop()
	require.Empty(t, b.answers(0))

	b.start()
	for _, a := range b.answered(0, attempts...) {
		require.Equal(t, message.OutcomeUnknown, a.Outcome)
		require.Equal(t, message.ReasonClaimed, a.Reason)
	}
	require.Equal(t, 5, b.carrier.total(), "nothing is sent twice")
	b.committed(eventstore.OutboxBulk, 0)
}

// The answer was acknowledged, but not that the instruction is finished: the
// successor's "unknown" follows an answer that is known, and changes nothing.
func TestKilledBetweenAnswerAndCommit(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	m := &mortal{}
	deaf := func(c *Config, d *Dispatcher) { // commits fail, answers pass
		if d != nil {
			m.adjust(c, d)
		}
	}
	b.carrier.answers(func(context.Context, Submission) Result {
		m.dead.Store(true)
		return taken()
	})
	stop := b.start(brief, deaf)
	attempt := b.send(eventstore.OutboxUrgent, 0, 1)[0]
	b.answered(0, attempt)
	stop()
	b.start()
	require.Eventually(t, func() bool { return len(b.answers(0)[attempt]) == 2 }, waitFor, pollEvery)
	got := b.answers(0)[attempt]
	require.Equal(t, []message.Outcome{message.OutcomeAccepted, message.OutcomeUnknown}, []message.Outcome{got[0].Outcome, got[1].Outcome})
	require.Equal(t, 1, b.carrier.called(attempt))
}

// A partition that is handed over lets its calls finish; what was claimed and
// not called yet comes back as certainly not sent.
func TestHandOver(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	free := make(chan struct{})
	b.carrier.answers(func(ctx context.Context, _ Submission) Result {
		select {
		case <-free:
			return taken()
		case <-ctx.Done():
			return Result{Answer: message.Answer{Outcome: message.OutcomeUnknown}}
		}
	})
	stop := b.start(func(c *Config, _ *Dispatcher) { c.Routes[0].Concurrency = 1 })
	attempts := b.send(eventstore.OutboxUrgent, 0, 3)
	require.Eventually(t, func() bool { return b.carrier.total() == 1 }, waitFor, pollEvery)
	b.claimed(eventstore.OutboxUrgent, 0, 3)
	done := make(chan struct{})
	go func() { defer close(done); stop() }()
	got := b.answered(0, attempts[1:]...)
	for _, a := range got {
		require.Equal(t, message.OutcomeNotSent, a.Outcome)
		require.Equal(t, message.ReasonThrottled, a.Reason)
	}
	close(free)
	<-done
	require.Equal(t, message.OutcomeAccepted, b.answered(0, attempts[0])[attempts[0]].Outcome)
	require.Equal(t, 1, b.carrier.total())
	off, meta, err := eventstore.Committed(t.Context(), b.client, b.group(), b.topic(eventstore.OutboxUrgent), 0)
	require.NoError(t, err)
	require.Equal(t, int64(3), off, "the last commit tells that all is finished")
	require.Empty(t, meta)
}

// Revokes that the predecessor had read still hold for the bulk instructions
// that it had not claimed.
func TestRevokesAreRecalled(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	var m mortal
	b.carrier.answers(func(ctx context.Context, _ Submission) Result {
		<-ctx.Done()
		return Result{Answer: message.Answer{Outcome: message.OutcomeUnknown}}
	})
	stop := b.start(brief, m.adjust, func(c *Config, _ *Dispatcher) { c.Routes[0].Concurrency, c.MaxWaiting = 1, 1 })
	attempts := b.send(eventstore.OutboxBulk, 0, 4) // one is called, one waits, two are not claimed
	b.claimed(eventstore.OutboxBulk, 0, 2)
	b.revoke(0, attempts[2])
	b.revoke(0, attempts[3])
	b.committed(eventstore.OutboxUrgent, 0)
	m.dead.Store(true)
	stop()

	b.carrier.answers(func(context.Context, Submission) Result { return taken() })
	b.start()
	got := b.answered(0, attempts...)
	require.Equal(t, message.OutcomeUnknown, got[attempts[0]].Outcome)
	require.Equal(t, message.OutcomeUnknown, got[attempts[1]].Outcome)
	require.Equal(t, message.ReasonRevoked, got[attempts[2]].Reason)
	require.Equal(t, message.ReasonRevoked, got[attempts[3]].Reason)
}

// A second member joins under load and the first one leaves: generations
// change, partitions move, and no attempt is called twice or forgotten.
func TestRebalance(t *testing.T) {
	t.Parallel()
	const partitions = 4
	b := newBench(t, partitions)
	b.carrier.answers(func(ctx context.Context, _ Submission) Result {
		_ = pause.For(ctx, 20*time.Millisecond)
		return taken()
	})
	var all [partitions][]string
	load := func(rounds int) {
		for range rounds {
			for p := range eventstore.Partition(partitions) {
				all[p] = append(all[p], b.send(eventstore.OutboxUrgent, p, 20)...)
				all[p] = append(all[p], b.send(eventstore.OutboxBulk, p, 5)...)
			}
			_ = pause.For(t.Context(), 20*time.Millisecond) // a stream, not a heap
		}
	}
	var commits [2]atomic.Int64
	counted := func(n int) func(*Config, *Dispatcher) {
		return func(c *Config, _ *Dispatcher) { c.Metrics = &commitCounter{n: &commits[n]} }
	}
	stopFirst := b.start(counted(0))
	load(10)
	b.start(counted(1))
	for commits[1].Load() == 0 { // until the second one owns something
		load(5)
	}
	load(10)
	stopFirst()
	load(10)
	for p := range eventstore.Partition(partitions) {
		for attempt, a := range b.answered(p, all[p]...) {
			switch a.Outcome {
			case message.OutcomeAccepted:
				require.Equal(t, 1, b.carrier.called(attempt))
			case message.OutcomeNotSent:
				require.Equal(t, message.ReasonThrottled, a.Reason)
				require.Zero(t, b.carrier.called(attempt))
			default:
				require.Fail(t, "unexpected outcome", "%s %s", a.Outcome, a.Reason)
			}
		}
		b.committed(eventstore.OutboxUrgent, p)
	}
	require.NotContains(t, b.logs.String(), "partition given up")
}

type commitCounter struct {
	noMetrics
	n *atomic.Int64
}

func (c *commitCounter) Committed(_ eventstore.Partition, _ time.Duration, err error) {
	if err == nil {
		c.n.Add(1)
	}
}

// While commits fail, the lease runs out and no call begins; when they are
// taken again, it does.
func TestNoCallWithoutLease(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	free := make(chan struct{})
	var failing atomic.Bool
	metrics := &leaseCounter{}
	b.start(func(c *Config, d *Dispatcher) {
		c.CallTimeout, c.Contents, c.Metrics = 5400*time.Millisecond, stuckContents{b.store, free}, metrics
		if d != nil {
			real := d.cfg.Offsets
			d.cfg.Offsets = func(o *eventstore.Ownership) OffsetWriter { return &failingOffsets{&failing, real(o)} }
		}
	})
	attempt := b.send(eventstore.OutboxUrgent, 0, 1)[0]
	b.claimed(eventstore.OutboxUrgent, 0, 1)
	failing.Store(true)
	_ = pause.For(t.Context(), 700*time.Millisecond) // the lease lasts 600 ms
	close(free)
	require.Eventually(t, func() bool { return metrics.refused.Load() == 1 }, waitFor, pollEvery)
	require.Zero(t, b.carrier.total())
	failing.Store(false)
	require.Equal(t, message.OutcomeAccepted, b.answered(0, attempt)[attempt].Outcome)
}

type leaseCounter struct {
	noMetrics
	refused atomic.Int64
}

func (l *leaseCounter) LeaseRefused(eventstore.Partition) { l.refused.Add(1) }

type failingOffsets struct {
	failing *atomic.Bool
	OffsetWriter
}

func (f *failingOffsets) Write(lanes [2]LaneOffset) error {
	if f.failing.Load() {
		return errors.New("no answer")
	}
	return f.OffsetWriter.Write(lanes)
}

// Whoever was counted out writes nothing any more, whatever it has joined since.
func TestCommitOfOneCountedOut(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	owned := make(chan *eventstore.Ownership, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = eventstore.Owners{Kafka: b.kafka, Group: "other", Topic: eventstore.OutboxUrgent, Log: b.config().Log, Own: func(ctx context.Context, o *eventstore.Ownership) error {
			select {
			case owned <- o:
			default:
			}
			<-ctx.Done()
			return nil
		}}.Run(ctx)
	})
	o := <-owned
	w := newGroupOffsets(b.client, o).(*groupOffsets)
	defer w.Close()
	state := [2]LaneOffset{{b.topic(eventstore.OutboxUrgent), 0, "AQEBAQ"}, {b.topic(eventstore.OutboxBulk), 0, ""}}
	require.NoError(t, w.Write(state))
	off, meta, err := eventstore.Committed(t.Context(), b.client, o.Group, b.topic(eventstore.OutboxUrgent), 0)
	require.NoError(t, err)
	require.Zero(t, off)
	require.Equal(t, "AQEBAQ", meta)

	w.now = func() *sarama.ConsumerGroupMetadata { // as if it had been counted out and had joined again
		m := *o.Member()
		m.MemberID = "another"
		return &m
	}
	require.ErrorIs(t, w.Write(state), ErrLost)
	w.now = o.Member
	require.NoError(t, w.Write(state))

	coordinator, err := b.client.Coordinator(o.Group)
	require.NoError(t, err)
	_, err = coordinator.LeaveGroup(&sarama.LeaveGroupRequest{GroupId: o.Group, MemberId: o.Member().MemberID})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return errors.Is(w.Write(state), ErrLost) }, waitFor, pollEvery)
	cancel()
	wg.Wait()
}

func TestMissingOffsetIsNotGuessed(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	attempt := b.send(eventstore.OutboxBulk, 0, 1)[0]
	b.commitAlone(eventstore.OutboxUrgent, 0)
	b.start()
	require.Eventually(t, func() bool { return containsLog(b, "no committed offset") }, waitFor, pollEvery)
	require.Zero(t, b.carrier.called(attempt))
}

func TestOffsetOfAnotherTopicIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	b.send(eventstore.OutboxUrgent, 0, 1)
	b.commitAlone(eventstore.OutboxUrgent, 99)
	b.start()
	require.Eventually(t, func() bool { return containsLog(b, "it belongs to another topic") }, waitFor, pollEvery)
	require.Zero(t, b.carrier.total())
}

// commitAlone commits one lane's offset without being a member.
func (b *bench) commitAlone(short string, offset int64) {
	b.tb.Helper()
	req := sarama.NewOffsetCommitRequest(b.client.Config(), b.group())
	req.AddBlockWithLeaderEpoch(b.topic(short), 0, offset, -1, 0, "")
	// A cluster that has just begun names a coordinator that is still loading, or is not one any more.
	require.Eventually(b.tb, func() bool {
		if b.client.RefreshCoordinator(b.group()) != nil {
			return false
		}
		coordinator, err := b.client.Coordinator(b.group())
		if err != nil {
			return false
		}
		resp, err := coordinator.CommitOffset(req)
		return err == nil && resp.Errors[b.topic(short)][0] == sarama.ErrNoError
	}, waitFor, pollEvery)
}

// One call that does not end stops the claims at the window's end, and its
// metadata still fits.
func TestWindow(t *testing.T) {
	t.Parallel()
	l := &lane{next: Window + 10}
	for off := range int64(Window + 10) {
		l.pending = append(l.pending, entry{offset: off, job: &job{offset: off}})
	}
	jobs, _ := l.pick(nil, 5*Window)
	require.Len(t, jobs, Window)
	for i, j := range jobs {
		if i%2 == 1 {
			l.claims.finish(j.offset)
		}
	}
	jobs, _ = l.pick(nil, 5*Window)
	require.Empty(t, jobs)
	require.LessOrEqual(t, len(encodeClaim(l.claims.done)), MaxMetadata)
	l.claims.finish(0)
	jobs, _ = l.pick(nil, 5*Window)
	require.Len(t, jobs, 2, "0 and 1 are finished")
	require.Equal(t, int64(Window), jobs[0].offset)
}

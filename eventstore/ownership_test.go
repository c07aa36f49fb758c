package eventstore_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"goniec/eventstore"
)

// tenants counts how often each partition is owned, and by how many at once.
type tenants struct {
	mu     sync.Mutex
	begun  map[eventstore.Partition]int
	now    map[eventstore.Partition]int
	most   int
	claims map[eventstore.Partition]*eventstore.Ownership
}

func newTenants() *tenants {
	return &tenants{begun: map[eventstore.Partition]int{}, now: map[eventstore.Partition]int{}, claims: map[eventstore.Partition]*eventstore.Ownership{}}
}

func (n *tenants) enter(o *eventstore.Ownership) (leave func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.begun[o.Partition]++
	n.now[o.Partition]++
	n.most = max(n.most, n.now[o.Partition])
	n.claims[o.Partition] = o
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.now[o.Partition]--
	}
}

func (n *tenants) times(p eventstore.Partition) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.begun[p]
}

func (n *tenants) claim(p eventstore.Partition) *eventstore.Ownership {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.claims[p]
}

func (d *desk) owners(own func(context.Context, *eventstore.Ownership) error) eventstore.Owners {
	return eventstore.Owners{Kafka: d.kafka, Group: "g", Topic: eventstore.Messages, Own: own, Log: slog.New(slog.DiscardHandler)}
}

// keep owns until the partition is taken away.
func (n *tenants) keep(ctx context.Context, o *eventstore.Ownership) error {
	defer n.enter(o)()
	<-ctx.Done()
	return nil
}

// A partition changes hands without ever having two owners, and what stays is not disturbed.
func TestPartitionsChangeHands(t *testing.T) {
	t.Parallel()
	d, n, other := newDesk(t), newTenants(), newTenants()
	stop := run(t, d.owners(n.keep).Run)
	both := func() bool { return n.times(0) > 0 && n.times(1) > 0 }
	require.Eventually(t, both, time.Minute, 20*time.Millisecond)
	stopOther := run(t, d.owners(func(ctx context.Context, o *eventstore.Ownership) error {
		defer n.enter(o)() // counted together: two at once would show
		return other.keep(ctx, o)
	}).Run)
	require.Eventually(t, func() bool { return other.times(0)+other.times(1) == 1 }, time.Minute, 20*time.Millisecond)
	require.Equal(t, 3, n.times(0)+n.times(1), "one moved, one stayed")
	require.ErrorIs(t, stop(), context.Canceled)
	require.Eventually(t, func() bool { return other.times(0) == 1 && other.times(1) == 1 }, time.Minute, 20*time.Millisecond)
	require.ErrorIs(t, stopOther(), context.Canceled)
	require.Equal(t, 1, n.most)
}

// One partition that cannot be owned must not take the others along, again and again.
func TestAPartitionGivenUpLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	d, n := newDesk(t), newTenants()
	run(t, d.owners(func(ctx context.Context, o *eventstore.Ownership) error {
		if o.Partition == 0 {
			n.enter(o)()
			return errors.New("cannot be owned")
		}
		return n.keep(ctx, o)
	}).Run)
	require.Eventually(t, func() bool { return n.times(0) > 0 && n.times(1) > 0 }, time.Minute, 20*time.Millisecond)
	require.Never(t, func() bool { return n.times(0) > 1 || n.times(1) > 1 }, 3*time.Second, 50*time.Millisecond)
	require.Eventually(t, func() bool { return n.times(0) > 1 }, time.Minute, 50*time.Millisecond, "it is tried again")
}

// A process that the group has removed is told so, before its heartbeat finds out.
func TestAMemberKnowsThatItWasRemoved(t *testing.T) {
	t.Parallel()
	d, n := newDesk(t), newTenants()
	d.kafka.SessionTimeout, d.kafka.Heartbeat = 30*time.Second, 10*time.Second // it finds out late
	ended := make(chan struct{})
	var once sync.Once
	run(t, d.owners(func(ctx context.Context, o *eventstore.Ownership) error {
		err := n.keep(ctx, o)
		once.Do(func() { close(ended) })
		return err
	}).Run)
	require.Eventually(t, func() bool { return n.times(0) > 0 }, time.Minute, 20*time.Millisecond)
	o := n.claim(0)
	require.NoError(t, eventstore.NewCluster(d.kafka, d.client).StillMember(o))
	coordinator, err := d.client.Coordinator(o.Group)
	require.NoError(t, err)
	resp, err := coordinator.LeaveGroup(&sarama.LeaveGroupRequest{Version: 0, GroupId: o.Group, MemberId: o.Member().MemberID})
	require.NoError(t, err)
	require.Equal(t, sarama.ErrNoError, resp.Err)
	select {
	case <-ended:
		t.Fatal("the heartbeat was faster than the test")
	default:
	}
	require.ErrorIs(t, eventstore.NewCluster(d.kafka, d.client).StillMember(o), eventstore.ErrNotMember)
}

// line is a way to the brokers that can be cut.
type line struct {
	mu    sync.Mutex
	down  bool
	conns []net.Conn
}

func (l *line) Dial(network, addr string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return nil, errors.New("the line is cut")
	}
	c, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(context.Background(), network, addr)
	l.conns = append(l.conns, c)
	return c, err
}

func (l *line) set(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
	for _, c := range l.conns {
		if down && c != nil {
			_ = c.Close() // that is the fault
		}
	}
}

// A process that comes back before its session has timed out is the member that
// it was: as another one it would wait for the former to time out.
func TestAMemberComesBackAsItself(t *testing.T) {
	t.Parallel()
	d, n, l := newDesk(t), newTenants(), &line{}
	d.kafka.SessionTimeout, d.kafka.Dialer = 5*time.Minute, l
	ended := make(chan struct{}, 2)
	run(t, d.owners(func(ctx context.Context, o *eventstore.Ownership) error {
		err := n.keep(ctx, o)
		ended <- struct{}{}
		return err
	}).Run)
	both := func(times int) func() bool {
		return func() bool { return n.times(0) == times && n.times(1) == times }
	}
	require.Eventually(t, both(1), time.Minute, 20*time.Millisecond)
	before := n.claim(0).Member().MemberID
	l.set(true)
	<-ended
	<-ended
	l.set(false)
	require.Eventually(t, both(2), time.Minute, 20*time.Millisecond)
	require.Equal(t, before, n.claim(0).Member().MemberID)
	require.Equal(t, 1, n.most)
}

// A killed owner leaves a transaction open that holds offsets of its group. Its successor ends it, by opening the
// partition's producer: the group must hand the partition out before.
func TestAKilledOwnersTransactionHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	d, n := newDesk(t), newTenants()
	d.abandonOffsets("g")
	run(t, d.owners(n.keep).Run)
	require.Eventually(t, func() bool { return n.times(0) > 0 && n.times(1) > 0 }, time.Minute, 20*time.Millisecond)
}

// abandonOffsets leaves offsets of the group in a transaction that stays open for a minute.
func (d *desk) abandonOffsets(group string) {
	d.t.Helper()
	group = d.kafka.Prefix + group
	id := d.kafka.Prefix + "killed"
	client, err := kgo.NewClient(kgo.SeedBrokers(d.kafka.Brokers...), kgo.MaxVersions(kversion.V3_6_0()))
	require.NoError(d.t, err)
	defer client.Close()
	init := kmsg.NewInitProducerIDRequest()
	init.TransactionalID, init.TransactionTimeoutMillis = &id, 60_000
	var begun *kmsg.InitProducerIDResponse
	require.Eventually(d.t, func() bool { // the coordinator may not be there yet
		begun, err = init.RequestWith(d.t.Context(), client)
		return err == nil && begun.ErrorCode == 0
	}, time.Minute, 50*time.Millisecond)
	add := kmsg.NewAddOffsetsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = id, begun.ProducerID, begun.ProducerEpoch, group
	added, err := add.RequestWith(d.t.Context(), client)
	require.NoError(d.t, err)
	require.Zero(d.t, added.ErrorCode)
	commit := kmsg.NewTxnOffsetCommitRequest()
	commit.TransactionalID, commit.ProducerID, commit.ProducerEpoch, commit.Group, commit.Generation = id, begun.ProducerID, begun.ProducerEpoch, group, -1
	topic, part := kmsg.NewTxnOffsetCommitRequestTopic(), kmsg.NewTxnOffsetCommitRequestTopicPartition()
	topic.Topic, part.Offset = d.topic, 5
	topic.Partitions = append(topic.Partitions, part)
	commit.Topics = append(commit.Topics, topic)
	committed, err := commit.RequestWith(d.t.Context(), client)
	require.NoError(d.t, err)
	require.Zero(d.t, committed.Topics[0].Partitions[0].ErrorCode)
}

func TestCommittedOffsets(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	group := d.kafka.Prefix + "group"
	commit := func(w sarama.SyncProducer, offset int64) {
		note := "note"
		require.NoError(t, w.BeginTxn())
		d.write(w, "x")
		offsets := map[string][]*sarama.PartitionOffsetMetadata{d.topic: {{Partition: 0, Offset: offset, Metadata: &note}}}
		require.NoError(t, w.AddOffsetsToTxn(offsets, group))
		require.NoError(t, w.CommitTxn())
	}
	w := d.writer("w")
	commit(w, 7)
	commit(w, 9)
	offset, meta, err := eventstore.Committed(t.Context(), d.client, group, d.topic, 0)
	require.NoError(t, err)
	require.Equal(t, int64(9), offset)
	require.Equal(t, "note", meta)
	offset, meta, err = eventstore.Committed(t.Context(), d.client, group, d.topic, 1)
	require.NoError(t, err)
	require.Equal(t, int64(-1), offset, "none is none, not the first one")
	require.Empty(t, meta)
}

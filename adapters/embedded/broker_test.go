package embedded

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

const testGroup = "deciders"

// topicNames are written together in each test transaction.
func topicNames() []string { return []string{"journal", "outbox", "state"} }

func startTestBroker(t *testing.T, dir string) *Broker {
	t.Helper()
	b, err := StartBroker(t.Context(), BrokerConfig{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func newClient(t *testing.T, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addr), kgo.DisableClientMetrics(), kgo.MetadataMinAge(50*time.Millisecond),
		kgo.MaxVersions(testVersions()))...)
	require.NoError(t, err)
	t.Cleanup(cl.CloseAllowingRebalance)
	return cl
}

func createTopics(t *testing.T, addr string, configs map[string]string, names ...string) {
	t.Helper()
	cl := newClient(t, addr)
	req := kmsg.NewPtrCreateTopicsRequest()
	for _, name := range names {
		rt := kmsg.NewCreateTopicsRequestTopic()
		rt.Topic, rt.NumPartitions, rt.ReplicationFactor = name, 1, 1
		for k, v := range configs {
			rt.Configs = append(rt.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: k, Value: &v})
		}
		req.Topics = append(req.Topics, rt)
	}
	resp, err := req.RequestWith(t.Context(), cl)
	require.NoError(t, err)
	for _, rt := range resp.Topics {
		require.NoError(t, kerr.ErrorForCode(rt.ErrorCode))
	}
}

// writer commits transaction n as one record in each topic and offset n of the group.
type writer struct{ cl *kgo.Client }

func newWriter(t *testing.T, addr, txID string) *writer {
	t.Helper()
	return &writer{cl: newClient(t, addr, kgo.TransactionalID(txID), kgo.TransactionTimeout(10*time.Second))}
}

func (w *writer) begin(ctx context.Context, n int) error {
	if err := w.cl.BeginTransaction(); err != nil {
		return err
	}
	for _, topic := range topicNames() {
		rec := &kgo.Record{Topic: topic, Value: []byte(strconv.Itoa(n))}
		if err := w.cl.ProduceSync(ctx, rec).FirstErr(); err != nil {
			return err
		}
	}
	return w.stageOffset(ctx, n)
}

func (w *writer) stageOffset(ctx context.Context, n int) error {
	pid, epoch, err := w.cl.ProducerID(ctx)
	if err != nil {
		return err
	}
	txID, _ := w.cl.OptValue(kgo.TransactionalID).(string)
	add := kmsg.NewPtrAddOffsetsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = txID, pid, epoch, testGroup
	added, err := add.RequestWith(ctx, w.cl)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(added.ErrorCode); err != nil {
		return err
	}
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = txID, pid, epoch, testGroup
	req.Generation = -1
	rp := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	rp.Offset = int64(n)
	req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{
		Topic: topicNames()[0], Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{rp},
	}}
	resp, err := req.RequestWith(ctx, w.cl)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
}

func (w *writer) commit(ctx context.Context) error { return w.cl.EndTransaction(ctx, kgo.TryCommit) }

// committed reads what a read_committed consumer sees in each topic, up to the end.
func committed(t *testing.T, addr string) map[string][]string {
	t.Helper()
	out := make(map[string][]string)
	for _, topic := range topicNames() {
		out[topic] = readTopic(t, addr, topic)
	}
	return out
}

func readTopic(t *testing.T, addr, topic string, opts ...kgo.Opt) []string {
	t.Helper()
	cl := newClient(t, addr, append(opts,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(100*time.Millisecond))...)
	end := endOffset(t, cl, topic)
	var values []string
	for next := int64(0); next < end; {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		fetches := cl.PollFetches(ctx)
		cancel()
		require.NoError(t, fetches.Err(), "%s stuck at %d of %d", topic, next, end)
		fetches.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			if !r.Attrs.IsControl() {
				values = append(values, string(r.Value))
			}
		})
	}
	return values
}

// endOffset is the last stable offset, and requires that nothing is open above it.
func endOffset(t *testing.T, cl *kgo.Client, topic string) int64 {
	t.Helper()
	ask := func(isolation int8) int64 {
		req := kmsg.NewPtrListOffsetsRequest()
		req.ReplicaID, req.IsolationLevel = -1, isolation
		rp := kmsg.NewListOffsetsRequestTopicPartition()
		rp.Timestamp = -1
		req.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: topic, Partitions: []kmsg.ListOffsetsRequestTopicPartition{rp}}}
		resp, err := req.RequestWith(t.Context(), cl)
		require.NoError(t, err)
		p := resp.Topics[0].Partitions[0]
		require.NoError(t, kerr.ErrorForCode(p.ErrorCode))
		return p.Offset
	}
	stable, high := ask(1), ask(0)
	require.Equal(t, high, stable, "a transaction is still open in %s", topic)
	return stable
}

func groupOffset(t *testing.T, addr string) int64 {
	t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group, req.RequireStable = testGroup, true
	req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: topicNames()[0], Partitions: []int32{0}}}
	group := kmsg.NewOffsetFetchRequestGroup()
	group.Group = testGroup
	group.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: topicNames()[0], Partitions: []int32{0}}}
	req.Groups = []kmsg.OffsetFetchRequestGroup{group}
	resp, err := req.RequestWith(t.Context(), newClient(t, addr))
	require.NoError(t, err)
	if len(resp.Groups) > 0 {
		require.NoError(t, kerr.ErrorForCode(resp.Groups[0].ErrorCode))
		return resp.Groups[0].Topics[0].Partitions[0].Offset
	}
	return resp.Topics[0].Partitions[0].Offset
}

func everywhere(values ...string) map[string][]string {
	out := make(map[string][]string)
	for _, topic := range topicNames() {
		out[topic] = values
	}
	return out
}

func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.CopyFS(to, os.DirFS(from)))
	return to
}

func TestBrokerKeepsDataAndPortAcrossCleanRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := StartBroker(t.Context(), BrokerConfig{Dir: dir})
	require.NoError(t, err)
	createTopics(t, b.Addr(), nil, topicNames()...)
	w := newWriter(t, b.Addr(), "owner-0")
	require.NoError(t, w.begin(t.Context(), 1))
	require.NoError(t, w.commit(t.Context()))
	w.cl.Close()
	require.NoError(t, b.Close())
	require.NoError(t, b.Close(), "closing twice")

	again := startTestBroker(t, dir)
	require.Equal(t, b.Addr(), again.Addr())
	require.Equal(t, everywhere("1"), committed(t, again.Addr()))
	require.Equal(t, int64(1), groupOffset(t, again.Addr()))
}

func TestBrokerTakesAnotherPortWhenItsOwnIsTaken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	holder := startTestBroker(t, t.TempDir())
	require.NoError(t, os.WriteFile(filepath.Join(dir, brokerPortFile), []byte(portOf(t, holder.Addr())), 0o600))
	other := startTestBroker(t, dir)
	require.NotEqual(t, holder.Addr(), other.Addr())
}

func portOf(t *testing.T, addr string) string {
	t.Helper()
	require.Greater(t, len(addr), len(loopback)+1)
	return addr[len(loopback)+1:]
}

func TestBrokerRefusesAddressesOutsideOfThisMachine(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"0.0.0.0:0", ":9092", "localhost:0", "127.0.0.1", "127.0.0.1:99999", "10.0.0.1:9092"} {
		_, err := StartBroker(t.Context(), BrokerConfig{Addr: addr})
		require.ErrorContains(t, err, "broker address", addr)
	}
}

func TestBrokerCreatesNoTopicUnasked(t *testing.T) {
	t.Parallel()
	b := startTestBroker(t, "")
	cl := newClient(t, b.Addr(), kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(0),
		kgo.RecordDeliveryTimeout(2*time.Second))
	err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "typo", Value: []byte("x")}).FirstErr()
	require.ErrorIs(t, err, kerr.UnknownTopicOrPartition)
}

// However little of a partition an answer brings, it says what of it was aborted.
func TestShortAnswersTellWhatWasAborted(t *testing.T) {
	t.Parallel()
	b := startTestBroker(t, "")
	createTopics(t, b.Addr(), nil, topicNames()...)
	w := newWriter(t, b.Addr(), "owner-0")
	for n := range 20 {
		require.NoError(t, w.begin(t.Context(), n))
		require.NoError(t, w.cl.EndTransaction(t.Context(), kgo.TransactionEndTry(n%2 == 0)))
	}
	want := []string{"0", "2", "4", "6", "8", "10", "12", "14", "16", "18"}
	for _, bytes := range []int32{1, 250, 400, 1 << 20} {
		require.Equal(t, want, readTopic(t, b.Addr(), "journal", kgo.FetchMaxBytes(bytes)), "%d bytes an answer", bytes)
		require.Equal(t, want, readTopic(t, b.Addr(), "journal", kgo.FetchMaxPartitionBytes(bytes)), "%d bytes a partition", bytes)
	}
}

// An answer stays within the bound of the whole, however many partitions have more to give, and in every fetch: an
// incremental one would bring what earlier ones had asked for.
func TestAnswersStayWithinTheirBound(t *testing.T) {
	t.Parallel()
	b := startTestBroker(t, "")
	createTopics(t, b.Addr(), nil, topicNames()...)
	cl := newClient(t, b.Addr(), kgo.ProducerBatchCompression(kgo.NoCompression()))
	for _, topic := range topicNames() {
		for range 5 {
			rec := &kgo.Record{Topic: topic, Value: make([]byte, 10_000)}
			require.NoError(t, cl.ProduceSync(t.Context(), rec).FirstErr())
		}
	}
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MinBytes, req.MaxBytes, req.SessionEpoch = -1, 1, 30_000, 0
	for _, topic := range topicNames() {
		part := kmsg.NewFetchRequestTopicPartition()
		part.PartitionMaxBytes, part.CurrentLeaderEpoch = 1<<20, -1
		req.Topics = append(req.Topics, kmsg.FetchRequestTopic{Topic: topic, Partitions: []kmsg.FetchRequestTopicPartition{part}})
	}
	byName, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.MaxVersions(kversion.V2_8_0())) // newer ones name topics by id
	require.NoError(t, err)
	defer byName.Close()
	resp, err := req.RequestWith(t.Context(), byName)
	require.NoError(t, err)
	total := 0
	for _, topic := range resp.Topics {
		require.NoError(t, kerr.ErrorForCode(topic.Partitions[0].ErrorCode))
		total += len(topic.Partitions[0].RecordBatches)
	}
	require.Positive(t, total)
	require.LessOrEqual(t, total, 30_000)
	require.Zero(t, resp.SessionID)
}

// A group that nobody has joined has no offsets, which is no error: clients that do not join ask too.
func TestNewGroupsHaveNoOffsets(t *testing.T) {
	t.Parallel()
	b := startTestBroker(t, "")
	createTopics(t, b.Addr(), nil, topicNames()...)
	require.Equal(t, int64(-1), groupOffset(t, b.Addr()))
	old, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.MaxVersions(kversion.V2_8_0()))
	require.NoError(t, err)
	defer old.Close()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group, req.Topics = testGroup, []kmsg.OffsetFetchRequestTopic{{Topic: "journal", Partitions: []int32{0}}}
	resp, err := req.RequestWith(t.Context(), old)
	require.NoError(t, err)
	require.Zero(t, resp.ErrorCode)
	require.Equal(t, int64(-1), resp.Topics[0].Partitions[0].Offset)

	w := newWriter(t, b.Addr(), "owner-0")
	require.NoError(t, w.begin(t.Context(), 1))
	resp, err = req.RequestWith(t.Context(), old)
	require.NoError(t, err)
	require.NotZero(t, resp.ErrorCode, "perhaps it has offsets soon")
	require.NoError(t, w.commit(t.Context()))
	require.Equal(t, int64(1), groupOffset(t, b.Addr()))
}

// testVersions keeps requests built by hand simple: newer ones name topics by id.
func testVersions() *kversion.Versions { return kversion.V3_6_0() }

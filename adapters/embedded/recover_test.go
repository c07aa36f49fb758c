package embedded

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// atCommit calls fn when a commit has been recorded in the slot and before the broker acts on it.
func atCommit(b *Broker, fn func()) {
	b.cluster.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.KeepControl()
		if r, ok := req.(*kmsg.EndTxnRequest); ok && r.Commit {
			fn()
		}
		return nil, nil, false
	})
}

// interrupted returns directories as a crash would leave them around the commit of transaction 2: decided but not
// carried out, and carried out whole. Transaction 1 is committed in both.
func interrupted(t *testing.T) (decided, done string) {
	t.Helper()
	dir := t.TempDir()
	b := startTestBroker(t, dir)
	createTopics(t, b.Addr(), nil, topicNames()...)
	w := newWriter(t, b.Addr(), "owner-0")
	require.NoError(t, w.begin(t.Context(), 1))
	require.NoError(t, w.commit(t.Context()))
	require.NoError(t, w.begin(t.Context(), 2))
	atCommit(b, func() { decided = copyDir(t, dir) })
	require.NoError(t, w.commit(t.Context()))
	return decided, copyDir(t, dir)
}

func TestRecoveryCompletesADecidedCommit(t *testing.T) {
	t.Parallel()
	decided, _ := interrupted(t)
	b := startTestBroker(t, decided)
	require.Equal(t, everywhere("1", "2"), committed(t, b.Addr()))
	require.Equal(t, int64(2), groupOffset(t, b.Addr()))
}

func TestRecoveryCompletesAHalfCarriedOutCommit(t *testing.T) {
	t.Parallel()
	for _, topic := range topicNames() {
		t.Run("marker in "+topic, func(t *testing.T) {
			t.Parallel()
			decided, done := interrupted(t)
			part := filepath.Join(brokerLogDir, "partitions", partitionDirName(topic, 0))
			require.NoError(t, os.RemoveAll(filepath.Join(decided, part)))
			require.NoError(t, os.CopyFS(filepath.Join(decided, part), os.DirFS(filepath.Join(done, part))))
			b := startTestBroker(t, decided)
			require.Equal(t, everywhere("1", "2"), committed(t, b.Addr()))
			require.Equal(t, int64(2), groupOffset(t, b.Addr()))
		})
	}
}

// Newer clients name the topics of the offsets by id.
func TestRecoveryCommitsOffsetsOfTopicsNamedByID(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := startTestBroker(t, dir)
	createTopics(t, b.Addr(), nil, topicNames()...)
	w := newWriter(t, b.Addr(), "owner-0")
	require.NoError(t, w.begin(t.Context(), 1))
	newest, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	require.NoError(t, err)
	defer newest.Close()
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.Generation = "owner-0", testGroup, -1
	req.ProducerID, req.ProducerEpoch, err = w.cl.ProducerID(t.Context())
	require.NoError(t, err)
	rp := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	rp.Offset = 7
	req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{
		TopicID:    b.cluster.TopicInfo(topicNames()[0]).TopicID,
		Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{rp},
	}}
	resp, err := req.RequestWith(t.Context(), newest)
	require.NoError(t, err)
	require.NoError(t, kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode))
	var decided string
	atCommit(b, func() { decided = copyDir(t, dir) })
	require.NoError(t, w.commit(t.Context()))
	require.Equal(t, int64(7), groupOffset(t, startTestBroker(t, decided).Addr()))
}

func TestRecoveryAbortsWhatWasNotDecided(t *testing.T) {
	t.Parallel()
	decided, _ := interrupted(t)
	require.NoError(t, os.Remove(filepath.Join(decided, commitSlotFile)))
	b := startTestBroker(t, decided)
	require.Equal(t, everywhere("1"), committed(t, b.Addr()))
	require.Equal(t, int64(1), groupOffset(t, b.Addr()))
}

func TestRecoveryIgnoresAHalfWrittenDecision(t *testing.T) {
	t.Parallel()
	decided, _ := interrupted(t)
	slot := filepath.Join(decided, commitSlotFile)
	info, err := os.Stat(slot)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(slot, info.Size()-3))
	b := startTestBroker(t, decided)
	require.Equal(t, everywhere("1"), committed(t, b.Addr()))
}

func TestRecoveryDoesNotCommitTheNextTransaction(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := startTestBroker(t, dir)
	createTopics(t, b.Addr(), nil, topicNames()...)
	w := newWriter(t, b.Addr(), "owner-0")
	require.NoError(t, w.begin(t.Context(), 1))
	require.NoError(t, w.commit(t.Context()))
	require.NoError(t, w.begin(t.Context(), 2))
	again := startTestBroker(t, copyDir(t, dir))
	require.Equal(t, everywhere("1"), committed(t, again.Addr()))
	require.Equal(t, int64(1), groupOffset(t, again.Addr()))
}

// The records that a first crash aborted stay aborted when their producer commits again and a second crash follows.
func TestAbortedRecordsStayAbortedThroughASecondCrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := startTestBroker(t, dir)
	createTopics(t, b.Addr(), nil, topicNames()...)
	require.NoError(t, newWriter(t, b.Addr(), "owner-0").begin(t.Context(), 1))

	first := copyDir(t, dir)
	b = startTestBroker(t, first)
	w := newWriter(t, b.Addr(), "owner-0")
	require.NoError(t, w.begin(t.Context(), 2))
	require.NoError(t, w.commit(t.Context()))

	b = startTestBroker(t, copyDir(t, first))
	require.Equal(t, everywhere("2"), committed(t, b.Addr()))
}

// A producer that outlives the broker must not take a transaction that recovery aborted for committed.
func TestProducerThatOutlivesTheBrokerIsFenced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := startTestBroker(t, dir)
	createTopics(t, b.Addr(), nil, topicNames()...)
	w := newWriter(t, b.Addr(), "owner-0")
	require.NoError(t, w.begin(t.Context(), 1))
	require.NoError(t, w.commit(t.Context()))
	require.NoError(t, w.begin(t.Context(), 2))
	pid, epoch, err := w.cl.ProducerID(t.Context())
	require.NoError(t, err)

	again := startTestBroker(t, copyDir(t, dir))
	end := kmsg.NewPtrEndTxnRequest()
	end.TransactionalID, end.ProducerID, end.ProducerEpoch, end.Commit = "owner-0", pid, epoch, true
	resp, err := end.RequestWith(t.Context(), newClient(t, again.Addr()))
	require.NoError(t, err)
	require.NotZero(t, resp.ErrorCode)
	require.Equal(t, everywhere("1"), committed(t, again.Addr()))
}

// The same holds for one whose transaction ran out of time while the broker was down, however cleanly it stopped.
func TestProducerWhoseTransactionExpiredWhileTheBrokerWasDownIsFenced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := startTestBroker(t, dir)
	createTopics(t, b.Addr(), nil, topicNames()...)
	w := newWriter(t, b.Addr(), "owner-0")
	require.NoError(t, w.begin(t.Context(), 1))
	pid, epoch, err := w.cl.ProducerID(t.Context())
	require.NoError(t, err)
	require.NoError(t, b.Close())
	beginEarlier(t, filepath.Join(dir, brokerLogDir, sessionFile))

	again := startTestBroker(t, dir)
	require.Equal(t, everywhere(nil...), committed(t, again.Addr()))
	add := kmsg.NewPtrAddPartitionsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch = "owner-0", pid, epoch
	add.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "outbox", Partitions: []int32{0}}}
	resp, err := add.RequestWith(t.Context(), newClient(t, again.Addr()))
	require.NoError(t, err)
	require.ErrorIs(t, kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode), kerr.ProducerFenced)
}

// beginEarlier makes the transactions that a clean stop left open an hour older.
func beginEarlier(t *testing.T, path string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	var session struct {
		Transactions []map[string]json.RawMessage `json:"inProgressTxns"`
	}
	require.NoError(t, json.Unmarshal(raw, &session))
	require.Len(t, session.Transactions, 1)
	session.Transactions[0]["txStart"], err = time.Now().Add(-time.Hour).MarshalJSON()
	require.NoError(t, err)
	raw, err = json.Marshal(session)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, raw, 0o600))
}

func TestRecoveryCutsHalfWrittenTails(t *testing.T) {
	t.Parallel()
	_, done := interrupted(t)
	log := filepath.Join(done, brokerLogDir)
	segment := filepath.Join(log, "partitions", partitionDirName("outbox", 0), "0.dat")
	for _, path := range []string{segment, filepath.Join(log, "groups.log"), filepath.Join(log, "pids.log")} {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = f.Write([]byte{0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 1})
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	b := startTestBroker(t, done)
	w := newWriter(t, b.Addr(), "owner-0")
	require.NoError(t, w.begin(t.Context(), 3))
	require.NoError(t, w.commit(t.Context()))

	b = startTestBroker(t, copyDir(t, done))
	require.Equal(t, everywhere("1", "2", "3"), committed(t, b.Addr()))
	require.Equal(t, int64(3), groupOffset(t, b.Addr()))
}

// Offsets go on where they were when every record of a partition has expired.
func TestOffsetsGoOnAfterEverythingExpired(t *testing.T) {
	t.Parallel()
	for name, clean := range map[string]bool{"clean stop": true, "crash": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			b := startTestBroker(t, dir)
			createTopics(t, b.Addr(), map[string]string{"retention.ms": "1"}, "inbox")
			cl := newClient(t, b.Addr())
			for range 5 {
				require.NoError(t, cl.ProduceSync(t.Context(), &kgo.Record{Topic: "inbox", Value: []byte("x")}).FirstErr())
			}
			require.Eventually(t, func() bool {
				b.dropExpired()
				return b.cluster.PartitionInfo("inbox", 0).LogStartOffset == 5
			}, 5*time.Second, 5*time.Millisecond)
			cl.Close()
			next := copyDir(t, dir)
			if clean {
				require.NoError(t, b.Close())
				next = dir
			}
			again := startTestBroker(t, next)
			cl = newClient(t, again.Addr())
			res := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "inbox", Value: []byte("y")})
			require.NoError(t, res.FirstErr())
			require.Greater(t, res[0].Record.Offset, int64(4))
		})
	}
}

// However old a record of a compacted topic is, it stays while it is the newest of its key.
func TestRetentionLeavesCompactedTopicsAlone(t *testing.T) {
	t.Parallel()
	b := startTestBroker(t, t.TempDir())
	createTopics(t, b.Addr(), map[string]string{"cleanup.policy": "compact"}, "keys")
	cl := newClient(t, b.Addr())
	for _, key := range []string{"a", "b"} {
		rec := &kgo.Record{Topic: "keys", Key: []byte(key), Value: []byte(key), Timestamp: time.Now().Add(-365 * 24 * time.Hour)}
		require.NoError(t, cl.ProduceSync(t.Context(), rec).FirstErr())
	}
	b.dropExpired()
	require.Equal(t, int64(0), b.cluster.PartitionInfo("keys", 0).LogStartOffset)
	require.Equal(t, []string{"a", "b"}, readTopic(t, b.Addr(), "keys"))
}

// The same holds when somebody deleted them.
func TestOffsetsGoOnAfterEverythingWasDeleted(t *testing.T) {
	t.Parallel()
	for name, clean := range map[string]bool{"clean stop": true, "crash": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			b := startTestBroker(t, dir)
			createTopics(t, b.Addr(), nil, "inbox")
			cl := newClient(t, b.Addr())
			require.NoError(t, cl.ProduceSync(t.Context(), &kgo.Record{Topic: "inbox", Value: []byte("x")}).FirstErr())
			req := kmsg.NewPtrDeleteRecordsRequest()
			req.Topics = []kmsg.DeleteRecordsRequestTopic{{
				Topic: "inbox", Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Offset: 1}},
			}}
			resp, err := req.RequestWith(t.Context(), cl)
			require.NoError(t, err)
			require.NoError(t, kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode))
			cl.Close()
			next := copyDir(t, dir)
			if clean {
				require.NoError(t, b.Close())
				next = dir
			}
			again := startTestBroker(t, next)
			res := newClient(t, again.Addr()).ProduceSync(t.Context(), &kgo.Record{Topic: "inbox", Value: []byte("y")})
			require.NoError(t, res.FirstErr())
			require.Positive(t, res[0].Record.Offset)
		})
	}
}

func TestCompactKeepsTheNewestOfEachKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := startTestBroker(t, dir)
	createTopics(t, b.Addr(), map[string]string{"cleanup.policy": "compact"}, "keys")
	cl := newClient(t, b.Addr())
	for _, v := range []string{"1", "2", "3"} {
		rec := &kgo.Record{Topic: "keys", Key: []byte("k"), Value: []byte(v)}
		require.NoError(t, cl.ProduceSync(t.Context(), rec).FirstErr())
	}
	last := &kgo.Record{Topic: "keys", Key: []byte("other"), Value: []byte("4")}
	require.NoError(t, cl.ProduceSync(t.Context(), last).FirstErr())
	require.NoError(t, b.Compact())
	require.Equal(t, []string{"3", "4"}, readTopic(t, b.Addr(), "keys"))
	again := startTestBroker(t, copyDir(t, dir))
	require.Equal(t, []string{"3", "4"}, readTopic(t, again.Addr(), "keys"))
}

// Whoever compacts while a transaction is open would drop what it supersedes, even if it is aborted in the end.
func TestCompactWaitsForOpenTransactions(t *testing.T) {
	t.Parallel()
	b := startTestBroker(t, t.TempDir())
	createTopics(t, b.Addr(), map[string]string{"cleanup.policy": "compact"}, "keys")
	plain, cl := newClient(t, b.Addr()), newClient(t, b.Addr(), kgo.TransactionalID("owner-0"))
	put := func(cl *kgo.Client, key, value string) {
		rec := &kgo.Record{Topic: "keys", Key: []byte(key), Value: []byte(value)}
		require.NoError(t, cl.ProduceSync(t.Context(), rec).FirstErr())
	}
	put(plain, "k", "1")
	require.NoError(t, cl.BeginTransaction())
	put(cl, "k", "2")
	put(plain, "other", "3")
	require.ErrorIs(t, b.Compact(), ErrTransactionOpen)
	require.NoError(t, cl.EndTransaction(t.Context(), kgo.TryAbort))
	require.NoError(t, b.Compact())
	require.Equal(t, []string{"1", "3"}, readTopic(t, b.Addr(), "keys"))
}

// The broker library deletes the segments of a partition before it writes those that take their place.
func TestRecoveryUndoesACompactionThatWasCutShort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := startTestBroker(t, dir)
	createTopics(t, b.Addr(), map[string]string{"cleanup.policy": "compact"}, "keys")
	cl := newClient(t, b.Addr())
	for i, key := range []string{"k", "k", "k", "other"} {
		rec := &kgo.Record{Topic: "keys", Key: []byte(key), Value: []byte(strconv.Itoa(i))}
		require.NoError(t, cl.ProduceSync(t.Context(), rec).FirstErr())
	}
	for name, stage := range map[string]func(*testing.T, string){
		"before it began": func(t *testing.T, dir string) {
			t.Helper()
			require.NoError(t, os.Rename(filepath.Join(dir, keptDir), filepath.Join(dir, keptNewDir)))
		},
		"after it deleted": func(t *testing.T, dir string) {
			t.Helper()
			require.NoError(t, os.Remove(filepath.Join(dir, brokerLogDir, "partitions", partitionDirName("keys", 0), "0.dat")))
		},
		"while it wrote": func(t *testing.T, dir string) {
			t.Helper()
			part := filepath.Join(dir, brokerLogDir, "partitions", partitionDirName("keys", 0))
			require.NoError(t, os.Remove(filepath.Join(part, "0.dat")))
			require.NoError(t, os.WriteFile(filepath.Join(part, "2.dat"), []byte("half"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copyDir(t, dir)
			require.NoError(t, keepSegments(dir, []string{partitionDirName("keys", 0)}))
			stage(t, dir)
			again := startTestBroker(t, dir)
			require.Equal(t, []string{"0", "1", "2", "3"}, readTopic(t, again.Addr(), "keys"))
			require.NoError(t, again.Compact())
			require.NoDirExists(t, filepath.Join(dir, keptDir))
			require.NoDirExists(t, filepath.Join(dir, keptNewDir))
			again = startTestBroker(t, copyDir(t, dir))
			require.Equal(t, []string{"2", "3"}, readTopic(t, again.Addr(), "keys"))
		})
	}
}

// A compaction that cannot write what is left, as on a full disk, ends the broker and not the newest of each key.
func TestCompactionThatCannotWriteLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := StartBroker(t.Context(), BrokerConfig{Dir: dir})
	require.NoError(t, err)
	createTopics(t, b.Addr(), map[string]string{"cleanup.policy": "compact"}, "keys")
	cl := newClient(t, b.Addr())
	for i, key := range []string{"k", "k", "k", "other"} {
		rec := &kgo.Record{Topic: "keys", Key: []byte(key), Value: []byte(strconv.Itoa(i))}
		require.NoError(t, cl.ProduceSync(t.Context(), rec).FirstErr())
	}
	inTheWay := filepath.Join(dir, brokerLogDir, "partitions", partitionDirName("keys", 0), "2.idx")
	require.NoError(t, os.Mkdir(inTheWay, 0o700))
	require.ErrorContains(t, b.Compact(), "2.idx")
	require.Error(t, newClient(t, b.Addr(), kgo.RequestRetries(0)).Ping(t.Context()))
	require.Error(t, b.Close(), "it is no clean stop")
	again := startTestBroker(t, dir)
	require.Equal(t, []string{"2", "3"}, readTopic(t, again.Addr(), "keys"))
}

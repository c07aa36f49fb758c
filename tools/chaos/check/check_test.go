package check

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	prefix       = "t."
	installation = "test-installation"
	partitions   = 2
)

var noon = time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)

// rig is a small installation that never was: its journal, inboxes and carriers'
// log are written by hand, so that a test can spoil them.
type rig struct {
	t        *testing.T
	journal  map[string][]*event // by topic and partition, not linked yet
	inbox    []*kgo.Record
	carriers []entry
	sent     []Sent
	offsets  map[string]int64 // by lane and partition
	versions map[string]int64
	epoch    int64
	n        int
	postgres string // of the read models; "" = not compared
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, journal: map[string][]*event{}, offsets: map[string]int64{}, versions: map[string]int64{}, epoch: 1}
	for p := range int32(partitions) {
		r.owned(p, "a")
	}
	return r
}

func lanePart(topic string, p int32) string { return fmt.Sprintf("%s/%d", topic, p) }

func (r *rig) event(topic string, p int32, stream, kind string, data any) *event {
	r.t.Helper()
	value, err := json.Marshal(data)
	require.NoError(r.t, err)
	r.n++
	r.versions[stream]++
	at := noon.Add(time.Duration(r.n) * time.Second)
	e := &event{
		topic: topic, partition: p, stream: stream, value: value, written: at, id: fmt.Sprintf("event-%d", r.n), kind: kind,
		version: r.versions[stream], epoch: r.epoch, command: fmt.Sprintf("command-%d", r.n),
	}
	r.journal[lanePart(topic, p)] = append(r.journal[lanePart(topic, p)], e)
	return e
}

func (r *rig) message(p int32, id, event string, data any) *event {
	r.t.Helper()
	return r.event(topicMessages, p, "message/"+id, "goniec.message."+event+".v1", data)
}

func (r *rig) owned(p int32, process string) *event {
	r.t.Helper()
	return r.event(topicMessages, p, fmt.Sprintf("partition/%d", p), "goniec.partition.owned.v1", map[string]any{"epoch": r.epoch, "process": process})
}

// command puts a record into the urgent lane and says that it was decided.
func (r *rig) command(p int32, kind, stream string, data any) {
	r.t.Helper()
	value, err := json.Marshal(data)
	require.NoError(r.t, err)
	r.n++
	lane := lanePart(lanes[0], p)
	r.inbox = append(r.inbox, &kgo.Record{
		Topic: prefix + lanes[0], Partition: p, Key: []byte(stream), Value: value,
		Headers: []kgo.RecordHeader{{Key: "cmd_id", Value: []byte(fmt.Sprintf("inbox-%d", r.n))}, {Key: "cmd_type", Value: []byte(kind)}},
	})
	r.offsets[lane]++
}

// delivered is the whole life of a message that Viber delivered.
func (r *rig) delivered(p int32, id string) {
	r.t.Helper()
	number := "+4850000" + id
	r.sent = append(r.sent, Sent{Number: number, ID: id})
	r.command(p, "message.request.v1", "message/"+id, map[string]any{})
	r.message(p, id, "accepted", map[string]any{"number": "key-" + id})
	r.message(p, id, "released", map[string]any{})
	r.attempt(p, id, "viber", number)
	r.message(p, id, "delivered", map[string]any{"attempt": "viber-" + id, "channel": "viber"})
	r.message(p, id, "charged", map[string]any{"channel": "viber", "attempt": "viber-" + id, "amount": "0.050000", "parts": 1, "month": "2026-11"})
}

// attempt starts, is called and is taken.
func (r *rig) attempt(p int32, id, channel, number string) {
	r.t.Helper()
	attempt := channel + "-" + id
	started := r.message(p, id, "attempt_started", map[string]any{"attempt": attempt, "channel": channel})
	r.call(channel, number, attempt, started.written.Add(time.Millisecond))
	r.command(p, "message.answer.v1", "message/"+id, map[string]any{"attempt": attempt})
	r.message(p, id, "attempt_accepted", map[string]any{"attempt": attempt, "carrier_ids": []string{"C-" + attempt}})
}

func (r *rig) call(channel, number, attempt string, at time.Time) {
	e := entry{Seq: int64(len(r.carriers) + 1), At: at, Kind: "submit", Channel: channel, ID: "C-" + attempt, Number: number}
	e.Submit = &struct {
		Tag   string `json:"tag"`
		Taken bool   `json:"taken"`
	}{attempt, true}
	r.carriers = append(r.carriers, e)
}

// link computes the chain of a partition.
func link(topic string, p int32, events []*event) {
	head := root(installation, topic, p)
	for _, e := range events {
		at := e.written.Format("2006-01-02T15:04:05.000000Z")
		e.headers = map[string]string{
			"ce_specversion": "1.0", "ce_id": e.id, "ce_type": e.kind, "ce_source": "goniec/" + installation, "ce_subject": e.stream,
			"ce_time": at, "ce_recordedtime": at, "ce_streamversion": strconv.FormatInt(e.version, 10), "ce_commandid": e.command,
			"ce_epoch": strconv.FormatInt(e.epoch, 10), "ce_prevhash": head,
		}
		sum := e.hash()
		head = hex.EncodeToString(sum[:])
		e.headers["ce_hash"] = head
	}
}

func (r *rig) link() {
	for _, topic := range journals {
		for p := range int32(partitions) {
			link(topic, p, r.journal[lanePart(topic, p)])
		}
	}
}

// check publishes everything as it stands, and checks it.
func (r *rig) check() *Report {
	r.t.Helper()
	topics := []string{prefix + topicMessages, prefix + topicAccounts, prefix + topicOutcomes, prefix + lanes[0], prefix + lanes[1]}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topics...))
	require.NoError(r.t, err)
	r.t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), byName)
	require.NoError(r.t, err)
	defer client.Close()
	for _, events := range r.journal {
		for _, e := range events {
			rec := &kgo.Record{Topic: prefix + e.topic, Partition: e.partition, Key: []byte(e.stream), Value: e.value, Timestamp: e.written}
			for k, v := range e.headers {
				rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: k, Value: []byte(v)})
			}
			require.NoError(r.t, client.ProduceSync(r.t.Context(), rec).FirstErr())
		}
	}
	require.NoError(r.t, client.ProduceSync(r.t.Context(), r.inbox...).FirstErr())
	r.commit(client)
	carriers := httptest.NewServer(http.HandlerFunc(r.serveLog))
	defer carriers.Close()
	report, err := Run(r.t.Context(), Config{
		Brokers: cluster.ListenAddrs(), Prefix: prefix, Partitions: partitions, Installation: installation, Carriers: carriers.URL, Sent: r.sent, Postgres: r.postgres,
		From: noon, To: noon.Add(time.Hour),
	})
	require.NoError(r.t, err)
	return report
}

func (r *rig) commit(client *kgo.Client) {
	r.t.Helper()
	req := kmsg.NewOffsetCommitRequest()
	req.Group, req.Generation = prefix+"decider", -1
	for _, lane := range lanes {
		topic := kmsg.NewOffsetCommitRequestTopic()
		topic.Topic = prefix + lane
		for p := range int32(partitions) {
			part := kmsg.NewOffsetCommitRequestTopicPartition()
			part.Partition, part.Offset = p, r.offsets[lanePart(lane, p)]
			topic.Partitions = append(topic.Partitions, part)
		}
		req.Topics = append(req.Topics, topic)
	}
	resp, err := req.RequestWith(r.t.Context(), client)
	require.NoError(r.t, err)
	require.Zero(r.t, resp.Topics[0].Partitions[0].ErrorCode)
}

func (r *rig) serveLog(w http.ResponseWriter, req *http.Request) {
	since, _ := strconv.Atoi(req.URL.Query().Get("since"))
	_ = json.NewEncoder(w).Encode(map[string]any{"entries": r.carriers[since:]})
}

// requireOnly wants that kind of finding, and no other.
func requireOnly(t *testing.T, report *Report, kinds ...string) {
	t.Helper()
	for _, kind := range kinds {
		require.True(t, report.Has(kind), "%s: %v", kind, report.Findings)
	}
	for _, f := range report.Findings {
		require.Contains(t, kinds, f.Kind, f.Detail)
	}
}

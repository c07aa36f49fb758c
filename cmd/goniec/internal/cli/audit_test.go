package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/cmd/goniec/internal/run"
	"goniec/domain"
	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/internal/testkit"
)

// auditable writes a journal of one message, which spoil may change before it
// is stored, and returns the configuration that leads to it, and the message.
func auditable(t *testing.T, spoil func([]*sarama.ProducerMessage)) (config, id string) {
	t.Helper()
	addr, prefix := testkit.Kafka(t)
	kafka := run.KafkaConfig{Brokers: []string{addr}, Prefix: prefix, Partitions: 1, Replication: 1, MinInsync: 1}
	require.NoError(t, run.CreateTopics(kafka))
	dir := t.TempDir()
	secrets, err := run.EnsureSecrets(filepath.Join(dir, "secrets.json"))
	require.NoError(t, err)
	config = filepath.Join(dir, "goniec.yaml")
	text := fmt.Sprintf("secrets: %s\nkafka:\n  brokers: [%q]\n  prefix: %s\n  partitions: 1\n  replication: 1\n  mininsync: 1\n", filepath.Join(dir, "secrets.json"), addr, prefix)
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))

	id = eventstore.DerivedID(0, make([]byte, 16)).String()
	at := time.Date(2026, 11, 16, 9, 31, 0, 0, time.UTC)
	head := eventstore.FirstPrevHash(secrets.Installation, eventstore.Messages, 0)
	var records []*sarama.ProducerMessage
	for i, fact := range []domain.Event{
		message.Accepted{Category: domain.Transactional, Country: "PL", SMSParts: 1, Facts: message.UsedFacts{SenderVersion: 3, PolicyVersion: 2}},
		message.Released{Deadline: at.Add(15 * time.Second)},
		message.AttemptStarted{Attempt: "a", Channel: domain.Viber},
		message.FellBack{From: domain.Viber, To: domain.SMS, Reason: "deadline", Rule: "D3"},
	} {
		data, err := json.Marshal(fact)
		require.NoError(t, err)
		e := &eventstore.Event{
			ID: fmt.Sprintf("e%d", i), Type: fact.EventType(), Source: "goniec/" + secrets.Installation, Stream: "message/" + id, Time: at, Recorded: at,
			Version: int64(i + 1), CommandID: fmt.Sprintf("c%d", i), Causation: "before", Actor: "timer/deadline", Epoch: 1, PrevHash: head, Data: data,
		}
		e.Hash = e.ComputeHash()
		head = e.Hash
		records = append(records, e.Message(prefix+eventstore.Messages, 0))
	}
	if spoil != nil {
		spoil(records)
	}
	store, err := kafka.Store()
	require.NoError(t, err)
	producer, err := eventstore.NewProducer(store)
	require.NoError(t, err)
	defer producer.Close()
	require.NoError(t, producer.Send(t.Context(), records...))
	return config, id
}

func TestAuditVerify(t *testing.T) {
	t.Parallel()
	config, _ := auditable(t, nil)
	r := runCLI(t, "", "", "--config", config, "audit", "verify")
	require.Equal(t, ExitOK, r.code, r.err)
	require.Contains(t, r.out, "intact: 4 events of 1 stream follow one another by hash and by version")
	r = runCLI(t, "", "", "--config", config, "audit", "verify", "--json")
	require.Equal(t, ExitOK, r.code, r.err)
	var got struct {
		Intact     bool
		Events     int
		Partitions []struct{ Head string }
	}
	require.NoError(t, json.Unmarshal([]byte(r.out), &got))
	require.True(t, got.Intact)
	require.Equal(t, 4, got.Events)
	require.Len(t, got.Partitions[0].Head, 64)
}

func TestAuditVerifyNamesTheFirstBrokenPlace(t *testing.T) {
	t.Parallel()
	config, id := auditable(t, func(r []*sarama.ProducerMessage) { r[2].Value = sarama.StringEncoder(`{"attempt":"b"}`) })
	r := runCLI(t, "", "", "--config", config, "audit", "verify")
	require.Equal(t, ExitFailed, r.code)
	require.Contains(t, r.err, "the journal is not what was written: first at ")
	require.Contains(t, r.err, "messages/0 offset 2 (message/"+id+"): its content does not match its hash: it was changed")
	require.Contains(t, r.out, "BROKEN")
}

func TestAuditShow(t *testing.T) {
	t.Parallel()
	config, id := auditable(t, nil)
	r := runCLI(t, "", "", "--config", config, "audit", "show", id)
	require.Equal(t, ExitOK, r.code, r.err)
	require.Contains(t, r.out, "2026-11-16 09:31:00.000  accepted: transactional for PL, 1 part as SMS\n"+
		"    by timer deadline, on sender version 3 and policy version 2, command c0, caused by before [")
	require.Contains(t, r.out, "falls back to SMS: not delivered in time\n    by timer deadline, rule D3, command c3")
	require.Contains(t, r.out, "is intact from its first event on")

	r = runCLI(t, "", "", "--config", config, "audit", "show", "message/"+id, "--json")
	var got struct {
		Stream string
		Steps  []struct {
			Words, Type, Hash string
			Data              map[string]any
		}
	}
	require.NoError(t, json.Unmarshal([]byte(r.out), &got))
	require.Equal(t, "message/"+id, got.Stream)
	require.Len(t, got.Steps, 4)
	require.Equal(t, "falls back to SMS: not delivered in time", got.Steps[3].Words)
	require.Equal(t, "D3", got.Steps[3].Data["rule"])

	r = runCLI(t, "", "", "--config", config, "audit", "show", "+48500100201")
	require.Equal(t, ExitFailed, r.code)
	require.Contains(t, r.err, "the journal holds no such stream")
	require.NotContains(t, r.out+r.err, "500100201")
}

func TestAStoryOfASpoiltJournalWarns(t *testing.T) {
	t.Parallel()
	config, id := auditable(t, func(r []*sarama.ProducerMessage) { r[0].Value = sarama.StringEncoder(`{"country":"DE"}`) })
	r := runCLI(t, "", "", "--config", config, "audit", "show", id)
	require.Contains(t, r.out, "Not to be relied on: the journal is broken at ")
}

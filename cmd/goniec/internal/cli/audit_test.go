package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/cmd/goniec/internal/run"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
	"goniec/domain/money"
	"goniec/domain/partition"
	"goniec/domain/whatif"
	"goniec/eventstore"
	"goniec/eventstore/audit"
	"goniec/internal/kafkatest"
	"goniec/internal/testkit"
)

// eventID is that of an event of auditable's journal.
func eventID(i int) string {
	return eventstore.DerivedID(0, append([]byte{0, 0, byte(i)}, make([]byte, 16)...)).String()
}

// auditable writes a journal of one message, which spoil may change before it
// is stored, and returns the configuration that leads to it, and the message.
func auditable(t *testing.T, spoil func([]*sarama.ProducerMessage)) (config, id string) {
	t.Helper()
	return auditableOf(t, func(keys eventstore.Secrets, _ string) []domain.Event {
		return []domain.Event{
			message.Accepted{
				Category: domain.Transactional, Country: "PL", SMSParts: 1, ValidityMS: 15_000, Fallback: true, Basis: "declaration",
				Digest: keys.ContentDigest("Zażółć gęślą jaźń", "", "", "", ""), Facts: message.UsedFacts{SenderVersion: 3, PolicyVersion: 2},
			},
			message.Released{Deadline: time.Date(2026, 11, 16, 9, 31, 15, 0, time.UTC)},
			message.AttemptStarted{Attempt: "a", Channel: domain.Viber},
			message.FellBack{From: domain.Viber, To: domain.SMS, Reason: "deadline", Rule: "D3"},
		}
	}, spoil)
}

// auditableOf writes a journal of these events, of a message but for what evicts it.
func auditableOf(t *testing.T, events func(keys eventstore.Secrets, id string) []domain.Event, spoil func([]*sarama.ProducerMessage)) (config, id string) {
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
	versions := map[string]int64{}
	for i, fact := range events(secrets.Keys(), id) {
		stream := "message/" + id
		if _, evicts := fact.(partition.Evicted); evicts {
			versions[stream] = 0
			stream = "partition/0"
		}
		versions[stream]++
		data, err := json.Marshal(fact)
		require.NoError(t, err)
		e := &eventstore.Event{
			ID: eventID(i), Type: fact.EventType(), Source: "goniec/" + secrets.Installation, Stream: stream, Time: at, Recorded: at,
			Version: versions[stream], CommandID: fmt.Sprintf("c%d", i), Causation: "before", Actor: "timer/deadline", Epoch: 1, PrevHash: head, Data: data,
		}
		e.Hash = e.ComputeHash()
		head, at = e.Hash, at.Add(time.Second)
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

// What the configuration does not count would not be looked at.
func TestAuditOfMorePartitionsThanConfigured(t *testing.T) {
	t.Parallel()
	config, id := auditable(t, nil)
	cfg, err := run.Load(run.Defaults(), config)
	require.NoError(t, err)
	kafka, err := cfg.Kafka.Store()
	require.NoError(t, err)
	admin, err := sarama.NewClusterAdminFromClient(kafkatest.Client(t, kafka))
	require.NoError(t, err)
	require.NoError(t, admin.CreatePartitions(kafka.Topics().Name(eventstore.Accounts), 2, nil, false))
	for _, args := range [][]string{{"verify"}, {"show", id}, {"diff", "--from", "2026-11-16"}} {
		r := runCLI(t, "", "", append([]string{"--config", config, "audit"}, args...)...)
		require.Equal(t, ExitUsage, r.code, "%s%s", r.out, r.err)
		require.Empty(t, r.out)
		require.Contains(t, r.err, "accounts has 2 partitions, and kafka.partitions is 1")
	}
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
	r = runCLI(t, "", "", "--config", config, "audit", "state", id, "--as-of", "2026-11-16T10:00:00Z")
	require.Equal(t, ExitOK, r.code, r.err)
	require.Contains(t, r.out, "Not to be relied on: the journal is broken")
}

// From a key to a proof that somebody else checks, by the commands alone.
func TestAuditAnchors(t *testing.T) {
	t.Parallel()
	config, _ := auditable(t, nil)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	do := func(code int, args ...string) result {
		t.Helper()
		r := runCLI(t, "", "", append([]string{"--config", config, "audit"}, args...)...)
		require.Equal(t, code, r.code, "%s%s", r.out, r.err)
		return r
	}
	do(ExitOK, "keygen", "--out", at("key"))
	require.Contains(t, do(ExitUsage, "keygen", "--out", at("key")).err, "is there already")
	require.NoError(t, os.WriteFile(at("alone.pub"), nil, 0o600))
	require.Contains(t, do(ExitUsage, "keygen", "--out", at("alone")).err, "alone.pub is there already")
	require.NoFileExists(t, at("alone"), "a private key without its public one")
	require.NoError(t, os.WriteFile(at("huge"), nil, 0o600))
	require.NoError(t, os.Truncate(at("huge"), 1<<30))
	require.Contains(t, do(ExitUsage, "check-proof", at("huge"), "--key", at("key.pub")).err, "FILE: is longer than")
	info, err := os.Stat(at("key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())

	var made struct {
		File   string
		Events int
	}
	for range 2 {
		r := do(ExitOK, "checkpoint", "--key", at("key"), "--dir", at("kept"), "--json")
		require.NoError(t, json.Unmarshal([]byte(r.out), &made))
		require.Equal(t, 4, made.Events)
	}
	kept, err := filepath.Glob(at("kept/*.checkpoint"))
	require.NoError(t, err)
	require.Len(t, kept, 2)
	pub := at("key.pub")
	require.Contains(t, do(ExitOK, "verify", "--checkpoint", kept[0], "--checkpoint", kept[1], "--key", pub).out, "agrees with 2 checkpoints")
	require.Contains(t, do(ExitOK, "verify", "--from", kept[0], "--key", pub).out, "intact")

	do(ExitOK, "prove", eventID(2), "--checkpoint", made.File, "--key", pub, "--out", at("proof"))
	r := runCLI(t, "", "", "audit", "check-proof", at("proof"), "--key", pub) // no configuration: it needs none
	require.Equal(t, ExitOK, r.code, r.err)
	require.Contains(t, r.out, "goniec.message.attempt_started.v1 of message/")
	require.Contains(t, r.out, "is event 2 of messages/0")
	do(ExitOK, "consistency", kept[0], kept[1], "--key", pub, "--out", at("both"))
	require.Contains(t, do(ExitOK, "check-proof", at("both"), "--key", pub).out, "continues that of")

	proof, err := os.ReadFile(at("proof"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(at("proof"), []byte(strings.Replace(string(proof), `"index": 2`, `"index": 3`, 1)), 0o600))
	require.Contains(t, do(ExitFailed, "check-proof", at("proof"), "--key", pub).err, "the proof does not hold")
	require.Contains(t, do(ExitFailed, "prove", eventID(9), "--checkpoint", made.File, "--key", pub, "--out", at("no")).err, "holds no such event; one that is younger needs a newer checkpoint")
	require.NoFileExists(t, at("no"))
	do(ExitOK, "keygen", "--out", at("other"))
	require.Contains(t, do(ExitFailed, "verify", "--checkpoint", kept[0], "--key", at("other.pub")).err, "the key goniec has not signed it")
	require.Contains(t, do(ExitUsage, "verify", "--checkpoint", at("nothing"), "--key", pub).err, "--checkpoint: there is no such file")
	require.Contains(t, do(ExitUsage, "verify", "--checkpoint", kept[0], "--key", at("key")).err, "--key: not a public key of audit keygen")
	require.Contains(t, do(ExitUsage, "verify", "--checkpoint", kept[0]).err, "--key: a file with the public key is required")
}

// Two journals that differ, of one installation: the checkpoint tells them apart.
func TestAuditVerifyAgainstACheckpoint(t *testing.T) {
	t.Parallel()
	config, _ := auditable(t, nil)
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	r := runCLI(t, "", "", "--config", config, "audit", "keygen", "--out", key)
	require.Equal(t, ExitOK, r.code, r.err)
	signer, _, err := run.ReadAuditKey(key)
	require.NoError(t, err)
	secrets, err := run.ReadSecrets(filepath.Join(filepath.Dir(config), "secrets.json"))
	require.NoError(t, err)
	longer := audit.Checkpoint{Installation: secrets.Installation, Time: time.Date(2026, 11, 16, 10, 0, 0, 0, time.UTC), Extents: []audit.Extent{
		{Topic: eventstore.Messages, Size: 5, Next: 5}, {Topic: eventstore.Accounts},
	}}
	longer.Extents[1].Head = eventstore.FirstPrevHash(secrets.Installation, eventstore.Accounts, 0)
	longer.Extents[1].Root = sha256.Sum256(nil)
	signed, err := longer.Sign(signer)
	require.NoError(t, err)
	file := filepath.Join(dir, "checkpoint")
	require.NoError(t, os.WriteFile(file, signed, 0o600))
	r = runCLI(t, "", "", "--config", config, "audit", "verify", "--checkpoint", file, "--key", key+".pub")
	require.Equal(t, ExitFailed, r.code)
	require.Contains(t, r.err, "messages/0 offset 4: it ends before the 5 events that the checkpoint of 2026-11-16T10:00:00Z names: its end was cut off")
}

func TestAuditWhy(t *testing.T) {
	t.Parallel()
	config, id := auditable(t, nil)
	r := runCLI(t, "", "", "--config", config, "audit", "why", id)
	require.Equal(t, ExitOK, r.code, r.err)
	require.Contains(t, r.out, "falls back to SMS: not delivered in time\n    rule D3; not delivered in time")
	require.Contains(t, r.out, "rule D12, by timer deadline; sender version 3, policy version 2, validity 15 s, fallback on, basis declaration")
	r = runCLI(t, "", "", "--config", config, "audit", "why", "message/"+id, "--json")
	var got whyBody
	require.NoError(t, json.Unmarshal([]byte(r.out), &got))
	require.True(t, got.Intact)
	require.Len(t, got.Decisions, 4)
	require.Equal(t, "D3", got.Decisions[3].Rule)
	require.Equal(t, eventID(3), got.Decisions[3].Event)
}

func TestAuditState(t *testing.T) {
	t.Parallel()
	config, id := auditable(t, nil)
	r := runCLI(t, "", "", "--config", config, "audit", "state", id, "--as-of", "2026-11-16T09:00:00Z", "--json")
	require.Equal(t, ExitOK, r.code, r.err)
	var got stateBody
	require.NoError(t, json.Unmarshal([]byte(r.out), &got))
	require.Zero(t, got.Version)
	require.Equal(t, int64(4), got.Now)
	require.NotEmpty(t, got.Since)
	r = runCLI(t, "", "", "--config", config, "audit", "state", id, "--as-of", "2026-11-16T10:00:00Z")
	require.Equal(t, ExitOK, r.code, r.err)
	require.Contains(t, r.out, "message/"+id+", version 4: {")
	require.Contains(t, r.out, `"validity_ms": 15000`)
	require.Contains(t, r.out, "nothing has changed since")
	for _, bad := range []string{"", "yesterday", "2026-13-01", "+1h", time.Now().Add(-time.Hour).Format("15:04")} { // an hour of tomorrow
		r = runCLI(t, "", "", "--config", config, "audit", "state", id, "--as-of", bad)
		require.Equal(t, ExitUsage, r.code, bad)
		require.Contains(t, r.err, "--as-of: must be a time")
	}
}

func TestAuditSample(t *testing.T) {
	t.Parallel()
	config, id := auditable(t, nil)
	r := runCLI(t, "", "", "--config", config, "audit", "sample", "--month", "2026-11", "--seed", "s")
	require.Equal(t, ExitOK, r.code, r.err)
	require.Contains(t, r.out, "message/"+id)
	require.Contains(t, r.out, `1 of 1 message of 2026-11, seed "s"`)
	r = runCLI(t, "", "", "--config", config, "audit", "sample", "--month", "2026-10")
	require.Contains(t, r.out, "0 of 0 messages of 2026-10")
	for want, args := range map[string][]string{
		"--month: must be a month": {"--month", "November"}, "--n: must be from 1 to 1000": {"--month", "2026-11", "--n", "0"},
	} {
		r = runCLI(t, "", "", append([]string{"--config", config, "audit", "sample"}, args...)...)
		require.Equal(t, ExitUsage, r.code)
		require.Contains(t, r.err, want)
	}
}

func TestAuditMatch(t *testing.T) {
	t.Parallel()
	config, id := auditable(t, nil)
	file := filepath.Join(t.TempDir(), "text")
	for text, code := range map[string]int{
		"Zażółć gęślą jaźń": ExitOK, "Zażółć gęślą jaźń\r\n": ExitOK, "Zaz\u0307o\u0301łc\u0301 ge\u0328s\u0301la\u0328 jaz\u0301n\u0301": ExitOK,
		"Zażółć gęślą jaźń ": ExitFailed, "": ExitFailed,
	} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		r := runCLI(t, "", "", "--config", config, "audit", "match", id, "--text-file", file)
		require.Equal(t, code, r.code, "%q: %s%s", text, r.out, r.err)
		require.NotContains(t, r.out+r.err, "jaźń")
	}
	r := runCLI(t, "", "Zażółć gęślą jaźń", "--config", config, "audit", "match", id, "--text-file", "-", "--json")
	require.Equal(t, ExitOK, r.code, r.err)
	require.Contains(t, r.out, `"matches":true`)
	r = runCLI(t, "", "", "--config", config, "audit", "match", id, "--text-file", filepath.Join(t.TempDir(), "none"))
	require.Equal(t, ExitUsage, r.code)
	require.Contains(t, r.err, "--text-file: the file cannot be read")
}

// Of a message that came again under its id after 35 days, both texts were sent.
func TestAuditMatchOfAMessageThatCameAgain(t *testing.T) {
	t.Parallel()
	var keys eventstore.Secrets
	config, id := auditableOf(t, func(s eventstore.Secrets, id string) []domain.Event {
		keys = s
		return []domain.Event{
			message.Accepted{Digest: keys.ContentDigest("first", "", "", "", "")},
			partition.Evicted{Messages: []string{id}},
			message.Accepted{Digest: keys.ContentDigest("second", "", "", "", "")},
		}
	}, nil)
	for text, want := range map[string]string{"first": "2026-11-16T09:31:00Z", "second": "2026-11-16T09:31:02Z"} {
		r := runCLI(t, "", person(text), "--config", config, "audit", "match", id, "--text-file", "-", "--json")
		require.Equal(t, ExitOK, r.code, "%s%s", r.out, r.err)
		require.Contains(t, r.out, `"accepted_at":"`+want+`","intact":true`)
	}
	require.Equal(t, ExitFailed, runCLI(t, "", "third", "--config", config, "audit", "match", id, "--text-file", "-").code)
}

// opened lets auditable's journal know the installation's account.
func opened(t *testing.T, config string) {
	t.Helper()
	cfg, err := run.Load(run.Defaults(), config)
	require.NoError(t, err)
	kafka, err := cfg.Kafka.Store()
	require.NoError(t, err)
	secrets, err := run.ReadSecrets(cfg.Secrets)
	require.NoError(t, err)
	kafkatest.NewJournal(t, kafka, secrets.Installation, time.Now()).Add(eventstore.Accounts, 0, account.AccountStream(account.Installation), account.AccountCreated{Name: "a"})
}

func TestAuditConsent(t *testing.T) {
	t.Parallel()
	config, _ := auditable(t, nil)
	opened(t, config)
	r := runCLI(t, "", "500 100 201\n", "--config", config, "audit", "consent", "--number-file", "-", "--account", account.Installation, "--at", "2026-11-16T10:00:00Z")
	require.Equal(t, ExitOK, r.code, r.err)
	require.Equal(t, 6, strings.Count(r.out, "no opt-out"))
	require.NotContains(t, r.out+r.err, "100")
	r = runCLI(t, "", "500 100 201\n", "--config", config, "audit", "consent", "--number-file", "-", "--account", "00000000-0000-8000-8000-00000000000f")
	require.Equal(t, ExitUsage, r.code, "nobody opted out of an account that is none")
	require.Empty(t, r.out)
	require.Contains(t, r.err, "--account: the journal holds no such account")
	r = runCLI(t, "", "500 100 201\n", "--config", config, "audit", "consent", "--number-file", "-", "--account", account.Installation, "--at", "09:00")
	require.Equal(t, ExitUsage, r.code)
	require.Contains(t, r.err, "--at: must be a time, such as")
	r = runCLI(t, "", "hello", "--config", config, "audit", "consent", "--number-file", "-", "--account", account.Installation)
	require.Equal(t, ExitUsage, r.code)
	require.Contains(t, r.err, "--number-file: must hold one phone number")
}

func TestAuditDiff(t *testing.T) {
	t.Parallel()
	config, _ := auditable(t, nil)
	r := runCLI(t, "", "", "--config", config, "audit", "diff", "--from", "2026-11-16")
	require.Equal(t, ExitOK, r.code, r.err)
	require.Contains(t, r.out, "0 changes")
	for want, args := range map[string][]string{
		"--from: must be a time": {"--from", "monday"}, "--to: must be a time after --from": {"--from", "2026-11-16", "--to", "2026-11-15"},
	} {
		r = runCLI(t, "", "", append([]string{"--config", config, "audit", "diff"}, args...)...)
		require.Equal(t, ExitUsage, r.code)
		require.Contains(t, r.err, want)
	}
}

func TestAuditWhatIf(t *testing.T) {
	t.Parallel()
	config, _ := auditable(t, nil)
	do := func(args ...string) result {
		t.Helper()
		return runCLI(t, "", "", append([]string{"--config", config, "audit", "what-if"}, args...)...)
	}
	r := do("--month", "2026-11", "--validity", "60s", "--policy", "fallback_at_once=false")
	require.Equal(t, ExitOK, r.code, r.err)
	require.Contains(t, r.out, "0 messages of 2026-11, decided again with validity=60s, fallback_at_once=false\n")
	require.Contains(t, r.out, "left out: 1 message that had not ended\nnothing had to be assumed\n")
	r = do("--month", "2026-11", "--json")
	got := decode[whatIfBody](t, r.out)
	require.Equal(t, int64(1), got.Open)
	require.Empty(t, got.Settings)
	list := file(t, "prices.csv", "country,channel,category,content,amount\nPL,sms,,,0.05\n")
	require.Contains(t, do("--month", "2026-11", "--prices", list).out, "prices="+list+" (PLN)")
	for want, args := range map[string][]string{
		"--month: must be a month":                     {"--month", "November"},
		"--validity: must be a duration from 15s":      {"--month", "2026-11", "--validity", "5s"},
		"--policy: must be a name and a value":         {"--month", "2026-11", "--policy", "fallback"},
		"--policy colour: is no setting":               {"--month", "2026-11", "--policy", "colour=red"},
		"--policy late_policy: must be bill_both or":   {"--month", "2026-11", "--policy", "late_policy=never"},
		"--prices: open none.csv":                      {"--month", "2026-11", "--prices", "none.csv"},
		"prices[0].amount: must be a decimal such as ": {"--month", "2026-11", "--prices", file(t, "bad.csv", "country,channel,category,content,amount\nPL,sms,,,dear\n")},
	} {
		r := do(args...)
		require.Equal(t, ExitUsage, r.code, "%v: %s", args, r.out)
		require.Contains(t, r.err, want)
	}
}

// What differs stands with its sign, the most frequent reasons first, and what was
// assumed below.
func TestWhatIfIsTold(t *testing.T) {
	t.Parallel()
	figures := func(viber, sms, deadline int64, cost string) whatif.Figures {
		amount, err := money.Parse(cost)
		require.NoError(t, err)
		return whatif.Figures{
			Messages: 0, ByViber: viber, BySMS: sms, FellBack: deadline, Fallbacks: map[string]int64{"deadline": deadline, "not_on_viber": 1},
			Cost: map[string]whatif.Cost{"PLN": {SMS: amount, Total: amount}},
		}
	}
	b := whatIfBody{Month: "2026-11", Settings: []string{"validity=60s"}, Result: whatif.Result{
		Real: figures(1200, 30, 30, "2.7"), WhatIf: figures(1230, 0, 0, "0"), Difference: figures(30, -30, -30, "-2.7"), Open: 2,
		Assumed: []whatif.Assumed{{Name: whatif.AssumeSilent, Meaning: whatif.AssumeSilent.String(), Messages: 7}},
	}}
	var out bytes.Buffer
	(&app{out: &out}).sayWhatIf(b)
	for _, line := range []string{
		`(?m)^  delivered by Viber +1,200 +1,230 +\+30$`,
		`(?m)^  delivered by SMS +30 +0 +-30$`,
		`(?m)^  not delivered in time \(deadline\) +30 +0 +-30\n  the number is not on Viber \(not_on_viber\)`,
		`(?m)^cost, PLN +2.70 +0.00 +-2.70$`,
		`left out: 2 messages that had not ended`,
		`assumed:\n  7 messages: Viber never reported: `,
	} {
		require.Regexp(t, line, out.String())
	}
}

package cli

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/internal/testkit"
)

// built makes the program with build tags.
func built(t *testing.T, tags string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "goniec")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", tags, "-o", bin, "goniec/cmd/goniec").CombinedOutput()
	require.NoError(t, err, string(out))
	return bin
}

// node is a process of its own, with what it logs.
type node struct {
	cmd *exec.Cmd
	log testkit.Log
}

func (n *node) said(what string) int { return n.log.Count(what) }

func launch(t *testing.T, bin string, args ...string) *node {
	t.Helper()
	n := &node{cmd: exec.CommandContext(t.Context(), bin, args...)}
	n.cmd.Stdout, n.cmd.Stderr = &n.log, &n.log
	n.cmd.Cancel = func() error { return n.cmd.Process.Signal(syscall.SIGTERM) }
	require.NoError(t, n.cmd.Start())
	return n
}

// upgrade is a cluster with deciders of two builds, and what the test writes to it.
type upgrade struct {
	t        *testing.T
	kafka    eventstore.KafkaConfig
	producer *eventstore.Producer
}

func (u *upgrade) send(p eventstore.Partition, typ, stream string, data any) {
	u.t.Helper()
	raw, err := json.Marshal(data)
	require.NoError(u.t, err)
	c := eventstore.Command{ID: uuid.NewString(), Type: typ, Stream: stream, Account: uuid.NewString(), Actor: "test", Time: time.Now(), Data: raw}
	require.NoError(u.t, u.producer.Send(u.t.Context(), c.Message(u.kafka.Topics().Name(eventstore.InboxUrgent), p)))
}

// optOut sends a command that every build knows.
func (u *upgrade) optOut(p eventstore.Partition) (stream string) {
	stream = "recipient/" + eventstore.NewID(p).String()
	u.send(p, recipient.CommandOptOut, stream, recipient.OptOut{
		Number: "00112233445566778899aabbccddeeff", Origin: recipient.OriginAPI, At: time.Now(),
		Scopes: []recipient.Scope{{Channel: domain.Viber, Category: domain.Promotional}},
	})
	return stream
}

// decided waits for the stream's event and returns how many it has.
func (u *upgrade) decided(p eventstore.Partition, stream string) (events int) {
	u.t.Helper()
	client, err := u.kafka.NewClient()
	require.NoError(u.t, err)
	defer func() { require.NoError(u.t, client.Close()) }()
	require.Eventually(u.t, func() bool {
		events = 0
		_, err := eventstore.ReadAll(u.t.Context(), client, u.kafka.Topics().Name(eventstore.Messages), p, func(r *eventstore.Record) error {
			if string(r.Key) == stream {
				events++
			}
			return nil
		})
		return err == nil && events > 0
	}, time.Minute, 100*time.Millisecond)
	return events
}

// Two builds side by side: where a command or an event comes that only the newer
// one knows, the older one gives the partition up, and the newer one takes it.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	addr, prefix := testkit.Kafka(t)
	dir := t.TempDir()
	secrets := filepath.Join(dir, "secrets.json")
	require.Zero(t, runCLI(t, "", "", "secrets", "new", "--out", secrets).code)
	config := func(name string) string {
		return file(t, name+".yaml", fmt.Sprintf(`
roles: [decider]
data: %s
secrets: %s
kafka: {brokers: [%q], prefix: %q, partitions: 2, replication: 1, mininsync: 1, sessiontimeout: 6s}
`, filepath.Join(dir, name), secrets, addr, prefix))
	}
	require.Zero(t, runCLI(t, "", "", "topics", "create", "--config", config("old")).code)
	u := &upgrade{t: t, kafka: eventstore.KafkaConfig{Brokers: []string{addr}, Prefix: prefix}}
	var err error
	u.producer, err = eventstore.NewProducer(u.kafka)
	require.NoError(t, err)
	defer u.producer.Close()

	older := launch(t, built(t, ""), "serve", "--config", config("old"))
	require.Eventually(t, func() bool { return older.said("partition owned") == 2 }, time.Minute, 50*time.Millisecond)
	newer := launch(t, built(t, "goniec_next"), "serve", "--config", config("new"))
	require.Eventually(t, func() bool { return newer.said("partition owned") == 1 }, time.Minute, 50*time.Millisecond)

	var streams [2]string
	for p := range eventstore.Partition(2) {
		u.send(p, "note", fmt.Sprintf("partition/%d", p), struct{}{})
		streams[p] = u.optOut(p) // behind it
	}
	for p, stream := range streams {
		require.Equal(t, 1, u.decided(eventstore.Partition(p), stream))
	}
	require.Eventually(t, func() bool { return older.said("out of the group for a while") == 1 }, time.Minute, 50*time.Millisecond)
	require.Equal(t, 1, older.said(`command of an unknown type \"note\"`))
	// When it comes back it finds the event, and gives up again.
	require.Eventually(t, func() bool { return older.said("out of the group for a while") == 2 }, time.Minute, 50*time.Millisecond)
	require.Positive(t, older.said("unknown event type"))
	for p := range eventstore.Partition(2) {
		require.Equal(t, 1, u.decided(p, u.optOut(p)))
	}
	for _, n := range []*node{older, newer} {
		require.NoError(t, n.cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, n.cmd.Wait(), n.log.String())
	}
	require.Zero(t, newer.said("partition given up"))
}

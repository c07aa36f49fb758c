package run_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/cmd/goniec/internal/run"
	"goniec/eventstore"
	"goniec/internal/testkit"
)

// small configures a process without the API on one broker.
func small(t *testing.T, addr, prefix string, roles ...run.Role) run.Config {
	cfg := run.Defaults()
	cfg.Roles = roles
	cfg.Data, cfg.Secrets, cfg.Probes.Addr = filepath.Join(t.TempDir(), "data"), "unused", "127.0.0.1:0"
	cfg.Kafka.Brokers, cfg.Kafka.Prefix, cfg.Kafka.Partitions, cfg.Kafka.Replication, cfg.Kafka.MinInsync = []string{addr}, prefix, 2, 1, 1
	return cfg
}

// A process that starts while Kafka is away waits for it.
func TestAStartWhileKafkaIsAway(t *testing.T) {
	t.Parallel()
	p := &plant{t: t, dir: t.TempDir()}
	p.startKafka("")
	addr := p.broker.Addr()
	cfg := small(t, addr, "late.", run.RoleDecider)
	kafka, err := cfg.Kafka.Store()
	require.NoError(t, err)
	require.NoError(t, eventstore.CreateTopics(kafka, cfg.Kafka.Layout()))
	require.NoError(t, p.broker.Close())

	log := &testkit.Log{}
	type start struct {
		node *run.Node
		err  error
	}
	started := make(chan start, 1)
	go func() {
		n, err := run.NewNode(t.Context(), cfg, run.NewSecrets(), run.Options{Log: slog.New(slog.NewTextHandler(log, nil))})
		started <- start{n, err}
	}()
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "waiting for it") }, time.Minute, 20*time.Millisecond)
	p.startKafka(addr)
	got := <-started
	require.NoError(t, got.err)
	require.NoError(t, got.node.Close())
	require.NoError(t, p.broker.Close())
}

// Topics that are not as they must be do not mend themselves: that is told at once.
func TestAStartOnWrongTopics(t *testing.T) {
	t.Parallel()
	addr, prefix := testkit.Kafka(t)
	cfg := small(t, addr, prefix, run.RoleDecider)
	log := &testkit.Log{}
	_, err := run.NewNode(t.Context(), cfg, run.NewSecrets(), run.Options{Log: slog.New(slog.NewTextHandler(log, nil))})
	require.ErrorContains(t, err, "goniec topics create")
	require.NotContains(t, log.String(), "waiting for it")
}

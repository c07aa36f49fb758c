package cli

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/run"
	"goniec/eventstore"
	"goniec/internal/testkit"
)

// Rubbish on the inbox is parked; an operator sees it, reads it, tries it again and drops it.
func TestAnOperatorDropsRubbish(t *testing.T) {
	t.Parallel()
	addr, prefix := testkit.Kafka(t)
	data := filepath.Join(t.TempDir(), "up")
	up, err := run.StartUp(t.Context(), run.UpConfig{Data: data, HTTP: "127.0.0.1:0", Brokers: []string{addr}, Prefix: prefix, PostgresURL: testkit.Postgres(t), Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, up.Close()) })
	do := func(code int, args ...string) result {
		r := runCLI(t, "", "", append(args, "--data", data)...)
		require.Equal(t, code, r.code, "%v: %s%s", args, r.out, r.err)
		return r
	}

	cfg := sarama.NewConfig()
	cfg.Producer.Return.Successes, cfg.Producer.Partitioner = true, sarama.NewManualPartitioner
	producer, err := sarama.NewSyncProducer([]string{addr}, cfg)
	require.NoError(t, err)
	_, offset, err := producer.SendMessage(&sarama.ProducerMessage{Topic: prefix + eventstore.InboxUrgent, Partition: 1, Key: sarama.StringEncoder("somebody"), Value: sarama.StringEncoder("no command at all")})
	require.NoError(t, err)
	require.NoError(t, producer.Close())

	var thing httpapi.Parked
	require.Eventually(t, func() bool {
		list := do(ExitOK, "parked", "list", "--json").out
		if list == "" {
			return false
		}
		thing = decode[httpapi.Parked](t, list)
		return true
	}, time.Minute, 100*time.Millisecond)
	require.Equal(t, "unreadable_record", thing.Reason)
	require.Equal(t, offset, thing.Offset)
	require.EqualValues(t, 1, thing.Partition)

	shown := decode[parkedShown](t, do(ExitOK, "parked", "show", thing.ID, "--content", "--json").out)
	require.Equal(t, "somebody", shown.Content.Key)
	require.Equal(t, "no command at all", shown.Content.Value)
	require.Contains(t, do(ExitFailed, "parked", "retry", thing.ID).err, "failed again")
	seen := func(p httpapi.Parked) bool {
		thing = decode[parkedShown](t, do(ExitOK, "parked", "show", p.ID, "--json").out).Parked
		return thing.Shown == 1 && thing.Retries == 1
	}
	require.Eventually(t, func() bool { return seen(thing) }, time.Minute, 100*time.Millisecond, "reading and retrying are facts")

	do(ExitOK, "parked", "drop", thing.ID, "--reason", "somebody's test")
	require.Eventually(t, func() bool { return do(ExitOK, "parked", "list").out == "nothing is parked\n" }, time.Minute, 100*time.Millisecond)
	all := decode[httpapi.Parked](t, do(ExitOK, "parked", "list", "--all", "--json").out)
	require.Equal(t, "dropped", all.State)
	require.Equal(t, "somebody's test", all.Note)
	do(ExitRefused, "parked", "drop", thing.ID, "--reason", "again")
	do(ExitRefused, "parked", "show", "0003b1a2-c3d4-8e5f-8a6b-0123456789ab")
}

package cli

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/eventstore"
	"goniec/internal/kafkatest"
)

// Rubbish on the inbox is parked; an operator sees it, reads it, tries it again and drops it.
func TestAnOperatorDropsRubbish(t *testing.T) {
	t.Parallel()
	_, cfg := startUp(t, false)
	do := func(code int, args ...string) result {
		r := runCLI(t, "", "", append(args, "--data", cfg.Data)...)
		require.Equal(t, code, r.code, "%v: %s%s", args, r.out, r.err)
		return r
	}

	rubbish := &sarama.ProducerMessage{Topic: cfg.Prefix + eventstore.InboxUrgent, Partition: 1, Key: sarama.StringEncoder("somebody"), Value: sarama.StringEncoder("no command at all")}
	producer := kafkatest.Producer(t, eventstore.KafkaConfig{Brokers: cfg.Brokers, Prefix: cfg.Prefix})
	require.NoError(t, producer.Send(t.Context(), rubbish))

	var thing httpapi.Parked
	require.Eventually(t, func() bool {
		list := decode[parkedBody](t, do(ExitOK, "parked", "list", "--json").out).Parked
		if len(list) == 0 {
			return false
		}
		thing = list[0]
		return true
	}, time.Minute, 100*time.Millisecond)
	require.Equal(t, "unreadable_record", thing.Reason)
	require.Equal(t, rubbish.Offset, thing.Offset)
	require.EqualValues(t, 1, thing.Partition)

	shown := decode[parkedShown](t, do(ExitOK, "parked", "show", thing.ID, "--content", "--json").out)
	require.Equal(t, "somebody", shown.Content.Key)
	require.Equal(t, "no command at all", shown.Content.Value)
	require.Contains(t, do(ExitFailed, "parked", "retry", thing.ID).err, "failed again")
	require.Eventually(t, func() bool {
		p := decode[parkedShown](t, do(ExitOK, "parked", "show", thing.ID, "--json").out)
		return p.Shown == 1 && p.Retries == 1
	}, time.Minute, 100*time.Millisecond, "reading and retrying are facts")

	do(ExitOK, "parked", "drop", thing.ID, "--reason", "somebody's test")
	require.Eventually(t, func() bool { return do(ExitOK, "parked", "list").out == "nothing is parked\n" }, time.Minute, 100*time.Millisecond)
	all := decode[parkedBody](t, do(ExitOK, "parked", "list", "--all", "--json").out).Parked[0]
	require.Equal(t, "dropped", all.State)
	require.Equal(t, "somebody's test", all.Note)
	do(ExitRefused, "parked", "drop", thing.ID, "--reason", "again")
	do(ExitRefused, "parked", "show", "0003b1a2-c3d4-8e5f-8a6b-0123456789ab")
}

package eventstore_test

import (
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/eventstore"
)

// headersOf makes headers of lines "name=value".
func headersOf(lines string) (out []*sarama.RecordHeader) {
	for line := range strings.SplitSeq(lines, "\n") {
		name, value, _ := strings.Cut(line, "=")
		out = append(out, &sarama.RecordHeader{Key: []byte(name), Value: []byte(value)})
	}
	return out
}

func linesOf(headers []sarama.RecordHeader) string {
	lines := make([]string, len(headers))
	for i, h := range headers {
		lines[i] = string(h.Key) + "=" + string(h.Value)
	}
	return strings.Join(lines, "\n")
}

// Whatever a journal holds, reading it does not panic; what is read as an event
// is written again with the same hash, and read as the same.
func FuzzParseEvent(f *testing.F) {
	m := testEvent().Message("messages", 0)
	f.Add("message/m-1", `{"a":1}`, linesOf(m.Headers))
	f.Add("", "", "")
	f.Add("message/m-1", "", "ce_type=x\nce_streamversion=+1\nce_epoch=-1")
	f.Add("x", "x", "ce_type=x\nce_type=y\nce_streamversion=9223372036854775807\nce_time=2026-11-23T7:04:05.000006Z\nce_hash="+strings.Repeat("A", 64))
	f.Fuzz(func(t *testing.T, key, value, headers string) {
		e, err := eventstore.ParseEvent(&eventstore.Record{Topic: "messages", Key: []byte(key), Value: []byte(value), Headers: headersOf(headers)})
		if err != nil {
			require.ErrorIs(t, err, eventstore.ErrNotAnEvent)
			return
		}
		again, err := eventstore.ParseEvent(recorded(t, e.Message("messages", 0)))
		require.NoError(t, err)
		require.Equal(t, e.ComputeHash(), again.ComputeHash())
		again.Offset = e.Offset
		require.Equal(t, e, again)
	})
}

// Whatever an inbox holds, reading it does not panic, and what is read as a
// command is written and read as the same.
func FuzzParseCommand(f *testing.F) {
	c := testCommand()
	m := c.Message("inbox.urgent", 0)
	f.Add("message/m-1", `{"by":"key/1"}`, linesOf(m.Headers))
	f.Add("", "", "")
	f.Add("beat", "{}", "cmd_id=1\ncmd_type=beat.v1\ncmd_time=2026-11-23T07:04:05.000006Z\ncmd_outcome=")
	f.Fuzz(func(t *testing.T, key, value, headers string) {
		c, err := eventstore.ParseCommand(&eventstore.Record{Topic: "inbox.urgent", Key: []byte(key), Value: []byte(value), Headers: headersOf(headers)})
		if err != nil {
			require.ErrorIs(t, err, eventstore.ErrNotACommand)
			require.NotContains(t, err.Error(), "\n")
			return
		}
		again, err := eventstore.ParseCommand(recorded(t, c.Message("inbox.urgent", 0)))
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}

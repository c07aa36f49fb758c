package eventstore_test

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/eventstore"
)

func testEvent() *eventstore.Event {
	return &eventstore.Event{
		ID: "0003-e", Type: "goniec.message.read.v1", Source: "goniec/inst-1", Stream: "message/m-1",
		Time: time.Date(2026, 11, 23, 8, 4, 5, 6999, time.FixedZone("CET", 3600)), Recorded: time.Date(2026, 11, 23, 7, 4, 6, 120e6, time.UTC),
		Version: 7, CommandID: "cmd-1", Correlation: "m-1", Actor: "carrier/viber", Epoch: 12, Data: []byte(`{"a":"zażółć"}`),
	}
}

// recorded returns m as a reader brings it.
func recorded(t *testing.T, m *sarama.ProducerMessage) *eventstore.Record {
	t.Helper()
	key, err := m.Key.Encode()
	require.NoError(t, err)
	r := &eventstore.Record{Topic: m.Topic, Partition: m.Partition, Offset: 42, Key: key}
	if m.Value != nil {
		r.Value, err = m.Value.Encode()
		require.NoError(t, err)
	}
	for _, h := range m.Headers {
		r.Headers = append(r.Headers, &sarama.RecordHeader{Key: h.Key, Value: h.Value})
	}
	return r
}

// The two hashes were computed in another language from docs/audit.md alone.
func TestTheHashIsTheOneOfTheAuditPage(t *testing.T) {
	t.Parallel()
	first := eventstore.FirstPrevHash("inst-1", "messages", 3)
	require.Equal(t, "c22642c54c24402e26f6084259ed7ae9647d5e27acbfebbfedb8fa5b5a03abad", hex.EncodeToString(first[:]))
	e := testEvent()
	e.PrevHash = first
	hash := e.ComputeHash()
	require.Equal(t, "5fcba621e7539a1849428a0411155f7514a61c2139046e75f29857378b9b493a", hex.EncodeToString(hash[:]))
}

func TestAnEventIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	e := testEvent()
	e.TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	m := e.Chain(eventstore.FirstPrevHash("inst-1", "messages", 3), "t.messages", 3)
	e.Inbox = &eventstore.Inbox{Urgent: 13207, Bulk: 55} // known only when the transaction is whole
	m.Headers = append(m.Headers, e.Inbox.Header())
	headers := map[string]string{}
	for _, h := range m.Headers {
		headers[string(h.Key)] = string(h.Value)
	}
	require.Equal(t, map[string]string{
		"ce_specversion": "1.0", "ce_id": "0003-e", "ce_type": "goniec.message.read.v1", "ce_source": "goniec/inst-1",
		"ce_subject": "message/m-1", "ce_time": "2026-11-23T07:04:05.000006Z", "ce_recordedtime": "2026-11-23T07:04:06.120000Z",
		"ce_streamversion": "7", "ce_commandid": "cmd-1", "ce_correlationid": "m-1", "ce_actor": "carrier/viber", "ce_epoch": "12",
		"ce_prevhash": "c22642c54c24402e26f6084259ed7ae9647d5e27acbfebbfedb8fa5b5a03abad",
		"ce_hash":     "5fcba621e7539a1849428a0411155f7514a61c2139046e75f29857378b9b493a",
		"traceparent": e.TraceParent, "content-type": "application/json", "ce_inbox": "13207,55",
	}, headers)

	got, err := eventstore.ParseEvent(recorded(t, m))
	require.NoError(t, err)
	require.Equal(t, e.Hash, got.Hash)
	require.Equal(t, e.Hash, got.ComputeHash())
	want := *e
	want.Topic, want.Partition, want.Offset = "t.messages", 3, 42
	want.Time, want.Recorded = e.Time.UTC().Truncate(time.Microsecond), e.Recorded
	require.Equal(t, &want, got)
	require.Equal(t, m.Headers, got.Message("t.messages", 3).Headers)
}

func TestAChainBreaksWhereItWasTouched(t *testing.T) {
	t.Parallel()
	chain := eventstore.NewChain("inst-1", "messages", 0)
	var events []*eventstore.Event
	head := chain.Head
	for i := range 4 {
		e := testEvent()
		e.Version = int64(i + 1)
		e.Chain(head, "messages", 0)
		head = e.Hash
		events = append(events, e)
	}
	require.NoError(t, chain.Next(events[0]))
	var broken *eventstore.ErrBroken
	require.ErrorAs(t, chain.Next(events[2]), &broken, "one is missing")
	require.ErrorAs(t, chain.Next(events[0]), &broken, "one stands there twice")
	changed := *events[1]
	changed.Actor = "somebody else"
	require.ErrorAs(t, chain.Next(&changed), &broken)
	require.NoError(t, chain.Next(events[1]), "what failed has not moved the chain")
	require.NoError(t, chain.Next(events[2]))
	require.Equal(t, int64(3), chain.Events)
	require.ErrorAs(t, eventstore.NewChain("inst-2", "messages", 0).Next(events[0]), &broken, "another installation")
	require.ErrorAs(t, eventstore.NewChain("inst-1", "accounts", 0).Next(events[0]), &broken, "another topic")
	require.ErrorAs(t, eventstore.NewChain("inst-1", "messages", 1).Next(events[0]), &broken, "another partition")
}

// A record is taken as its event is, in whatever order its headers stand.
func TestAChainOfRecordsIsThatOfTheirEvents(t *testing.T) {
	t.Parallel()
	e := testEvent()
	written := recorded(t, e.Chain(eventstore.FirstPrevHash("inst-1", "messages", 0), "messages", 0))
	take := func(change func(*eventstore.Record)) (*eventstore.Event, error) {
		r := *written
		r.Headers = nil
		for _, h := range written.Headers {
			r.Headers = append(r.Headers, &sarama.RecordHeader{Key: h.Key, Value: h.Value})
		}
		change(&r)
		return eventstore.NewChain("inst-1", "messages", 0).NextRecord(&r)
	}
	got, err := take(func(*eventstore.Record) {})
	require.NoError(t, err)
	require.Equal(t, e.Hash, got.Hash)
	_, err = take(func(r *eventstore.Record) { slices.Reverse(r.Headers) })
	require.NoError(t, err)
	var broken *eventstore.ErrBroken
	for name, change := range map[string]func(*eventstore.Record){
		"its data":              func(r *eventstore.Record) { r.Value = append([]byte(" "), r.Value...) },
		"a header":              func(r *eventstore.Record) { r.Headers[1].Value = []byte("another id") },
		"a header, and reorder": func(r *eventstore.Record) { r.Headers[1].Value = []byte("another id"); slices.Reverse(r.Headers) },
	} {
		_, err = take(change)
		require.ErrorAs(t, err, &broken, name)
	}
	_, err = take(func(r *eventstore.Record) { r.Headers = nil })
	require.ErrorIs(t, err, eventstore.ErrNotAnEvent)
}

func TestRecordsThatAreNoEvents(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*eventstore.Record){
		"no headers":          func(r *eventstore.Record) { r.Headers = nil },
		"no key":              func(r *eventstore.Record) { r.Key = nil },
		"another subject":     func(r *eventstore.Record) { r.Key = []byte("message/m-2") },
		"version 0":           func(r *eventstore.Record) { set(r, "ce_streamversion", "0") },
		"version of letters":  func(r *eventstore.Record) { set(r, "ce_streamversion", "seven") },
		"time of another day": func(r *eventstore.Record) { set(r, "ce_time", "yesterday") },
		"time with offset":    func(r *eventstore.Record) { set(r, "ce_recordedtime", "2026-11-23T07:04:05.000006+01:00") },
		"other CloudEvents":   func(r *eventstore.Record) { set(r, "ce_specversion", "2.0") },
		"short hash":          func(r *eventstore.Record) { set(r, "ce_hash", "abcd") },
		"hash not hex":        func(r *eventstore.Record) { set(r, "ce_prevhash", "g"+string(make([]byte, 63))) },
	} {
		r := recorded(t, testEvent().Message("messages", 0))
		spoil(r)
		_, err := eventstore.ParseEvent(r)
		require.ErrorIs(t, err, eventstore.ErrNotAnEvent, name)
	}
}

func set(r *eventstore.Record, name, value string) {
	for _, h := range r.Headers {
		if string(h.Key) == name {
			h.Value = []byte(value)
		}
	}
}

func testCommand() eventstore.Command {
	return eventstore.Command{
		ID: "c-1", Type: "message.cancel.v1", Stream: "message/m-1", Account: "acc", Actor: "key/1",
		Time: time.Date(2026, 11, 23, 7, 4, 5, 6000, time.UTC), Correlation: "m-1", Causation: "e-1", Outcome: true,
		TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Data: []byte(`{"by":"key/1"}`),
	}
}

func TestACommandIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	full := testCommand()
	bare := eventstore.Command{ID: "c-2", Type: "beat.v1", Stream: "beat", Time: full.Time, Data: []byte("{}")}
	for _, c := range []eventstore.Command{full, bare} {
		got, err := eventstore.ParseCommand(recorded(t, c.Message("inbox.urgent", 1)))
		require.NoError(t, err)
		require.Equal(t, &c, got)
	}
	for _, name := range []string{"cmd_id", "cmd_type", "cmd_time"} {
		r := recorded(t, full.Message("inbox.urgent", 1))
		set(r, name, "")
		_, err := eventstore.ParseCommand(r)
		require.ErrorIs(t, err, eventstore.ErrNotACommand, name)
	}
}

// Keys and headers of commands go into keys of the state and into every event that follows.
func TestCommandsHaveShortNames(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*eventstore.Record){
		"NUL in the key": func(r *eventstore.Record) { r.Key = []byte("message/a\x00b") },
		"long key":       func(r *eventstore.Record) { r.Key = bytes.Repeat([]byte("k"), 513) },
		"long actor":     func(r *eventstore.Record) { set(r, "cmd_actor", strings.Repeat("a", 513)) },
		"long trace":     func(r *eventstore.Record) { set(r, "traceparent", strings.Repeat("a", 513)) },
	} {
		c := testCommand()
		r := recorded(t, c.Message("inbox.urgent", 1))
		spoil(r)
		_, err := eventstore.ParseCommand(r)
		require.ErrorIs(t, err, eventstore.ErrNotACommand, name)
	}
}

// The hash of a record's bytes is that of its event, whichever headers there are.
func TestARecordsHashIsItsEvents(t *testing.T) {
	t.Parallel()
	full := testEvent()
	full.Causation, full.Account, full.TraceParent = "c", "a", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	full.Inbox = &eventstore.Inbox{Urgent: 1, Bulk: 2}
	bare := testEvent()
	bare.CommandID, bare.Correlation, bare.Actor = "", "", ""
	for _, e := range []*eventstore.Event{full, bare} {
		r := recorded(t, e.Chain(eventstore.FirstPrevHash("inst-1", "messages", 3), "t.messages", 3))
		hash, ok := eventstore.HashRecord(r)
		require.True(t, ok)
		require.Equal(t, e.Hash, hash)
		for i := range r.Headers {
			other := *r
			other.Headers = append(append(other.Headers[:0:0], r.Headers[i:]...), r.Headers[:i]...)
			if i > 0 {
				_, ok = eventstore.HashRecord(&other)
				require.False(t, ok, "in another order")
			}
			other.Headers = append(append(other.Headers[:0:0], r.Headers...), r.Headers[i])
			_, ok = eventstore.HashRecord(&other)
			require.False(t, ok, "twice: %s", r.Headers[i].Key)
		}
	}
}

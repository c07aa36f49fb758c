package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/eventstore"
	"goniec/eventstore/audit"
)

func TestAWholeJournalIsIntact(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.life(0, first)
	b.life(1, second)
	b.publish(nil)
	var last audit.Progress
	cfg := b.config()
	cfg.Progress = func(p audit.Progress) { last = p }
	r, err := audit.Verify(t.Context(), cfg)
	require.NoError(t, err)
	require.True(t, r.Intact, "%v", r.Broken)
	require.Empty(t, r.Broken)
	require.Equal(t, int64(22), r.Events)
	require.Equal(t, int64(10), r.Streams, "a partition, a message, a number, a recipient and a sender, twice")
	require.Len(t, r.Partitions, 4)
	p := r.Partitions[0]
	require.Equal(t, b.prefix+"messages", p.Topic)
	require.Equal(t, int64(10), p.Events)
	require.Len(t, p.Head, 64)
	require.Equal(t, audit.Progress{Done: 22, Total: 22, Events: 22}, last)
}

func TestAnEmptyJournalIsIntact(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r, err := audit.Verify(t.Context(), b.config())
	require.NoError(t, err)
	require.True(t, r.Intact)
	require.Zero(t, r.Events)
}

// flip changes one bit of a value's middle.
func flip(v sarama.Encoder) sarama.Encoder {
	b, _ := v.Encode()
	b = bytes.Clone(b)
	b[len(b)/2] ^= 1
	return sarama.ByteEncoder(b)
}

func header(m *sarama.ProducerMessage, name string) string {
	i := slices.IndexFunc(m.Headers, func(h sarama.RecordHeader) bool { return string(h.Key) == name })
	return string(m.Headers[i].Value)
}

func setHeader(m *sarama.ProducerMessage, name, value string) {
	i := slices.IndexFunc(m.Headers, func(h sarama.RecordHeader) bool { return string(h.Key) == name })
	m.Headers[i].Value = []byte(value)
}

func dropHeader(m *sarama.ProducerMessage, name string) {
	m.Headers = slices.DeleteFunc(m.Headers, func(h sarama.RecordHeader) bool { return string(h.Key) == name })
}

// rehash gives a record the hash that its bytes have.
func rehash(m *sarama.ProducerMessage) {
	key, _ := m.Key.Encode()
	value, _ := m.Value.Encode()
	r := &eventstore.Record{Key: key, Value: value}
	for _, h := range m.Headers {
		r.Headers = append(r.Headers, &sarama.RecordHeader{Key: h.Key, Value: h.Value})
	}
	hash, _ := eventstore.HashRecord(r)
	setHeader(m, "ce_hash", fmt.Sprintf("%x", hash))
}

type records = []*sarama.ProducerMessage

type spoiling struct {
	spoil  func(records) records
	offset int64
	what   string
}

// otherHeaders changes headers and the hash with them: the spelling alone shows it.
func otherHeaders(change func(*sarama.ProducerMessage)) spoiling {
	return spoiling{func(r records) records {
		change(r[4])
		rehash(r[4])
		return r
	}, 4, "its headers are not those that were written"}
}

// spoilt are ways to spoil a stored journal, with the first record that shows it.
var spoilt = map[string]spoiling{
	"flipped byte of the data": {func(r records) records {
		r[3].Value = flip(r[3].Value)
		return r
	}, 3, "its content does not match its hash: it was changed"},
	"changed header": {func(r records) records {
		setHeader(r[4], "ce_actor", "key/somebody-else")
		return r
	}, 4, "its content does not match its hash: it was changed"},
	"changed key": {func(r records) records {
		r[5].Key = sarama.StringEncoder("number/ffff")
		return r
	}, 5, "not an event as it was written: header ce_subject: differs from the key"},
	"changed hash": {func(r records) records {
		setHeader(r[4], "ce_hash", "00"+string(bytes.Repeat([]byte("ab"), 31)))
		return r
	}, 4, "its content does not match its hash: it was changed"},
	"removed": {
		func(r records) records { return slices.Delete(r, 4, 5) }, 4,
		"it does not follow the event before it: something between them was removed, inserted or moved",
	},
	"first one removed": {
		func(r records) records { return r[1:] }, 0,
		"it does not follow the event before it: something between them was removed, inserted or moved",
	},
	"reordered": {func(r records) records {
		r[5], r[6] = r[6], r[5]
		return r
	}, 5, "it does not follow the event before it: something between them was removed, inserted or moved"},
	"repeated": {
		func(r records) records {
			again := *r[3] // sarama keeps the one it was given
			return slices.Insert(r, 4, &again)
		}, 4,
		"it does not follow the event before it: something between them was removed, inserted or moved",
	},
	"inserted stranger": {func(r records) records {
		return slices.Insert(r, 2, &sarama.ProducerMessage{Topic: r[0].Topic, Key: sarama.StringEncoder("x"), Value: sarama.StringEncoder("{}")})
	}, 2, "not an event as it was written: type, key or version is missing"},
	"a header more": {func(r records) records {
		r[2].Headers = append(r[2].Headers, sarama.RecordHeader{Key: []byte("ce_actor"), Value: []byte("timer/deadline")})
		return r
	}, 2, "its headers are not those that were written"},
	"a number in another spelling": otherHeaders(func(m *sarama.ProducerMessage) { setHeader(m, "ce_streamversion", "01") }),
	"a header that is empty":       otherHeaders(func(m *sarama.ProducerMessage) { setHeader(m, "ce_actor", "") }),
	"a hash in capitals": {func(r records) records {
		setHeader(r[4], "ce_prevhash", strings.ToUpper(header(r[4], "ce_prevhash")))
		return r
	}, 4, "its headers are not those that were written"},
	"without its subject":                   otherHeaders(func(m *sarama.ProducerMessage) { dropHeader(m, "ce_subject") }),
	"without its id":                        otherHeaders(func(m *sarama.ProducerMessage) { dropHeader(m, "ce_id") }),
	"without the time at which it happened": otherHeaders(func(m *sarama.ProducerMessage) { dropHeader(m, "ce_time") }),
	"a number in other digits": {func(r records) records {
		setHeader(r[4], "ce_epoch", "\u0661")
		rehash(r[4])
		return r
	}, 4, "not an event as it was written: header ce_epoch: strconv.ParseInt: parsing \"\u0661\": invalid syntax"},
	"a number that is too large": {func(r records) records {
		setHeader(r[4], "ce_epoch", "9223372036854775808")
		rehash(r[4])
		return r
	}, 4, "not an event as it was written: header ce_epoch: strconv.ParseInt: parsing \"9223372036854775808\": value out of range"},
	"a day that is in no month": {func(r records) records {
		setHeader(r[4], "ce_time", "2026-02-30T00:00:00.000000Z")
		rehash(r[4])
		return r
	}, 4, "not an event as it was written: header ce_time: parsing time \"2026-02-30T00:00:00.000000Z\": day out of range"},
	"offsets in another spelling": {func(r records) records {
		r[4].Headers = append(r[4].Headers, sarama.RecordHeader{Key: []byte("ce_inbox"), Value: []byte("+7,3")})
		return r
	}, 4, "its headers are not those that were written"},
	"a header that nobody hashes": {func(r records) records {
		r[2].Headers = append(r[2].Headers, sarama.RecordHeader{Key: []byte("note"), Value: []byte("x")})
		return r
	}, 2, "its headers are not those that were written"},
}

// Every way to spoil a stored journal is found, at the first record that shows it.
func TestPlantedFaultsAreFound(t *testing.T) {
	t.Parallel()
	for name, tc := range spoilt {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.life(0, first)
			b.life(1, second)
			b.publish(tc.spoil)
			r, err := audit.Verify(t.Context(), b.config())
			require.NoError(t, err)
			require.False(t, r.Intact)
			require.Len(t, r.Broken, 1, "the other partitions are right")
			f := r.Broken[0]
			require.Equal(t, b.prefix+"messages", f.Topic)
			require.Equal(t, int32(0), f.Partition)
			require.Equal(t, tc.offset, f.Offset)
			require.Equal(t, tc.what, f.What)
			require.Equal(t, tc.offset, r.Partitions[0].Events, "what lies before is right")
		})
	}
}

// forged is what a writer that hashes properly writes, and no decider may.
var forged = map[string]struct {
	forge func(*journal)
	what  string
}{
	"version missing": {func(j *journal) {
		j.add(eventstore.Messages, 0, "message/"+first, message.Read{}, func(e *eventstore.Event) { e.Version++ })
	}, "version 6 of the stream follows version 4"},
	"version twice": {func(j *journal) {
		j.add(eventstore.Messages, 0, "message/"+first, message.Read{}, func(e *eventstore.Event) { e.Version-- })
	}, "version 4 of the stream follows version 4"},
	"version of a stream without a UUID": {func(j *journal) {
		j.add(eventstore.Messages, 0, "number/"+numberOf(0), message.Read{}, func(e *eventstore.Event) { e.Version = 9 })
	}, "version 9 of the stream follows version 4"},
	"unknown type": {func(j *journal) {
		j.add(eventstore.Messages, 0, "message/"+first, message.Read{}, func(e *eventstore.Event) { e.Type = "goniec.message.eaten.v1" })
	}, `unknown event type "goniec.message.eaten.v1"`},
	"unreadable data": {func(j *journal) {
		j.add(eventstore.Messages, 0, "message/"+first, message.Read{}, func(e *eventstore.Event) { e.Data = []byte(`{"attempt":7}`) })
	}, "data of goniec.message.read.v1: json: cannot unmarshal number into Go struct field Read.attempt of type string"},
	"time goes back": {func(j *journal) {
		j.add(eventstore.Messages, 0, "message/"+first, message.Read{}, func(e *eventstore.Event) { e.Recorded = noon })
	}, "it was recorded before the event before it"},
	"a former owner": {func(j *journal) {
		j.add(eventstore.Messages, 0, "message/"+first, message.Read{}, func(e *eventstore.Event) { e.Epoch = 0 })
	}, "epoch 0 comes after epoch 1: a former owner wrote it"},
	"another installation": {func(j *journal) {
		j.add(eventstore.Messages, 0, "message/"+first, message.Read{}, func(e *eventstore.Event) { e.Source = "goniec/other" })
	}, "it comes from another installation"},
	"another partition's stream": {func(j *journal) {
		j.add(eventstore.Messages, 0, "message/"+second, message.Read{}, func(e *eventstore.Event) { e.Version = 1 })
	}, "its stream belongs to another partition"},
}

// A writer that hashes properly, but writes what no decider may write.
func TestAJournalThatWasForgedWithGoodHashes(t *testing.T) {
	t.Parallel()
	for name, tc := range forged {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.life(0, first)
			b.life(1, second)
			tc.forge(b.journal)
			b.publish(nil)
			r, err := audit.Verify(t.Context(), b.config())
			require.NoError(t, err)
			require.Len(t, r.Broken, 1)
			require.Equal(t, tc.what, r.Broken[0].What)
			require.Equal(t, int64(10), r.Broken[0].Offset)
			require.Contains(t, r.Broken[0].String(), b.prefix+"messages/0 offset 10 (")
		})
	}
}

func TestTheWrongInstallationIsNotTakenForIntact(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.life(0, first)
	b.publish(nil)
	cfg := b.config()
	cfg.Installation = "another"
	r, err := audit.Verify(t.Context(), cfg)
	require.NoError(t, err)
	require.Len(t, r.Broken, 2, "of both journals of partition 0")
	require.Zero(t, r.Broken[0].Offset)
}

// rules.md G1, G2: who, when and why, told from the journal alone.
func TestAStoryHasWhatBelongsToIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.life(0, first)
	b.life(1, second)
	b.publish(nil)
	for _, name := range []string{first, "message/" + first} {
		s, err := audit.Tell(t.Context(), b.config(), name)
		require.NoError(t, err)
		if name == first { // the id alone is a sender's, too: the message is told
			require.Equal(t, "message/"+first, s.Stream)
		}
		require.True(t, s.Intact)
		var told []string
		for _, step := range s.Steps {
			told = append(told, step.Type)
			require.NotNil(t, step.Fact)
			require.True(t, json.Valid(step.Data))
			require.Equal(t, step.Stream != s.Stream, step.Related)
		}
		require.Equal(t, []string{
			"goniec.message.accepted.v1", "goniec.message.released.v1", "goniec.message.attempt_started.v1",
			"goniec.number.report_stored.v1", "goniec.number.report_matched.v1", "goniec.message.fell_back.v1", "goniec.recipient.replied.v1",
		}, told, "not the other report, not another message's memory")
		require.Equal(t, "timer/deadline", s.Steps[0].Actor)
		require.Equal(t, "command-2", s.Steps[0].Command)
		require.Equal(t, noon.Add(2*time.Second), s.Steps[0].At)
		require.Equal(t, b.prefix+"messages", s.Steps[0].Topic)
	}
}

func TestStoriesOfOtherStreams(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.life(0, first)
	b.life(1, second)
	b.publish(nil)
	for name, steps := range map[string]int{
		"sender/" + second: 1, "recipient/" + first: 1, "partition/1": 1,
	} {
		s, err := audit.Tell(t.Context(), b.config(), name)
		require.NoError(t, err, name)
		require.Equal(t, name, s.Stream)
		require.Len(t, s.Steps, steps)
	}
	for _, name := range []string{"message/" + attempt, "nothing", "partition/7", "message/x", ""} {
		_, err := audit.Tell(t.Context(), b.config(), name)
		require.ErrorIs(t, err, audit.ErrNoSuchStream, name)
	}
}

// A story out of a spoilt partition is told, with the warning that it may not be true.
func TestAStoryOfASpoiltPartitionSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.life(0, first)
	b.publish(func(r records) records {
		r[3].Value = flip(r[3].Value)
		return r
	})
	s, err := audit.Tell(t.Context(), b.config(), first)
	require.NoError(t, err)
	require.False(t, s.Intact)
	require.Equal(t, int64(3), s.Broken.Offset)
	require.NotEmpty(t, s.Steps)
}

func TestConfigFaultsAreNamed(t *testing.T) {
	t.Parallel()
	_, err := audit.Verify(t.Context(), audit.Config{})
	require.EqualError(t, err, "audit: client: is required\naudit: installation: is required\naudit: partitions: must be at least 1")
	_, err = audit.Tell(t.Context(), audit.Config{}, first)
	require.ErrorContains(t, err, "audit: client: is required")
}

// A stream begins again once it was evicted, and not before.
func TestAnEvictedStreamMayBeginAgain(t *testing.T) {
	t.Parallel()
	evicted := func(j *journal, id string) {
		j.add(eventstore.Messages, 0, "partition/0", partition.Evicted{Messages: []string{id}})
	}
	again := func(j *journal) {
		j.add(eventstore.Messages, 0, "message/"+first, message.CancelRequested{By: "key/1"}, func(e *eventstore.Event) { e.Version = 1 })
	}
	for name, tc := range map[string]struct {
		then func(*journal)
		what string
	}{
		"begins again":        {func(j *journal) { evicted(j, first); again(j) }, ""},
		"was not evicted":     {again, "version 1 of the stream follows version 4"},
		"goes on as if alive": {func(j *journal) { evicted(j, first); j.add(eventstore.Messages, 0, "message/"+first, message.Read{}) }, "version 5 of the stream follows version 0"},
		"was never there":     {func(j *journal) { evicted(j, second) }, "it evicts a message that the journal does not hold"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.life(0, first)
			tc.then(b.journal)
			b.publish(nil)
			r, err := audit.Verify(t.Context(), b.config())
			require.NoError(t, err)
			if tc.what == "" {
				require.True(t, r.Intact, "%v", r.Broken)
				return
			}
			require.Len(t, r.Broken, 1)
			require.Equal(t, tc.what, r.Broken[0].What)
		})
	}
}

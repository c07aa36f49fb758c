package decider_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/decider"
)

// watched is a cluster that keeps what each transaction wrote.
type watched struct {
	eventstore.Cluster
	mu     sync.Mutex
	writes [][]*sarama.ProducerMessage
}

func (b *bench) watch() (*watched, func(*decider.Config)) {
	w := &watched{Cluster: eventstore.NewCluster(b.kafka, b.client)}
	return w, func(c *decider.Config) { c.Cluster = w }
}

func (w *watched) Begin(ctx context.Context, id string) (eventstore.Transactions, error) {
	t, err := w.Cluster.Begin(ctx, id)
	return watchedTransactions{t, w}, err
}

type watchedTransactions struct {
	eventstore.Transactions
	w *watched
}

func (t watchedTransactions) Write(records []*sarama.ProducerMessage, offsets []eventstore.Offset, member *sarama.ConsumerGroupMetadata) error {
	t.w.mu.Lock()
	t.w.writes = append(t.w.writes, records)
	t.w.mu.Unlock()
	return t.Transactions.Write(records, offsets, member)
}

// with returns what was written in the transaction of an event's: the streams and types
// of all its events, and the keys of the contents that it destroyed.
func (w *watched) with(t *testing.T, typ string) (events, destroyed []string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, records := range w.writes {
		events, destroyed = nil, nil
		for _, r := range records {
			header := map[string]string{}
			for _, h := range r.Headers {
				header[string(h.Key)] = string(h.Value)
			}
			key, err := r.Key.Encode()
			require.NoError(t, err)
			switch {
			case header["ce_type"] != "":
				events = append(events, string(key)+" "+header["ce_type"])
			case strings.HasSuffix(r.Topic, eventstore.Contents) && r.Value == nil && string(key) != "filler":
				destroyed = append(destroyed, string(key))
			}
		}
		if slices.ContainsFunc(events, func(e string) bool { return strings.HasSuffix(e, " "+typ) }) {
			return events, destroyed
		}
	}
	return nil, nil
}

// erase asks for a recipient's erasure and returns the types of the events that followed.
func (b *bench) erase(who string, contents ...string) []string {
	b.t.Helper()
	id := uuid.NewString()
	b.send(eventstore.InboxUrgent, 0, eventstore.Command{ID: id, Type: recipient.CommandErase, Stream: "recipient/" + who, Account: testAccount, Actor: "key/1", Outcome: true},
		recipient.Erase{Number: "00112233445566778899aabbccddeeff", Reason: "asked", Contents: contents})
	out := b.outcome(0, id)
	require.Nil(b.t, out.Refused)
	return out.Events
}

// erasures are the events of a recipient's.
func (b *bench) erasures(who string) (out []recipient.Erased) {
	b.t.Helper()
	for _, ev := range b.journal(eventstore.Messages, 0) {
		if ev.Stream == "recipient/"+who && ev.Type == recipient.TypeErased {
			var e recipient.Erased
			require.NoError(b.t, json.Unmarshal(ev.Data, &e))
			out = append(out, e)
		}
	}
	return out
}

// scheduled asks for a message that waits for an hour, and returns its stream.
func (b *bench) scheduled(who string) string {
	b.t.Helper()
	at := b.clock.Now().Add(time.Hour)
	stream := "message/" + b.request(0, func(r *message.Request) { r.Recipient, r.SendAt = who, &at })
	b.story(0, stream, message.TypeWaiting)
	return stream
}

// contentOf is the key of a message's content.
func contentOf(stream string) string {
	return message.ContentKey(strings.TrimPrefix(stream, "message/"), "b")
}

// What is still to be sent ends with its content; what a carrier has, or is asked to take,
// goes on without; a parked message is told nothing. Event and tombstones are of one
// transaction, and others are let be.
func TestErasingEndsWhatIsStillToBeSent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	cluster, watch := b.watch()
	b.start(t.TempDir(), watch)
	who := eventstore.NewID(0).String()
	taken, in, carrier := b.taken(func(r *message.Request) { r.Recipient = who })
	flying := "message/" + b.request(0, func(r *message.Request) { r.Recipient = who })
	b.story(0, flying, message.TypeAttemptStarted)
	waiting, parked, other := b.scheduled(who), b.scheduled(who), b.scheduled(eventstore.NewID(0).String())
	b.bad(0, parked, "")
	b.awaitParked(0, 1)
	before := map[string][]string{}
	for _, stream := range []string{taken, flying, parked, other} {
		before[stream] = b.told(0, stream)
	}

	require.Equal(t, []string{recipient.TypeErased, message.TypeFailed}, b.erase(who, "a-reply", contentOf(waiting)))
	for stream, types := range before {
		require.Equal(t, types, b.told(0, stream))
	}
	require.Equal(t, []string{message.TypeAccepted, message.TypeWaiting, message.TypeFailed}, b.told(0, waiting))
	require.Equal(t, []recipient.Erased{{
		Account: testAccount, Number: "00112233445566778899aabbccddeeff", By: "key/1", Reason: "asked", Contents: 5, Ended: 1,
	}}, b.erasures(who))
	events, destroyed := cluster.with(t, recipient.TypeErased)
	require.ElementsMatch(t, []string{"a-reply", contentOf(taken), contentOf(flying), contentOf(waiting), contentOf(parked)}, destroyed)
	require.Contains(t, events, waiting+" "+message.TypeFailed)

	b.report(0, in, carrier, message.ReportDelivered, b.clock.Now())
	b.story(0, taken, message.TypeDelivered)
}

// Asked again, it destroys what is left; where nothing is, nothing is written.
func TestAnErasureRepeated(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t.TempDir())
	who := eventstore.NewID(0).String()
	first := b.scheduled(who)
	require.Equal(t, []string{recipient.TypeErased, message.TypeFailed}, b.erase(who))
	require.Empty(t, b.erase(who))
	require.Empty(t, b.erase(eventstore.NewID(0).String()), "nobody knows it")
	require.Len(t, b.erasures(who), 1)

	second := b.scheduled(who) // erasing is no opt-out
	require.Equal(t, []string{recipient.TypeErased, message.TypeFailed}, b.erase(who, contentOf(first)))
	require.Equal(t, 2, b.erasures(who)[1].Contents)
	require.Equal(t, 1, b.erasures(who)[1].Ended)
	require.Equal(t, message.TypeFailed, b.told(0, second)[2])
}

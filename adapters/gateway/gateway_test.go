package gateway_test

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/adapters/gateway"
	"goniec/adapters/httpapi"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/internal/kafkatest"
)

const testAccount = "11111111-1111-4111-8111-111111111111"

// edge is a gateway on topics of its own, without a decider behind it.
type edge struct {
	*gateway.Gateway
	t        *testing.T
	client   sarama.Client
	producer *eventstore.Producer
	topics   eventstore.Topics
	waiter   *eventstore.Waiter
	keyring  *eventstore.Keyring
}

func newEdge(t *testing.T) *edge {
	t.Helper()
	kafka := kafkatest.Topics(t, 2)
	e := &edge{t: t, topics: kafka.Topics(), client: kafkatest.Client(t, kafka), producer: kafkatest.Producer(t, kafka)}
	key := []byte(strings.Repeat("k", 32))
	part := eventstore.Partitioner{N: 2}
	e.waiter = eventstore.NewWaiter(e.client, e.topics, 2)
	e.keyring = eventstore.NewKeyring(eventstore.InstallationKeys{Primary: "k1", Keys: map[string][]byte{"k1": key}}, e.producer, e.topics, part)
	e.Gateway = gateway.New(gateway.Config{
		Producer: e.producer, Keyring: e.keyring, Secrets: eventstore.Secrets{Partition: key, Recipient: key, Digest: key}, Part: part,
		Topics: e.topics, View: account.NewView(), Accounts: eventstore.NewFollower(e.client, e.topics.Name(eventstore.Accounts), 2, nil), Waiter: e.waiter, Clock: domain.SystemClock, Timeout: 2 * time.Second,
	})
	return e
}

func (e *edge) records(topic string) (out []*eventstore.Record) {
	e.t.Helper()
	for p := range eventstore.Partition(2) {
		_, err := eventstore.ReadAll(e.t.Context(), e.client, e.topics.Name(topic), p, func(r *eventstore.Record) error {
			out = append(out, r)
			return nil
		})
		require.NoError(e.t, err)
	}
	return out
}

func newMessage(text, key string) httpapi.NewMessage {
	return httpapi.NewMessage{
		Account: testAccount, Actor: "key/1", To: "+48500100201", Country: "PL", Sender: "GONIEC", Category: domain.Transactional,
		Content: domain.PlainText, Text: text, TextLength: len(text), Validity: time.Minute, IdempotencyKey: key,
	}
}

func (e *edge) accept(m ...httpapi.NewMessage) []httpapi.Accepted {
	e.t.Helper()
	out, err := e.AcceptMessages(e.t.Context(), m)
	require.NoError(e.t, err)
	return out
}

// A request lies in the inbox with a reference to its content, which only the content's key opens.
func TestARequestHoldsNoText(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	id := e.accept(newMessage("Twoja paczka czeka", ""))[0].ID
	inbox, contents := e.records(eventstore.InboxUrgent), e.records(eventstore.Contents)
	require.Len(t, inbox, 1)
	require.Len(t, contents, 1)
	c, err := eventstore.ParseCommand(inbox[0])
	require.NoError(t, err)
	require.Equal(t, "message/"+id, c.Stream)
	require.Equal(t, message.CommandRequest, c.Type)
	var r message.Request
	require.NoError(t, json.Unmarshal(c.Data, &r))
	require.Equal(t, message.ContentKey(id, r.BodyDigest), string(contents[0].Key))
	require.Equal(t, r.Recipient, e.Recipient(testAccount, "+48500100201"), "by which messages to a number are found")
	require.Equal(t, inbox[0].Partition, contents[0].Partition)
	opened, err := e.keyring.OpenContent(string(contents[0].Key), contents[0].Value)
	require.NoError(t, err)
	require.Equal(t, eventstore.Content{To: "+48500100201", Text: "Twoja paczka czeka"}, opened)
	for _, rec := range append(inbox, contents...) {
		all := string(rec.Key) + string(rec.Value)
		for _, h := range rec.Headers {
			all += string(h.Key) + string(h.Value)
		}
		require.NotContains(t, all, "500100201")
		require.NotContains(t, all, "paczka")
	}
}

func TestTheSameKeyIsTheSameMessage(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	first, again := e.accept(newMessage("one", "key-1"))[0], e.accept(newMessage("one", "key-1"))[0]
	require.Equal(t, httpapi.Accepted{ID: first.ID}, first)
	require.Equal(t, httpapi.Accepted{ID: first.ID, Repeated: true}, again)
	other := e.accept(newMessage("two", "key-1"))[0]
	require.Equal(t, first.ID, other.ID)
	require.Equal(t, httpapi.CodeIdempotencyConflict, other.Err.Code)
	require.Len(t, e.records(eventstore.InboxUrgent), 2, "nothing is written for the other body")
	require.NotEqual(t, first.ID, e.accept(newMessage("one", "key-2"))[0].ID)
	require.NotEqual(t, first.ID, e.accept(newMessage("one", ""))[0].ID)
}

// A repeat after send_at is over is still the same request: by then it means now.
func TestARepeatBehindItsTimeIsNoOtherMessage(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	at, later := time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	first := newMessage("one", "key-1")
	first.SendAt, first.AskedFor = &at, &at
	again := newMessage("one", "key-1")
	again.AskedFor = &at
	other := newMessage("one", "key-1")
	other.SendAt, other.AskedFor = &later, &later
	id := e.accept(first)[0].ID
	require.Equal(t, httpapi.Accepted{ID: id, Repeated: true}, e.accept(again)[0])
	require.Equal(t, httpapi.CodeIdempotencyConflict, e.accept(other)[0].Err.Code)
}

// An id in capital digits names the same message: the cancel must reach its stream.
func TestCancelReachesTheMessagesStream(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	id := e.accept(newMessage("one", ""))[0].ID
	_, err := e.Cancel(t.Context(), httpapi.Origin{Account: testAccount, Actor: "key/1"}, strings.ToUpper(id))
	require.ErrorIs(t, err, eventstore.ErrUnavailable, "nobody decides here")
	inbox := e.records(eventstore.InboxUrgent)
	require.Len(t, inbox, 2)
	require.Equal(t, string(inbox[0].Key), string(inbox[1].Key))
	_, err = e.Cancel(t.Context(), httpapi.Origin{Account: testAccount}, "x")
	require.Equal(t, message.CodeNotFound, domain.CodeOf(err))
}

// An operator's word reaches the stream of a message of any account.
func TestResolveReachesTheMessagesStream(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	id := e.accept(newMessage("one", ""))[0].ID
	word := message.Resolve{As: message.AsNotSent, Reason: "asked", By: "key:op"}
	_, err := e.Resolve(t.Context(), httpapi.Origin{Account: account.Installation, Actor: "key:op"}, strings.ToUpper(id), word)
	require.ErrorIs(t, err, eventstore.ErrUnavailable, "nobody decides here")
	inbox := e.records(eventstore.InboxUrgent)
	require.Len(t, inbox, 2)
	c, err := eventstore.ParseCommand(inbox[1])
	require.NoError(t, err)
	require.Equal(t, "message/"+id, c.Stream)
	require.Equal(t, message.CommandResolve, c.Type)
	require.Equal(t, "key:op", c.Actor)
	var got message.Resolve
	require.NoError(t, json.Unmarshal(c.Data, &got))
	require.Equal(t, word, got)
	_, err = e.Resolve(t.Context(), httpapi.Origin{}, "x", word)
	require.Equal(t, message.CodeNotFound, domain.CodeOf(err))
}

// What was decided is told, also while this process's view lags: an error would have it made again.
func TestWhatIsMadeIsToldThoughItIsNotVisibleYet(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	stream := account.AccountStream(testAccount)
	p := eventstore.Partitioner{N: 2}.Of([]byte(testAccount))
	go func() { _ = e.waiter.Run(t.Context()) }() // ends with the test
	<-e.waiter.Ready()
	require.NoError(t, e.producer.Send(t.Context(), &sarama.ProducerMessage{Topic: e.topics.Name(eventstore.Accounts), Partition: p, Value: sarama.StringEncoder("unread")}))
	go e.decide(p, eventstore.Outcome{Stream: stream, Version: 2, Events: []string{"account.key_issued"}})
	out, err := e.Configure(t.Context(), httpapi.Origin{Account: testAccount}, testAccount, stream, account.IssueKey{})
	require.NoError(t, err)
	require.Equal(t, httpapi.Outcome{Version: 2, Events: []string{"account.key_issued"}}, out)
}

// decide answers the first command of a partition.
func (e *edge) decide(p eventstore.Partition, o eventstore.Outcome) {
	r := eventstore.NewReader(e.client, e.topics.Name(eventstore.InboxUrgent), p, 0)
	defer r.Close()
	for e.t.Context().Err() == nil {
		b, err := r.Next(e.t.Context())
		if err != nil || len(b.Records) == 0 {
			continue
		}
		c, err := eventstore.ParseCommand(b.Records[0])
		if err != nil {
			return
		}
		o.Command = c.ID
		if m, err := eventstore.OutcomeMessage(e.topics.Name(eventstore.Outcomes), p, o); err == nil {
			_ = e.producer.Send(e.t.Context(), m) // the test waits for it
		}
		return
	}
}

// Nobody waits any more once the caller was answered, also when Kafka was away.
func TestNobodyIsWaitedForInVain(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	waiting := func() int { return reflect.ValueOf(e.waiter).Elem().FieldByName("wants").Len() }
	_, err := e.OptOut(t.Context(), httpapi.Origin{Account: testAccount}, httpapi.OptOut{To: "+48500100201"})
	require.ErrorIs(t, err, eventstore.ErrUnavailable)
	require.NotContains(t, err.Error(), "500100201")
	require.Zero(t, waiting(), "no outcome came")
	e.producer.Close()
	_, err = e.OptOut(context.Background(), httpapi.Origin{Account: testAccount}, httpapi.OptOut{To: "+48500100201"})
	require.ErrorIs(t, err, eventstore.ErrUnavailable)
	require.Zero(t, waiting(), "the command could not be sent")
}

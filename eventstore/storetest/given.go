package storetest

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/internal/testkit"
)

const (
	partitions   = 2
	installation = "storetest"
	accountID    = "11111111-1111-4111-8111-111111111111"
	numberKey    = "00112233445566778899aabbccddeeff"
	senderName   = "GONIEC"

	look = 20 * time.Millisecond
)

// given is one installation on the store under test, with nothing in it. It
// looks at Kafka with a client of its own, which no store stands in front of.
type given struct {
	testing.TB
	store   Store
	kafka   eventstore.KafkaConfig
	client  sarama.Client
	cluster eventstore.Cluster // as the store sees it, in a process apart
	edge    Edge
	view    *account.View
	clock   *testkit.Clock
	dirs    string
}

func begin(t testing.TB, s Store) *given {
	t.Helper()
	addrs, prefix := s.Kafka(t)
	g := &given{
		TB: t, store: s, view: View(accountID), clock: testkit.NewClock(domain.SystemClock.Now()), dirs: t.TempDir(),
		kafka: eventstore.KafkaConfig{Brokers: addrs, Prefix: prefix, SessionTimeout: 6 * time.Second},
	}
	layout := eventstore.Layout{Partitions: partitions, ReplicationFactor: s.Replicas, MinInsync: int(s.Replicas+1) / 2}
	require.NoError(t, eventstore.CreateTopics(g.kafka, layout))
	g.client = g.newClient(g.kafka)
	g.cluster = s.Cluster(g.kafka, g.newClient(g.kafka))
	var err error
	g.edge, err = s.Edge(g.kafka)
	require.NoError(t, err)
	t.Cleanup(g.edge.Close)
	return g
}

func (g *given) newClient(c eventstore.KafkaConfig) sarama.Client {
	g.Helper()
	client, err := c.NewClient()
	require.NoError(g, err)
	g.Cleanup(func() { _ = client.Close() })
	return client
}

// dir is a directory that nobody has used.
func (g *given) dir() string { return filepath.Join(g.dirs, uuid.NewString()) }

func (g *given) topic(short string) string { return g.kafka.Topics().Name(short) }

// until waits for what must come.
func (g *given) until(what string, came func() bool) {
	g.Helper()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for deadline := time.Now().Add(g.store.Patience); !came(); <-tick.C {
		if time.Now().After(deadline) {
			g.Fatalf("waited for this in vain: %s", what)
		}
	}
}

// reached waits for a commit that is held.
func (g *given) reached(commit <-chan struct{}) {
	g.Helper()
	select {
	case <-commit:
	case <-time.After(g.store.Patience):
		g.Fatalf("nothing is committed")
	}
}

// send writes a command into a lane.
func (g *given) send(lane string, p eventstore.Partition, c eventstore.Command, data any) {
	g.Helper()
	require.NoError(g, g.edge.Send(g.Context(), g.command(lane, p, c, data)))
}

func (g *given) command(lane string, p eventstore.Partition, c eventstore.Command, data any) *sarama.ProducerMessage {
	g.Helper()
	var err error
	c.Data, err = json.Marshal(data)
	require.NoError(g, err)
	if c.ID == "" {
		c.ID = uuid.NewString()
	}
	c.Account, c.Actor, c.Time = accountID, "key/1", g.clock.Now()
	return c.Message(g.topic(lane), p)
}

// request asks for a message, in the urgent lane unless told otherwise, and
// returns its id, which is that of the command too.
func (g *given) request(p eventstore.Partition, lane ...string) string {
	g.Helper()
	id, record := g.requested(p, append(lane, eventstore.InboxUrgent)[0])
	require.NoError(g, g.edge.Send(g.Context(), record))
	return id
}

func (g *given) requested(p eventstore.Partition, lane string) (id string, record *sarama.ProducerMessage) {
	g.Helper()
	id = eventstore.NewID(p).String()
	return id, g.command(lane, p, eventstore.Command{ID: id, Type: message.CommandRequest, Stream: stream(id), Outcome: true}, message.Request{
		Recipient: eventstore.NewID(p).String(), Number: numberKey, Country: "PL", Sender: senderName, Category: domain.Transactional,
		Content: domain.PlainText, Digest: "d", BodyDigest: "b", TextLength: 5, SMSParts: 1, SMSEncoding: "gsm7", Fallback: true, ValidityMS: 3600000,
	})
}

func (g *given) cancel(id string, p eventstore.Partition) {
	g.Helper()
	g.send(eventstore.InboxUrgent, p, eventstore.Command{Type: message.CommandCancel, Stream: stream(id)}, message.Cancel{})
}

func stream(id string) string { return "message/" + id }

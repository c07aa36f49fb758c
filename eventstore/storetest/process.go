package storetest

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/eventstore"
	"goniec/eventstore/decider"
	"goniec/internal/testkit"
)

// process is one process of the decider's group.
type process struct {
	g      *given
	wire   *wire
	log    *logbook
	dying  atomic.Bool
	cancel context.CancelFunc
	done   chan struct{}
}

// process starts a decider whose state lies in dir.
func (g *given) process(dir string, adjust ...func(*decider.Config)) *process {
	g.Helper()
	p := &process{g: g, wire: newWire(), log: &logbook{}, done: make(chan struct{})}
	kafka := g.kafka
	kafka.Dialer = p.wire
	client := g.newClient(kafka)
	store, err := g.store.State(g.kafka.Prefix, dir)
	require.NoError(g, err)
	cfg := decider.Config{
		Kafka: kafka, Client: client, Cluster: mortal{g.store.Cluster(kafka, client), &p.dying}, Partitions: partitions,
		Installation: installation, Process: uuid.NewString(), Clock: g.clock, Zone: time.UTC, Store: store, View: g.view,
		ViewSeen: func() int64 { return 1 }, Log: slog.New(slog.NewTextHandler(p.log, nil)),
		Keyring: g.keyring(kafka),
	}
	for _, fn := range adjust {
		fn(&cfg)
	}
	d, err := decider.New(cfg)
	require.NoError(g, err)
	ctx, cancel := context.WithCancel(g.Context())
	p.cancel = cancel
	go func() {
		defer close(p.done)
		_ = d.Run(ctx) // always the end of ctx
		_ = store.Close()
	}()
	g.Cleanup(p.stop)
	return p
}

// keyring seals what a process parks.
func (g *given) keyring(kafka eventstore.KafkaConfig) *eventstore.Keyring {
	g.Helper()
	producer, err := eventstore.NewProducer(kafka)
	require.NoError(g, err)
	g.Cleanup(producer.Close)
	seal := eventstore.InstallationKeys{Primary: "k1", Keys: map[string][]byte{"k1": make([]byte, 32)}}
	return eventstore.NewKeyring(seal, producer, kafka.Topics(), eventstore.Partitioner{N: partitions})
}

// running is a process that owns every partition and has decided something in each.
func (g *given) running(dir string, adjust ...func(*decider.Config)) *process {
	g.Helper()
	p := g.process(dir, adjust...)
	for part := range eventstore.Partition(partitions) {
		g.decided(part, g.request(part))
	}
	return p
}

// stop ends the process in order. Idempotent.
func (p *process) stop() {
	p.wire.open()
	p.cancel()
	<-p.done
}

// dies makes the process unable to begin again: what happens to its next
// transaction is the last thing that happens to it.
func (p *process) dies() { p.dying.Store(true) }

// mortal is the store's cluster in a process that may be dying.
type mortal struct {
	eventstore.Cluster
	dying *atomic.Bool
}

func (m mortal) Begin(ctx context.Context, id string) (eventstore.Transactions, error) {
	if m.dying.Load() {
		return nil, errors.New("this process is dying")
	}
	return m.Cluster.Begin(ctx, id)
}

// logbook keeps what is logged.
type logbook struct{ testkit.Log }

func (l *logbook) says(s string) bool { return l.count(s) > 0 }

func (l *logbook) count(s string) int { return l.Count(s) }

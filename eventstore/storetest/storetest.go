// Package storetest says what the event store guarantees, and asks a store
// whether it does: Run for one that should, Broken for one that is known not to.
// The store is the owner's runtime (package decider) on a Kafka cluster; each
// piece of it can be put in place by another one.
package storetest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"goniec/eventstore"
	"goniec/eventstore/decider"
)

// Store is what is asked: the pieces that a store is made of. A field that may
// be nil is then what goniec itself uses.
type Store struct {
	// Kafka gives a cluster's addresses, and a prefix that no other test has.
	Kafka func(t testing.TB) (addrs []string, prefix string)
	// Replicas of each topic: 1, or 3 (with min.insync.replicas 2).
	Replicas int16
	// Cluster is Kafka as one process sees it; it is called for each process. May be nil.
	Cluster func(eventstore.KafkaConfig, sarama.Client) eventstore.Cluster
	// Edge is where commands are acknowledged. May be nil.
	Edge func(eventstore.KafkaConfig) (Edge, error)
	// State opens a process's local state, for the installation with that prefix. May be nil.
	State func(prefix, dir string) (*decider.Store, error)
	// Brokers stops and starts the cluster's brokers. When it is nil, guarantees
	// about their death are not asked for.
	Brokers Brokers
	// Patience is how long what must come may take: it is spent only when that does
	// not come. Default 20 s; a cluster that has to elect leaders takes longer.
	Patience time.Duration
}

// Edge takes commands: when Send returns nil they are acknowledged.
type Edge interface {
	Send(ctx context.Context, records ...*sarama.ProducerMessage) error
	Close()
}

// Brokers are the nodes 1, 2, 3 of a cluster, of which each has its number as its id.
type Brokers interface {
	Kill(t testing.TB, node int)   // kill -9
	Start(t testing.TB, node int)  // again; returns when it serves
	Pause(t testing.TB, node int)  // SIGSTOP: it is silent, not gone
	Resume(t testing.TB, node int) // SIGCONT
}

func (s Store) withDefaults() Store {
	if s.Patience == 0 {
		s.Patience = time.Minute
	}
	if s.Replicas == 0 {
		s.Replicas = 1
	}
	if s.Cluster == nil {
		s.Cluster = eventstore.NewCluster
	}
	if s.Edge == nil {
		s.Edge = func(c eventstore.KafkaConfig) (Edge, error) { return eventstore.NewProducer(c) }
	}
	if s.State == nil {
		s.State = func(_, dir string) (*decider.Store, error) {
			return decider.OpenStore(context.Background(), dir, slog.New(slog.DiscardHandler))
		}
	}
	return s
}

// asked are the guarantees that can be asked of the store, those that disturb
// the whole cluster first.
func (s Store) asked() []Guarantee {
	var disturbing, others []Guarantee
	for _, g := range Guarantees() {
		switch {
		case !g.Brokers:
			others = append(others, g)
		case s.Brokers != nil:
			disturbing = append(disturbing, g)
		}
	}
	return append(disturbing, others...)
}

// Run asks the store for each guarantee, in a test named after it.
func Run(t *testing.T, s Store) {
	t.Helper()
	s = s.withDefaults()
	for _, guarantee := range s.asked() {
		t.Run(guarantee.Name, func(t *testing.T) {
			if !guarantee.Brokers {
				t.Parallel()
			}
			guarantee.check(begin(t, s))
		})
	}
}

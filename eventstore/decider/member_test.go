package decider_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/eventstore"
	"goniec/eventstore/decider"
)

// countedOut is a cluster whose group has counted this process out by the time
// its producer is open.
type countedOut struct {
	eventstore.Cluster
	asked int
}

func (c *countedOut) Begin(context.Context, string) (eventstore.Transactions, error) {
	return idle{}, nil
}

func (c *countedOut) StillMember(*eventstore.Ownership) error {
	c.asked++
	return eventstore.ErrNotMember
}

type idle struct{ eventstore.Transactions } // a write would end the test

func (idle) Close() error { return nil }

// A process that was cut off while it opened its producer gives the partition up
// before it reads or writes anything: its successor is at work.
func TestCountedOutWhileItsProducerOpens(t *testing.T) {
	t.Parallel()
	store, err := decider.OpenStore(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	cluster := &countedOut{}
	var ended error
	d, err := decider.New(decider.Config{
		Cluster: cluster, Partitions: 1, Installation: testInstall, Process: "p", Clock: domain.SystemClock, Zone: time.UTC,
		Store: store, View: account.NewView(), ViewSeen: func() int64 { return 0 },
		Keyring: eventstore.NewKeyring(eventstore.InstallationKeys{}, nil, eventstore.Topics{}, eventstore.Partitioner{N: 1}), Log: slog.New(slog.DiscardHandler),
		Hand: func(ctx context.Context, own func(context.Context, *eventstore.Ownership) error) error {
			ended = own(ctx, eventstore.NewOwnership(0, "g", func() *sarama.ConsumerGroupMetadata { return nil }))
			return nil
		},
	})
	require.NoError(t, err)
	require.NoError(t, d.Run(t.Context()))
	require.ErrorIs(t, ended, eventstore.ErrNotMember)
	require.Equal(t, 1, cluster.asked)
}

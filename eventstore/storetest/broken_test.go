package storetest_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/eventstore"
	"goniec/eventstore/storetest"
	"goniec/internal/testkit"
)

// broken is a store with one thing wrong, and the guarantees that it breaks by that.
type broken struct {
	name   string // what is wrong
	breaks []string
	store  storetest.Store
}

// brokenStores are those that any Kafka shows to be broken, and brokenOnACluster
// those for which brokers must die.
func brokenStores() []broken {
	return []broken{
		{"no fencing: a transactional id for each process", []string{"one writer"}, on(func(k kafka) eventstore.Cluster {
			return unfenced{k.real(), uuid.NewString()}
		})},
		{"the bulk lane's offset committed outside the transaction", []string{"atomic append", "nothing passed over"}, writing(bulkOffsetOutside)},
		{"the outbox written outside the transaction", []string{"atomic append", "committed only"}, writing(outboxOutside)},
		{"events with a wrong previous hash", []string{"replay is live state", "unbroken history"}, writing(hashDropped)},
		{"recorded time as the clock has it", []string{"recorded time"}, writing(recordedByTheClock)},
		// … whose process does not come back into the group either
		{"the generation of a process's first commit", []string{"current generation", "one writer"}, writing(staleGeneration)},
		// … so that an owner survives what would have ended it, and what was aborted happens after all
		{"an unknown commit written again", []string{"replay is live state", "unbroken history", "unknown commit"}, writtenAgain()},
		{"instructions and outcomes read uncommitted", []string{"committed only"}, on(func(k kafka) eventstore.Cluster { return readsAll{k.real(), k} })},
		{"the oldest record when the offset is missing", []string{"missing offset"}, on(func(k kafka) eventstore.Cluster { return oldestWhenMissing{k.real()} })},
		{"offsets without what belongs to them", []string{"torn transaction"}, on(func(k kafka) eventstore.Cluster { return bareOffsets{k.real()} })},
		{"commands of a stream read in another order", []string{"parked in order"}, on(func(k kafka) eventstore.Cluster { return backwards{k.real()} })},
		{"state saved before the transaction", []string{"replay is live state"}, savedBefore()},
	}
}

func brokenOnACluster() []broken {
	one := goniecs()
	one.Edge = acknowledgedByTheLeader
	return []broken{{"a command acknowledged by the leader alone (acks=1)", []string{"nothing acknowledged is lost"}, one}}
}

func TestBrokenStoresAreCaught(t *testing.T) {
	alone(t)
	stores := brokenStores()
	if testkit.KafkaIsCluster() {
		stores = brokenOnACluster()
	}
	for _, b := range stores {
		t.Run(b.name, func(t *testing.T) {
			alone(t)
			seen := storetest.Broken(t, b.store)
			for name, what := range seen {
				t.Logf("%s: %s", name, what)
			}
			require.Equal(t, b.breaks, slices.Sorted(maps.Keys(seen)))
		})
	}
}

// A guarantee that no broken store is caught by is one whose check may not see anything.
func TestEachGuaranteeCatchesABrokenStore(t *testing.T) {
	t.Parallel()
	caught := caughtBy()
	for _, g := range storetest.Guarantees() {
		require.NotEmpty(t, caught[g.Name], g.Name)
	}
}

func caughtBy() map[string][]string {
	out := map[string][]string{}
	for _, b := range append(brokenStores(), brokenOnACluster()...) {
		for _, g := range b.breaks {
			out[g] = append(out[g], b.name)
		}
	}
	return out
}

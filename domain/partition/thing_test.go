package partition_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/partition"
)

func fold(events ...partition.Event) (t partition.Thing) {
	for _, e := range events {
		t = partition.EvolveThing(t, e)
	}
	return t
}

var (
	held   = partition.Parked{Stream: "message/1", Position: 3, Reason: partition.ReasonDecisionFailed, Sealed: []byte("x")}
	failed = partition.RetryFailed{By: "key:1", Reason: partition.ReasonContentGone, Detail: "d"}
)

// What became of a thing decides what may be asked of it, and where it is found.
func TestAThingsLife(t *testing.T) {
	t.Parallel()
	line := []string{"held/message/1\x000000000003", "parked"}
	for name, c := range map[string]struct {
		thing             partition.Thing
		retry, drop, read string // refusal codes
		index             []string
	}{
		"none":         {fold(), "not_found", "not_found", "not_found", nil},
		"parked":       {fold(held), "", "", "", line},
		"shown":        {fold(held, partition.ContentRead{}), "", "", "", line},
		"failed again": {fold(held, failed), "", "", "", line},
		"retried":      {fold(held, partition.Retried{}), "not_parked", "not_parked", "not_parked", nil},
		"dropped":      {fold(held, partition.Dropped{}), "not_parked", "not_parked", "not_parked", nil},
		"parked again": {fold(held, partition.Dropped{}, held), "", "", "", line},
		"alone":        {fold(partition.Parked{Sealed: []byte("x")}), "", "", "", []string{"parked"}},
		"a timer":      {fold(partition.Parked{Stream: "message/1", Type: "timer/deadline"}), "", "", "content_gone", []string{"held/message/1\x000000000000", "parked"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.retry, domain.CodeOf(c.thing.CanRetry(true)))
			require.Equal(t, c.drop, domain.CodeOf(c.thing.CanDrop(partition.Drop{Reason: "x"})))
			require.Equal(t, c.read, domain.CodeOf(c.thing.CanRead()))
			require.Equal(t, c.index, c.thing.IndexKeys())
		})
	}
	require.Equal(t, "waits_behind", domain.CodeOf(fold(held).CanRetry(false)))
	require.Equal(t, partition.ReasonContentGone, fold(held, failed).What.Reason)
	require.Equal(t, partition.ReasonDecisionFailed, held.Reason, "states are never changed")
	require.Nil(t, fold(held, partition.Retried{}).What, "its bytes are not kept")
}

func TestReasonsOfADrop(t *testing.T) {
	t.Parallel()
	for reason, code := range map[string]string{
		"": "required", " ": "required", "ż\n": "invalid_value", strings.Repeat("ż", 501): "too_long", strings.Repeat("ż", 500): "",
	} {
		require.Equal(t, code, domain.CodeOf(partition.CheckReason(reason)), reason)
	}
}

// Journals of early builds hold what was parked in the partition's own stream.
func TestWhatAnEarlyBuildParkedIsReadAndHoldsNothing(t *testing.T) {
	t.Parallel()
	s := partition.Evolve(partition.Evolve(partition.State{}, partition.Owned{Epoch: 4}), held)
	require.Equal(t, partition.State{Epoch: 4}, s)
}

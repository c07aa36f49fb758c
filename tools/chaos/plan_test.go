//go:build linux

package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAPlanIsTheSameForTheSameSeed(t *testing.T) {
	t.Parallel()
	one, again, other := newPlan(7, 10*time.Minute, 100), newPlan(7, 10*time.Minute, 100), newPlan(8, 10*time.Minute, 100)
	require.Equal(t, one, again)
	require.NotEqual(t, one, other)
}

func TestAPlanCanBeReplayedFromItsLines(t *testing.T) {
	t.Parallel()
	plan, path := newPlan(1, 10*time.Minute, 100), filepath.Join(t.TempDir(), "plan.txt")
	require.NoError(t, writePlan(path, plan))
	got, err := readPlan(path)
	require.NoError(t, err)
	require.Len(t, got, len(plan))
	for i, f := range plan {
		require.Equal(t, f.String(), got[i].String())
	}
}

func TestALongPlanHasEveryKindAndNoTwoFaultsAtOneThing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		plan := newPlan(seed, 10*time.Minute, 100)
		require.Len(t, plan, 100)
		count, until := map[kind]int{}, map[string]time.Duration{}
		for _, f := range plan {
			count[f.Kind]++
			require.LessOrEqual(t, until[f.holds()], f.At, "%s", f)
			until[f.holds()] = f.At + f.For
		}
		first, rest := hand()
		for _, k := range append(first, rest...) {
			require.Positive(t, count[k], "seed %d: %s", seed, k)
		}
		require.Equal(t, 1, count[noQuorum])
	}
}

func TestAShortPlanHasWhatTakesPartitionsAway(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		count := map[kind]int{}
		for _, f := range newPlan(seed, time.Minute, 10) {
			count[f.Kind]++
			require.NotEqual(t, noQuorum, f.Kind)
		}
		require.GreaterOrEqual(t, count[killProcess], 2)
		require.GreaterOrEqual(t, count[freeze], 1)
		require.GreaterOrEqual(t, count[killBroker], 1)
	}
}

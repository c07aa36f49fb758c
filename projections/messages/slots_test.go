package messages

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// What docs promise of reported times: within 5 %, and exact up to 10 ms.
func TestASlotIsAtMostFivePercentOff(t *testing.T) {
	t.Parallel()
	require.Less(t, len(slots), 250)
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.OneOf(rapid.Int64Range(1, 100), rapid.Int64Range(1, 36*24*3600*1000)).Draw(t, "ms")
		got := SlotTime(Slot(time.Duration(ms) * time.Millisecond)).Milliseconds()
		off := got - ms
		require.LessOrEqual(t, max(off, -off)*100, ms*5, "%d is told as %d", ms, got)
		if ms <= 10 {
			require.Equal(t, ms, got)
		}
	})
}

func TestSlotsAtTheirEnds(t *testing.T) {
	t.Parallel()
	require.Equal(t, 0, Slot(-time.Hour))
	require.Equal(t, 0, Slot(0))
	require.Equal(t, 0, Slot(time.Millisecond))
	require.Equal(t, 1, Slot(time.Millisecond+1))
	require.Equal(t, len(slots)-1, Slot(1000*24*time.Hour))
	require.Zero(t, SlotTime(-1))
	require.Zero(t, SlotTime(len(slots)))
	for i := range slots {
		require.Equal(t, i, Slot(SlotTime(i)))
	}
}

package messages

import (
	"sort"
	"time"
)

// slots are the upper bounds of the spans in which times are counted, in
// milliseconds: each is a tenth longer than the one before, so that the middle of
// a span is at most 5 % off whatever lies in it; up to 10 ms they are exact. The
// last one is past 36 days: no message lives longer. Whole numbers only: another
// machine counts the same. They may not change without a rebuild.
var slots = makeSlots(36 * 24 * time.Hour)

func makeSlots(last time.Duration) []int64 {
	out := []int64{1}
	for b := int64(1); b < last.Milliseconds(); {
		b += max(1, b/10)
		out = append(out, b)
	}
	return out
}

// Slot is where a time is counted; a negative one (clocks differ) in the first.
func Slot(d time.Duration) int {
	ms := int64((d + time.Millisecond - 1) / time.Millisecond)
	return min(sort.Search(len(slots), func(i int) bool { return slots[i] >= ms }), len(slots)-1)
}

// SlotTime is the middle of a slot; 0 for what is none.
func SlotTime(slot int) time.Duration {
	if slot < 0 || slot >= len(slots) {
		return 0
	}
	low := int64(0)
	if slot > 0 {
		low = slots[slot-1]
	}
	return time.Duration((low+1+slots[slot])/2) * time.Millisecond
}

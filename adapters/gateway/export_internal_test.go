package gateway

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A message's text is the one that it was accepted with, not one that came under its
// idempotency key later and was refused, nor that of its life before.
func TestWhichTextIsAMessages(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Date(2026, 11, n, 12, 0, 0, 0, time.UTC) }
	e := &export{found: map[string]held{
		"m/before": {offset: 1, written: day(1)}, "m/sent": {offset: 5, written: day(10)}, "m/refused": {offset: 9, written: day(20)},
	}}
	for range 20 { // whatever the order in which they were found
		e.texts = map[string][]string{}
		for key := range e.found {
			e.texts["m"] = append(e.texts["m"], key)
		}
		require.Equal(t, "m/sent", e.pick("m", day(10).Add(time.Second)))
		require.ElementsMatch(t, []string{"m/before", "m/refused"}, e.texts["m"])
		require.Equal(t, "m/before", e.pick("m", day(2)))
		require.Equal(t, "m/refused", e.pick("m", day(2)), "the only one that is left")
		require.Empty(t, e.texts)
		require.Empty(t, e.pick("m", day(30)))
	}
	e.texts = map[string][]string{"m": {"m/sent", "m/refused"}}
	require.Empty(t, e.pick("m", day(2)), "both were written again later: nobody can tell")
	require.Len(t, e.texts["m"], 2)
}
